import { expect, it } from 'vitest';
import { HashIndex } from '../../src/lib/hashindex.ts';

/** A table of ids alone: what an owner does. */
class Ids {
  readonly index = new HashIndex(8);
  readonly present = new Set<number>();
  private readonly again = (id: number): void => {
    if (this.present.has(id)) this.index.enter(id, hashOf(id));
  };

  add(id: number): void {
    this.present.add(id);
    this.index.enter(id, hashOf(id));
    this.index.grow(this.present.size, this.again);
  }

  remove(id: number): void {
    this.index.remove(id, hashOf(id), hashOf);
    this.present.delete(id);
  }

  has(id: number): boolean {
    const { slots, previous } = this.index;
    return this.present.has(id) && (isIn(slots, id) || isIn(previous, id));
  }
}

const hashOf = (id: number): number => Math.imul(id ^ (id >>> 13), 0x9e3779b1) >>> 8;

function isIn(slots: Uint32Array, id: number): boolean {
  if (slots.length === 0) return false;
  for (let slot = hashOf(id) & (slots.length - 1); slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1))
    if (slots[slot] === id + 1) return true;
  return false;
}

it('holds every entry while it grows, and never does more than a little at a time', () => {
  const ids = new Ids();
  const N = 400_000;
  let sizes = 0;
  let moves = 0;
  for (let id = 0; id < N; id++) {
    const before = ids.index.slots;
    ids.add(id);
    if (id % 3 === 2) ids.remove(id - 1);
    if (ids.index.slots !== before) {
      sizes++;
      // All of its entries are still to be moved: nothing was done about them so far.
      expect(ids.index.previous).toBe(before);
      expect(ids.index.slots.reduce((n, slot) => n + (slot === 0 ? 0 : 1), 0)).toBeLessThan(2);
    }
    if (ids.index.isMoving && id % 97 === 0) {
      moves++;
      const some = id - (id % 5);
      if (ids.present.has(some) && !ids.has(some)) expect.fail(`${some} is lost after ${id}`);
    }
  }
  // Fourfold up to 65,536 slots, then twofold.
  expect(sizes).toBe(8);
  expect(ids.index.slots.length).toBe(1 << 19);
  expect(moves).toBeGreaterThan(100);
  for (const id of ids.present) if (!ids.has(id)) expect.fail(`${id} is lost`);
  for (const id of ids.present) ids.remove(id);
  expect(ids.index.slots.every((slot) => slot === 0)).toBe(true);
});

it('has the memory it grows into touched, a page at an entry, before it puts anything there', () => {
  const ids = new Ids();
  const PAGE_SLOTS = 1024;
  let waited = 0;
  for (let id = 0; ids.index.slots.length < 1 << 19; id++) {
    ids.add(id);
    const { slots, byteLength, isMoving } = ids.index;
    // There is another array, and it is neither this one nor the one before it.
    if (slots.length === 1 << 18 && !isMoving && byteLength > slots.byteLength) waited++;
  }
  expect(waited).toBe((1 << 19) / PAGE_SLOTS - 1);
});
