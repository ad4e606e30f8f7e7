/** Which of a speaker's peers somebody is who calls. */
import type { PeerSettings } from '../bgp/settings.ts';
import type { Ends } from '../io/tcp.ts';
import { type Address, compareAddresses } from '../lib/address.ts';
import type { Peer } from './peer.ts';

/** The peer with that address, one that has no session yet before one that has. */
export function callingPeer(peers: Iterable<Peer>, ends: Ends): Peer | undefined {
  const candidates = [...peers].filter(
    ({ settings }) => same(settings.address, ends.remote) && accepts(settings, ends),
  );
  return candidates.find((p) => p.session.state !== 'Established') ?? candidates[0];
}

/** A peer calls in its own VRF, over its own link, and where it has a source address of ours, that one. */
const accepts = (settings: PeerSettings, { local, vrf, interface: link }: Ends): boolean =>
  settings.vrf === vrf &&
  (settings.interface === undefined || settings.interface === link) &&
  (settings.sourceAddress === undefined || same(settings.sourceAddress, local));

const same = (a: Address, b: Address): boolean => compareAddresses(a, b) === 0;
