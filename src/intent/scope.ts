/** A configuration as this node sees it, worked out once per reload so that deciding a Service is cheap. */
import { ServiceCommunities } from '../config/allow.ts';
import type { BgpAdvertisement, Configuration } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import type { Drain } from './drain.ts';
import { type ThisNode, thisNode } from './node.ts';
import { PoolIndex } from './pools.ts';

export interface Scope {
  readonly node: ThisNode;
  readonly loadBalancerClass: string;
  readonly pools: PoolIndex;
  /** By pool name; pools that no advertisement selects are absent. */
  readonly advertisements: ReadonlyMap<string, PoolAdvertisements>;
  /** What Services may add to their routes. */
  readonly communities: ServiceCommunities;
  /** Present while the node's routes are taken back. */
  readonly drain?: Drain;
}

/** Advertisements of one pool, in document order. */
export interface PoolAdvertisements {
  readonly all: readonly BgpAdvertisement[];
  /** Those whose nodeSelectors select this node. */
  readonly here: readonly BgpAdvertisement[];
}

export function scopeOf(config: Configuration, drain?: Drain): Scope {
  const node = thisNode(config);
  const advertisements = new Map<string, { all: BgpAdvertisement[]; here: BgpAdvertisement[] }>();
  for (const a of config.advertisements) {
    const selected = anySelects(a.nodeSelectors, node.labels);
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
    communities: new ServiceCommunities(config.speaker.serviceCommunities, config.aliases),
    ...(drain && { drain }),
  };
}
