/** Cuts pieces of known size off a stream that comes in chunks. */

const EMPTY = new Uint8Array(0);

export class Cutter {
  private chunk: Uint8Array = EMPTY;
  /** Where what was left and what came are put together. */
  private joined: Uint8Array = EMPTY;
  private readonly reuse: boolean;
  private at = 0;
  private before = 0;

  /** @param reuse nobody keeps views beyond the next `push`: memory is used again and again */
  constructor(reuse = false) {
    this.reuse = reuse;
  }

  /** Octets cut off or skipped so far. */
  get offset(): number {
    return this.before + this.at;
  }

  /** Octets that are there to be cut. */
  get available(): number {
    return this.chunk.length - this.at;
  }

  /** Adds octets, which are read in place. */
  push(chunk: Uint8Array): void {
    this.before += this.at;
    const { chunk: old, available: left } = this;
    if (left === 0) this.chunk = chunk;
    else {
      const octets = left + chunk.length;
      if (!this.reuse || this.joined.length < octets) this.joined = new Uint8Array(octets);
      // What is left may lie in the same memory, behind where it goes.
      this.joined.set(old.subarray(this.at));
      this.joined.set(chunk, left);
      this.chunk = this.joined.subarray(0, octets);
    }
    this.at = 0;
  }

  /** A view of the next `n` octets, or undefined until they have come. */
  peek(n: number): Uint8Array | undefined {
    return n > this.available ? undefined : this.chunk.subarray(this.at, this.at + n);
  }

  /** As `peek`; the octets are cut off. */
  take(n: number): Uint8Array | undefined {
    const piece = this.peek(n);
    if (piece !== undefined) this.at += n;
    return piece;
  }

  /** Passes over `n` octets, or as many as there are. Returns how many. */
  skip(n: number): number {
    const skipped = Math.min(n, this.available);
    this.at += skipped;
    return skipped;
  }
}
