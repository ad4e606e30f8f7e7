/**
 * Shares addresses out evenly: of addresses that the same nodes may have, no node gets two more than another one.
 *
 * It is rendezvous hashing with bounded loads. Every address has an order of nodes, that of its hashes; addresses come in an
 * order of their own, and each takes the first of its nodes that has not got its share yet. With A addresses and N nodes the
 * share is ⌊A/N⌋, and one more for the first A mod N nodes that need it. What comes out depends on what goes in and on
 * nothing that went before, so all who know the same addresses and nodes come to the same.
 *
 * When an address comes or goes, this makes a difference of one address at one node to those behind it in the order; it is
 * handed on from node to node, and ends at each that is full in both cases. So another address moves at most once for each
 * of the other nodes and each of the two changes (an address more, the share of one node one more): 2(N - 1) at most,
 * however many addresses there are, and about as many as log2(N) on average.
 *
 * As long as no node has its share every address has the first of its nodes. That is so for all but the last few, about
 * √(AN): these alone are gone through again when an address comes or goes.
 */
import { isBefore, type Ranked, RankedList } from '../lib/ranked.ts';

/** An address as it takes part; its text is the key. */
export interface Sharer extends Ranked {
  /** All nodes of its group, best first. */
  order: readonly string[];
  /** The node that it is with. */
  owner: string | undefined;
  /** Used here alone: the first of its nodes that may have addresses. */
  wanted: string | undefined;
}

/** How many addresses nodes have, by name. */
export type Loads = ReadonlyMap<string, number>;

/** What counts beside the addresses. */
export interface Openings<One extends Sharer> {
  /** Nodes that may have addresses. */
  readonly nodes: readonly string[];
  order(one: One): readonly string[];
}

/** Addresses that are looked at in one go. */
const SLICE = 500;

export class Shares<One extends Sharer> {
  loads: Loads = new Map();
  private readonly list = new RankedList<One>();
  private openings: Openings<One> | undefined;
  /** Addresses that ask for a node first, by its name. */
  private readonly wanting = new Map<string, number>();
  /** Those that are with another node than they asked first. */
  private readonly displaced = new Set<One>();
  /** Those that have come, or want another node, since addresses were shared out. */
  private readonly fresh = new Set<One>();
  /** The rest of those that are yet to be asked what they want. */
  private asking: Iterator<One> | undefined;

  get size(): number {
    return this.list.size;
  }

  add(one: One): void {
    this.list.add(one);
    if (this.openings === undefined || this.asking !== undefined) return this.reopen();
    this.ask(one, this.openings);
  }

  remove(one: One): void {
    this.list.delete(one);
    this.displaced.delete(one);
    this.fresh.delete(one);
    if (this.openings === undefined || this.asking !== undefined) return this.reopen();
    this.count(one, -1);
  }

  /** There are other nodes. */
  reopen(): void {
    this.openings = undefined;
    this.asking = undefined;
  }

  /** @returns addresses that are with another node than before; undefined: it is to be called again, as not all is done */
  settle(openings: () => Openings<One>): One[] | undefined {
    if (this.openings === undefined) this.begin(openings());
    const known = this.openings!;
    for (let n = 0; this.asking !== undefined; n++) {
      if (n === SLICE) return undefined;
      const next = this.asking.next();
      if (next.done) this.asking = undefined;
      else this.ask(next.value, known);
    }
    return this.place(known);
  }

  private begin(openings: Openings<One>): void {
    this.openings = openings;
    this.wanting.clear();
    for (const name of openings.nodes) this.wanting.set(name, 0);
    this.displaced.clear();
    this.fresh.clear();
    this.asking = this.list.values();
  }

  private ask(one: One, { order }: Openings<One>): void {
    one.order = order(one);
    one.wanted = one.order.find((name) => this.wanting.has(name));
    this.count(one, 1);
    if (one.owner !== one.wanted) this.fresh.add(one);
  }

  private count({ wanted }: One, by: 1 | -1): void {
    if (wanted !== undefined) this.wanting.set(wanted, this.wanting.get(wanted)! + by);
  }

  private place({ nodes }: Openings<One>): One[] {
    const share = Math.floor(this.size / nodes.length);
    let more = this.size % nodes.length;
    const loads = new Map(this.wanting);
    const tail = this.tail(loads, share);
    const moved: One[] = [];
    const give = (one: One, owner: string | undefined) => {
      if (one.owner !== owner) moved.push(one);
      one.owner = owner;
      if (owner === one.wanted) this.displaced.delete(one);
      else this.displaced.add(one);
    };
    const [start] = tail;
    for (const some of [this.fresh, this.displaced])
      for (const one of some) if (start === undefined || isBefore(one, start)) give(one, one.wanted);
    for (const one of tail) {
      const owner = one.order.find((name) => {
        const load = loads.get(name);
        return load !== undefined && (load < share || (load === share && more > 0));
      })!;
      const load = loads.get(owner)!;
      if (load === share) more--;
      loads.set(owner, load + 1);
      give(one, owner);
    }
    this.loads = loads;
    this.fresh.clear();
    return moved;
  }

  /**
   * The addresses from the first on that may not get what it asks for.
   * @param wanting of all; what those of the tail ask for is taken off
   */
  private tail(wanting: Map<string, number>, share: number): One[] {
    const over = new Set([...wanting].flatMap(([name, count]) => (count > share ? name : [])));
    const tail: One[] = [];
    if (over.size === 0) return tail;
    for (const one of this.list.backwards()) {
      tail.push(one);
      const count = wanting.get(one.wanted!)! - 1;
      wanting.set(one.wanted!, count);
      if (count <= share) over.delete(one.wanted!);
      if (over.size === 0) break;
    }
    return tail.reverse();
  }
}
