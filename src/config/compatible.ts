/**
 * When two advertisements may differ in their local preference. MetalLB: BGPAdvertisementsHaveCompatibleLocalPref,
 * whose fourth way, nodes without overlap, is up to the caller.
 */
import type { Family } from '../lib/address.ts';
import type { BgpAdvertisement, Pool } from './model.ts';

/**
 * Two advertisements may give the routes of one pool different local preferences on one node only where those cannot
 * meet: other aggregation lengths in every family of the pool, or peers without overlap.
 */
export const compatibleLocalPref = (a: BgpAdvertisement, b: BgpAdvertisement, families: ReadonlySet<Family>): boolean =>
  a.localPref === b.localPref || differsInLength(a, b, families) || disjointPeers(a, b);

/** The first two that may not meet on one node as they do. */
export function firstConflict(
  advertisements: readonly BgpAdvertisement[],
  pool: Pool,
): readonly [BgpAdvertisement, BgpAdvertisement] | undefined {
  if (advertisements.length < 2) return undefined;
  const families = familiesOf(pool);
  for (const [i, a] of advertisements.entries())
    for (const b of advertisements.slice(i + 1)) if (!compatibleLocalPref(a, b, families)) return [a, b];
  return undefined;
}

export const familiesOf = (pool: Pool): ReadonlySet<Family> =>
  new Set(pool.addresses.map(({ prefixes }) => prefixes[0]!.family));

/** An empty list means every peer, so it is disjoint from none. */
export const disjointPeers = (a: BgpAdvertisement, b: BgpAdvertisement): boolean =>
  a.peers.length > 0 && b.peers.length > 0 && !a.peers.some((peer) => b.peers.includes(peer));

const differsInLength = (a: BgpAdvertisement, b: BgpAdvertisement, families: ReadonlySet<Family>): boolean =>
  (!families.has(4) || a.aggregationLength !== b.aggregationLength) &&
  (!families.has(6) || a.aggregationLengthV6 !== b.aggregationLengthV6);
