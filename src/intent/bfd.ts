/**
 * The BFD sessions that this node wants, with its BGP peers and with the other members of its cluster: one for all who
 * watch the same path in the same way (peer, local address, VRF, single hop or multihop), run as the most demanding of
 * them asks for.
 */
import type { BfdSettings, PeerSettings } from '../bgp/settings.ts';
import { isInternal } from '../config/asn.ts';
import type { MemberPath } from '../config/membership.ts';
import { type Address, formatAddress, isLinkLocal } from '../lib/address.ts';

export interface BfdPath {
  readonly hops: 'single' | 'multi';
  readonly peer: Address;
  /** The link that a link-local peer is on; else empty. */
  readonly interface: string;
  /** The VRF device; empty for the default VRF. */
  readonly vrf: string;
  /** Where it is absent, the kernel chooses the local address, as it does for the BGP session. */
  readonly source?: Address;
}

export interface WantedBfd extends BfdPath {
  /** Names of the BGP peers that use it, sorted. */
  readonly users: readonly string[];
  /** Names of the nodes whose speakers are watched by it, sorted. */
  readonly members: readonly string[];
  readonly settings: Omit<BfdSettings, 'strict'>;
}

/** The same for two paths exactly when they are the same. */
export const bfdKey = ({ hops, peer, interface: link, vrf, source }: BfdPath): string =>
  [hops, formatAddress(peer), link, vrf, source ? formatAddress(source) : ''].join(' ');

/**
 * Single hop, as FRR has it: eBGP unless it may be multihop, and iBGP with a neighbour on a link of ours. The peer must
 * come to the same conclusion, since the two use different ports. GTSM says how far away the peer is.
 * @param onLink whether an address is on a link of ours
 */
export function bfdPath(settings: PeerSettings, onLink: (address: Address) => boolean): BfdPath {
  const { address, interface: link = '', vrf = '', sourceAddress } = settings;
  return {
    hops: isSingleHop(settings, onLink) ? 'single' : 'multi',
    peer: address,
    interface: isLinkLocal(address) ? link : '',
    vrf,
    ...(sourceAddress && { source: sourceAddress }),
  };
}

function isSingleHop(settings: PeerSettings, onLink: (address: Address) => boolean): boolean {
  const { address, multihop, ttlSecurityHops, localAsn, peerAsn } = settings;
  if (isLinkLocal(address)) return true;
  if (ttlSecurityHops !== undefined) return ttlSecurityHops === 1;
  return isInternal(localAsn, peerAsn) ? onLink(address) : !multihop;
}

/** The speakers of one cluster: single hop on a link of ours, which both ends see alike. */
function memberPath({ address, source }: MemberPath, onLink: (address: Address) => boolean): BfdPath {
  return {
    hops: onLink(address) ? 'single' : 'multi',
    peer: address,
    interface: '',
    vrf: '',
    ...(source && { source }),
  };
}

/** By key. */
export function wantedBfd(
  peers: Iterable<PeerSettings>,
  members: readonly MemberPath[],
  onLink: (address: Address) => boolean,
): Map<string, WantedBfd> {
  const wanted = new Map<string, WantedBfd>();
  const add = (one: WantedBfd) => {
    const key = bfdKey(one);
    const other = wanted.get(key);
    if (other === undefined) wanted.set(key, one);
    else
      wanted.set(key, {
        ...other,
        users: [...other.users, ...one.users].sort(),
        members: [...other.members, ...one.members].sort(),
        settings: mostDemanding(other.settings, one.settings),
      });
  };
  for (const peer of peers) {
    const { bfd, name } = peer;
    if (bfd === undefined) continue;
    const { strict: _, ...settings } = bfd;
    add({ ...bfdPath(peer, onLink), users: [name], members: [], settings });
  }
  for (const member of members)
    add({ ...memberPath(member, onLink), users: [], members: [member.name], settings: member.settings });
  return wanted;
}

const mostDemanding = (a: WantedBfd['settings'], b: WantedBfd['settings']): WantedBfd['settings'] => ({
  receiveIntervalMs: Math.min(a.receiveIntervalMs, b.receiveIntervalMs),
  transmitIntervalMs: Math.min(a.transmitIntervalMs, b.transmitIntervalMs),
  detectMultiplier: Math.min(a.detectMultiplier, b.detectMultiplier),
  passive: a.passive && b.passive,
  minimumTtl: Math.max(a.minimumTtl, b.minimumTtl),
});
