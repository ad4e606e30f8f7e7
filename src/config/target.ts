/** What tells one session from another. */
import { formatAddress } from '../lib/address.ts';
import type { Peer } from './model.ts';

/**
 * The ends of a peer's session, as far as its document names them; no two peers of a node may share them. Another port
 * or another source address makes another session, where MetalLB refuses a second peer with the address.
 */
export function targetOf({ address, interface: link, vrf, port, sourceAddress, sourceInterface }: Peer): string {
  const remote = address ? formatAddress(address) : `interface ${link}`;
  const own = sourceAddress ? formatAddress(sourceAddress) : sourceInterface;
  const source = own === undefined ? '' : ` from ${own}`;
  return `${remote} port ${port}${vrf === undefined ? '' : ` in VRF ${vrf}`}${source}`;
}
