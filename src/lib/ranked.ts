/**
 * Items in the order of numbers that are spread evenly, as hashes are. There are as many shelves as keep those short, each
 * for a range of numbers, so an item comes and goes for what it costs on its shelf, however many there are.
 */

export interface Ranked {
  /** 0..2^48 - 1. */
  readonly rank: number;
  /** Tells items of one rank apart, and orders them. */
  readonly key: string;
}

/** 2^48. */
const RANKS = 0x1_0000_0000_0000;
/** Items of a shelf, on average, before there are twice as many shelves. */
const FULL = 32;

export const isBefore = (a: Ranked, b: Ranked): boolean => a.rank < b.rank || (a.rank === b.rank && a.key < b.key);

export class RankedList<Item extends Ranked> {
  size = 0;
  private shelves: Item[][] = [[]];

  /** Adds an item that is not there. */
  add(item: Item): void {
    const shelf = this.shelfOf(item);
    let at = shelf.length;
    while (at > 0 && isBefore(item, shelf[at - 1]!)) at--;
    shelf.splice(at, 0, item);
    this.size++;
    if (this.size > FULL * this.shelves.length) this.extend();
  }

  /** Removes an item that is there. */
  delete(item: Item): void {
    const shelf = this.shelfOf(item);
    shelf.splice(shelf.indexOf(item), 1);
    this.size--;
  }

  *values(): Generator<Item> {
    for (const shelf of this.shelves) yield* shelf;
  }

  /** Last one first. */
  *backwards(): Generator<Item> {
    for (let i = this.shelves.length - 1; i >= 0; i--) yield* this.shelves[i]!.toReversed();
  }

  private shelfOf({ rank }: Item): Item[] {
    return this.shelves[Math.floor((rank / RANKS) * this.shelves.length)]!;
  }

  /** Each shelf becomes two, for the lower and the upper half of its range: the order stays. */
  private extend(): void {
    const old = this.shelves;
    this.shelves = Array.from({ length: 2 * old.length }, () => []);
    for (const shelf of old) for (const item of shelf) this.shelfOf(item).push(item);
  }
}
