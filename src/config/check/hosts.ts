/**
 * Addresses of pools that somebody has: a Service that got one would take it from a node or a router. MetalLB once refused
 * such pools and took that back, since some share the address of their only node on purpose: warnings.
 */
import { type Address, formatAddress } from '../../lib/address.ts';
import { contains } from '../../lib/prefix.ts';
import type { Node, Peer, Pool } from '../model.ts';
import type { Report } from '../report.ts';
import type { Found } from './nodes.ts';

export function checkHosts(
  pools: readonly Found<Pool>[],
  nodes: ReadonlyMap<string, Node>,
  peers: readonly Peer[],
  report: Report,
): void {
  const hosts: { readonly address: Address; readonly of: string }[] = [];
  for (const { name, addresses } of nodes.values())
    for (const address of addresses) hosts.push({ address, of: `node ${name}` });
  for (const { name, address } of peers) if (address) hosts.push({ address, of: `peer ${name}` });
  for (const { document, value } of pools)
    for (const [i, { prefixes }] of value.addresses.entries()) {
      const [first, ...others] = hosts.filter(({ address }) => prefixes.some((block) => contains(block, address)));
      if (first === undefined) continue;
      const more = others.length > 0 ? `, and those of ${others.length} more` : '';
      report.warn(
        document,
        ['spec', 'addresses', i],
        `holds ${formatAddress(first.address)}, the address of ${first.of}${more}`,
        'leave it out of the pool',
      );
    }
}
