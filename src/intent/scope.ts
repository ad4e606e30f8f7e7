/** A configuration as this node sees it, worked out once per reload so that deciding a Service is cheap. */
import type { BgpAdvertisement, Configuration, Pool } from '../config/model.ts';
import { type ThisNode, thisNode } from './node.ts';
import { PoolIndex } from './pools.ts';
import { matchesAny } from './select.ts';

export interface Scope {
  readonly node: ThisNode;
  readonly loadBalancerClass: string;
  readonly pools: PoolIndex;
  /** By pool name; pools that no advertisement selects are absent. */
  readonly advertisements: ReadonlyMap<string, PoolAdvertisements>;
}

/** Advertisements of one pool, in document order. */
export interface PoolAdvertisements {
  readonly all: readonly BgpAdvertisement[];
  /** Those whose nodeSelectors select this node. */
  readonly here: readonly BgpAdvertisement[];
}

export function scopeOf(config: Configuration): Scope {
  const node = thisNode(config);
  const advertisements = new Map<string, { all: BgpAdvertisement[]; here: BgpAdvertisement[] }>();
  for (const a of config.advertisements) {
    const selected = matchesAny(a.nodeSelectors, node.labels);
    for (const pool of a.pools) {
      const entry = advertisements.get(pool) ?? { all: [], here: [] };
      advertisements.set(pool, entry);
      entry.all.push(a);
      if (selected) entry.here.push(a);
    }
  }
  return {
    node,
    loadBalancerClass: config.speaker.loadBalancerClass,
    pools: new PoolIndex(config.pools),
    advertisements,
  };
}

/**
 * Two advertisements that both apply here may give one pool's routes different local preferences only where their
 * routes cannot meet: other aggregation lengths in every family of the pool, or peers without overlap. (Nodes
 * without overlap are a third way, which two advertisements for one node do not have.)
 */
export function compatibleLocalPref(a: BgpAdvertisement, b: BgpAdvertisement, pool: Pool): boolean {
  if (a.localPref === b.localPref) return true;
  const families = new Set(pool.addresses.flatMap((entry) => entry.prefixes.map((p) => p.family)));
  const meets4 = families.has(4) && a.aggregationLength === b.aggregationLength;
  const meets6 = families.has(6) && a.aggregationLengthV6 === b.aggregationLengthV6;
  if (!meets4 && !meets6) return true;
  return a.peers.length > 0 && b.peers.length > 0 && !a.peers.some((name) => b.peers.includes(name));
}
