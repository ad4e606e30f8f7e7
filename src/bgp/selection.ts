/**
 * What was chosen for a prefix: a list of paths, each a peer, an attribute set and a share. Most prefixes of a table
 * share theirs with others, so a list exists once and has a small integer id; two prefixes with one id are forwarded
 * alike, and a prefix that keeps its id did not change.
 */
import { AttributeTable } from './intern.ts';

/** One way to a prefix. */
export interface Path {
  readonly peer: number;
  /** Id in the AttributeTable of the routes. */
  readonly attributes: number;
  /** Its part of the traffic, 1..240, in proportion to the others'. */
  readonly weight: number;
}

/** Octets of a path: attributes, peer, weight, one of padding. */
const OCTETS = 8;

export class Selections {
  /** The octets of the lists; what an AttributeTable does with sets is what is needed here. */
  private readonly lists = new AttributeTable();
  private readonly attributes: AttributeTable;
  private scratch = new Uint8Array(16 * OCTETS);
  private length = 0;

  constructor(attributes: AttributeTable) {
    this.attributes = attributes;
  }

  /** Lists that somebody uses. */
  get size(): number {
    return this.lists.size;
  }

  /** Begins a list, which `push` continues and `finish` ends. */
  begin(): void {
    this.length = 0;
  }

  push(peer: number, attributes: number, weight: number): void {
    if (this.length === this.scratch.length) {
      const more = new Uint8Array(2 * this.length);
      more.set(this.scratch);
      this.scratch = more;
    }
    const { scratch: b, length: at } = this;
    b[at] = attributes >>> 24;
    b[at + 1] = attributes >>> 16;
    b[at + 2] = attributes >>> 8;
    b[at + 3] = attributes;
    b[at + 4] = peer >>> 8;
    b[at + 5] = peer;
    b[at + 6] = weight;
    b[at + 7] = 0;
    this.length += OCTETS;
  }

  /** The id of the list, with one reference more. Its attribute sets stay as long as it has any. */
  finish(): number {
    const { lists, scratch, length } = this;
    const hash = lists.hash(scratch, 0, length, 0);
    let id = lists.find(scratch, 0, length, 0, hash);
    if (id < 0) {
      id = lists.add(scratch, 0, length, 0, hash);
      for (let at = 0; at < length; at += OCTETS) this.attributes.retain(setAt(scratch, at));
    }
    lists.retain(id);
    return id;
  }

  release(id: number): void {
    if (this.lists.count(id) === 1) {
      const length = this.lists.lengthOf(id);
      for (let at = 0; at < length; at += OCTETS) this.attributes.release(this.lists.word(id, at));
    }
    this.lists.release(id);
  }

  /** Keeps an id valid until `release`, for whoever needs it longer than the prefix has it. */
  retain(id: number): void {
    this.lists.retain(id);
  }

  /** The attribute set of the only path, or -1 when there are several: most lists have one. */
  sole(id: number): number {
    return this.lists.lengthOf(id) === OCTETS ? this.lists.word(id, 0) : -1;
  }

  /** The paths, the best first. */
  paths(id: number): Path[] {
    const b = this.lists.view(id);
    const out: Path[] = [];
    for (let at = 0; at < b.length; at += OCTETS)
      out.push({ peer: (b[at + 4]! << 8) | b[at + 5]!, attributes: setAt(b, at), weight: b[at + 6]! });
    return out;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.lists.byteLength;
  }
}

const setAt = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
