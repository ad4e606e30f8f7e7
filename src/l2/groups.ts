/**
 * The multicast groups in which solicitations for our addresses arrive, derived from the addresses of each interface and
 * never counted up and down: whichever of the two came first, and however often either went, the set is right.
 */
import type { Address } from '../lib/address.ts';
import type { Mac } from '../lib/mac.ts';
import { groupMac, solicitedNode } from '../ndp/neighbor.ts';

export interface Group {
  readonly address: Address;
  readonly mac: Mac;
}

/** One group for all addresses that share their last 24 bits; by the group's Ethernet address. IPv4 has none. */
export function groupsOf(addresses: Iterable<Address>): Map<Mac, Group> {
  const groups = new Map<Mac, Group>();
  for (const address of addresses) {
    if (address.family === 4) continue;
    const group = solicitedNode(address);
    const mac = groupMac(group);
    if (!groups.has(mac)) groups.set(mac, { address: group, mac });
  }
  return groups;
}
