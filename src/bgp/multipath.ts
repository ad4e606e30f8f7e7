/** The routes that share the traffic to a prefix: the best and those that nothing before the router ID tells from it. */
import { compareBytes } from '../lib/bytes.ts';
import type { Decision } from './decision.ts';
import { asPathOctets, Key } from './keys.ts';
import type { RouteTable } from './routes.ts';

/** Most paths a set can have. */
export const MAX_PATHS = 256;

export interface MultipathOptions {
  /** Most routes in a set learned from other ASes, 1..256; default 1: no multipath. */
  readonly external?: number;
  /** The same for a set learned within our AS. */
  readonly internal?: number;
  /** How alike the AS paths, which have the same length, must be beyond that: in full (the default), in the neighbour AS, or not at all. */
  readonly asPath?: 'same' | 'sameNeighbour' | 'relaxed';
  /** Share by link bandwidth where all routes of the set carry it; otherwise, and without it, each gets the same. */
  readonly bandwidth?: boolean;
}

/** Throws `RangeError` for a limit that cannot be. */
export function checkMultipath(options: MultipathOptions): void {
  for (const limit of [options.external, options.internal])
    if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > MAX_PATHS))
      throw new RangeError(`a limit of ${limit} paths is not in 1..${MAX_PATHS}`);
}

export class Multipath {
  /** After `select`: the first `count` are the routes of the set, the best first, and the share of each, 1..240. */
  readonly routes = new Int32Array(MAX_PATHS);
  readonly weights = new Uint8Array(MAX_PATHS);
  count = 0;
  private readonly decision: Decision;
  private settings: MultipathOptions = {};

  /** Throws `RangeError`. */
  constructor(decision: Decision, options: MultipathOptions = {}) {
    this.decision = decision;
    this.options = options;
  }

  get options(): MultipathOptions {
    return this.settings;
  }

  /** Throws `RangeError`. */
  set options(options: MultipathOptions) {
    checkMultipath(options);
    this.settings = options;
  }

  /** Decides on a prefix and returns how many routes are in its set; 0 without a usable one. */
  select(table: RouteTable, prefix: number): number {
    const { decision } = this;
    const best = decision.best(table, prefix);
    this.count = best < 0 ? 0 : 1;
    this.routes[0] = best;
    this.weights[0] = 1;
    if (decision.count < 2) return this.count;
    const limit =
      (decision.standings.isInternal(table.peerOf(best)) ? this.settings.internal : this.settings.external) ?? 1;
    if (limit > 1) this.fill(table, best, limit);
    return this.count;
  }

  private fill(table: RouteTable, best: number, limit: number): void {
    const { decision, routes, weights } = this;
    const others: number[] = [];
    for (let i = 1; i < decision.count; i++) {
      const route = decision.survivors[i]!;
      if (decision.isEqualCost(table, best, route) && this.isAlike(table, best, route)) others.push(route);
    }
    others.sort((a, b) => decision.compare(table, a, b));
    for (const route of others) {
      if (this.count === limit) break;
      // Two ways through one router are one way.
      if (!this.hasWay(table, route)) routes[this.count++] = route;
    }
    weights.fill(1, 0, this.count);
    if (this.settings.bandwidth && this.count > 1) weights.set(this.shares(table));
  }

  private hasWay(table: RouteTable, route: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.isSameWay(table, this.routes[i]!, route)) return true;
    return false;
  }

  private isAlike(table: RouteTable, a: number, b: number): boolean {
    const { keys } = this.decision;
    const x = table.attributesOf(a);
    const y = table.attributesOf(b);
    const { asPath = 'same' } = this.settings;
    if (x === y || asPath === 'relaxed') return true;
    if (keys.words.get(keys.at(x) + Key.neighbour) !== keys.words.get(keys.at(y) + Key.neighbour)) return false;
    if (asPath === 'sameNeighbour') return true;
    return compareBytes(asPathOctets(keys.attributes.view(x)), asPathOctets(keys.attributes.view(y))) === 0;
  }

  private isSameWay(table: RouteTable, a: number, b: number): boolean {
    const { keys } = this.decision;
    const hop = keys.words.get(keys.at(table.attributesOf(a)) + Key.nextHop);
    if (hop !== keys.words.get(keys.at(table.attributesOf(b)) + Key.nextHop)) return false;
    return table.peerOf(a) === table.peerOf(b) || !keys.nextHops.isLinkLocal(hop - 1);
  }

  private shares(table: RouteTable): number[] {
    const { keys } = this.decision;
    const routes = Array.from(this.routes.subarray(0, this.count));
    return weigh(routes.map((route) => keys.bandwidth(table.attributesOf(route))));
  }
}

/** The largest share: what divides evenly by 2, 3, 4, 5, 6, 8, 10, 12, 15 and 16, so that links in such ratios get theirs exactly. */
const WHOLE = 240;

/** Shares, 1..240, in the ratio of the bandwidths, in lowest terms. All 1 when some bandwidth is 0, that is, unknown. */
export function weigh(bandwidths: readonly number[]): number[] {
  if (bandwidths.includes(0)) return bandwidths.map(() => 1);
  const most = Math.max(...bandwidths);
  const shares = bandwidths.map((b) => Math.max(1, Math.round((b / most) * WHOLE)));
  const divisor = shares.reduce(gcd);
  return shares.map((s) => s / divisor);
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
