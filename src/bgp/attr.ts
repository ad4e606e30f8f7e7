/** Path attributes as values: made of what a scan has found sound (scan.ts), and written for a peer. */
import { OverflowError, Reader, Writer } from '../lib/bytes.ts';
import { type AddressFamily, AttributeCode, AttributeFlag } from './const.ts';
import { type Context, DEFAULT_CONTEXT } from './context.ts';
import { endAt, valueAt } from './keys.ts';
import { decodeNextHop } from './mp.ts';
import type { NlriRun } from './nlri.ts';
import type { PathAttributes, UnknownAttribute } from './path.ts';
import { type Draft, type Encoding, settle } from './row.ts';
import { rowOf, rows } from './rows.ts';
import { type AttributeFault, checkWhole, type Scan, scanAttributes } from './scan.ts';

/** Flags that say something about an attribute and not about its encoding. */
const MEANINGFUL = AttributeFlag.optional | AttributeFlag.transitive | AttributeFlag.partial;

/** The values of what a scan without faults that withdraw has found. `multiprotocol` takes the next hop from MP_REACH. */
export function readScan(scan: Scan, bytes: Uint8Array, encoding: Encoding, multiprotocol: boolean): PathAttributes {
  const draft: Draft = { attributes: {} };
  const unknown: UnknownAttribute[] = [];
  const { spans, reach } = scan;
  for (let i = 0; i < spans.length; i += 3) {
    const at = spans[i]!;
    const r = new Reader(bytes, spans[i + 1]!, spans[i + 2]!);
    const row = rowOf[bytes[at + 1]!];
    if (row === undefined) unknown.push({ code: bytes[at + 1]!, flags: bytes[at]! & MEANINGFUL, value: r.rest() });
    else row.decode(r, draft, encoding);
  }
  if (unknown.length > 0) draft.attributes.unknown = unknown;
  if (multiprotocol && reach !== undefined)
    Object.assign(draft.attributes, decodeNextHop(bytes, reach.nextHopStart, reach.nextHopEnd));
  return settle(draft);
}

/** A block of attributes taken apart. */
export interface DecodedAttributes {
  /** Undefined when a fault withdraws the routes, or when ORIGIN or AS_PATH is missing because there are none. */
  readonly attributes: PathAttributes | undefined;
  readonly reach: NlriRun | undefined;
  readonly unreach: NlriRun | undefined;
  readonly faults: readonly AttributeFault[];
}

/**
 * The attributes from `start` to `end` as values. The next hop is that of MP_REACH where there is one.
 * Throws `BgpError` 3/x for what ends the session.
 * @param nlri an NLRI field follows in the UPDATE, so that NEXT_HOP is mandatory
 */
export function decodeAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: Context,
  nlri = false,
): DecodedAttributes {
  const scan = scanAttributes(bytes, start, end, context);
  checkWhole(scan, bytes, nlri, context);
  const whole = (1 << AttributeCode.origin) | (1 << AttributeCode.asPath);
  const usable = scan.error === undefined && (scan.seen & whole) === whole;
  return {
    attributes: usable ? readScan(scan, bytes, context, scan.reach?.run !== undefined) : undefined,
    reach: scan.reach?.run,
    unreach: scan.unreach?.run,
    faults: scan.faults,
  };
}

/** What interned octets are read with: everything that may be in them is welcome. */
const INTERNED: Context = Object.freeze({ ...DEFAULT_CONTEXT, internal: true, extendedNextHop: true });

/** The attributes of an interned set (update.ts), whatever session it came from. */
export function decodeInterned(view: Uint8Array): PathAttributes {
  const scan = scanAttributes(view, 0, view.length, INTERNED);
  return readScan(scan, view, INTERNED, true);
}

/**
 * As `decodeInterned`, of the attributes alone whose codes `wanted` has a 1 for; NEXT_HOP's stands for MP_REACH's, too.
 * A set was checked when it was interned, so nothing is looked at twice.
 */
export function pickInterned(view: Uint8Array, wanted: Uint8Array): PathAttributes {
  const draft: Draft = { attributes: {} };
  for (let at = 0; at < view.length; ) {
    const code = view[at + 1]!;
    const value = valueAt(view, at);
    const end = endAt(view, at);
    if (code === AttributeCode.mpReach) {
      const nextHop = value + 4;
      if (wanted[AttributeCode.nextHop] === 1)
        Object.assign(draft.attributes, decodeNextHop(view, nextHop, nextHop + view[nextHop - 1]!));
    } else if (wanted[code] === 1) rowOf[code]?.decode(new Reader(view, value, end), draft, INTERNED);
    at = end;
  }
  return settle(draft);
}

/** Attributes as octets, ready for `writeReach`: made once, used for every UPDATE that carries them. */
export interface EncodedAttributes {
  /** All attributes but MP_REACH; undefined when no message could ever hold them. */
  readonly block: Uint8Array | undefined;
  /** The next hop that MP_REACH carries: 16 or 32 octets. Undefined when it is in NEXT_HOP. */
  readonly nextHop: Uint8Array | undefined;
}

// What is written here is always copied out before anybody else can write.
const scratch = new Writer(0x10000);

/** A route of `family` can have this next hop on this session (RFC 2545, RFC 8950). */
export const canCarry = (
  a: PathAttributes,
  family: AddressFamily,
  context: Pick<Context, 'extendedNextHop'>,
): boolean =>
  a.nextHop !== undefined &&
  (a.nextHop.family === 4 ? family === 'ipv4' : family === 'ipv6' || context.extendedNextHop);

/**
 * Attributes for the peer: those that belong inside our AS only are left out on external sessions, and AS4_PATH and
 * AS4_AGGREGATOR are added where the peer knows two octets. Throws `RangeError` unless `canCarry`.
 */
export function encodeAttributes(
  attributes: PathAttributes,
  family: AddressFamily,
  context: Context,
): EncodedAttributes {
  if (!canCarry(attributes, family, context)) throw new RangeError(`no next hop that ${family} can have here`);
  const nextHop = mpNextHop(attributes);
  scratch.at = 0;
  try {
    writeRows(scratch, attributes, context, nextHop === undefined, AttributeFlag.partial);
  } catch (error) {
    if (!(error instanceof OverflowError)) throw error;
    return { block: undefined, nextHop };
  }
  return { block: scratch.finish(), nextHop };
}

/** The next hop as MP_REACH has it, or undefined when NEXT_HOP does. */
export function mpNextHop({ nextHop, linkLocalNextHop }: PathAttributes): Uint8Array | undefined {
  if (nextHop === undefined || nextHop.family === 4) return undefined;
  if (linkLocalNextHop === undefined) return nextHop.bytes;
  return Uint8Array.of(...nextHop.bytes, ...linkLocalNextHop.bytes);
}

/** Writes all attributes but MP_REACH in the order of their codes; `mark` is set on those without a row. */
export function writeRows(w: Writer, a: PathAttributes, e: Encoding, nextHop: boolean, mark: number): void {
  const unknown = passedOn(a.unknown);
  let next = 0;
  for (const row of rows) {
    for (; next < unknown.length && unknown[next]!.code < row.code; next++) writeUnknown(w, unknown[next]!, mark);
    if (row.internalOnly && !e.internal) continue;
    if (row.code === AttributeCode.nextHop && !nextHop) continue;
    const start = beginAttribute(w, row.flags, row.code);
    if (row.encode(w, a, e)) endAttribute(w, start);
    else w.at = start;
  }
  for (; next < unknown.length; next++) writeUnknown(w, unknown[next]!, mark);
}

/** RFC 4271 §5: of what has no row, only what is transitive. */
function passedOn(unknown: readonly UnknownAttribute[] = []): readonly UnknownAttribute[] {
  if (unknown.length === 0) return unknown;
  return unknown.filter((u) => (u.flags & AttributeFlag.transitive) !== 0).sort((x, y) => x.code - y.code);
}

function writeUnknown(w: Writer, u: UnknownAttribute, mark: number): void {
  const start = beginAttribute(w, u.flags | mark, u.code);
  w.put8s(u.value);
  endAttribute(w, start);
}

/** Writes the head of an attribute, with one octet for its length, and returns where it starts. */
function beginAttribute(w: Writer, flags: number, code: number): number {
  const start = w.at;
  w.u8(flags & ~AttributeFlag.extendedLength)
    .u8(code)
    .u8(0);
  return start;
}

/** Fills in the length of the attribute at `start`. One octet was left for it: a long value is moved by another. */
function endAttribute(w: Writer, start: number): void {
  const value = start + 3;
  const length = w.at - value;
  if (length <= 0xff) {
    w.bytes[start + 2] = length;
    return;
  }
  w.u8(0);
  w.bytes.copyWithin(value + 1, value, value + length);
  w.bytes[start] = w.bytes[start]! | AttributeFlag.extendedLength;
  w.bytes[start + 2] = length >>> 8;
  w.bytes[start + 3] = length;
}
