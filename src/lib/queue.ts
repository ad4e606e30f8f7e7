/** First in, first out, of small integers (ids into typed arrays), each in the queue at most once. */
import { roomFor } from './room.ts';

/** Last in the queue; 0 means not in it. */
const LAST = 0xffffffff;

export class IdQueue {
  /** Ids in the queue. */
  size = 0;
  /** By id: the id after it + 1, LAST, or 0. */
  private nexts = new Uint32Array(64);
  private head = -1;
  private tail = -1;

  /** Puts `id` at the end, unless it is in the queue. */
  push(id: number): void {
    this.nexts = roomFor(this.nexts, id, 12);
    if (this.nexts[id] !== 0) return;
    this.nexts[id] = LAST;
    if (this.tail < 0) this.head = id;
    else this.nexts[this.tail] = id + 1;
    this.tail = id;
    this.size++;
  }

  /** Takes the first id out, or returns -1. */
  shift(): number {
    const id = this.head;
    if (id < 0) return id;
    const next = this.nexts[id]!;
    this.nexts[id] = 0;
    this.head = next === LAST ? -1 : next - 1;
    if (next === LAST) this.tail = -1;
    this.size--;
    return id;
  }

  has(id: number): boolean {
    return id < this.nexts.length && this.nexts[id] !== 0;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.nexts.byteLength;
  }
}
