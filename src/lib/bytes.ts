/**
 * Cursors over bytes. Every protocol codec here reads with a `Reader` and writes with a `Writer`.
 *
 * A Reader is bounded: `sub(n)` gives a nested structure its own end, so that a lying inner length can never
 * read a neighbour's bytes. A Writer reserves length fields and patches them afterwards: one pass, no parallel
 * length function that could drift. Neither knows a protocol; big-endian throughout (network byte order).
 */

/** Fewer bytes remain than were asked for. The codec that owns the structure turns it into its protocol's error. */
export class TruncatedError extends Error {
  override readonly name = 'TruncatedError';
  readonly wanted: number;
  readonly remaining: number;
  constructor(wanted: number, remaining: number) {
    super(`truncated: ${wanted} octets wanted, ${remaining} left`);
    this.wanted = wanted;
    this.remaining = remaining;
  }
}

/** The structure does not fit the buffer. Packers catch it, or ask `room` first, and start another message. */
export class OverflowError extends Error {
  override readonly name = 'OverflowError';
  constructor(wanted: number, room: number) {
    super(`overflow: ${wanted} octets to write, room for ${room}`);
  }
}

/** Reads `bytes` from `at` (inclusive) to `end` (exclusive). Never copies unless a method says so. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    if (at < 0 || end > bytes.length || at > end) throw new TruncatedError(end - at, bytes.length);
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  private take(n: number): number {
    const at = this.at;
    if (n < 0 || n > this.end - at) throw new TruncatedError(n, this.end - at);
    this.at = at + n;
    return at;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }

  u16(): number {
    const b = this.bytes;
    const i = this.take(2);
    return (b[i]! << 8) | b[i + 1]!;
  }

  u32(): number {
    const b = this.bytes;
    const i = this.take(4);
    return ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
  }

  /** Six octets as one number, which a double holds exactly: an Ethernet address (see mac.ts). */
  u48(): number {
    if (this.remaining < 6) throw new TruncatedError(6, this.remaining);
    const high = this.u16();
    return high * 0x1_0000_0000 + this.u32();
  }

  u64(): bigint {
    if (this.remaining < 8) throw new TruncatedError(8, this.remaining);
    const high = this.u32();
    return (BigInt(high) << 32n) | BigInt(this.u32());
  }

  /** A view of the next `n` octets: it shares memory with the input and must not outlive it. */
  view(n: number): Uint8Array {
    const i = this.take(n);
    return this.bytes.subarray(i, i + n);
  }

  /** A copy of the next `n` octets, safe to keep. */
  copy(n: number): Uint8Array {
    const i = this.take(n);
    return Uint8Array.prototype.slice.call(this.bytes, i, i + n);
  }

  /** A copy of all that remains. */
  rest(): Uint8Array {
    return this.copy(this.remaining);
  }

  skip(n: number): void {
    this.take(n);
  }

  /** The next `n` octets as a reader of their own; this one moves past them. */
  sub(n: number): Reader {
    const i = this.take(n);
    return new Reader(this.bytes, i, i + n);
  }
}

/** Writes into a buffer of fixed capacity. `OverflowError` when it is full; nothing is written in that case. */
export class Writer {
  readonly bytes: Uint8Array;
  at: number;
  /** Writes stop here (exclusive): lower it to keep room for a trailer. */
  readonly end: number;

  constructor(buffer: number | Uint8Array, at = 0, end?: number) {
    this.bytes = typeof buffer === 'number' ? new Uint8Array(buffer) : buffer;
    this.at = at;
    this.end = end ?? this.bytes.length;
    // Past the buffer a typed array swallows writes without a word.
    if (at < 0 || at > this.end || this.end > this.bytes.length)
      throw new OverflowError(this.end - at, this.bytes.length);
  }

  /** Octets that still fit. */
  get room(): number {
    return this.end - this.at;
  }

  private put(n: number): number {
    const at = this.at;
    if (n < 0 || n > this.end - at) throw new OverflowError(n, this.end - at);
    this.at = at + n;
    return at;
  }

  u8(v: number): this {
    this.bytes[this.put(1)] = v;
    return this;
  }

  u16(v: number): this {
    const i = this.put(2);
    this.bytes[i] = v >>> 8;
    this.bytes[i + 1] = v;
    return this;
  }

  u32(v: number): this {
    const i = this.put(4);
    const b = this.bytes;
    b[i] = v >>> 24;
    b[i + 1] = v >>> 16;
    b[i + 2] = v >>> 8;
    b[i + 3] = v;
    return this;
  }

  u48(v: number): this {
    if (this.room < 6) throw new OverflowError(6, this.room);
    return this.u16(Math.floor(v / 0x1_0000_0000)).u32(v);
  }

  u64(v: bigint): this {
    if (this.room < 8) throw new OverflowError(8, this.room);
    this.u32(Number((v >> 32n) & 0xffff_ffffn));
    return this.u32(Number(v & 0xffff_ffffn));
  }

  put8s(v: Uint8Array): this {
    this.bytes.set(v, this.put(v.length));
    return this;
  }

  zeros(n: number): this {
    const i = this.put(n);
    this.bytes.fill(0, i, i + n);
    return this;
  }

  /** Leaves room for a one-octet length; give the result to `patch8`. */
  reserve8(): number {
    return this.put(1);
  }

  /** Leaves room for a two-octet length; give the result to `patch16`. */
  reserve16(): number {
    return this.put(2);
  }

  /** Sets the reserved octet to the number of octets written since. Throws `OverflowError` past 255. */
  patch8(mark: number): void {
    const n = this.at - mark - 1;
    if (n > 0xff) throw new OverflowError(n, 0xff);
    this.bytes[mark] = n;
  }

  /** Sets the reserved two octets to the number of octets written since. Throws `OverflowError` past 65535. */
  patch16(mark: number): void {
    const n = this.at - mark - 2;
    if (n > 0xffff) throw new OverflowError(n, 0xffff);
    this.bytes[mark] = n >>> 8;
    this.bytes[mark + 1] = n;
  }

  /** A copy of what was written from `start` on. */
  finish(start = 0): Uint8Array {
    return Uint8Array.prototype.slice.call(this.bytes, start, this.at);
  }
}

/** `a` and `b` hold the same octets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Lexicographic order of octets, shorter first: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = a[i]! - b[i]!;
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** Lower-case hexadecimal, no separators. */
export function toHex(bytes: Uint8Array): string {
  let s = '';
  for (const b of bytes) s += (b < 16 ? '0' : '') + b.toString(16);
  return s;
}

/** The inverse of `toHex`; white space is allowed anywhere. Throws `SyntaxError` on anything else. */
export function fromHex(text: string): Uint8Array {
  const s = text.replace(/\s+/g, '');
  if (s.length % 2 !== 0 || /[^0-9a-fA-F]/.test(s)) throw new SyntaxError(`not hexadecimal: ${text.slice(0, 40)}`);
  const out = new Uint8Array(s.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(s.slice(2 * i, 2 * i + 2), 16);
  return out;
}
