/**
 * Routes whose changes wait for the kernel, as small integers. Those that are to go come first: they must not wait for
 * others that the kernel has no room for, and they make room.
 */
import { IdQueue } from '../lib/queue.ts';

export class Backlog {
  private readonly going = new IdQueue();
  private readonly coming = new IdQueue();

  /** A route that is in both counts twice. */
  get size(): number {
    return this.going.size + this.coming.size;
  }

  /** Routes that were to go when they were put in. */
  get goingSize(): number {
    return this.going.size;
  }

  push(id: number, goes: boolean): void {
    (goes ? this.going : this.coming).push(id);
  }

  /** Takes the first out, or returns -1. */
  shift(): number {
    return this.going.size > 0 ? this.going.shift() : this.coming.shift();
  }

  has(id: number): boolean {
    return this.going.has(id) || this.coming.has(id);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.going.byteLength + this.coming.byteLength;
  }
}
