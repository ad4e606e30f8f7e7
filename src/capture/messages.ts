/** BGP messages out of a stream of octets that may be damaged: what is no message is reported and passed over. */
import { HEADER_OCTETS, MAX_EXTENDED_MESSAGE_OCTETS } from '../bgp/const.ts';
import { BgpError } from '../bgp/errors.ts';
import { decodeHeader } from '../bgp/header.ts';
import { Cutter } from '../lib/cutter.ts';

/** One whole message, header included; valid until the next `push`. Or what was passed over, and why. */
export type Piece =
  | { readonly offset: number; readonly message: Uint8Array }
  | { readonly offset: number; readonly error: string };

const MARKER_OCTETS = 16;

export class Messages {
  private readonly cutter = new Cutter();
  /** Set while a marker is looked for. */
  private lost: { readonly offset: number; readonly reason: string } | undefined;

  push(chunk: Uint8Array): void {
    this.cutter.push(chunk);
  }

  /** A message has begun and not ended, once `next` has given all there are. */
  get isWithin(): boolean {
    return this.lost === undefined && this.cutter.available > 0;
  }

  /** Octets are missing here: what has come of a message is given up. */
  interrupt(reason: string): void {
    if (this.lost === undefined) this.lose(reason);
    this.cutter.skip(this.cutter.available);
  }

  /** The next message or fault, or undefined until more has come. */
  next(): Piece | undefined {
    if (this.lost !== undefined) {
      if (!this.seek()) return undefined;
      const { offset, reason } = this.lost;
      this.lost = undefined;
      return { offset, error: passed(reason, this.cutter.offset - offset) };
    }
    const { offset } = this.cutter;
    const head = this.cutter.peek(Math.min(HEADER_OCTETS, this.cutter.available));
    if (head === undefined || head.length === 0) return undefined;
    try {
      const length = decodeHeader(head, 0, head.length, MAX_EXTENDED_MESSAGE_OCTETS);
      const message = length === 0 ? undefined : this.cutter.take(length);
      return message && { offset, message };
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.lose(error.message);
      this.cutter.skip(1);
      return this.next();
    }
  }

  /** There will be no more octets: what is left over, if anything. */
  end(): Piece | undefined {
    const { offset, available } = this.cutter;
    if (this.lost !== undefined) {
      const { offset: from, reason } = this.lost;
      return { offset: from, error: passed(reason, offset + available - from) };
    }
    return available === 0 ? undefined : { offset, error: `ends within a message: ${available} octets left` };
  }

  private lose(reason: string): void {
    this.lost = { offset: this.cutter.offset, reason };
  }

  /** Skips to sixteen octets of ones, keeping what may be the start of them. Returns whether they were found. */
  private seek(): boolean {
    const { cutter } = this;
    const bytes = cutter.peek(cutter.available)!;
    let ones = 0;
    for (let i = 0; i < bytes.length; i++) {
      ones = bytes[i] === 0xff ? ones + 1 : 0;
      if (ones < MARKER_OCTETS) continue;
      // More ones than a marker has: it ends where they end.
      while (i + 1 < bytes.length && bytes[i + 1] === 0xff) i++;
      cutter.skip(i + 1 - MARKER_OCTETS);
      return true;
    }
    cutter.skip(bytes.length - Math.min(ones, MARKER_OCTETS - 1));
    return false;
  }
}

const passed = (reason: string, octets: number): string =>
  octets === 0 ? reason : `${reason}; ${octets} octets passed over`;
