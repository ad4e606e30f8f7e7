/** Our own addresses beside the ends of sessions, of which next hops are made (bgp/nexthop.ts). */
import type { SessionEvent } from '../bgp/events.ts';
import type { LocalAddresses } from '../bgp/export.ts';
import { addressesBeside, interfacesNow, type Place } from '../io/interfaces.ts';
import type { Ends } from '../io/tcp.ts';
import { formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { Peer } from './peer.ts';

/** A connection is there. @param peer whose it is: one that was dialled does not tell its VRF */
export const joined = (
  type: 'connected' | 'accepted',
  connection: number,
  ends: Ends,
  peer: Peer | undefined,
): SessionEvent => ({
  type,
  connection,
  local: addressesBeside(ends.local, placeOf(ends.interface, peer?.settings.vrf)),
});

const placeOf = (link: string | undefined, vrf: string | undefined): Place => ({
  ...(link !== undefined && { interface: link }),
  ...(vrf !== undefined && { vrf }),
});

/**
 * Peers with a session whose interface has other addresses now than it was told of, and these. They come and go: an
 * interface that has just come up has those of one family before those of the other.
 */
export function* moved(peers: Iterable<Peer>): Generator<readonly [Peer, LocalAddresses], void> {
  const seen = new Map<string, LocalAddresses>();
  let interfaces: ReturnType<typeof interfacesNow> | undefined;
  for (const peer of peers) {
    const { local, state } = peer.session;
    if (local === undefined || state !== 'Established') continue;
    const { interface: link, vrf } = peer.settings;
    const key = `${formatAddress(local.transport)} ${link ?? ''} ${vrf ?? ''}`;
    interfaces ??= interfacesNow();
    const now = seen.get(key) ?? addressesBeside(local.transport, placeOf(link, vrf), local, interfaces);
    seen.set(key, now);
    if (!equal(now, local)) yield [peer, now];
  }
}
