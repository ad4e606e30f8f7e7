/** The node's own addresses, as the kernel has them now. */
import { readdirSync, readlinkSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import { type Address, compareAddresses, formatAddress, isLinkLocal, parseAddress } from '../lib/address.ts';
import { contains, formatPrefix, type Prefix, parsePrefix } from '../lib/prefix.ts';

export const hostName = (): string => hostname();

/** The addresses of the interface that owns one of them. */
export interface InterfaceAddresses {
  readonly transport: Address;
  readonly ipv4?: Address;
  readonly ipv6?: Address;
  readonly linkLocal?: Address;
}

/** Where a connection is: at a link, in a VRF. */
export interface Place {
  readonly interface?: string;
  readonly vrf?: string;
}

type Interfaces = NodeJS.Dict<
  readonly { readonly address: string; readonly internal: boolean; readonly cidr?: string | null }[]
>;

let known: Interfaces = {};

/**
 * The interfaces as they are now, to ask several things of: on a node with hundreds it takes milliseconds to get them. As they
 * were last seen where no descriptor is left to ask the kernel with.
 */
export function interfacesNow(): Interfaces {
  try {
    known = networkInterfaces();
  } catch {
    // Whoever looks every second sees more when there is one again.
  }
  return known;
}

/**
 * The interface whose address is `local`: an address of each kind, that of `before` while it is there, or else the first.
 * Link-local addresses need its name, too, and of several interfaces with the address, which VRFs allow, the one counts
 * that is in the place's VRF.
 */
export const addressesBeside = (
  local: Address,
  place: Place = {},
  before?: Omit<InterfaceAddresses, 'transport'>,
  interfaces = interfacesNow(),
): InterfaceAddresses => beside(local, interfaces, controllerOf, place, before);

/** As `addressesBeside`, of interfaces that are given, and of what they are in. */
export function beside(
  local: Address,
  interfaces: Interfaces,
  controllerOf: (name: string) => string | undefined,
  place: Place,
  before: Omit<InterfaceAddresses, 'transport'> = {},
): InterfaceAddresses {
  const text = formatAddress(local);
  const owners = Object.entries(interfaces).flatMap(([name, entries = []]) => {
    if (place.interface !== undefined && name !== place.interface) return [];
    const own = entries.flatMap((e) => parseAddress(e.address) ?? []);
    if (!own.some((a) => formatAddress(a) === text)) return [];
    const here = name === place.vrf || controllerOf(name) === place.vrf;
    return [{ here, internal: entries.some((e) => e.internal), own }];
  });
  const owner = owners.find(({ here, internal }) => here && !internal) ?? owners.find(({ here }) => here) ?? owners[0];
  // Whom others reach at one of its addresses, they do not reach at ::1.
  const usable = owner?.own.filter((a) => isLoopback(local) || !isLoopback(a)) ?? [];
  const ofFamily = (family: 4 | 6) => usable.filter((a) => a.family === family && !isLinkLocal(a));
  const ipv4 = steady(ofFamily(4), before.ipv4);
  const ipv6 = steady(ofFamily(6), before.ipv6);
  const linkLocal = steady(usable.filter(isLinkLocal), before.linkLocal);
  return { transport: local, ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }), ...(linkLocal && { linkLocal }) };
}

/** The one that was taken before, while it is there, or the first: a new IPv6 address comes before the others. */
export const steady = (addresses: readonly Address[], before: Address | undefined): Address | undefined =>
  addresses.find((a) => before !== undefined && compareAddresses(a, before) === 0) ?? addresses[0];

const isLoopback = (address: Address): boolean =>
  address.family === 4 ? address.bytes[0] === 127 : formatAddress(address) === '::1';

/** What a link is in: a VRF, a bridge, a bond. */
function controllerOf(name: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/master`));
  } catch {
    return undefined;
  }
}

/** What is in a VRF, a bridge, a bond: as its links `lower_NAME` say. */
function portsOf(name: string): string[] {
  try {
    return readdirSync(`/sys/class/net/${name}`).flatMap((entry) => /^lower_(.+)/.exec(entry)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** Every address of this node. Interfaces that are down have none. */
export const interfaceAddresses = (): readonly Address[] =>
  Object.values(interfacesNow()).flatMap((entries) => (entries ?? []).flatMap((e) => parseAddress(e.address) ?? []));

/** The numerically highest IPv4 address that is not a loopback, as routers derive their ID; undefined without one. */
export function highestIpv4(): Address | undefined {
  let best: Address | undefined;
  for (const e of Object.values(interfacesNow()).flat()) {
    const a = e && !e.internal ? parseAddress(e.address) : undefined;
    if (a?.family === 4 && (!best || Buffer.compare(a.bytes, best.bytes) > 0)) best = a;
  }
  return best;
}

/** The addresses of this family that an interface has, link-local ones aside. */
export const addressesOn = (link: string, family: 4 | 6): readonly Address[] =>
  (interfacesNow()[link] ?? [])
    .flatMap((e) => parseAddress(e.address) ?? [])
    .filter((a) => a.family === family && !isLinkLocal(a));

/** Addresses as text, and the subnets they are in, each once. */
export interface OwnAddresses {
  readonly addresses: ReadonlySet<string>;
  readonly subnets: readonly Prefix[];
}

/** This node's addresses; in a VRF only those that are in it, and the loopback's. Interfaces that are down have none. */
export function localAddresses(vrf?: string, interfaces = interfacesNow(), ports = portsOf): OwnAddresses {
  const inside = vrf === undefined ? undefined : new Set([vrf, ...ports(vrf)]);
  const own = Object.entries(interfaces).flatMap(([name, entries = []]) =>
    inside === undefined || inside.has(name) || entries.some((e) => e.internal) ? entries : [],
  );
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
