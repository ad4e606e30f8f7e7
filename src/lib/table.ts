/**
 * A table keyed by prefix, on typed arrays: a full Internet table costs about 20 octets a prefix here, and no
 * object, string or bigint exists for any of them.
 *
 * Each prefix in the table has a small integer id, stable until it is removed and reused afterwards. Whoever keeps
 * something for a prefix keeps it in a Column of their own, by that id (struct of arrays). IPv4 and
 * IPv6 live in tables of their own; an IPv4 prefix uses one 32-bit word, an IPv6 prefix four.
 */
import { addressFrom, type Family } from './address.ts';
import { Column } from './column.ts';
import { HashIndex } from './hashindex.ts';
import type { Prefix } from './prefix.ts';
import { tableSeed } from './seed.ts';

const NONE = -1;

export class PrefixTable {
  readonly family: Family;
  private readonly words: 1 | 4;
  private readonly seed = tableSeed();
  /** Prefixes in the table. */
  size = 0;
  /** Every id in use is below this. */
  limit = 0;
  private readonly keys = new Column(Uint32Array);
  /** Length + 1; 0 for an id on the free list, or one that was never given. */
  private readonly lengths = new Column(Uint8Array);
  /** Of IPv6 alone: an IPv4 prefix is hashed and compared as fast as a hash is read. */
  private readonly hashes = new Column(Uint32Array);
  private readonly index: HashIndex;
  /** The id that was given back last + 1, whose key is the one before it + 1; 0: none. */
  private free = 0;

  constructor(family: Family, capacity = 64) {
    this.family = family;
    this.words = family === 4 ? 1 : 4;
    this.index = new HashIndex(capacity);
  }

  /** The id of a prefix, or -1. IPv4 uses `w0` alone; bits past `length` must be zero. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = hashOf(this.seed, w0, w1, w2, w3, length);
    const { slots, isMoving, previous } = this.index;
    const id = this.probe(slots, hash, w0, w1, w2, w3, length);
    return id === NONE && isMoving ? this.probe(previous, hash, w0, w1, w2, w3, length) : id;
  }

  /** The id of a prefix, which is added when it was not there. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = hashOf(this.seed, w0, w1, w2, w3, length);
    const { slots, mask, isMoving, previous } = this.index;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const id = slots[slot]! - 1;
      if (id === NONE) break;
      if (this.isKey(id, hash, w0, w1, w2, w3, length)) return id;
    }
    if (isMoving) {
      const id = this.probe(previous, hash, w0, w1, w2, w3, length);
      if (id !== NONE) return id;
    }
    const id = this.free === 0 ? this.append() : this.reuse();
    if (this.words === 1) this.keys.set(id, w0);
    else {
      this.keys.set(4 * id, w0);
      this.keys.set(4 * id + 1, w1);
      this.keys.set(4 * id + 2, w2);
      this.keys.set(4 * id + 3, w3);
      this.hashes.set(id, hash);
    }
    this.lengths.set(id, length + 1);
    slots[slot] = id + 1;
    this.size++;
    this.index.grow(this.size, this.enterAgain);
    return id;
  }

  /** Removes the prefix with this id; the id may be given to another prefix later. */
  remove(id: number): void {
    this.index.remove(id, this.hashAt(id), this.hashAt);
    this.lengths.set(id, 0);
    this.keys.set(id * this.words, this.free);
    this.free = id + 1;
    this.size--;
  }

  /** The id names a prefix that is in the table. */
  has(id: number): boolean {
    return id >= 0 && id < this.limit && this.lengths.get(id) !== 0;
  }

  /** Word `i` of the prefix's network address; 0 past the end of an IPv4 one. */
  word(id: number, i: number): number {
    return i < this.words ? this.keys.get(id * this.words + i) : 0;
  }

  lengthOf(id: number): number {
    return this.lengths.get(id) - 1;
  }

  /** The prefix as a value: for the text edge, not for hot paths. */
  prefix(id: number): Prefix {
    const bytes = new Uint8Array(this.words * 4);
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.word(id, i >> 2) >>> (24 - 8 * (i & 3));
    return { family: this.family, bytes: addressFrom(bytes).bytes, length: this.lengthOf(id) };
  }

  /** `find` for a prefix value of this table's family. */
  lookup(p: Prefix): number {
    return this.find(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length);
  }

  /** The id here of a prefix that another table of this family has under `id`, or -1. */
  findSame(other: PrefixTable, id: number): number {
    return this.find(other.word(id, 0), other.word(id, 1), other.word(id, 2), other.word(id, 3), other.lengthOf(id));
  }

  /** `insert` for a prefix value of this table's family. */
  add(p: Prefix): number {
    return this.insert(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const { keys, lengths, hashes, index } = this;
    return keys.byteLength + lengths.byteLength + hashes.byteLength + index.byteLength;
  }

  /** Looks through slots of the index. */
  private probe(
    slots: Uint32Array,
    hash: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
  ): number {
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot]! - 1;
      if (id === NONE || this.isKey(id, hash, w0, w1, w2, w3, length)) return id;
    }
  }

  private isKey(id: number, hash: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const { keys } = this;
    if (this.words === 1) return keys.get(id) === w0 && this.lengths.get(id) === length + 1;
    if (this.hashes.get(id) !== hash || this.lengths.get(id) !== length + 1) return false;
    const k = 4 * id;
    return keys.get(k) === w0 && keys.get(k + 1) === w1 && keys.get(k + 2) === w2 && keys.get(k + 3) === w3;
  }

  /** Of a prefix that is in the table, or was removed just now. */
  private readonly hashAt = (id: number): number =>
    this.words === 1 ? hashOf(this.seed, this.keys.get(id), 0, 0, 0, this.lengths.get(id) - 1) : this.hashes.get(id);

  private readonly enterAgain = (id: number): void => {
    if (this.lengths.get(id) !== 0) this.index.enter(id, this.hashAt(id));
  };

  private reuse(): number {
    const id = this.free - 1;
    this.free = this.keys.get(id * this.words);
    return id;
  }

  /** An id that was never given, with room for it. */
  private append(): number {
    const { limit: id, words } = this;
    this.lengths.room(id);
    this.keys.room((id + 1) * words - 1);
    if (words === 4) this.hashes.room(id);
    this.limit++;
    return id;
  }
}

/** Word `i` of a prefix's network address; 0 past the end of an IPv4 one. */
export function wordOf(p: Prefix, i: number): number {
  const b = p.bytes;
  const at = 4 * i;
  return at < b.length ? ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0 : 0;
}

/** Multiply-xorshift rounds (as in MurmurHash3): routing tables are regular, so every bit must reach the low ones. */
function hashOf(seed: number, w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = Math.imul(w0 ^ (w0 >>> 15) ^ length ^ seed, 0x85ebca6b);
  if ((w1 | w2 | w3) !== 0) {
    h = Math.imul(h ^ (h >>> 13) ^ w1, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 16) ^ w2, 0x27d4eb2f);
    h = Math.imul(h ^ (h >>> 15) ^ w3, 0x165667b1);
  }
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
