/**
 * Longest-prefix match on typed arrays: a binary trie of one family, for some thousand prefixes that are looked up far
 * more often than they change. (PrefixTable is for exact matches of a million.)
 */
import { bitsOf, type Family } from './address.ts';
import type { Prefix } from './prefix.ts';
import { grown } from './room.ts';
import { wordOf } from './table.ts';

export class PrefixTrie {
  readonly family: Family;
  /** By node: its children for a 0 and for a 1, both 0 where there is none; node 0 is the root, which is no child. */
  private children = new Uint32Array(128);
  /** By node: value + 1, or 0. */
  private values = new Uint32Array(64);
  private nodes = 1;

  constructor(family: Family) {
    this.family = family;
  }

  /** Files `value` (0..4294967294) under a prefix of this family, in the place of the one before. */
  set(p: Prefix, value: number): void {
    let node = 0;
    for (let bit = 0; bit < p.length; bit++) {
      const link = 2 * node + ((p.bytes[bit >> 3]! >> (7 - (bit & 7))) & 1);
      if (this.children[link] === 0) {
        if (this.nodes === this.values.length) this.grow();
        this.children[link] = this.nodes++;
      }
      node = this.children[link]!;
    }
    this.values[node] = value + 1;
  }

  /** The value of the longest prefix that holds all of this one, or -1. */
  longest(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const { children, values } = this;
    let found = values[0]!;
    let node = 0;
    let word = w0;
    for (let bit = 0; bit < length; bit++) {
      if ((bit & 31) === 0) word = bit === 0 ? w0 : bit === 32 ? w1 : bit === 64 ? w2 : w3;
      node = children[2 * node + ((word >>> (31 - (bit & 31))) & 1)]!;
      if (node === 0) break;
      const value = values[node]!;
      if (value !== 0) found = value;
    }
    return found - 1;
  }

  /** `longest` for a prefix value of this family, or for the part of it that is `length` bits long. */
  lookup(p: Prefix, length = p.length): number {
    if (length > bitsOf(this.family)) throw new RangeError(`/${length} is no IPv${this.family} prefix length`);
    return this.longest(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), length);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.children.byteLength + this.values.byteLength;
  }

  private grow(): void {
    const capacity = Math.ceil(this.values.length * 1.5);
    this.children = grown(this.children, 2 * capacity);
    this.values = grown(this.values, capacity);
  }
}
