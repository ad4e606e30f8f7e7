/**
 * Which free addresses a Service is given that names none: the lowest of the first pool that has all that is wanted, or
 * less where PreferDualStack is content with that. The same books give the same answer.
 */
import type { Pool } from '../config/model.ts';
import { type Address, compareAddresses, type Family } from '../lib/address.ts';
import type { Problem } from './assignment.ts';
import type { Wanted } from './families.ts';
import type { Lease } from './lease.ts';
import type { Ledger } from './ledger.ts';
import { hasFamily } from './pools.ts';

/** The books, as far as they tell what is free. */
type Free = Pick<Ledger, 'lowest'>;

/**
 * Tries each group of pools in turn; within a group, see `chooseIn`.
 * @param lease what is to have the addresses: whether it may share one depends on its ports and keys
 * @returns IPv4 before IPv6, or undefined: see `nothingLeft`
 */
export function choose(
  free: Free,
  groups: readonly (readonly Pool[])[],
  wanted: Wanted,
  lease: Lease,
): readonly Address[] | undefined {
  for (const pools of groups) {
    const ips = chooseIn(free, pools, wanted, lease);
    if (ips !== undefined) return ips;
  }
  return undefined;
}

/**
 * The first pool that has all that is wanted. Failing that, under PreferDualStack, the first with the primary
 * family, and failing that the first with the other one.
 */
function chooseIn(free: Free, pools: readonly Pool[], wanted: Wanted, lease: Lease): readonly Address[] | undefined {
  const other = wanted.primary === 4 ? 6 : 4;
  let fallback: Address | undefined;
  for (const pool of pools) {
    const first = free.lowest(pool, wanted.primary, lease);
    if (wanted.second === 'none') {
      if (first !== undefined) return [first];
      continue;
    }
    const second = free.lowest(pool, other, lease);
    if (first !== undefined && second !== undefined) return [first, second].sort(compareAddresses);
    if (wanted.second === 'required') continue;
    if (first !== undefined && fallback?.family !== wanted.primary) fallback = first;
    fallback ??= second;
  }
  return fallback && [fallback];
}

/** Why nothing was chosen of these pools: they have none left, or none of the families that are wanted. */
export function nothingLeft(pools: readonly Pool[], wanted: Wanted): Problem {
  const names = pools.map((pool) => pool.name).join(', ');
  const families: Family[] = wanted.second === 'none' ? [wanted.primary] : [4, 6];
  const able = (pool: Pool) =>
    wanted.second === 'preferred'
      ? families.some((f) => hasFamily(pool, f))
      : families.every((f) => hasFamily(pool, f));
  if (pools.some(able)) return { reason: 'poolExhausted', message: `no available IPs in ${names}` };
  return { reason: 'familyMismatch', message: `no ${families.map((f) => `IPv${f}`).join(' and ')} in ${names}` };
}

/** PreferDualStack: the second family from the same pool once that is possible. */
export function complete(free: Free, pool: Pool, lease: Lease): Lease {
  const [only, other] = lease.ips;
  if (only === undefined || other !== undefined) return lease;
  const added = free.lowest(pool, only.family === 4 ? 6 : 4, lease);
  return added === undefined ? lease : { ...lease, ips: [only, added].sort(compareAddresses) };
}
