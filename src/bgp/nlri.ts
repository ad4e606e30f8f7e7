/**
 * NLRI: runs of prefixes as UPDATE messages carry them (RFC 4271 §4.3, RFC 4760 §5, RFC 7911 §3). A run is walked
 * where it lies; prefixes come out as 32-bit words, and no object is made for any of them.
 */
import { addressFrom } from '../lib/address.ts';
import { Reader, type Writer } from '../lib/bytes.ts';
import { maskBytes, type Prefix } from '../lib/prefix.ts';
import type { PrefixTable } from '../lib/table.ts';
import type { AddressFamily } from './const.ts';

/** Prefixes of one family in `bytes` from `start` to `end`: a view that lives no longer than the message. */
export interface NlriRun {
  readonly family: AddressFamily;
  /** Each prefix follows a four-octet path identifier. */
  readonly addPath: boolean;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Words as in `PrefixTable`: IPv4 has `w0` alone, host bits are zero. `pathId` is 0 without ADD-PATH. */
export type NlriVisitor = (w0: number, w1: number, w2: number, w3: number, length: number, pathId: number) => void;

/** Prefixes in the run, or -1 when it is malformed: a length past the family's, or a prefix past the end (RFC 7606 §5.3). */
export function countNlri(run: NlriRun): number {
  const { bytes, end } = run;
  const bits = run.family === 'ipv4' ? 32 : 128;
  const skip = run.addPath ? 4 : 0;
  let n = 0;
  for (let at = run.start; at < end; n++) {
    at += skip;
    if (at >= end) return -1;
    const length = bytes[at]!;
    if (length > bits) return -1;
    at += 1 + ((length + 7) >> 3);
    if (at > end) return -1;
  }
  return n;
}

/** Calls `visit` for each prefix of a run that `countNlri` found sound, in order. */
export function forEachNlri(run: NlriRun, visit: NlriVisitor): void {
  if (run.family === 'ipv4') forEach4(run, visit);
  else forEach6(run, visit);
}

function forEach4(run: NlriRun, visit: NlriVisitor): void {
  const { bytes, end, addPath } = run;
  let at = run.start;
  while (at < end) {
    let pathId = 0;
    if (addPath) {
      pathId = word(bytes, at, 4);
      at += 4;
    }
    const length = bytes[at++]!;
    // Most of the Internet is /17 to /24: three octets, without a loop.
    let w0: number;
    if (length > 16 && length <= 24) {
      w0 = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8);
      at += 3;
    } else {
      const n = (length + 7) >> 3;
      w0 = word(bytes, at, n);
      at += n;
    }
    visit(masked(w0, length), 0, 0, 0, length, pathId);
  }
}

function forEach6(run: NlriRun, visit: NlriVisitor): void {
  const { bytes, end, addPath } = run;
  let at = run.start;
  while (at < end) {
    let pathId = 0;
    if (addPath) {
      pathId = word(bytes, at, 4);
      at += 4;
    }
    const length = bytes[at++]!;
    const n = (length + 7) >> 3;
    const w0 = masked(word(bytes, at, n), length);
    const w1 = masked(word(bytes, at + 4, n - 4), length - 32);
    const w2 = masked(word(bytes, at + 8, n - 8), length - 64);
    const w3 = masked(word(bytes, at + 12, n - 12), length - 96);
    at += n;
    visit(w0, w1, w2, w3, length, pathId);
  }
}

/** The next `n` octets, four at most, as the high octets of an unsigned word. */
function word(bytes: Uint8Array, at: number, n: number): number {
  if (n <= 0) return 0;
  let w = bytes[at]! << 24;
  if (n > 1) w |= bytes[at + 1]! << 16;
  if (n > 2) w |= bytes[at + 2]! << 8;
  if (n > 3) w |= bytes[at + 3]!;
  return w >>> 0;
}

/** `w` with all but its `bits` leading bits cleared. */
function masked(w: number, bits: number): number {
  return bits >= 32 ? w >>> 0 : bits <= 0 ? 0 : (w & (-1 << (32 - bits))) >>> 0;
}

/** Octets that a prefix of this length takes. */
export const nlriOctets = (length: number, addPath: boolean): number => 1 + ((length + 7) >> 3) + (addPath ? 4 : 0);

/** Writes the prefix `id` of `table`, after `pathId` when one is given. Throws `OverflowError` when it does not fit. */
export function writeNlri(w: Writer, table: PrefixTable, id: number, pathId?: number): void {
  if (pathId !== undefined) w.u32(pathId);
  const length = table.lengthOf(id);
  w.u8(length);
  for (let i = 0; i < length; i += 8) w.u8(table.word(id, i >> 5) >>> (24 - (i & 24)));
}

/** The prefixes of a sound run as values, for tests and the text edge. */
export function readPrefixes(run: NlriRun): Prefix[] {
  const size = run.family === 'ipv4' ? 4 : 16;
  const prefixes: Prefix[] = [];
  const r = new Reader(run.bytes, run.start, run.end);
  while (!r.done) {
    if (run.addPath) r.skip(4);
    const length = r.u8();
    const bytes = new Uint8Array(size);
    bytes.set(r.view((length + 7) >> 3));
    prefixes.push({ family: size === 4 ? 4 : 6, bytes: addressFrom(maskBytes(bytes, length)).bytes, length });
  }
  return prefixes;
}
