/**
 * UPDATE messages (RFC 4271 §4.3), the path every route of a full table takes. What arrives is taken apart where it
 * lies: runs of NLRI stay views, and attributes become the id of an interned set. A set is a block of attributes in
 * one canonical form, whatever session it came from: four-octet AS numbers, faulty and ignored attributes removed,
 * no MP_UNREACH, and MP_REACH without its NLRI, so that the next hop belongs to the set.
 *
 * Octets that arrive in that form already, as they do from every modern speaker, are looked up as they are: a known
 * set costs a hash and a comparison. The tag keeps apart what only looks the same: sets checked for an internal
 * session and for an external one, and sets whose next hop is in MP_REACH.
 */
import { OverflowError, Writer } from '../lib/bytes.ts';
import type { PrefixTable } from '../lib/table.ts';
import { type EncodedAttributes, readScan, writeRows } from './attr.ts';
import { type AddressFamily, AttributeCode, HEADER_OCTETS, MessageType } from './const.ts';
import type { Context } from './context.ts';
import { BgpError, ErrorCode, UpdateError } from './errors.ts';
import { beginMessage, endMessage } from './header.ts';
import type { AttributeTable } from './intern.ts';
import { beginMpReach, beginMpUnreach, usedNextHop } from './mp.ts';
import { countNlri, type NlriRun, nlriOctets, writeNlri } from './nlri.ts';
import { type AttributeFault, checkWhole, type Scan, scanAttributes } from './scan.ts';

/** Routes that share a set: `attributes` is its id in the table, which whoever handles the UPDATE retains. */
export interface Reach extends NlriRun {
  readonly attributes: number;
}

/** An UPDATE taken apart. Withdrawals come first: a prefix in both is reachable (RFC 4271 §4.3). */
export interface Update {
  readonly reach: readonly Reach[];
  readonly unreach: readonly NlriRun[];
  /** The message is the End-of-RIB marker of this family (RFC 4724 §2). */
  readonly endOfRib: AddressFamily | undefined;
  readonly faults: readonly AttributeFault[];
}

const Tag = { internal: 1, multiprotocol: 2 } as const;
const NONE: readonly never[] = [];
// Written and read within one call of `decodeUpdate`.
const scratch = new Writer(0x10000);

/**
 * The body of an UPDATE from `start` to `end`. The runs are views of `bytes`, sound and ready for `forEachNlri`.
 * Routes whose attributes have a fault that withdraws come out in `unreach`; routes of families that were not
 * negotiated do not come out, but for a fault that says so. Throws `BgpError` 3/x.
 */
export function decodeUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: Context,
  table: AttributeTable,
): Update {
  const withdrawnStart = start + 2;
  const withdrawnEnd = start + 4 > end ? end : withdrawnStart + ((bytes[start]! << 8) | bytes[start + 1]!);
  const attributesStart = withdrawnEnd + 2;
  if (attributesStart > end) throw malformedList('withdrawn routes overrun the message');
  const attributesEnd = attributesStart + ((bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!);
  if (attributesEnd > end) throw malformedList('attributes overrun the message');

  const carriesIpv4 = context.families.includes('ipv4');
  const addPath = context.addPathReceive.includes('ipv4');
  const withdrawn = ipv4Run(bytes, withdrawnStart, withdrawnEnd, addPath, carriesIpv4);
  const nlri = ipv4Run(bytes, attributesEnd, end, addPath, carriesIpv4);
  const refused = (withdrawnStart < withdrawnEnd || attributesEnd < end) && !carriesIpv4;
  const unreach: NlriRun[] = withdrawn === undefined ? [] : [withdrawn];
  if (attributesStart === attributesEnd && attributesEnd === end) {
    const empty = withdrawnStart === withdrawnEnd && carriesIpv4;
    return { reach: NONE, unreach, endOfRib: empty ? 'ipv4' : undefined, faults: refused ? [notIpv4] : NONE };
  }
  const tag = context.internal ? Tag.internal : 0;
  let hash = 0;
  if (nlri !== undefined && context.fourOctetAs) {
    hash = table.hash(bytes, attributesStart, attributesEnd, tag);
    const id = table.find(bytes, attributesStart, attributesEnd, tag, hash);
    if (id >= 0) return { reach: [reachOf(nlri, id)], unreach, endOfRib: undefined, faults: NONE };
  }

  const scan = scanAttributes(bytes, attributesStart, attributesEnd, context);
  checkWhole(scan, bytes, attributesEnd < end, context);
  const faults: AttributeFault[] = [...scan.faults];
  if (refused) faults.push(notIpv4);
  const mpReach = scan.reach?.run;
  const mpUnreach = scan.unreach?.run;
  if (mpUnreach !== undefined && mpUnreach.start < mpUnreach.end) unreach.push(mpUnreach);
  const reach: Reach[] = [];
  const settle = (run: NlriRun, id: number) => {
    if (id >= 0) reach.push(reachOf(run, id));
    else unreach.push(run);
  };
  if (nlri !== undefined) {
    // Octets that are canonical already were looked up in vain above.
    const canonical = scan.error === undefined && context.fourOctetAs && !scan.partial;
    if (canonical) settle(nlri, table.add(bytes, attributesStart, attributesEnd, tag, hash));
    else settle(nlri, intern(scan, bytes, tag, false, context, table, faults));
  }
  if (mpReach !== undefined && mpReach.start < mpReach.end)
    settle(mpReach, intern(scan, bytes, tag | Tag.multiprotocol, true, context, table, faults));
  // RFC 4724 §2: an MP_UNREACH of no routes, and nothing else, marks the end.
  const alone = scan.spans.length === 0 && scan.reach === undefined && scan.faults.length === 0;
  const end6 = alone && mpUnreach !== undefined && unreach.length === 0 && attributesEnd === end;
  return { reach, unreach, endOfRib: end6 ? mpUnreach.family : undefined, faults };
}

const notIpv4: AttributeFault = { code: 0, action: 'discard', reason: 'family 1/1 was not negotiated' };

const malformedList = (text: string): BgpError =>
  new BgpError(text, ErrorCode.update, UpdateError.malformedAttributeList);

/** The run of an IPv4 field, undefined when there is nothing in it for this session. Throws `BgpError` 3/10. */
function ipv4Run(
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  carried: boolean,
): NlriRun | undefined {
  if (start === end || !carried) return undefined;
  const run: NlriRun = { family: 'ipv4', addPath, bytes, start, end };
  if (countNlri(run) < 0) throw new BgpError('malformed prefix', ErrorCode.update, UpdateError.invalidNetworkField);
  return run;
}

const reachOf = (run: NlriRun, attributes: number): Reach => ({
  family: run.family,
  addPath: run.addPath,
  bytes: run.bytes,
  start: run.start,
  end: run.end,
  attributes,
});

/** The id of the set that the scan found, made canonical, or -1 to withdraw; `multiprotocol` for the routes of MP_REACH. */
function intern(
  scan: Scan,
  bytes: Uint8Array,
  tag: number,
  multiprotocol: boolean,
  context: Context,
  table: AttributeTable,
  faults: AttributeFault[],
): number {
  if (scan.error !== undefined) return -1;
  const w = scratch;
  w.at = 0;
  const { reach } = scan;
  if (multiprotocol && reach?.run !== undefined) {
    w.patch16(beginMpReach(w, reach.run.family, usedNextHop(bytes, reach, context)));
  }
  if (context.fourOctetAs) copySpans(w, scan, bytes, multiprotocol);
  else {
    const attributes = readScan(scan, bytes, context, multiprotocol);
    try {
      writeRows(w, attributes, { fourOctetAs: true, internal: context.internal }, !multiprotocol, 0);
    } catch (error) {
      // A path of tens of thousands of hops in an extended message doubles its octets.
      if (!(error instanceof OverflowError)) throw error;
      faults.push({ code: AttributeCode.asPath, action: 'withdraw', reason: 'too long for four-octet AS numbers' });
      return -1;
    }
  }
  return table.intern(w.bytes, 0, w.at, tag);
}

function copySpans(w: Writer, scan: Scan, bytes: Uint8Array, multiprotocol: boolean): void {
  const { spans } = scan;
  for (let i = 0; i < spans.length; i += 3) {
    const at = spans[i]!;
    // RFC 4760 §3: NEXT_HOP says nothing about the routes of MP_REACH.
    if (multiprotocol && bytes[at + 1] === AttributeCode.nextHop) continue;
    w.put8s(bytes.subarray(at, spans[i + 2]!));
  }
}

/** Path identifier of our routes where the peer wants one: there is one route a prefix (RFC 7911 §3). */
const ONLY_PATH = 1;

/**
 * Writes one UPDATE that announces prefixes of `table`: `ids[from]`, and what fits of those up to `to` (exclusive).
 * `w` should have room for `context.maxMessage` octets.
 * @returns the index after the last prefix written; `from`, with nothing written, when not even one fits
 */
export function writeReach(
  w: Writer,
  family: AddressFamily,
  encoded: EncodedAttributes,
  table: PrefixTable,
  ids: ArrayLike<number>,
  from: number,
  to: number,
  context: Context,
): number {
  const { block, nextHop } = encoded;
  if (block === undefined || from >= to) return from;
  const addPath = context.addPathSend.includes(family);
  const limit = Math.min(w.end, w.at + context.maxMessage);
  const around = HEADER_OCTETS + 4 + block.length + (nextHop === undefined ? 0 : 9 + nextHop.length);
  if (w.at + around + nlriOctets(table.lengthOf(ids[from]!), addPath) > limit) return from;
  const start = beginMessage(w, MessageType.update);
  w.u16(0);
  const length = w.reserve16();
  let next: number;
  if (nextHop === undefined) {
    w.put8s(block);
    w.patch16(length);
    next = writeRun(w, limit, table, ids, from, to, addPath);
  } else {
    // First, as RFC 7606 §5.1 has it, so that a reader finds the routes whatever is wrong after them.
    const mp = beginMpReach(w, family, nextHop);
    next = writeRun(w, limit - block.length, table, ids, from, to, addPath);
    w.patch16(mp);
    w.put8s(block);
    w.patch16(length);
  }
  endMessage(w, start);
  return next;
}

/** As `writeReach`, for an UPDATE that withdraws. */
export function writeUnreach(
  w: Writer,
  family: AddressFamily,
  table: PrefixTable,
  ids: ArrayLike<number>,
  from: number,
  to: number,
  context: Context,
): number {
  if (from >= to) return from;
  const addPath = context.addPathSend.includes(family);
  const limit = Math.min(w.end, w.at + context.maxMessage);
  const around = HEADER_OCTETS + 4 + (family === 'ipv4' ? 0 : 7);
  if (w.at + around + nlriOctets(table.lengthOf(ids[from]!), addPath) > limit) return from;
  const start = beginMessage(w, MessageType.update);
  let next: number;
  if (family === 'ipv4') {
    const length = w.reserve16();
    next = writeRun(w, limit - 2, table, ids, from, to, addPath);
    w.patch16(length);
    w.u16(0);
  } else {
    w.u16(0);
    const length = w.reserve16();
    const mp = beginMpUnreach(w, family);
    next = writeRun(w, limit, table, ids, from, to, addPath);
    w.patch16(mp);
    w.patch16(length);
  }
  endMessage(w, start);
  return next;
}

/** Writes prefixes up to `limit` and returns the index after the last. */
function writeRun(
  w: Writer,
  limit: number,
  table: PrefixTable,
  ids: ArrayLike<number>,
  from: number,
  to: number,
  addPath: boolean,
): number {
  for (let i = from; i < to; i++) {
    const id = ids[i]!;
    if (w.at + nlriOctets(table.lengthOf(id), addPath) > limit) return i;
    writeNlri(w, table, id, addPath ? ONLY_PATH : undefined);
  }
  return to;
}

/** The End-of-RIB marker (RFC 4724 §2): a whole UPDATE. */
export function encodeEndOfRib(family: AddressFamily): Uint8Array {
  const w = new Writer(64);
  const start = beginMessage(w, MessageType.update);
  w.u16(0);
  const length = w.reserve16();
  if (family === 'ipv6') w.patch16(beginMpUnreach(w, family));
  w.patch16(length);
  endMessage(w, start);
  return w.finish();
}
