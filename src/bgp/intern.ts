/**
 * Attribute sets as small integers. A full table has a few hundred thousand distinct sets, each shared by the
 * routes that came with it; here each costs its octets and some 25 more, in typed arrays, and no object.
 */
import { Arena } from '../lib/arena.ts';
import { Column } from '../lib/column.ts';
import { HashIndex } from '../lib/hashindex.ts';
import { tableSeed } from '../lib/seed.ts';

/**
 * Sets are the same when their octets and their tag are. An id stays valid until its last reference is released,
 * and may then be given to another set. A set nobody ever retained stays too: whoever adds one retains it while
 * using it, and releases it when no route took it.
 */
export class AttributeTable {
  /** Sets in the table. */
  size = 0;
  private readonly arena = new Arena();
  /** Where in the arena a set is; of an id that was given back, the one given back before it + 1. */
  private readonly positions = new Column(Uint32Array);
  /** Octets; GONE for an id that is no set. */
  private readonly lengths = new Column(Uint32Array);
  private readonly hashes = new Column(Uint32Array);
  private readonly references = new Column(Uint32Array);
  private readonly tags = new Column(Uint8Array);
  /** Every id ever given is below this. */
  private limit = 0;
  /** The id that was given back last + 1; 0: none. */
  private free = 0;
  /** While the octets of some pieces of the arena have to be moved: the next id to look at; -1: there are none. */
  private sweepAt = -1;
  private readonly index = new HashIndex(32);
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
    const { slots, isMoving, previous } = this.index;
    const id = this.probe(slots, bytes, start, end, tag, hash);
    return id < 0 && isMoving ? this.probe(previous, bytes, start, end, tag, hash) : id;
  }

  /** The id of these octets, which are added when they were not there. */
  intern(bytes: Uint8Array, start: number, end: number, tag: number, hash = this.hash(bytes, start, end, tag)): number {
    const known = this.find(bytes, start, end, tag, hash);
    return known >= 0 ? known : this.add(bytes, start, end, tag, hash);
  }

  /** The id of a new set without references; the octets are copied in. The caller has looked: `find` said -1. */
  add(bytes: Uint8Array, start: number, end: number, tag: number, hash = this.hash(bytes, start, end, tag)): number {
    if (this.sweepAt >= 0) this.tidy();
    const id = this.free === 0 ? this.append() : this.reuse();
    this.positions.set(id, this.arena.put(bytes, start, end));
    this.lengths.set(id, end - start);
    this.hashes.set(id, hash);
    this.tags.set(id, tag);
    this.references.set(id, 0);
    this.size++;
    this.index.enter(id, hash);
    this.index.grow(this.size, this.enterAgain);
    return id;
  }

  retain(id: number): void {
    this.references.set(id, this.references.get(id) + 1);
  }

  /** Gives one reference back; the set is gone when none is left. A set without references is dropped at once. */
  release(id: number): void {
    const left = this.references.get(id) - 1;
    if (left > 0) this.references.set(id, left);
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
    return this.references.get(id);
  }

  /** The octets of a set, where they lie: valid until the next `add` or `release`. */
  view(id: number): Uint8Array {
    const position = this.positions.get(id);
    const at = this.arena.within(position);
    return this.arena.piece(position).subarray(at, at + this.lengths.get(id));
  }

  /** Octets of a set. */
  lengthOf(id: number): number {
    return this.lengths.get(id);
  }

  /** Four of its octets as a number, in network order: what `view` says, without a view. */
  word(id: number, at: number): number {
    const position = this.positions.get(id);
    const i = this.arena.within(position) + at;
    const b = this.arena.piece(position);
    return ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
  }

  tag(id: number): number {
    return this.tags.get(id);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const { arena, positions, lengths, hashes, references, tags, index } = this;
    const arrays = [arena, positions, lengths, hashes, references, tags, index];
    return arrays.reduce((n, a) => n + a.byteLength, 0);
  }

  /** Looks through slots of the index. */
  private probe(slots: Uint32Array, bytes: Uint8Array, start: number, end: number, tag: number, hash: number): number {
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot]! - 1;
      if (id < 0) return -1;
      if (this.hashes.get(id) === hash && this.tags.get(id) === tag && this.holds(id, bytes, start, end)) return id;
    }
  }

  private holds(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.lengths.get(id) !== length) return false;
    const position = this.positions.get(id);
    const piece = this.arena.piece(position);
    const at = this.arena.within(position);
    for (let i = 0; i < length; i++) if (piece[at + i] !== bytes[start + i]) return false;
    return true;
  }

  private readonly hashAt = (id: number): number => this.hashes.get(id);

  private readonly enterAgain = (id: number): void => {
    if (this.lengths.get(id) !== GONE) this.index.enter(id, this.hashes.get(id));
  };

  private drop(id: number): void {
    for (let i = 0; i < this.watchers.length; i++) this.watchers[i]!(id);
    this.index.remove(id, this.hashes.get(id), this.hashAt);
    this.arena.drop(this.positions.get(id), this.lengths.get(id));
    this.lengths.set(id, GONE);
    this.references.set(id, 0);
    this.positions.set(id, this.free);
    this.free = id + 1;
    this.size--;
    if (this.sweepAt >= 0) this.tidy();
    else if (this.arena.isWasteful) {
      this.arena.leave();
      this.sweepAt = 0;
    }
  }

  /** Moves octets out of the pieces of the arena that are to go. */
  private tidy(): void {
    const to = Math.min(this.sweepAt + AT_A_TIME, this.limit);
    for (let id = this.sweepAt; id < to; id++) {
      const length = this.lengths.get(id);
      if (length !== GONE) this.positions.set(id, this.arena.move(this.positions.get(id), length));
    }
    this.sweepAt = to === this.limit ? -1 : to;
  }

  private reuse(): number {
    const id = this.free - 1;
    this.free = this.positions.get(id);
    return id;
  }

  /** An id that was never given, with room for it. */
  private append(): number {
    const id = this.limit;
    this.positions.room(id);
    this.lengths.room(id);
    this.hashes.room(id);
    this.references.room(id);
    this.tags.room(id);
    this.limit++;
    return id;
  }
}

const GONE = 0xffffffff;
/** Sets in the arena that are looked at whenever a set comes or goes. */
const AT_A_TIME = 8;
