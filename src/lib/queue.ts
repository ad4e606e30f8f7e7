/** First in, first out, of small integers (ids into typed arrays), each in the queue at most once. */
import { Column } from './column.ts';

/** Last in the queue; 0 means not in it. */
const LAST = 0xffffffff;

export class IdQueue {
  /** Ids in the queue. */
  size = 0;
  /** By id: the id after it + 1, LAST, or 0. */
  private readonly nexts = new Column(Uint32Array);
  private head = -1;
  private tail = -1;

  /** Puts `id` at the end, unless it is in the queue. */
  push(id: number): void {
    this.nexts.room(id);
    if (this.nexts.get(id) !== 0) return;
    this.nexts.set(id, LAST);
    if (this.tail < 0) this.head = id;
    else this.nexts.set(this.tail, id + 1);
    this.tail = id;
    this.size++;
  }

  /** Takes the first id out, or returns -1. */
  shift(): number {
    const id = this.head;
    if (id < 0) return id;
    const next = this.nexts.get(id);
    this.nexts.set(id, 0);
    this.head = next === LAST ? -1 : next - 1;
    if (next === LAST) this.tail = -1;
    this.size--;
    return id;
  }

  has(id: number): boolean {
    return id < this.nexts.capacity && this.nexts.get(id) !== 0;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.nexts.byteLength;
  }
}
