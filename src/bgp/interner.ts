/** Attribute sets of routes we send, as objects that exist once for each distinct value, with a small integer id each. */
import { canonical } from '../lib/diff.ts';
import { emptyList, type IdList } from '../lib/list.ts';
import type { EncodedAttributes } from './attr.ts';
import type { PathAttributes } from './path.ts';

/** What every interned set has. */
export interface Interned {
  readonly id: number;
  readonly key: string;
  readonly attributes: PathAttributes;
  references: number;
}

/** What a caller of AdjRibOut sets. */
export interface Template extends Interned {
  /** Id + 1 of the bucket it becomes on this session, 0 when it is not for it, UNKNOWN before anyone asked. */
  bucket: number;
}

export const UNKNOWN = -1;

export const templateOf = (id: number, key: string, attributes: PathAttributes): Template => {
  return { id, key, attributes, references: 0, bucket: UNKNOWN };
};

/** Attributes as they are sent on one session, and the prefixes that wait for them. */
export interface Bucket extends Interned, IdList {
  /** Undefined until they are first sent. */
  encoded: EncodedAttributes | undefined;
}

export const bucketOf = (id: number, key: string, attributes: PathAttributes): Bucket => {
  return { id, key, attributes, references: 0, encoded: undefined, ...emptyList() };
};

/**
 * Keeps one `T` for each distinct attribute set. Equal sets in different objects are found by a text of their content,
 * once an object: callers share objects among many prefixes, and an object seen before costs one look-up.
 */
export class Interner<T extends Interned> {
  private readonly make: (id: number, key: string, attributes: PathAttributes) => T;
  private items: (T | undefined)[] = [];
  private free: number[] = [];
  private readonly byKey = new Map<string, T>();
  private seen = new WeakMap<PathAttributes, T>();
  private lastSeen: PathAttributes | undefined;
  private last: T | undefined;

  constructor(make: (id: number, key: string, attributes: PathAttributes) => T) {
    this.make = make;
  }

  get size(): number {
    return this.byKey.size;
  }

  /** The set with this content, without a reference when it is new: retain it while using it. */
  intern(attributes: PathAttributes): T {
    if (attributes === this.lastSeen) return this.last!;
    const known = this.seen.get(attributes);
    const item = known !== undefined && this.items[known.id] === known ? known : this.lookup(attributes);
    this.lastSeen = attributes;
    this.last = item;
    return item;
  }

  get(id: number): T {
    return this.items[id]!;
  }

  retain(item: T): void {
    item.references++;
  }

  /** Gives one reference back. True when it was the last: the set is forgotten and its id may be given to another. */
  release(item: T): boolean {
    if (--item.references > 0) return false;
    this.items[item.id] = undefined;
    this.free.push(item.id);
    this.byKey.delete(item.key);
    if (this.last === item) this.lastSeen = undefined;
    return true;
  }

  values(): Iterable<T> {
    return this.byKey.values();
  }

  /** Forgets all sets, whatever references they have. */
  clear(): void {
    this.items = [];
    this.free = [];
    this.byKey.clear();
    this.seen = new WeakMap();
    this.lastSeen = undefined;
  }

  private lookup(attributes: PathAttributes): T {
    const key = canonical(attributes);
    let item = this.byKey.get(key);
    if (item === undefined) {
      item = this.make(this.free.pop() ?? this.items.length, key, attributes);
      this.items[item.id] = item;
      this.byKey.set(key, item);
    }
    this.seen.set(attributes, item);
    return item;
  }
}
