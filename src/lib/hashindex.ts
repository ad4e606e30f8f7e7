/**
 * The index of a table whose entries are small integers: open addressing, linear probing, in a typed array. Who owns it
 * looks through the slots itself, since it alone knows what it compares. It grows without ever stopping the table: a
 * million slots filled at once, or only their memory had from the kernel, would hold up everything for tens of milliseconds.
 */
import { zeros } from './room.ts';

const EMPTY: Uint32Array = new Uint32Array(0);
/** Growing makes room for 0.75 entries a slot of the previous array at least, so two would do; more frees it sooner. */
const MOVED_PER_ENTRY = 8;
/** Memory is had a page at a time, and there is one of 2 MiB for every 512 of these where the kernel has some. */
const PAGE_SLOTS = 1024;
/** Up to here it grows fourfold, and twofold above. */
const SMALL = 1 << 16;

export class HashIndex {
  /** Id + 1, or 0 for an empty slot; as many as a power of two. */
  slots: Uint32Array;
  /** What a hash is masked with for the slot where its probe run begins. */
  mask: number;
  /**
   * The slots before they became more, while they are moved over: not empty while `isMoving`. Entries here are only hints,
   * which the owner compares: what was removed or moved meanwhile may stay.
   */
  previous = EMPTY;
  /** Slots of `previous` below this are done. */
  private moved = 0;
  /** What `slots` will be when all of its memory is there. */
  private coming = EMPTY;
  private touched = 0;

  /** @param capacity entries that there is room for at once */
  constructor(capacity: number) {
    this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(8, capacity * 1.5))));
    this.mask = this.slots.length - 1;
  }

  /** Entries may be in `previous` alone. */
  get isMoving(): boolean {
    return this.previous !== EMPTY;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.slots.byteLength + this.previous.byteLength + this.coming.byteLength;
  }

  /** Makes an entry, unless the id has one. Not for more than three quarters of the slots: see `grow`. */
  enter(id: number, hash: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    while (slots[slot] !== 0 && slots[slot] !== id + 1) slot = (slot + 1) & mask;
    slots[slot] = id + 1;
  }

  /**
   * To be called after every new entry.
   * @param size entries now
   * @param again calls `enter` for an id, if it is still in the table
   */
  grow(size: number, again: (id: number) => void): void {
    if (this.previous !== EMPTY) this.move(again);
    else if (this.coming !== EMPTY) this.touch();
    else if (size * 4 > this.slots.length * 3) {
      this.coming = zeros(Uint32Array, this.slots.length * (this.slots.length <= SMALL ? 4 : 2));
      this.touch();
    }
  }

  /** Takes the id's entry away, if it has one in `slots`. */
  remove(id: number, hash: number, hashOf: (id: number) => number): void {
    const { slots, mask } = this;
    let hole = hash & mask;
    while (slots[hole] !== id + 1) {
      if (slots[hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    // Backward-shift deletion keeps probe runs unbroken without tombstones.
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = hashOf(slots[slot]! - 1) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot]!;
        hole = slot;
      }
    }
    slots[hole] = 0;
  }

  private touch(): void {
    const { coming } = this;
    coming[this.touched] = 0;
    this.touched += PAGE_SLOTS;
    if (this.touched < coming.length) return;
    this.previous = this.slots;
    this.moved = 0;
    this.slots = coming;
    this.mask = coming.length - 1;
    this.coming = EMPTY;
    this.touched = 0;
  }

  private move(again: (id: number) => void): void {
    const to = Math.min(this.moved + MOVED_PER_ENTRY, this.previous.length);
    for (; this.moved < to; this.moved++) {
      const entry = this.previous[this.moved]!;
      if (entry !== 0) again(entry - 1);
    }
    if (this.moved === this.previous.length) this.previous = EMPTY;
  }
}
