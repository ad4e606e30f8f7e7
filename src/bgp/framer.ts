/** Cuts a TCP stream into messages (RFC 4271 §4.1). */
import { HEADER_OCTETS, MAX_MESSAGE_OCTETS } from './const.ts';
import { decodeHeader } from './header.ts';

/** One whole message: its type code and where its body lies. The octets must not be kept past the next `push`. */
export interface Frame {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const EMPTY = new Uint8Array(0);

/**
 * Chunks go in with `push`, messages come out of `next` one at a time, so that the caller may stop between two of
 * them: to yield, or because the message just handled changed the size limit. A message inside one chunk is never
 * copied; a message that spans chunks is gathered in a buffer of its own size.
 */
export class Framer {
  /** Largest message accepted from here on, octets (RFC 8654 §3). */
  maxMessage: number = MAX_MESSAGE_OCTETS;
  private chunk: Uint8Array = EMPTY;
  private at = 0;
  private readonly waiting: Uint8Array[] = [];
  /** The start of a message whose end has not come yet. */
  private partial: Uint8Array | undefined;
  private filled = 0;

  /** Octets taken in that no message has been made of. */
  get pending(): number {
    return this.filled + this.chunk.length - this.at + this.waiting.reduce((n, c) => n + c.length, 0);
  }

  /** Adds received octets, which are read in place: they must stay as they are until `next` has returned undefined. */
  push(chunk: Uint8Array): void {
    if (this.at === this.chunk.length && this.waiting.length === 0) {
      this.chunk = chunk;
      this.at = 0;
    } else this.waiting.push(chunk);
  }

  /**
   * The next whole message, or undefined until more has been pushed.
   * Throws `BgpError` 1/x as soon as the octets at hand show that the header is wrong; the stream is dead then.
   */
  next(): Frame | undefined {
    for (;;) {
      const frame = this.partial === undefined ? this.whole() : this.gather(this.partial);
      if (frame !== undefined) return frame;
      if (this.at < this.chunk.length) continue;
      const chunk = this.waiting.shift();
      this.chunk = chunk ?? EMPTY;
      this.at = 0;
      if (chunk === undefined) return undefined;
    }
  }

  /** A message that lies in the chunk as a whole; what is left of the chunk otherwise becomes the partial message. */
  private whole(): Frame | undefined {
    const { chunk, at } = this;
    if (at === chunk.length) return undefined;
    const length = decodeHeader(chunk, at, chunk.length, this.maxMessage);
    if (length === 0 || at + length > chunk.length) {
      this.partial = new Uint8Array(Math.max(length, HEADER_OCTETS));
      this.partial.set(chunk.subarray(at));
      this.filled = chunk.length - at;
      this.at = chunk.length;
      return undefined;
    }
    this.at = at + length;
    return { type: chunk[at + 18]!, bytes: chunk, start: at + HEADER_OCTETS, end: at + length };
  }

  /** Moves octets from the chunk to the partial message: up to its header first, then up to its end. */
  private gather(partial: Uint8Array): Frame | undefined {
    const had = this.filled;
    const n = Math.min(partial.length - had, this.chunk.length - this.at);
    partial.set(this.chunk.subarray(this.at, this.at + n), had);
    this.at += n;
    this.filled += n;
    if (had < HEADER_OCTETS) {
      const length = decodeHeader(partial, 0, this.filled, this.maxMessage);
      if (length > partial.length) {
        this.partial = new Uint8Array(length);
        this.partial.set(partial);
        return undefined;
      }
    }
    if (this.filled < partial.length) return undefined;
    this.partial = undefined;
    this.filled = 0;
    return { type: partial[18]!, bytes: partial, start: HEADER_OCTETS, end: partial.length };
  }
}
