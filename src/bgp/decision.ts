/**
 * The best of the routes to a prefix (RFC 4271 §9.1.2). The answer depends on the routes alone, never on the order in
 * which they came: MED is compared by elimination, as the RFC has it, and the route in use has no advantage over an
 * equal one (RFC 5004 is left out on purpose, so that all nodes with the same routes choose the same).
 */
import { type AttributeKeys, Key, KeyFlag } from './keys.ts';
import { UNREACHABLE } from './nexthop.ts';
import type { RouteTable } from './routes.ts';
import type { Standings } from './standing.ts';

/**
 * What a route that is not chosen loses by, in the order in which these are compared. A stale route past the restart
 * time is the last resort, whatever else it has (RFC 9494 §4.3). The router ID is the originator's where a reflector
 * names it (RFC 4456 §9).
 */
export const losses = [
  'longLivedStale',
  'lowerLocalPref',
  'longerAsPath',
  'higherOrigin',
  'higherMed',
  'internal',
  'higherIgpMetric',
  'higherRouterId',
  'longerClusterList',
  'higherPeerAddress',
  'higherPathId',
] as const;
export type Loss = (typeof losses)[number];

/**
 * Why a route is no candidate: import rules or receive policy are against it, nobody knows the way to its next hop, or that
 * is on no link of ours though its peer is one hop away (RFC 4271 §6.3).
 */
export type Exclusion = 'notAccepted' | 'nextHopUnreachable' | 'nextHopOffLink';

/** Steps count from 1, so that their signs differ. */
const Step = {
  stale: 1,
  localPref: 2,
  hops: 3,
  origin: 4,
  med: 5,
  internal: 6,
  metric: 7,
  routerId: 8,
  clusters: 9,
  address: 10,
  pathId: 11,
} as const;

export interface DecisionOptions {
  /** Compare MED between routes from different neighbour ASes too. */
  readonly alwaysCompareMed?: boolean;
  /** A route without MED has the highest, and not 0. */
  readonly missingMedWorst?: boolean;
}

const MISSING_WORST = 0xffffffff;

export class Decision {
  readonly keys: AttributeKeys;
  readonly standings: Standings;
  options: DecisionOptions;
  /** After `best`: candidates that may be as good as the best, in `survivors` up to this. */
  count = 0;
  survivors = new Int32Array(16);
  /** Told of a peer with a next hop on no link of ours, once as long as that is so. */
  offLink: ((peer: number, nextHop: number) => void) | undefined;
  private readonly lowest = new Map<number, number>();

  /** @param standings of all peers with routes */
  constructor(keys: AttributeKeys, standings: Standings, options: DecisionOptions = {}) {
    this.keys = keys;
    this.standings = standings;
    this.options = options;
  }

  /** The best of the routes to a prefix that are accepted and whose next hop can be reached, or -1. */
  best(routes: RouteTable, prefix: number): number {
    this.gather(routes, prefix);
    const { survivors } = this;
    if (this.count === 0) return -1;
    if (this.count === 2) {
      if (this.compare(routes, survivors[0]!, survivors[1]!) > 0) this.putFirst(1);
    } else if (this.count > 2) this.eliminate(routes);
    return this.survivors[0]!;
  }

  /** Every route to the prefix, and what each but the best loses by. */
  explain(
    routes: RouteTable,
    prefix: number,
  ): { readonly route: number; readonly reason: Loss | Exclusion | undefined }[] {
    const best = this.best(routes, prefix);
    const alive = new Set(this.survivors.subarray(0, this.count));
    const out: { route: number; reason: Loss | Exclusion | undefined }[] = [];
    for (let route = routes.first(prefix); route >= 0; route = routes.next(route)) {
      const reason =
        this.exclusion(routes, route) ?? (route === best ? undefined : this.loss(routes, best, route, alive));
      out.push({ route, reason });
    }
    return out;
  }

  /** The two may carry traffic side by side: nothing before the router ID tells them apart. `b` is in `survivors`. */
  isEqualCost(routes: RouteTable, a: number, b: number): boolean {
    return Math.abs(this.compare(routes, a, b)) > Step.metric;
  }

  private gather(routes: RouteTable, prefix: number): void {
    let n = 0;
    for (let route = routes.first(prefix); route >= 0; route = routes.next(route)) {
      const excluded = this.exclusion(routes, route);
      if (excluded === 'nextHopOffLink') this.tell(routes, route);
      if (excluded !== undefined) continue;
      if (n === this.survivors.length) {
        const more = new Int32Array(2 * n);
        more.set(this.survivors);
        this.survivors = more;
      }
      this.survivors[n++] = route;
    }
    this.count = n;
  }

  private exclusion(routes: RouteTable, route: number): Exclusion | undefined {
    if (!routes.isAccepted(route)) return 'notAccepted';
    const peer = routes.peerOf(route);
    this.standings.require(peer);
    const { nextHops } = this.keys;
    const nextHop = this.nextHopOf(routes, route);
    if (nextHop < 0 || nextHops.distance(nextHop) === UNREACHABLE) return 'nextHopUnreachable';
    if (!nextHops.isOffLink(nextHop) || !this.standings.isSingleHop(peer)) return undefined;
    return this.standings.hasAddress(peer, nextHops.address(nextHop)) ? undefined : 'nextHopOffLink';
  }

  /** Id in NextHops, or -1. */
  private nextHopOf(routes: RouteTable, route: number): number {
    const at = this.keys.at(routes.attributesOf(route));
    return this.keys.words.get(at + Key.nextHop) - 1;
  }

  private tell(routes: RouteTable, route: number): void {
    const nextHop = this.nextHopOf(routes, route);
    if (this.keys.nextHops.tellOffLink(nextHop)) this.offLink?.(routes.peerOf(route), nextHop);
  }

  /** RFC 4271 §9.1.2.2: takes those away that lose up to ORIGIN, then those that lose by MED; the best of the rest comes first. */
  private eliminate(routes: RouteTable): void {
    const { survivors } = this;
    let n = 1;
    for (let i = 1; i < this.count; i++) {
      const route = survivors[i]!;
      const step = this.compare(routes, survivors[0]!, route);
      if (Math.abs(step) > Step.origin) survivors[n++] = route;
      else if (step > 0) {
        survivors[0] = route;
        n = 1;
      }
    }
    this.count = n;
    if (n > 1) this.eliminateByMed(routes);
    for (let i = 1; i < this.count; i++) if (this.compare(routes, survivors[0]!, survivors[i]!) > 0) this.putFirst(i);
  }

  private putFirst(i: number): void {
    const route = this.survivors[i]!;
    this.survivors[i] = this.survivors[0]!;
    this.survivors[0] = route;
  }

  private eliminateByMed(routes: RouteTable): void {
    const { survivors, lowest } = this;
    lowest.clear();
    for (let i = 0; i < this.count; i++) {
      const route = survivors[i]!;
      const group = this.medGroup(routes, route);
      const med = this.med(this.keys.at(routes.attributesOf(route)));
      const known = lowest.get(group);
      if (known === undefined || med < known) lowest.set(group, med);
    }
    let n = 0;
    for (let i = 0; i < this.count; i++) {
      const route = survivors[i]!;
      const med = this.med(this.keys.at(routes.attributesOf(route)));
      if (med === lowest.get(this.medGroup(routes, route))) survivors[n++] = route;
    }
    this.count = n;
  }

  /** Routes of one group have MEDs that can be compared. */
  private medGroup(routes: RouteTable, route: number): number {
    if (this.options.alwaysCompareMed) return 0;
    return this.keys.words.get(this.keys.at(routes.attributesOf(route)) + Key.neighbour);
  }

  private med(at: number): number {
    const { words } = this.keys;
    if ((words.get(at + Key.flags) & KeyFlag.med) !== 0) return words.get(at + Key.med);
    return this.options.missingMedWorst ? MISSING_WORST : 0;
  }

  /** What did not survive, though nothing up to MED tells it from the best, fell to a MED of its own neighbour. */
  private loss(routes: RouteTable, best: number, route: number, alive: ReadonlySet<number>): Loss {
    const step = Math.abs(this.compare(routes, best, route));
    return losses[(step > Step.origin && !alive.has(route) ? Step.med : step) - 1]!;
  }

  /** The step that tells two candidates apart: negative when `a` is the better. MED counts where it can be compared. */
  compare(routes: RouteTable, a: number, b: number): number {
    const { keys, standings } = this;
    const x = keys.at(routes.attributesOf(a));
    const y = keys.at(routes.attributesOf(b));
    const w = keys.words;
    const p = routes.peerOf(a);
    const q = routes.peerOf(b);
    const f = w.get(x + Key.flags);
    const g = w.get(y + Key.flags);

    const stale = this.isLastResort(routes, a, p, f);
    if (stale !== this.isLastResort(routes, b, q, g)) return stale ? Step.stale : -Step.stale;
    const pref = (f & KeyFlag.localPref) !== 0 ? w.get(x + Key.localPref) : standings.localPref(p);
    const otherPref = (g & KeyFlag.localPref) !== 0 ? w.get(y + Key.localPref) : standings.localPref(q);
    if (pref !== otherPref) return pref < otherPref ? Step.localPref : -Step.localPref;
    const hops = w.get(x + Key.hops) - w.get(y + Key.hops);
    if (hops !== 0) return hops > 0 ? Step.hops : -Step.hops;
    const origin = (f & KeyFlag.origin) - (g & KeyFlag.origin);
    if (origin !== 0) return origin > 0 ? Step.origin : -Step.origin;
    if (this.options.alwaysCompareMed || w.get(x + Key.neighbour) === w.get(y + Key.neighbour)) {
      const med = this.med(x) - this.med(y);
      if (med !== 0) return med > 0 ? Step.med : -Step.med;
    }
    const internal = standings.isInternal(p);
    if (internal !== standings.isInternal(q)) return internal ? Step.internal : -Step.internal;
    const metric =
      keys.nextHops.distance(w.get(x + Key.nextHop) - 1) - keys.nextHops.distance(w.get(y + Key.nextHop) - 1);
    if (metric !== 0) return metric > 0 ? Step.metric : -Step.metric;
    const id =
      (w.get(x + Key.originator) || standings.routerId(p)) - (w.get(y + Key.originator) || standings.routerId(q));
    if (id !== 0) return id > 0 ? Step.routerId : -Step.routerId;
    const clusters = w.get(x + Key.clusters) - w.get(y + Key.clusters);
    if (clusters !== 0) return clusters > 0 ? Step.clusters : -Step.clusters;
    const address = standings.compare(p, q);
    if (address !== 0) return address > 0 ? Step.address : -Step.address;
    return routes.pathIdOf(a) > routes.pathIdOf(b) ? Step.pathId : -Step.pathId;
  }

  private isLastResort(routes: RouteTable, route: number, peer: number, flags: number): boolean {
    if ((flags & KeyFlag.llgrStale) !== 0) return true;
    return this.standings.isLongLived(peer, routes.family) && routes.isStale(route);
  }
}
