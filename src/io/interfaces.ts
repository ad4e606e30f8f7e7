/** The node's own addresses, as the kernel has them now. */
import { hostname, networkInterfaces } from 'node:os';
import { type Address, formatAddress, isLinkLocal, parseAddress } from '../lib/address.ts';
import { contains, formatPrefix, type Prefix, parsePrefix } from '../lib/prefix.ts';

export const hostName = (): string => hostname();

/** The addresses of the interface that owns one of them. */
export interface InterfaceAddresses {
  readonly transport: Address;
  readonly ipv4?: Address;
  readonly ipv6?: Address;
  readonly linkLocal?: Address;
}

/** The interface whose address is `local`: its first address of each kind. Link-local addresses need its name, too. */
export function addressesBeside(local: Address, link?: string): InterfaceAddresses {
  const text = formatAddress(local);
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    if (link !== undefined && name !== link) continue;
    const own = (entries ?? []).map((e) => parseAddress(e.address)).filter((a) => a !== undefined);
    if (!own.some((a) => formatAddress(a) === text)) continue;
    const ipv4 = own.find((a) => a.family === 4);
    const ipv6 = own.find((a) => a.family === 6 && !isLinkLocal(a));
    const linkLocal = own.find(isLinkLocal);
    return { transport: local, ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }), ...(linkLocal && { linkLocal }) };
  }
  return { transport: local };
}

/** The numerically highest IPv4 address that is not a loopback, as routers derive their ID; undefined without one. */
export function highestIpv4(): Address | undefined {
  let best: Address | undefined;
  for (const e of Object.values(networkInterfaces()).flat()) {
    const a = e && !e.internal ? parseAddress(e.address) : undefined;
    if (a?.family === 4 && (!best || Buffer.compare(a.bytes, best.bytes) > 0)) best = a;
  }
  return best;
}

/** The first address of this family that an interface has, link-local ones aside. */
export const interfaceAddress = (link: string, family: 4 | 6): Address | undefined =>
  (networkInterfaces()[link] ?? [])
    .map((e) => parseAddress(e.address))
    .find((a) => a?.family === family && !isLinkLocal(a));

/** This node's addresses as text, and the subnets they are in, each once. Interfaces that are down have none. */
export function localAddresses(): { readonly addresses: ReadonlySet<string>; readonly subnets: readonly Prefix[] } {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const subnets = new Map(
    own.flatMap(({ cidr }) => {
      const subnet = parsePrefix(cidr ?? '');
      return subnet ? [[formatPrefix(subnet), subnet]] : [];
    }),
  );
  const addresses = own.flatMap((e) => parseAddress(e.address) ?? []).map(formatAddress);
  return { addresses: new Set(addresses), subnets: [...subnets.values()] };
}

/** Says of an address whether it is on a link of this node, as the interfaces are now. */
export function onLinkTest(): (address: Address) => boolean {
  // A host's own address makes no link of it.
  const links = localAddresses().subnets.filter(({ family, length }) => length < (family === 4 ? 32 : 128));
  return (address) => links.some((link) => contains(link, address));
}
