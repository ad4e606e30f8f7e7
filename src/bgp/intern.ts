/**
 * Attribute sets as small integers. A full table has a few hundred thousand distinct sets, each shared by the
 * routes that came with it; here each costs its octets and some 25 more, in typed arrays, and no object.
 */
import { roomFor, roomier, zeros } from '../lib/room.ts';
import { tableSeed } from '../lib/seed.ts';

/**
 * Sets are the same when their octets and their tag are. An id stays valid until its last reference is released,
 * and may then be given to another set. A set nobody ever retained stays too: whoever adds one retains it while
 * using it, and releases it when no route took it.
 */
export class AttributeTable {
  /** Sets in the table. */
  size = 0;
  private arena = new Uint8Array(4096);
  private used = 0;
  /** Octets in `arena` that belong to no set any more. */
  private garbage = 0;
  private offsets = new Uint32Array(32);
  private lengths = new Uint32Array(32);
  private hashes = new Uint32Array(32);
  private references = new Uint32Array(32);
  private tags = new Uint8Array(32);
  /** Every id ever given is below this. */
  private limit = 0;
  /** The id that was given back last + 1, whose offset is the one before it + 1; 0: none. */
  private free = 0;
  /** Open addressing, linear probing: id + 1, or 0 for an empty slot. */
  private index = new Uint32Array(64);
  private mask = 63;
  private readonly seed = tableSeed();
  private readonly watchers: ((id: number) => void)[] = [];

  /** The hash that `find` and `add` use, for a caller that does both. */
  hash(bytes: Uint8Array, start: number, end: number, tag: number): number {
    let h = Math.imul(end - start, 0x9e3779b1) ^ tag ^ this.seed;
    let at = start;
    for (const last = end - 3; at < last; at += 4) {
      const w = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
      // Twice: what one word does, another chosen for that could undo, whatever the seed.
      h = Math.imul(h ^ w, 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    }
    for (; at < end; at++) h = Math.imul(h ^ bytes[at]!, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35);
    return (h ^ (h >>> 13)) >>> 0;
  }

  /** The id of these octets under `tag` (0..255), or -1. */
  find(bytes: Uint8Array, start: number, end: number, tag: number, hash = this.hash(bytes, start, end, tag)): number {
    for (let slot = hash & this.mask; ; slot = (slot + 1) & this.mask) {
      const id = this.index[slot]! - 1;
      if (id < 0) return -1;
      if (this.hashes[id] === hash && this.tags[id] === tag && this.holds(id, bytes, start, end)) return id;
    }
  }

  /** The id of these octets, which are added when they were not there. */
  intern(bytes: Uint8Array, start: number, end: number, tag: number, hash = this.hash(bytes, start, end, tag)): number {
    const known = this.find(bytes, start, end, tag, hash);
    return known >= 0 ? known : this.add(bytes, start, end, tag, hash);
  }

  /** The id of a new set without references; the octets are copied in. The caller has looked: `find` said -1. */
  add(bytes: Uint8Array, start: number, end: number, tag: number, hash = this.hash(bytes, start, end, tag)): number {
    const length = end - start;
    if (this.used + length > this.arena.length) this.moveArena(length);
    const id = this.free === 0 ? this.append() : this.reuse();
    // A short loop beats `set(subarray)`, which allocates a view.
    const { arena, used } = this;
    for (let i = 0; i < length; i++) arena[used + i] = bytes[start + i]!;
    this.offsets[id] = used;
    this.used += length;
    this.lengths[id] = length;
    this.hashes[id] = hash;
    this.tags[id] = tag;
    this.references[id] = 0;
    this.size++;
    if (this.size * 4 > (this.mask + 1) * 3) this.rehash();
    this.enter(id);
    return id;
  }

  retain(id: number): void {
    this.references[id] = this.references[id]! + 1;
  }

  /** Gives one reference back; the set is gone when none is left. A set without references is dropped at once. */
  release(id: number): void {
    const left = this.references[id]! - 1;
    if (left > 0) this.references[id] = left;
    else this.drop(id);
  }

  /** Tells `watcher` of every set that is dropped, before its id is given to another: whoever keeps something by id forgets it. */
  watch(watcher: (id: number) => void): void {
    this.watchers.push(watcher);
  }

  /** Ends a `watch`. */
  unwatch(watcher: (id: number) => void): void {
    const at = this.watchers.indexOf(watcher);
    if (at >= 0) this.watchers.splice(at, 1);
  }

  /** References of a set. */
  count(id: number): number {
    return this.references[id]!;
  }

  /** The octets of a set, where they lie: valid until the next `add` or `release`. */
  view(id: number): Uint8Array {
    const at = this.offsets[id]!;
    return this.arena.subarray(at, at + this.lengths[id]!);
  }

  /** Octets of a set. */
  lengthOf(id: number): number {
    return this.lengths[id]!;
  }

  /** Four of its octets as a number, in network order: what `view` says, without a view. */
  word(id: number, at: number): number {
    const i = this.offsets[id]! + at;
    const b = this.arena;
    return ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
  }

  tag(id: number): number {
    return this.tags[id]!;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const arrays = [this.arena, this.offsets, this.lengths, this.hashes, this.references, this.tags, this.index];
    return arrays.reduce((n, a) => n + a.byteLength, 0);
  }

  private holds(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.lengths[id] !== length) return false;
    const arena = this.arena;
    const offset = this.offsets[id]!;
    for (let i = 0; i < length; i++) if (arena[offset + i] !== bytes[start + i]) return false;
    return true;
  }

  private enter(id: number): void {
    let slot = this.hashes[id]! & this.mask;
    while (this.index[slot] !== 0) slot = (slot + 1) & this.mask;
    this.index[slot] = id + 1;
  }

  private drop(id: number): void {
    for (let i = 0; i < this.watchers.length; i++) this.watchers[i]!(id);
    let hole = this.hashes[id]! & this.mask;
    while (this.index[hole] !== id + 1) hole = (hole + 1) & this.mask;
    // Backward-shift deletion, as in PrefixTable.
    for (let slot = (hole + 1) & this.mask; this.index[slot] !== 0; slot = (slot + 1) & this.mask) {
      const home = this.hashes[this.index[slot]! - 1]! & this.mask;
      if (((slot - home) & this.mask) >= ((slot - hole) & this.mask)) {
        this.index[hole] = this.index[slot]!;
        hole = slot;
      }
    }
    this.index[hole] = 0;
    this.garbage += this.lengths[id]!;
    this.lengths[id] = 0;
    this.references[id] = 0;
    this.offsets[id] = this.free;
    this.free = id + 1;
    this.size--;
    if (this.garbage > 65536 && this.garbage * 2 > this.used) this.moveArena(0);
  }

  /** Copies the living sets to an arena with room for `more` octets, and to spare. */
  private moveArena(more: number): void {
    const living = this.used - this.garbage;
    const room = more === 0 ? Math.ceil(1.5 * living) : roomier(living + more);
    const arena = zeros(Uint8Array, Math.max(4096, room));
    if (this.garbage === 0) arena.set(this.arena.subarray(0, this.used));
    else {
      let at = 0;
      for (let id = 0; id < this.limit; id++) {
        const length = this.lengths[id]!;
        if (length === 0) continue;
        const from = this.offsets[id]!;
        arena.set(this.arena.subarray(from, from + length), at);
        this.offsets[id] = at;
        at += length;
      }
    }
    this.arena = arena;
    this.used = living;
    this.garbage = 0;
  }

  private reuse(): number {
    const id = this.free - 1;
    this.free = this.offsets[id]!;
    return id;
  }

  /** An id that was never given, with room for it. */
  private append(): number {
    const id = this.limit;
    this.offsets = roomFor(this.offsets, id, 0);
    this.lengths = roomFor(this.lengths, id, 1);
    this.hashes = roomFor(this.hashes, id, 2);
    this.references = roomFor(this.references, id, 3);
    this.tags = roomFor(this.tags, id, 4);
    this.limit++;
    return id;
  }

  private rehash(): void {
    const old = this.index;
    this.mask = this.mask * 2 + 1;
    this.index = zeros(Uint32Array, this.mask + 1);
    for (const entry of old) if (entry !== 0) this.enter(entry - 1);
  }
}
