/** Our own addresses beside the ends of sessions, of which next hops are made (bgp/nexthop.ts). */
import type { LocalAddresses } from '../bgp/export.ts';
import { addressesBeside } from '../io/interfaces.ts';
import type { Ends } from '../io/tcp.ts';
import { formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { Peer } from './peer.ts';

export const localAddresses = (ends: Ends): LocalAddresses => addressesBeside(ends.local, ends.interface);

/**
 * Peers with a session whose interface has other addresses now than it was told of, and these. They come and go: an
 * interface that has just come up has those of one family before those of the other.
 */
export function* moved(peers: Iterable<Peer>): Generator<readonly [Peer, LocalAddresses], void> {
  const seen = new Map<string, LocalAddresses>();
  for (const peer of peers) {
    const { local, state } = peer.session;
    if (local === undefined || state !== 'Established') continue;
    const link = peer.settings.interface;
    const key = `${formatAddress(local.transport)} ${link ?? ''}`;
    const now = seen.get(key) ?? addressesBeside(local.transport, link);
    seen.set(key, now);
    if (!equal(now, local)) yield [peer, now];
  }
}
