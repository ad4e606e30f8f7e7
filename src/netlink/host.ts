/**
 * Cursors for netlink, whose numbers are in the machine's own order and whose structures begin at multiples of four.
 * Addresses, ports and ethertypes stay in network order, so that the methods of `Reader` and `Writer` serve them.
 */
import { OverflowError, Reader, Writer } from '../lib/bytes.ts';

/** Little-endian machine. */
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export class HostReader extends Reader {
  /** Two octets in the machine's order. */
  h16(): number {
    const i = this.at;
    this.skip(2);
    return read16(this.bytes, i);
  }

  /** Four octets in the machine's order. */
  h32(): number {
    const i = this.at;
    this.skip(4);
    const b = this.bytes;
    return LITTLE
      ? (b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24)) >>> 0
      : ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
  }

  /** Four octets in the machine's order, signed. */
  i32(): number {
    return this.h32() | 0;
  }

  override sub(n: number): HostReader {
    const i = this.at;
    this.skip(n);
    return new HostReader(this.bytes, i, i + n);
  }
}

export const read16 = (b: Uint8Array, i: number): number =>
  LITTLE ? b[i]! | (b[i + 1]! << 8) : (b[i]! << 8) | b[i + 1]!;

/** Numbers that do not fit their field are refused with `RangeError`, not cut. */
export class HostWriter extends Writer {
  override u8(v: number): this {
    fits(v, 0xff);
    return super.u8(v);
  }

  override u16(v: number): this {
    fits(v, 0xffff);
    return super.u16(v);
  }

  /** Two octets in the machine's order. */
  h16(v: number): this {
    fits(v, 0xffff);
    const i = this.at;
    this.zeros(2);
    this.set16(i, v);
    return this;
  }

  /** Four octets in the machine's order. */
  h32(v: number): this {
    fits(v, 0xffff_ffff);
    const i = this.at;
    this.zeros(4);
    this.set32(i, v);
    return this;
  }

  /** Four octets in the machine's order, signed. */
  i32(v: number): this {
    if (v !== (v | 0)) throw new RangeError(`${v} is not a signed number of 32 bits`);
    return this.h32(v >>> 0);
  }

  /** Zeros up to a multiple of four octets, counted from `start`. */
  align(start = 0): this {
    return this.zeros(-(this.at - start) & 3);
  }

  /** Writes over two octets that are there. Throws `OverflowError` past 65535. */
  set16(at: number, v: number): void {
    if (v > 0xffff) throw new OverflowError(v, 0xffff);
    this.bytes[LITTLE ? at : at + 1] = v;
    this.bytes[LITTLE ? at + 1 : at] = v >>> 8;
  }

  /** Writes over four octets that are there. */
  set32(at: number, v: number): void {
    const b = this.bytes;
    for (let i = 0; i < 4; i++) b[LITTLE ? at + i : at + 3 - i] = v >>> (8 * i);
  }
}

function fits(v: number, max: number): void {
  if (!Number.isInteger(v) || v < 0 || v > max) throw new RangeError(`${v} does not fit: 0 to ${max} does`);
}
