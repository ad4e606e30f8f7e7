/**
 * A table keyed by prefix, on typed arrays: a full Internet table costs about 20 octets a prefix here, and no
 * object, string or bigint exists for any of them.
 *
 * Each prefix in the table has a small integer id, stable until it is removed and reused afterwards. Whoever keeps
 * something for a prefix keeps it in a typed array of their own, indexed by that id (struct of arrays). IPv4 and
 * IPv6 live in tables of their own; an IPv4 prefix uses one 32-bit word, an IPv6 prefix four.
 */
import { addressFrom, type Family } from './address.ts';
import type { Prefix } from './prefix.ts';
import { roomFor, zeros } from './room.ts';
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
  private keys: Uint32Array;
  /** Length + 1; 0 for an id on the free list, or one that was never given. */
  private lengths: Uint8Array;
  /** Of IPv6 alone: an IPv4 prefix is hashed and compared as fast as a hash is read. */
  private hashes: Uint32Array;
  /** Open addressing, linear probing: id + 1, or 0 for an empty slot. */
  private index: Uint32Array;
  private mask: number;
  /**
   * The index before it grew last, which is moved over a few slots an insert: moving a million at once would
   * stop everything for tens of milliseconds. Slots below `moved` are done. Its entries are only hints, since the
   * key of the id decides: what was removed or moved meanwhile may stay in it.
   */
  private previous: Uint32Array = EMPTY;
  private moved = 0;
  /** The id that was given back last + 1, whose key is the one before it + 1; 0: none. */
  private free = 0;

  constructor(family: Family, capacity = 64) {
    this.family = family;
    this.words = family === 4 ? 1 : 4;
    this.keys = new Uint32Array(capacity * this.words);
    this.lengths = new Uint8Array(capacity);
    this.hashes = this.words === 1 ? EMPTY : new Uint32Array(capacity);
    this.mask = 2 ** Math.ceil(Math.log2(Math.max(8, capacity * 1.5))) - 1;
    this.index = new Uint32Array(this.mask + 1);
  }

  /** The id of a prefix, or -1. IPv4 uses `w0` alone; bits past `length` must be zero. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = hashOf(this.seed, w0, w1, w2, w3, length);
    const id = this.probe(this.index, hash, w0, w1, w2, w3, length);
    return id === NONE && this.previous !== EMPTY ? this.probe(this.previous, hash, w0, w1, w2, w3, length) : id;
  }

  /** The id of a prefix, which is added when it was not there. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = hashOf(this.seed, w0, w1, w2, w3, length);
    let slot = hash & this.mask;
    for (; ; slot = (slot + 1) & this.mask) {
      const id = this.index[slot]! - 1;
      if (id === NONE) break;
      if (this.isKey(id, hash, w0, w1, w2, w3, length)) return id;
    }
    if (this.previous !== EMPTY) {
      const id = this.probe(this.previous, hash, w0, w1, w2, w3, length);
      if (id !== NONE) return id;
    }
    const id = this.free === 0 ? this.append() : this.reuse();
    if (this.words === 1) this.keys[id] = w0;
    else {
      this.keys[4 * id] = w0;
      this.keys[4 * id + 1] = w1;
      this.keys[4 * id + 2] = w2;
      this.keys[4 * id + 3] = w3;
      this.hashes[id] = hash;
    }
    this.lengths[id] = length + 1;
    this.index[slot] = id + 1;
    this.size++;
    if (this.previous !== EMPTY) this.move(MOVED_PER_INSERT);
    else if (this.size * 4 > (this.mask + 1) * 3) this.growIndex();
    return id;
  }

  /** Removes the prefix with this id; the id may be given to another prefix later. */
  remove(id: number): void {
    let hole = this.hashAt(id) & this.mask;
    while (this.index[hole] !== id + 1 && this.index[hole] !== 0) hole = (hole + 1) & this.mask;
    // Backward-shift deletion keeps probe runs unbroken without tombstones. (Not there yet: see `previous`.)
    if (this.index[hole] !== 0) {
      for (let slot = (hole + 1) & this.mask; this.index[slot] !== 0; slot = (slot + 1) & this.mask) {
        const home = this.hashAt(this.index[slot]! - 1) & this.mask;
        if (((slot - home) & this.mask) >= ((slot - hole) & this.mask)) {
          this.index[hole] = this.index[slot]!;
          hole = slot;
        }
      }
      this.index[hole] = 0;
    }
    this.lengths[id] = 0;
    this.keys[id * this.words] = this.free;
    this.free = id + 1;
    this.size--;
  }

  /** The id names a prefix that is in the table. */
  has(id: number): boolean {
    return id >= 0 && id < this.limit && this.lengths[id] !== 0;
  }

  /** Word `i` of the prefix's network address; 0 past the end of an IPv4 one. */
  word(id: number, i: number): number {
    return i < this.words ? this.keys[id * this.words + i]! : 0;
  }

  lengthOf(id: number): number {
    return this.lengths[id]! - 1;
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

  /** Ids that there is room for: owners of parallel arrays may grow theirs to it, or by `roomFor`. */
  get capacity(): number {
    return this.lengths.length;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const { keys, lengths, hashes, index, previous } = this;
    return keys.byteLength + lengths.byteLength + hashes.byteLength + index.byteLength + previous.byteLength;
  }

  /** Looks through one index, whose length is a power of two. */
  private probe(
    index: Uint32Array,
    hash: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
  ): number {
    const mask = index.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = index[slot]! - 1;
      if (id === NONE || this.isKey(id, hash, w0, w1, w2, w3, length)) return id;
    }
  }

  private isKey(id: number, hash: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const { keys } = this;
    if (this.words === 1) return keys[id] === w0 && this.lengths[id] === length + 1;
    if (this.hashes[id] !== hash || this.lengths[id] !== length + 1) return false;
    const k = 4 * id;
    return keys[k] === w0 && keys[k + 1] === w1 && keys[k + 2] === w2 && keys[k + 3] === w3;
  }

  /** Of a prefix that is in the table, or was removed just now. */
  private hashAt(id: number): number {
    return this.words === 1 ? hashOf(this.seed, this.keys[id]!, 0, 0, 0, this.lengths[id]! - 1) : this.hashes[id]!;
  }

  private reuse(): number {
    const id = this.free - 1;
    this.free = this.keys[id * this.words]!;
    return id;
  }

  /** An id that was never given, with room for it. */
  private append(): number {
    const { limit: id, words } = this;
    this.lengths = roomFor(this.lengths, id, 0);
    this.keys = roomFor(this.keys, (id + 1) * words - 1, 1);
    if (words === 4) this.hashes = roomFor(this.hashes, id, 2);
    this.limit++;
    return id;
  }

  private growIndex(): void {
    this.previous = this.index;
    this.moved = 0;
    this.mask = (this.mask + 1) * (this.mask < SMALL_INDEX ? 4 : 2) - 1;
    this.index = zeros(Uint32Array, this.mask + 1);
    this.move(MOVED_PER_INSERT);
  }

  /** Moves the ids of the next `count` slots of the previous index to the present one. */
  private move(count: number): void {
    const to = Math.min(this.moved + count, this.previous.length);
    for (; this.moved < to; this.moved++) {
      const entry = this.previous[this.moved]!;
      if (entry === 0 || this.lengths[entry - 1] === 0) continue;
      let slot = this.hashAt(entry - 1) & this.mask;
      // An id given out again since has its entry already.
      while (this.index[slot] !== 0 && this.index[slot] !== entry) slot = (slot + 1) & this.mask;
      this.index[slot] = entry;
    }
    if (this.moved === this.previous.length) this.previous = EMPTY;
  }
}

const EMPTY = new Uint32Array(0);
/** Growing makes room for 0.75 inserts a slot of the previous index at least, so two would do; more frees it sooner. */
const MOVED_PER_INSERT = 8;
/** Up to here an index grows fourfold, and twofold above. */
const SMALL_INDEX = 1 << 16;

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
