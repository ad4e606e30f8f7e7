/**
 * The BFD sessions that the peers of this node want: one for all who watch the same path in the same way (peer, local
 * address, VRF, single hop or multihop), run as the most demanding of them asks for.
 */
import type { BfdSettings, PeerSettings } from '../bgp/settings.ts';
import { isInternal } from '../config/asn.ts';
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
  /** Names of the peers, sorted. */
  readonly users: readonly string[];
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

/** By key. */
export function wantedBfd(
  peers: Iterable<PeerSettings>,
  onLink: (address: Address) => boolean,
): Map<string, WantedBfd> {
  const wanted = new Map<string, WantedBfd>();
  for (const settings of peers) {
    const { bfd, name } = settings;
    if (bfd === undefined) continue;
    const path = bfdPath(settings, onLink);
    const key = bfdKey(path);
    const { strict: _, ...own } = bfd;
    const other = wanted.get(key);
    if (other === undefined) wanted.set(key, { ...path, users: [name], settings: own });
    else
      wanted.set(key, {
        ...other,
        users: [...other.users, name].sort(),
        settings: mostDemanding(other.settings, own),
      });
  }
  return wanted;
}

const mostDemanding = (a: WantedBfd['settings'], b: WantedBfd['settings']): WantedBfd['settings'] => ({
  receiveIntervalMs: Math.min(a.receiveIntervalMs, b.receiveIntervalMs),
  transmitIntervalMs: Math.min(a.transmitIntervalMs, b.transmitIntervalMs),
  detectMultiplier: Math.min(a.detectMultiplier, b.detectMultiplier),
  passive: a.passive && b.passive,
  minimumTtl: Math.max(a.minimumTtl, b.minimumTtl),
});
