/**
 * A node's network as plain data: what was read of it, and what is remembered of it. Links go by name throughout,
 * since one that is made again has another index.
 */
import { type Address, formatAddress, isLinkLocal } from '../lib/address.ts';
import { canonical, equal } from '../lib/diff.ts';
import type { Mac } from '../lib/mac.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import { Protocol } from '../netlink/const.ts';
import type { Hop } from '../netlink/hop.ts';
import { AddressFlag, type LinkAddressSpec } from '../netlink/ifaddr.ts';
import { NeighbourFlag, type NeighbourSpec } from '../netlink/neighbour.ts';
import type { NextHopSpec } from '../netlink/nexthop.ts';
import type { Route } from '../netlink/route.ts';
import type { Rule } from '../netlink/rule.ts';

export interface LinkState {
  readonly name: string;
  /** The kernel's name of its kind; `ethernet` for what has none. */
  readonly kind: string;
  readonly mtu: number;
  readonly mac?: Mac;
  readonly up: boolean;
  /** It is up, and has no carrier. */
  readonly dark?: true;
  /** The VRF, bridge or bond that it is in. */
  readonly master: string | null;
  readonly alias: string;
  /** Of a VRF. */
  readonly table?: number;
  readonly vlan?: Vlan;
  /** Of a bridge. */
  readonly stp?: boolean;
  /** Of a bond. */
  readonly bondMode?: string;
}

export interface Vlan {
  readonly base: string;
  readonly id: number;
  /** Ethertype of the tag. */
  readonly protocol: number;
}

/** An address; of which link is said where it stands. */
export type AddressState = Omit<LinkAddressSpec, 'link'>;

/** A neighbour that somebody set for good, or an address that is answered for; of which link is said where it stands. */
export type StaticNeighbour = Omit<NeighbourSpec, 'link' | 'state'>;

/** A next-hop object; the link by name. */
export interface NextHopState extends Omit<NextHopSpec, 'id' | 'link'> {
  readonly id: number;
  readonly device?: string;
}

export interface NamedHop extends Omit<Hop, 'link'> {
  /** Name of the link. */
  readonly device?: string;
}

export interface RouteState extends Omit<Route, 'hops' | 'cacheInfo' | 'flags' | 'scope'> {
  /** Absent in one that is wanted: what follows from the rest. */
  readonly scope?: Route['scope'];
  /** None for a blackhole and its like. */
  readonly hops: readonly NamedHop[];
}

export interface Snapshot {
  readonly links: ReadonlyMap<string, LinkState>;
  /** By name of the link. */
  readonly addresses: ReadonlyMap<string, readonly AddressState[]>;
  /** By name of the link; absent where nobody looked. */
  readonly neighbours?: ReadonlyMap<string, readonly StaticNeighbour[]>;
  /** Absent where nobody looked. */
  readonly nextHops?: readonly NextHopState[];
  readonly routes: readonly RouteState[];
  readonly rules: readonly Rule[];
  /** By path below /proc/sys; what does not exist is absent. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** false where the kernel has no IPv6 at all. */
  readonly ipv6?: false;
}

/** Two addresses of a link with the same key are the same to the kernel. */
export const addressKey = ({ address, length, peer }: AddressState): string =>
  `${formatAddress(address)}/${length}${peer === undefined ? '' : ` ${formatAddress(peer)}`}`;

/**
 * An address that somebody set for good: those of the loopback, link-local ones that follow from the hardware address and
 * those of router advertisements are the kernel's, and those of Services come and go.
 */
export function isStatic({ address, flags = 0, protocol }: AddressState): boolean {
  if (isLoopback(address) || protocol === Protocol.bgp) return false;
  if (address.family === 4) return true;
  return !isLinkLocal(address) && (flags & AddressFlag.permanent) !== 0;
}

const isLoopback = ({ family, bytes }: Address): boolean =>
  family === 4 ? bytes[0] === 127 : bytes.every((octet, i) => octet === (i === 15 ? 1 : 0));

/** IFAPROT_KERNEL_LL: a link-local address that the kernel made by itself. Kernels before 5.18 do not tell. */
const KERNEL_LINK_LOCAL = 2;

/** As `isStatic`, and link-local addresses that somebody set as well. @param mac of the link */
export function isManual(state: AddressState, mac: Mac | undefined): boolean {
  const { address, flags = 0, protocol } = state;
  if (address.family === 4 || !isLinkLocal(address)) return isStatic(state);
  if ((flags & AddressFlag.permanent) === 0 || (flags & AddressFlag.stablePrivacy) !== 0) return false;
  return protocol !== KERNEL_LINK_LOCAL && (mac === undefined || !equal(address, interfaceId(mac)));
}

/** An address of somebody else that this machine answers for. */
export const isProxy = ({ flags = 0 }: StaticNeighbour): boolean => (flags & NeighbourFlag.proxy) !== 0;

/** Two neighbours of a link with the same key are the same to the kernel. */
export const neighbourKey = (neighbour: StaticNeighbour): string =>
  `${isProxy(neighbour) ? 'proxy ' : ''}${formatAddress(neighbour.address)}`;

/** IPv6 has no metric 0, and makes one of it. */
const metricOf = ({ family }: Prefix, priority = 0): number => (family === 6 && priority === 0 ? 1024 : priority);

/** Two routes with the same key take each other's place. */
export const routeKey = ({ table, destination, tos = 0, priority }: RouteState): string =>
  `${table} ${formatPrefix(destination)} ${tos} ${metricOf(destination, priority)}`;

/** What a route says besides its key, as a text that two share exactly when they say the same. */
export function routeValue({ type, hops, nextHop, preferredSource, metrics, kept }: RouteState): string {
  const sorted = hops.map(({ gateway, device, weight = 1, kept }) => canonical([gateway, device, weight, kept])).sort();
  // IPv6 tells `lo` for those; and what an object stands for is its own affair.
  const leads = dropped(type) ? [] : nextHop === undefined ? [...sorted, kept] : nextHop;
  return canonical([type, leads, preferredSource, metrics]);
}

export const dropped = (type: RouteState['type']): boolean =>
  type === 'blackhole' || type === 'unreachable' || type === 'prohibit' || type === 'throw';

export const throughLink = (route: RouteState, name: string): boolean => route.hops.some((hop) => hop.device === name);

/** The address that Ethernet hardware makes of itself (RFC 4291 §2.5.1, appendix A). */
function interfaceId(mac: Mac): Address {
  const bytes = new Uint8Array(16);
  bytes.set([0xfe, 0x80], 0);
  const octets = [5, 4, 3, 2, 1, 0].map((n) => Math.floor(mac / 2 ** (8 * n)) % 256);
  bytes.set([octets[0]! ^ 2, octets[1]!, octets[2]!, 0xff, 0xfe, octets[3]!, octets[4]!, octets[5]!], 8);
  return { family: 6, bytes };
}
