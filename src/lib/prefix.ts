/** IP prefixes as values, and ranges of addresses summarised into them. */
import {
  type Address,
  addressFrom,
  bitsOf,
  type Family,
  formatAddress,
  fromBigInt,
  parseAddress,
  toBigInt,
} from './address.ts';
import { compareBytes } from './bytes.ts';

/** `bytes` is the network address (4 or 16 octets): every bit past `length` is zero. */
export interface Prefix {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** A copy of `bytes` with every bit past `length` cleared. */
export function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  // Not `slice`: a Buffer's would share its memory with the argument.
  const out = new Uint8Array(bytes);
  const whole = length >> 3;
  if (whole < out.length) {
    out[whole] = out[whole]! & (0xff00 >> (length & 7));
    out.fill(0, whole + 1);
  }
  return out;
}

/** The prefix of `length` bits that holds `a`. Throws `RangeError` when the length does not suit the family. */
export function prefixOf(a: Address, length: number = bitsOf(a.family)): Prefix {
  if (!Number.isInteger(length) || length < 0 || length > bitsOf(a.family))
    throw new RangeError(`/${length} is no IPv${a.family} prefix length`);
  return { family: a.family, bytes: maskBytes(a.bytes, length), length };
}

/**
 * Parses `ADDRESS/LENGTH`, or a bare address as a host prefix. Host bits are cleared, as MetalLB does.
 * @returns undefined when `text` is no prefix
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const a = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (a === undefined) return undefined;
  if (slash < 0) return prefixOf(a);
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bitsOf(a.family)) return undefined;
  return prefixOf(a, Number(length));
}

/** As `parsePrefix`, for constants and tests: throws `SyntaxError` instead. */
export function prefix(text: string): Prefix {
  const p = parsePrefix(text);
  if (p === undefined) throw new SyntaxError(`not an IP prefix: ${text}`);
  return p;
}

/** `192.0.2.0/24`, `2001:db8::/32`: canonical, so usable as a key. */
export const formatPrefix = (p: Prefix): string => `${formatAddress(p)}/${p.length}`;

/** IPv4 before IPv6, then by network address, then shorter first. */
export const comparePrefixes = (a: Prefix, b: Prefix): number =>
  a.family - b.family || compareBytes(a.bytes, b.bytes) || a.length - b.length;

/** `inner` (an address or a prefix) lies wholly inside `outer`. */
export function contains(outer: Prefix, inner: Address | Prefix): boolean {
  const length = 'length' in inner ? inner.length : bitsOf(inner.family);
  if (outer.family !== inner.family || length < outer.length) return false;
  const whole = outer.length >> 3;
  for (let i = 0; i < whole; i++) if (outer.bytes[i] !== inner.bytes[i]) return false;
  const mask = (0xff00 >> (outer.length & 7)) & 0xff;
  return mask === 0 || (inner.bytes[whole]! & mask) === outer.bytes[whole]!;
}

/** The two share at least one address. */
export const overlaps = (a: Prefix, b: Prefix): boolean => contains(a, b) || contains(b, a);

/** First and last address of the prefix. */
export function bounds(p: Prefix): readonly [Address, Address] {
  const last = new Uint8Array(p.bytes);
  for (let bit = p.length; bit < bitsOf(p.family); bit++) last[bit >> 3] = last[bit >> 3]! | (0x80 >> (bit & 7));
  return [addressFrom(p.bytes), addressFrom(last)];
}

/**
 * The shortest list of prefixes that covers exactly `first` to `last`, in order.
 * Throws `RangeError` when the families differ or the range runs backwards.
 */
export function summarize(first: Address, last: Address): Prefix[] {
  let low = toBigInt(first);
  const high = toBigInt(last);
  if (first.family !== last.family || low > high) throw new RangeError('a range runs from a lower to a higher address');
  const bits = BigInt(bitsOf(first.family));
  const out: Prefix[] = [];
  while (low <= high) {
    // The largest block that starts at `low`: limited by its alignment and by what is left.
    let size = low === 0n ? bits : trailingZeros(low, bits);
    while (low + (1n << size) - 1n > high) size--;
    out.push(prefixOf(fromBigInt(first.family, low), Number(bits - size)));
    low += 1n << size;
  }
  return out;
}

function trailingZeros(value: bigint, bits: bigint): bigint {
  let n = 0n;
  while (n < bits && ((value >> n) & 1n) === 0n) n++;
  return n;
}
