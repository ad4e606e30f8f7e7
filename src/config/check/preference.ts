/**
 * One prefix, one LOCAL_PREF: two advertisements that would send the same prefix to the same peer from the same node
 * with different values are refused. MetalLB: BGPAdvertisementsHaveCompatibleLocalPref, checked pool by pool; prefixes
 * that two pools share once they are summarised are looked at here too, where MetalLB lets chance decide.
 *
 * Pairs with serviceSelectors are left to the moment a Service matches both. What only another node would refuse is a
 * warning here, as each node judges its own configuration.
 */
import { formatPrefix, type Prefix, prefixOf } from '../../lib/prefix.ts';
import { compatibleLocalPref, disjointPeers, familiesOf } from '../compatible.ts';
import type { BgpAdvertisement, Pool } from '../model.ts';
import { placeOf, type Report } from '../report.ts';
import type { Found, KnownNode, KnownNodes } from './nodes.ts';

type Advertisement = Found<BgpAdvertisement>;

export function checkPreferences(
  pools: readonly Found<Pool>[],
  advertisements: readonly Advertisement[],
  nodes: KnownNodes,
  report: Report,
): void {
  const judged = advertisements.filter(({ value }) => value.serviceSelectors.length === 0);
  if (new Set(judged.map(({ value }) => value.localPref)).size < 2) return;
  const byPool = new Map<string, Advertisement[]>();
  for (const advertisement of judged)
    for (const pool of advertisement.value.pools) byPool.set(pool, [...(byPool.get(pool) ?? []), advertisement]);
  const told = new Set<string>();
  const tell = (first: Advertisement, second: Advertisement, what: string, node: KnownNode) => {
    const pair = JSON.stringify([first.value.name, second.value.name]);
    if (told.has(pair)) return;
    told.add(pair);
    const own = node === nodes.own;
    report.add(second.document, {
      severity: own ? 'error' : 'warning',
      path: ['spec', 'localPref'],
      message:
        `invalid local preference ${second.value.localPref}: local preference ${first.value.localPref} was already set for ` +
        `the same type of BGP update by BGPAdvertisement/${first.value.name} (${placeOf(first.document, ['spec', 'localPref'])}), ${what}` +
        (own ? '' : `; node ${node.name} refuses this`),
      hint: 'give both the same localPref, other aggregation lengths in every family of the pool, other peers or other nodes',
    });
  };
  for (const { value: pool } of pools) {
    const families = familiesOf(pool);
    for (const [first, second] of disagreeing(byPool.get(pool.name) ?? [])) {
      if (compatibleLocalPref(first.value, second.value, families)) continue;
      const node = nodes.common(first.value.nodeSelectors, second.value.nodeSelectors);
      if (node !== undefined) tell(first, second, `both for pool ${JSON.stringify(pool.name)}`, node);
    }
  }
  for (const shared of sharedAggregates(pools, byPool)) {
    for (const [first, second] of disagreeing(shared.senders.map(({ advertisement }) => advertisement))) {
      if (disjointPeers(first.value, second.value)) continue;
      const node = nodes.common(first.value.nodeSelectors, second.value.nodeSelectors);
      if (node === undefined) continue;
      const poolOf = (a: Advertisement) => shared.senders.find(({ advertisement }) => advertisement === a)!.pool;
      const [one, other] = [poolOf(first), poolOf(second)];
      const what = `and pools ${JSON.stringify(one.value.name)} (${placeOf(one.document)}) and ${JSON.stringify(other.value.name)} (${placeOf(other.document)}) both yield ${formatPrefix(shared.prefix)}`;
      tell(first, second, what, node);
    }
  }
}

/** Pairs with different localPref, in order; advertisements that cannot be told apart are looked at once. */
function* disagreeing(advertisements: readonly Advertisement[]): Generator<readonly [Advertisement, Advertisement]> {
  const distinct = new Map<string, Advertisement>();
  for (const advertisement of advertisements) {
    const { localPref, aggregationLength, aggregationLengthV6, peers, nodeSelectors } = advertisement.value;
    const key = JSON.stringify([localPref, aggregationLength, aggregationLengthV6, peers, nodeSelectors]);
    if (!distinct.has(key)) distinct.set(key, advertisement);
  }
  const list = [...distinct.values()];
  for (const [i, first] of list.entries())
    for (const second of list.slice(i + 1)) if (first.value.localPref !== second.value.localPref) yield [first, second];
}

interface Sender {
  readonly pool: Found<Pool>;
  readonly advertisement: Advertisement;
}

/**
 * Prefixes that more than one pool yields. Pools do not overlap, so such a prefix is wider than the blocks it comes
 * from in each of them: the narrow ends of ranges.
 */
function sharedAggregates(
  pools: readonly Found<Pool>[],
  byPool: ReadonlyMap<string, readonly Advertisement[]>,
): { prefix: Prefix; senders: readonly Sender[] }[] {
  const found = new Map<string, { prefix: Prefix; senders: Sender[]; pools: Set<string> }>();
  for (const pool of pools) {
    for (const block of pool.value.addresses.flatMap(({ prefixes }) => prefixes)) {
      for (const advertisement of byPool.get(pool.value.name) ?? []) {
        const length =
          block.family === 4 ? advertisement.value.aggregationLength : advertisement.value.aggregationLengthV6;
        if (block.length <= length) continue;
        const prefix = prefixOf(block, length);
        const key = formatPrefix(prefix);
        const entry = found.get(key) ?? { prefix, senders: [], pools: new Set() };
        found.set(key, entry);
        entry.senders.push({ pool, advertisement });
        entry.pools.add(pool.value.name);
      }
    }
  }
  return [...found.values()].filter((entry) => entry.pools.size > 1);
}
