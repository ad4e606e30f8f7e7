/**
 * IPv4 and IPv6 addresses as values. `formatAddress` is canonical (RFC 5952 for IPv6), so a formatted address is
 * also the key under which the rest of the program files it.
 */
import { Address4, Address6 } from 'ip-address';
import { compareBytes } from './bytes.ts';

export type Family = 4 | 6;

/** `bytes` has 4 or 16 octets, in network order, and is never changed after construction. */
export interface Address {
  readonly family: Family;
  readonly bytes: Uint8Array;
}

/** Address width in bits. */
export const bitsOf = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

/**
 * Parses a dotted quad or any RFC 4291 text form. Leading zeros in a quad, zone ids and prefix lengths are refused.
 * @returns undefined when `text` is no address
 */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(':')) {
    if (/[%/\s]/.test(text)) return undefined;
    try {
      const octets = new Address6(text).toUnsignedByteArray();
      const bytes = new Uint8Array(16);
      bytes.set(octets, 16 - octets.length);
      return { family: 6, bytes };
    } catch {
      return undefined;
    }
  }
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(text) || /(^|\.)0\d/.test(text)) return undefined;
  return Address4.isValid(text) ? { family: 4, bytes: Uint8Array.from(text.split('.'), Number) } : undefined;
}

/** As `parseAddress`, for constants and tests: throws `SyntaxError` instead. */
export function address(text: string): Address {
  const a = parseAddress(text);
  if (a === undefined) throw new SyntaxError(`not an IP address: ${text}`);
  return a;
}

/** The address whose octets are `bytes`, which is kept: 4 octets make IPv4, 16 IPv6. */
export function addressFrom(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new RangeError(`an address has 4 or 16 octets, not ${bytes.length}`);
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

/** Dotted quad, or RFC 5952: lower case, the first longest run of two or more zero groups compressed. */
export function formatAddress(a: Address): string {
  const b = a.bytes;
  if (a.family === 4) return `${b[0]}.${b[1]}.${b[2]}.${b[3]}`;
  // RFC 5952 §5: IPv4-mapped addresses keep the dotted quad.
  if (isMapped(b)) return `::ffff:${b[12]}.${b[13]}.${b[14]}.${b[15]}`;
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && b[2 * (i + n)] === 0 && b[2 * (i + n) + 1] === 0) n++;
    if (n > bestLength) {
      best = i;
      bestLength = n;
    }
    if (n > 0) i += n - 1;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += '::';
      i += bestLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += ((b[2 * i]! << 8) | b[2 * i + 1]!).toString(16);
  }
  return text;
}

function isMapped(b: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (b[i] !== 0) return false;
  return b[10] === 0xff && b[11] === 0xff;
}

/** `::ffff:a.b.c.d` becomes `a.b.c.d`; everything else is returned as it is. Dual-stack listeners report the mapped form. */
export function unmapAddress(a: Address): Address {
  return a.family === 6 && isMapped(a.bytes) ? { family: 4, bytes: new Uint8Array(a.bytes.subarray(12)) } : a;
}

/** fe80::/10 (RFC 4291 §2.5.6). */
export const isLinkLocal = (a: Address): boolean =>
  a.family === 6 && a.bytes[0] === 0xfe && (a.bytes[1]! & 0xc0) === 0x80;

/** The four octets of an IPv4 address as one unsigned number. */
export const toU32 = (bytes: Uint8Array, at = 0): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** The inverse of `toU32`. */
export const fromU32 = (v: number): Uint8Array => Uint8Array.of(v >>> 24, v >>> 16, v >>> 8, v);

/** IPv4 before IPv6, then numeric order. */
export const compareAddresses = (a: Address, b: Address): number =>
  a.family - b.family || compareBytes(a.bytes, b.bytes);

/** The address as one integer, for arithmetic on ranges. */
export function toBigInt(a: Address): bigint {
  let v = 0n;
  for (const byte of a.bytes) v = (v << 8n) | BigInt(byte);
  return v;
}

/** The inverse of `toBigInt`. Throws `RangeError` when `value` does not fit the family. */
export function fromBigInt(family: Family, value: bigint): Address {
  if (value < 0n || value >> BigInt(bitsOf(family)) !== 0n)
    throw new RangeError(`${value} is not an IPv${family} address`);
  const bytes = new Uint8Array(bitsOf(family) / 8);
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return { family, bytes };
}
