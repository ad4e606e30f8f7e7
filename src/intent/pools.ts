/** Which pool an address belongs to, and which Services a pool admits. */
import { admits } from '../config/candidates.ts';
import type { Namespace, Pool, Service } from '../config/model.ts';
import { type Address, compareAddresses, type Family } from '../lib/address.ts';
import { comparePrefixes, contains, type Prefix } from '../lib/prefix.ts';

export interface Member {
  readonly prefix: Prefix;
  readonly pool: Pool;
}

/** Pools by address. Members of pools never overlap (a configuration where they do is refused). */
export class PoolIndex {
  readonly pools: ReadonlyMap<string, Pool>;
  /** Sorted by address, per family. */
  private readonly members: Readonly<Record<Family, readonly Member[]>>;

  constructor(pools: ReadonlyMap<string, Pool>) {
    this.pools = pools;
    const all = [...pools.values()].flatMap((pool) => prefixesOf(pool).map((prefix) => ({ prefix, pool })));
    all.sort((a, b) => comparePrefixes(a.prefix, b.prefix));
    this.members = { 4: all.filter((m) => m.prefix.family === 4), 6: all.filter((m) => m.prefix.family === 6) };
  }

  /** The pool's prefix that contains the address. */
  find(address: Address): Member | undefined {
    const members = this.members[address.family];
    let low = 0;
    let high = members.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareAddresses(members[middle]!.prefix, address) <= 0) low = middle + 1;
      else high = middle;
    }
    const member = members[low - 1];
    return member && contains(member.prefix, address) ? member : undefined;
  }

  /** The pool that contains every one of `addresses`. Which Services it admits, and which addresses it avoids, is not asked. */
  poolOfAll(addresses: readonly Address[]): Pool | undefined {
    const first = addresses[0] && this.find(addresses[0])?.pool;
    return first && addresses.every((a) => this.find(a)?.pool === first) ? first : undefined;
  }
}

/** A pool's prefixes in the order in which they are handed out. */
export const prefixesOf = (pool: Pool): readonly Prefix[] => pool.addresses.flatMap((entry) => entry.prefixes);

export const hasFamily = (pool: Pool, family: Family): boolean =>
  pool.addresses.some((entry) => entry.prefixes.some((p) => p.family === family));

/** IPv4 addresses ending in .0 or .255, which broken equipment takes for broadcasts (avoidBuggyIPs). */
export const isAvoided = (pool: Pool, address: Address): boolean =>
  pool.avoidBuggyIps && address.family === 4 && (address.bytes[3] === 0 || address.bytes[3] === 255);

/**
 * The pools that hand addresses to this Service on their own, in two groups of which the second is tried when the
 * first has nothing: pinned pools by priority, then the rest. Document order decides between equals (upstream: the
 * order of a Go map).
 */
export function automaticPools(
  pools: ReadonlyMap<string, Pool>,
  service: Service,
  namespaces: ReadonlyMap<string, Namespace>,
): readonly [pinned: readonly Pool[], open: readonly Pool[]] {
  const pinned: Pool[] = [];
  const open: Pool[] = [];
  for (const pool of pools.values()) {
    if (!pool.autoAssign) continue;
    if (pool.allocation === undefined) open.push(pool);
    else if (admits(pool, service, namespaces)) pinned.push(pool);
  }
  const rank = (pool: Pool) => pool.allocation?.priority || Number.POSITIVE_INFINITY;
  // Array.sort is stable; equal infinities must not be subtracted.
  pinned.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  return [pinned, open];
}
