/**
 * Peers that one node has at the same time must get along (MetalLB: peersCanRunOnSameNode): no two with one address,
 * whatever the port, and all with our side the same. Peers that no known node has together are exempt.
 */
import { type Address, formatAddress } from '../../lib/address.ts';
import type { Peer } from '../model.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNode, KnownNodes } from './nodes.ts';

/** This node's peers are held to it; what another node would refuse is a warning. */
export function checkPeers(peers: readonly Found<Peer>[], nodes: KnownNodes, report: Report): void {
  const judged = new Set<string>();
  const told = new Set<string>();
  for (const node of [nodes.own, ...nodes.others]) {
    const here = peers.filter(({ value }) => anySelects(value.nodeSelectors, node.labels));
    const group = here.map(({ value }) => value.name).join('/');
    if (judged.has(group)) continue;
    judged.add(group);
    checkNode(here, node, node === nodes.own, told, report);
  }
}

function checkNode(
  peers: readonly Found<Peer>[],
  node: KnownNode,
  own: boolean,
  told: Set<string>,
  report: Report,
): void {
  const tell = (first: Found<Peer>, second: Found<Peer>, field: string, message: string) => {
    const key = JSON.stringify([first.value.name, second.value.name, field]);
    if (told.has(key)) return;
    told.add(key);
    const path = ['spec', field];
    report.add(second.document, {
      severity: own ? 'error' : 'warning',
      path,
      message: `${message} BGPPeer/${first.value.name} (${placeOf(first.document, path)})${own ? '' : `; node ${node.name} refuses this`}`,
      hint: 'peers with nodeSelectors that select no common node may differ',
    });
  };
  const byAddress = new Map<string, Found<Peer>>();
  const first = peers[0];
  for (const peer of peers) {
    const { address, myAsn, routerId } = peer.value;
    const text = formatAddress(address);
    const same = byAddress.get(text);
    if (same !== undefined) tell(same, peer, 'peerAddress', `address ${text} is already that of`);
    else byAddress.set(text, peer);
    if (first === undefined || first === peer) continue;
    if (myAsn !== first.value.myAsn)
      tell(first, peer, 'myASN', `all myASN of one node must be equal: ${myAsn} here, ${first.value.myAsn} in`);
    if (shown(routerId) !== shown(first.value.routerId))
      tell(
        first,
        peer,
        'routerID',
        `all router IDs of one node must be equal: ${shown(routerId)} here, ${shown(first.value.routerId)} in`,
      );
  }
}

/** None differs from any. */
const shown = (routerId: Address | undefined): string => (routerId === undefined ? 'none' : formatAddress(routerId));
