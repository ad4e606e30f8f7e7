/** What the ConfigMap bgpextras lets in is added to what other documents let in. */
import { formatAddress } from '../../lib/address.ts';
import type { Extras } from '../extras.ts';
import { neighborId } from '../frr/draft.ts';
import type { Peer } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Report } from '../report.ts';
import type { Found } from './nodes.ts';

/** Peers are called by address or interface, and by VRF, as FRR's route-maps are. */
export function applyExtras(
  extras: Found<Extras> | undefined,
  peers: readonly Peer[],
  complete: boolean,
  report: Report,
): readonly Peer[] {
  if (extras === undefined) return peers;
  const { document, value } = extras;
  const ids = new Set(peers.map(idOf));
  for (const { peer, path } of value.policies)
    if (complete && !ids.has(peer))
      report.warn(document, path, `no peer is called ${JSON.stringify(peer)}: of no effect`, didYouMean(peer, ids));
  return peers.map((peer) => {
    const policy = value.policies.find((p) => p.peer === idOf(peer));
    if (policy === undefined) return peer;
    const { all = false, rules = [] } = peer.receive ?? {};
    return {
      ...peer,
      receive: { all: all || policy.receive.all, rules: [...rules, ...policy.receive.rules] },
      receiveFrom: [...(peer.receiveFrom ?? []), { document: document.meta, path: policy.path }],
    };
  });
}

const idOf = ({ address, interface: link, vrf }: Peer): string =>
  neighborId(address ? formatAddress(address) : link!, vrf);
