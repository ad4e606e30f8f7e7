/** Whether the node's default gateways answer: the kernel asks them, by ARP or neighbour discovery, and is watched. */
import { type Address, type Family, formatAddress } from '../../lib/address.ts';
import type { Client } from '../../netlink/client.ts';
import { Protocol, RouteTable } from '../../netlink/const.ts';
import { NetlinkError } from '../../netlink/errors.ts';
import { type Neighbour, NeighbourFlag, NeighbourState } from '../../netlink/neighbour.ts';
import { staticProtocols } from '../../vrf/goal.ts';
import { OWN_PROTOCOL } from '../../vrf/mark.ts';

export interface Gateway {
  readonly family: Family;
  readonly address: Address;
  /** Index of the link. */
  readonly link: number;
}

const ANSWERS = NeighbourState.reachable | NeighbourState.permanent | NeighbourState.noArp;

/** RTPROT_* of those who give hosts their default routes: boot, static, router advertisements, DHCP, and us. */
const usual = [...staticProtocols, Protocol.ra, OWN_PROTOCOL];

/** Those of the main table. Throws `NetlinkError`. */
export function defaultGateways(client: Client, family: Family): Gateway[] {
  const among = (protocol?: number) => {
    const filter = {
      family,
      table: RouteTable.main,
      type: 'unicast',
      ...(protocol !== undefined && { protocol }),
    } as const;
    return client
      .dump('route', filter)
      .flatMap(({ destination, hops }) => (destination.length === 0 ? hops : []))
      .flatMap(({ gateway, link }) =>
        gateway === undefined || link === undefined ? [] : { family, address: gateway, link },
      );
  };
  const found = usual.flatMap(among);
  // One of a routing daemon may be among very many routes.
  return found.length > 0 ? found : among();
}

/** Makes the kernel ask, whatever it believes. An answer shows in `answers`. */
export function ask(client: Client, { address, link }: Gateway): void {
  const known = neighbour(client, { address, link });
  // One that is known is asked itself; one that is not is looked for.
  const asked =
    known?.octets !== undefined && (known.state & (NeighbourState.permanent | NeighbourState.noArp)) === 0
      ? { octets: known.octets, state: NeighbourState.probe, flags: known.flags & NeighbourFlag.router }
      : { state: NeighbourState.none, flags: NeighbourFlag.use };
  if (((known?.state ?? 0) & (NeighbourState.permanent | NeighbourState.noArp)) !== 0) return;
  client.apply([{ verb: 'replace', kind: 'neighbour', value: { address, link, ...asked } }]);
}

export const answers = (client: Client, gateway: Pick<Gateway, 'address' | 'link'>): boolean =>
  ((neighbour(client, gateway)?.state ?? 0) & ANSWERS) !== 0;

function neighbour(client: Client, { address, link }: Pick<Gateway, 'address' | 'link'>): Neighbour | undefined {
  try {
    return client.get('neighbour', { address, link });
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

export const gatewayText = ({ address }: Gateway): string => formatAddress(address);
