/** Cuts pieces of known size off a stream that comes in chunks. */

const EMPTY = new Uint8Array(0);

export class Cutter {
  private chunk: Uint8Array = EMPTY;
  private at = 0;
  private before = 0;

  /** Octets cut off or skipped so far. */
  get offset(): number {
    return this.before + this.at;
  }

  /** Octets that are there to be cut. */
  get available(): number {
    return this.chunk.length - this.at;
  }

  /** Adds octets, which are read in place: views that were given out are valid until then. */
  push(chunk: Uint8Array): void {
    this.before += this.at;
    const left = this.chunk.length - this.at;
    if (left === 0) this.chunk = chunk;
    else {
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.chunk.subarray(this.at));
      joined.set(chunk, left);
      this.chunk = joined;
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
