/**
 * The received routes of one address family, as struct of arrays: twenty octets a route, no object for any. A route
 * is a small integer; the routes to one prefix hang together in a list that starts at the prefix's id.
 *
 * Each route belongs to a peer (a small integer) and to one of its generations (see source.ts). Dead ones are
 * invisible at once, and removed by `sweep` a slice at a time.
 */
import { Column } from '../lib/column.ts';
import { IdQueue } from '../lib/queue.ts';
import { PrefixTable } from '../lib/table.ts';
import type { AddressFamily } from './const.ts';
import type { AttributeTable } from './intern.ts';
import { type Keep, MAX_PATHS_OF_PEER, type RouteCounts } from './source.ts';
import { Sources } from './sources.ts';

/**
 * Says whether the decision process may use a route: called once when it is received and again by `reconsider`, with
 * the id of its attributes and the id of its prefix.
 */
export type Accept = (peer: number, family: AddressFamily, attributes: number, prefix: number) => boolean;

/** No route, no prefix. */
const NONE = -1;

export class RouteTable {
  readonly family: AddressFamily;
  /** Ids of prefixes that have routes, or had some until `drain` shows that they have none. */
  readonly prefixes: PrefixTable;
  /** Told of each path that is passed over since its peer has `MAX_PATHS_OF_PEER` others to the prefix. */
  tooManyPaths: ((peer: number, prefix: number) => void) | undefined;
  private readonly attributes: AttributeTable;
  private readonly accept: Accept;
  private readonly sources = new Sources();
  /** Prefixes whose routes changed since the decision process saw them. */
  private readonly changed = new IdQueue();
  /** By prefix id: first route + 1, or 0. */
  private readonly heads = new Column(Uint32Array);

  private limit = 0;
  private firstFree = NONE;
  /** By route: the rest of its prefix's list (route + 1, or 0); the free list runs through it too. */
  private readonly nexts = new Column(Uint32Array);
  /** By route: prefix id + 1, or 0 when the route is free. */
  private readonly targets = new Column(Uint32Array);
  private readonly sets = new Column(Uint32Array);
  private readonly pathIds = new Column(Uint32Array);
  private readonly peers = new Column(Uint16Array);
  private readonly generations = new Column(Uint8Array);
  private readonly accepted = new Column(Uint8Array);

  /** Where the search for dead routes goes on. */
  private sweepAt = 0;
  /** After `find` in vain: what else the peer has to the prefix, of its present generation. */
  private siblings = 0;

  constructor(family: AddressFamily, attributes: AttributeTable, accept: Accept = () => true) {
    this.family = family;
    this.prefixes = new PrefixTable(family === 'ipv4' ? 4 : 6);
    this.attributes = attributes;
    this.accept = accept;
  }

  /** Puts a route in the place of the one that `peer` sent before for the prefix and path id (RFC 4271 §9). */
  announce(
    peer: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    pathId: number,
    attributes: number,
  ): void {
    const prefix = this.prefixes.insert(w0, w1, w2, w3, length);
    this.heads.room(prefix);
    const source = this.sources.of(peer);
    let route = this.find(prefix, peer, pathId);
    if (route === NONE) {
      if (this.siblings >= MAX_PATHS_OF_PEER) return this.tooManyPaths?.(peer, prefix);
      route = this.allocate();
      this.nexts.set(route, this.heads.get(prefix));
      this.heads.set(prefix, route + 1);
      this.targets.set(route, prefix + 1);
      this.peers.set(route, peer);
      this.pathIds.set(route, pathId);
      this.attributes.retain(attributes);
    } else {
      const same = this.sets.get(route) === attributes && source.isLive(this.generations.get(route));
      this.count(route, -1);
      if (same) {
        // What was stale may have been a last resort (RFC 9494 §4.3): now it is a route like others.
        if (this.generations.get(route) !== source.current) this.changed.push(prefix);
        this.generations.set(route, source.current);
        this.count(route, 1);
        return;
      }
      // In this order: the two may be one set, with this reference its last.
      this.attributes.retain(attributes);
      this.attributes.release(this.sets.get(route));
    }
    this.sets.set(route, attributes);
    this.generations.set(route, source.current);
    this.accepted.set(route, this.accept(peer, this.family, attributes, prefix) ? 1 : 0);
    this.count(route, 1);
    this.changed.push(prefix);
  }

  /** Removes the route that `peer` sent for the prefix and path id, if there is one. */
  withdraw(peer: number, w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    const prefix = this.prefixes.find(w0, w1, w2, w3, length);
    const route = prefix === NONE ? NONE : this.find(prefix, peer, pathId);
    if (route !== NONE) this.remove(route);
  }

  /** What `peer` sends from now on is told from what it sent, and `keep` says what becomes of that; see `Source.begin`. */
  beginGeneration(peer: number, keep: Keep): void {
    if (this.sources.of(peer).exhausted) this.sweep(this.limit);
    this.sources.begin(peer, keep);
  }

  /** The routes of `peer` that are still stale are dead: its End-of-RIB came, or its time is over. */
  endStale(peer: number): void {
    this.sources.endStale(peer);
  }

  /** Looks at `budget` routes at most and removes the dead among them. True while dead ones are left. */
  sweep(budget: number): boolean {
    for (let n = Math.min(budget, this.limit); n > 0 && this.sources.dead > 0; n--) {
      if (this.sweepAt >= this.limit) this.sweepAt = 0;
      const route = this.sweepAt++;
      if (this.targets.get(route) !== 0 && !this.isLive(route)) this.remove(route);
    }
    return this.sources.dead > 0;
  }

  /** Asks `Accept` again about routes of `peer`, looking at `budget` of all from `from` on; returns where to go on, or -1. */
  reconsider(peer: number, from: number, budget: number): number {
    const to = Math.min(from + budget, this.limit);
    for (let route = from; route < to; route++) {
      if (this.peers.get(route) === peer && this.targets.get(route) !== 0 && this.isLive(route)) this.judge(route);
    }
    return to === this.limit ? NONE : to;
  }

  /** Asks `Accept` again about the routes to one prefix. */
  reconsiderPrefix(prefix: number): void {
    for (let route = this.first(prefix); route !== NONE; route = this.next(route)) this.judge(route);
  }

  private judge(route: number): void {
    const prefix = this.targets.get(route) - 1;
    const accepted = this.accept(this.peers.get(route), this.family, this.sets.get(route), prefix);
    if (accepted === this.isAccepted(route)) return;
    this.count(route, -1);
    this.accepted.set(route, accepted ? 1 : 0);
    this.count(route, 1);
    this.changed.push(prefix);
  }

  /** Prefixes that `drain` will show. */
  get changes(): number {
    return this.changed.size;
  }

  /**
   * Shows the prefixes whose routes changed to `visit`, in the order of their first change, `budget` of them at most.
   * A prefix that has no route left is forgotten afterwards and its id given to another: the visitor drops what it
   * keeps under that id. True while some are left.
   */
  drain(budget: number, visit: (prefix: number) => void): boolean {
    for (; budget > 0 && this.changed.size > 0; budget--) {
      const prefix = this.changed.shift();
      visit(prefix);
      if (this.heads.get(prefix) === 0 && !this.changed.has(prefix)) this.prefixes.remove(prefix);
    }
    return this.changed.size > 0;
  }

  /** The first route to a prefix, or -1: dead ones are passed over. */
  first(prefix: number): number {
    return this.skipDead(this.heads.get(prefix) - 1);
  }

  /** The route after `route` to the same prefix, or -1. */
  next(route: number): number {
    return this.skipDead(this.nexts.get(route) - 1);
  }

  /** The first route of `peer` from `from` on, or -1: `show` walks a peer's routes with it, in no order. */
  nextOf(peer: number, from = 0): number {
    for (let route = from; route < this.limit; route++) {
      if (this.peers.get(route) === peer && this.targets.get(route) !== 0 && this.isLive(route)) return route;
    }
    return NONE;
  }

  /** The id in `prefixes`. */
  prefixOf(route: number): number {
    return this.targets.get(route) - 1;
  }

  peerOf(route: number): number {
    return this.peers.get(route);
  }

  /** The id of a route's attributes in the AttributeTable. */
  attributesOf(route: number): number {
    return this.sets.get(route);
  }

  pathIdOf(route: number): number {
    return this.pathIds.get(route);
  }

  isStale(route: number): boolean {
    return this.generations.get(route) !== this.sources.of(this.peers.get(route)).current;
  }

  isAccepted(route: number): boolean {
    return this.accepted.get(route) !== 0;
  }

  counts(peer: number): RouteCounts {
    return this.sources.of(peer).counts;
  }

  /** Octets held, attribute sets aside, for measurements. */
  get byteLength(): number {
    const { heads, nexts, targets, sets, pathIds, peers, generations, accepted, changed, prefixes } = this;
    const parts = [heads, nexts, targets, sets, pathIds, peers, generations, accepted, changed, prefixes];
    return parts.reduce((n, part) => n + part.byteLength, 0);
  }

  private isLive(route: number): boolean {
    return this.sources.of(this.peers.get(route)).isLive(this.generations.get(route));
  }

  private skipDead(route: number): number {
    while (route !== NONE && !this.isLive(route)) route = this.nexts.get(route) - 1;
    return route;
  }

  private find(prefix: number, peer: number, pathId: number): number {
    const { current } = this.sources.of(peer);
    this.siblings = 0;
    for (let route = this.heads.get(prefix) - 1; route !== NONE; route = this.nexts.get(route) - 1) {
      if (this.peers.get(route) !== peer) continue;
      if (this.pathIds.get(route) === pathId) return route;
      if (this.generations.get(route) === current) this.siblings++;
    }
    return NONE;
  }

  private count(route: number, by: 1 | -1): void {
    this.sources.count(this.peers.get(route), this.generations.get(route), this.isAccepted(route), by);
  }

  remove(route: number): void {
    const prefix = this.targets.get(route) - 1;
    const rest = this.nexts.get(route);
    if (this.heads.get(prefix) === route + 1) this.heads.set(prefix, rest);
    else {
      let before = this.heads.get(prefix) - 1;
      while (this.nexts.get(before) !== route + 1) before = this.nexts.get(before) - 1;
      this.nexts.set(before, rest);
    }
    this.count(route, -1);
    this.attributes.release(this.sets.get(route));
    this.targets.set(route, 0);
    this.nexts.set(route, this.firstFree + 1);
    this.firstFree = route;
    this.changed.push(prefix);
  }

  private allocate(): number {
    const route = this.firstFree;
    if (route === NONE) return this.append();
    this.firstFree = this.nexts.get(route) - 1;
    return route;
  }

  /** An id that was never given, with room for it. */
  private append(): number {
    const route = this.limit;
    this.nexts.room(route);
    this.targets.room(route);
    this.sets.room(route);
    this.pathIds.room(route);
    this.peers.room(route);
    this.generations.room(route);
    this.accepted.room(route);
    this.limit++;
    return route;
  }
}
