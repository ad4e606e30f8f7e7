/**
 * The attribute loop: header, flags, lengths, duplicates, unknown attributes and the policy of RFC 7606 live here
 * once, and rows.ts says what each attribute is.
 *
 * Reading has two steps. `scanAttributes` walks the octets, checks every attribute and notes where the sound ones
 * lie; nothing is built, so this is what each UPDATE costs. Values are made of what the scan found only when
 * somebody reads them. Faults that leave the session alive are collected: `withdraw` turns the routes of the
 * UPDATE into withdrawn ones, `discard` drops the attribute (RFC 7606 §2). The rest are thrown as `BgpError` 3/x.
 */
import { AttributeCode, AttributeFlag } from './const.ts';
import type { Context } from './context.ts';
import { BgpError, ErrorCode, UpdateError } from './errors.ts';
import { checkNextHop, decodeMpReach, decodeMpUnreach, type MpValue, mpError } from './mp.ts';
import type { Row } from './row.ts';
import { isHost4, rowOf } from './rows.ts';

/** A fault that the session outlives. `code` is the attribute's, or 0 when the fault is in no attribute. */
export interface AttributeFault {
  readonly code: number;
  readonly action: 'discard' | 'withdraw';
  readonly reason: string;
}

/** What a walk over a block of attributes found. */
export interface Scan {
  /** Sound attributes that are not multiprotocol: offset of the header, of the value and of the end, in turn. */
  readonly spans: number[];
  faults: AttributeFault[];
  reach: MpValue | undefined;
  unreach: MpValue | undefined;
  /** Attributes with codes below 32 that were there, sound or not: bit by code. */
  seen: number;
  /** Something was there that `spans` does not hold: a multiprotocol attribute, or one that is ignored. */
  partial: boolean;
  /** The first fault with action `withdraw`, as the error it becomes when there is no route to withdraw. */
  error: BgpError | undefined;
}

const REQUIRED_FLAGS = AttributeFlag.optional | AttributeFlag.transitive;
const NO_FAULTS: AttributeFault[] = [];

/** Walks the attributes from `start` to `end`. Throws `BgpError` 3/1, 3/2 or 3/9 for what ends the session. */
export function scanAttributes(bytes: Uint8Array, start: number, end: number, context: Context): Scan {
  const scan: Scan = {
    spans: [],
    faults: NO_FAULTS,
    reach: undefined,
    unreach: undefined,
    seen: 0,
    partial: false,
    error: undefined,
  };
  let seenHigh: Set<number> | undefined;
  let at = start;
  while (at < end) {
    const flags = bytes[at]!;
    const extended = (flags & AttributeFlag.extendedLength) !== 0;
    const value = at + (extended ? 4 : 3);
    const code = at + 1 < end ? bytes[at + 1]! : 0;
    const length = value > end ? 0 : extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
    const next = value + length;
    if (next > end) {
      overrun(scan, bytes, at, end, code);
      break;
    }
    const first = code < 32 ? (scan.seen & (1 << code)) === 0 : !seenHigh?.has(code);
    if (code < 32) scan.seen |= 1 << code;
    else {
      seenHigh ??= new Set();
      seenHigh.add(code);
    }
    if (code === AttributeCode.mpReach || code === AttributeCode.mpUnreach) {
      multiprotocol(scan, bytes, at, value, next, first, context);
    } else if (first) single(scan, bytes, at, value, next, context);
    else note(scan, code, 'discard', 'repeated'); // RFC 7606 §3.g
    at = next;
  }
  return scan;
}

/** An attribute, or the octets that are left, would end past the block (RFC 7606 §4). */
function overrun(scan: Scan, bytes: Uint8Array, at: number, end: number, code: number): void {
  // Of a cut multiprotocol attribute nobody knows which routes it was about, so that none can be withdrawn.
  if (code === AttributeCode.mpReach || code === AttributeCode.mpUnreach)
    throw mpError('multiprotocol attribute overruns the attributes', bytes, at, end);
  withdraw(scan, code, UpdateError.malformedAttributeList, 'overruns the attributes', bytes, at, end);
}

function multiprotocol(
  scan: Scan,
  bytes: Uint8Array,
  at: number,
  value: number,
  next: number,
  first: boolean,
  context: Context,
): void {
  const code = bytes[at + 1]!;
  const isReach = code === AttributeCode.mpReach;
  // RFC 7606 §3.g: of these two, and of no other, a second one ends the session.
  if (!first)
    throw new BgpError(
      `second ${isReach ? 'MP_REACH_NLRI' : 'MP_UNREACH_NLRI'}`,
      ErrorCode.update,
      UpdateError.malformedAttributeList,
    );
  const flags = bytes[at]!;
  // RFC 7606 §5.3: as wrong as malformed NLRI, other than for the attributes that carry no routes (§3.c).
  if ((flags & REQUIRED_FLAGS) !== AttributeFlag.optional)
    throw mpError(`multiprotocol attribute: ${flagText(flags)}`, bytes, at, next);
  scan.partial = true;
  const mp = (isReach ? decodeMpReach : decodeMpUnreach)(bytes, at, value, next, context);
  if (isReach) scan.reach = mp;
  else scan.unreach = mp;
  if (mp.run === undefined) note(scan, code, 'discard', `family ${mp.label} was not negotiated`);
  else if (isReach) {
    const reason = checkNextHop(bytes, mp.nextHopStart, mp.nextHopEnd);
    if (reason !== undefined) withdraw(scan, code, UpdateError.optionalAttribute, reason, bytes, at, next);
  }
}

/** An attribute seen for the first time: into `spans`, or into `faults`. */
function single(scan: Scan, bytes: Uint8Array, at: number, value: number, next: number, context: Context): void {
  const flags = bytes[at]!;
  const code = bytes[at + 1]!;
  const row = rowOf[code];
  if (row === undefined) {
    if ((flags & AttributeFlag.optional) === 0)
      throw new BgpError(
        `unrecognized well-known attribute ${code}`,
        ErrorCode.update,
        UpdateError.unrecognizedWellKnownAttribute,
        Uint8Array.prototype.slice.call(bytes, at, next),
      );
    // RFC 4271 §5: what is optional and not transitive is ignored without a word.
    if ((flags & AttributeFlag.transitive) === 0) scan.partial = true;
    else scan.spans.push(at, value, next);
    return;
  }
  if (row.internalOnly && !context.internal) note(scan, code, 'discard', 'from another AS');
  else if (context.fourOctetAs && (code === AttributeCode.as4Path || code === AttributeCode.as4Aggregator))
    note(scan, code, 'discard', 'on a session with four-octet AS numbers'); // RFC 6793 §6
  else if ((flags & REQUIRED_FLAGS) !== row.flags) {
    if (row.flagsAlike) malformed(scan, row, UpdateError.attributeFlags, flagText(flags), bytes, at, next);
    else withdraw(scan, code, UpdateError.attributeFlags, flagText(flags), bytes, at, next);
  } else if (!row.lengthOk(next - value, context))
    malformed(scan, row, UpdateError.attributeLength, `${next - value} octets`, bytes, at, next);
  else {
    const reason = row.check?.(bytes, value, next, context);
    if (reason === undefined) scan.spans.push(at, value, next);
    else malformed(scan, row, row.subcode, reason, bytes, at, next);
  }
}

const flagText = (flags: number): string => `flags 0x${flags.toString(16).padStart(2, '0')}`;

function note(scan: Scan, code: number, action: AttributeFault['action'], reason: string): void {
  if (scan.faults === NO_FAULTS) scan.faults = [];
  scan.faults.push({ code, action, reason });
  scan.partial = true;
}

function malformed(
  scan: Scan,
  row: Row,
  subcode: number,
  reason: string,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  if (row.malformed === 'discard') note(scan, row.code, 'discard', reason);
  else withdraw(scan, row.code, subcode, reason, bytes, at, end);
}

function withdraw(
  scan: Scan,
  code: number,
  subcode: number,
  reason: string,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  note(scan, code, 'withdraw', reason);
  const data = Uint8Array.prototype.slice.call(bytes, at, end);
  scan.error ??= new BgpError(`attribute ${code}: ${reason}`, ErrorCode.update, subcode, data);
}

/**
 * The rules about the attributes as a whole, once the scan is done: what is mandatory is there (RFC 7606 §3.d), and
 * a fault that withdraws has routes to withdraw, or ends the session (RFC 7606 §5.2).
 * @param bytes that were scanned
 * @param nlri an NLRI field that is not empty follows the attributes
 */
export function checkWhole(scan: Scan, bytes: Uint8Array, nlri: boolean, context: Context): void {
  const { reach } = scan;
  const reaches = nlri || (reach !== undefined && (reach.run === undefined || reach.run.start < reach.run.end));
  if (!reaches) {
    if (scan.error !== undefined) throw scan.error;
    return;
  }
  if (nlri) checkNextHopValue(scan, bytes);
  if (scan.error !== undefined) return;
  requireAttribute(scan, AttributeCode.origin);
  requireAttribute(scan, AttributeCode.asPath);
  if (nlri) requireAttribute(scan, AttributeCode.nextHop);
  if (context.internal) requireAttribute(scan, AttributeCode.localPref);
}

/** RFC 4271 §6.3. Where all routes are in MP_REACH, NEXT_HOP is nobody's, and ignored (RFC 4760 §3). */
function checkNextHopValue(scan: Scan, bytes: Uint8Array): void {
  const { spans } = scan;
  for (let i = 0; i < spans.length; i += 3) {
    const at = spans[i]!;
    if (bytes[at + 1] !== AttributeCode.nextHop || isHost4(bytes, spans[i + 1]!)) continue;
    const { nextHop: code } = AttributeCode;
    withdraw(scan, code, UpdateError.invalidNextHop, 'not the address of a host', bytes, at, spans[i + 2]!);
  }
}

function requireAttribute(scan: Scan, code: number): void {
  if ((scan.seen & (1 << code)) !== 0) return;
  note(scan, code, 'withdraw', 'missing');
  scan.error ??= new BgpError(
    `attribute ${code} is missing`,
    ErrorCode.update,
    UpdateError.missingWellKnownAttribute,
    Uint8Array.of(code),
  );
}
