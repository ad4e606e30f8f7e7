/**
 * Peers that one node has at the same time must get along (MetalLB: peersCanRunOnSameNode): no two with the same ends,
 * all with one router ID, and in one VRF all with one AS number of ours. Peers that no known node has together are
 * exempt.
 */
import { type Address, formatAddress } from '../../lib/address.ts';
import { annotationPath } from '../annotation.ts';
import type { Peer } from '../model.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Speaker } from '../speaker.ts';
import { targetOf } from '../target.ts';
import type { Found, KnownNode, KnownNodes } from './nodes.ts';

/** This node's peers are held to it; what another node would refuse is a warning. */
export function checkPeers(peers: readonly Found<Peer>[], nodes: KnownNodes, speaker: Speaker, report: Report): void {
  const judged = new Set<string>();
  const told = new Set<string>();
  for (const node of [nodes.own, ...nodes.others]) {
    const here = peers.filter(({ value }) => anySelects(value.nodeSelectors, node.labels));
    const group = here.map(({ value }) => value.name).join('/');
    if (node === nodes.own && speaker.listen.addresses.length === 0) warnUnheard(here, report);
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
  const tell = (first: Found<Peer>, second: Found<Peer>, path: Path, message: string) => {
    const key = JSON.stringify([first.value.name, second.value.name, path]);
    if (told.has(key)) return;
    told.add(key);
    report.add(second.document, {
      severity: own ? 'error' : 'warning',
      path: pathIn(second, path),
      message: `${message} ${first.document.meta.kind}/${first.document.meta.name} (${placeOf(first.document, pathIn(first, path))})${own ? '' : `; node ${node.name} refuses this`}`,
      hint: 'peers with nodeSelectors that select no common node may differ',
    });
  };
  const byTarget = new Map<string, Found<Peer>>();
  const byVrf = new Map<string, Found<Peer>>();
  for (const peer of peers) {
    const { address, myAsn, routerId, vrf = '' } = peer.value;
    const target = targetOf(peer.value);
    const same = byTarget.get(target);
    if (same !== undefined)
      tell(same, peer, ['spec', address ? 'peerAddress' : 'interface'], `${target} is already that of`);
    else byTarget.set(target, peer);

    const neighbour = byVrf.get(vrf);
    if (neighbour === undefined) byVrf.set(vrf, peer);
    else if (myAsn !== neighbour.value.myAsn) {
      const where = vrf === '' ? 'one node' : `VRF ${vrf} on one node`;
      const message = `all myASN of ${where} must be equal: ${myAsn} here, ${neighbour.value.myAsn} in`;
      tell(neighbour, peer, ['spec', 'myASN'], message);
    }

    const first = peers[0]!;
    const [mine, its] = [shown(routerId), shown(first.value.routerId)];
    if (mine !== its)
      tell(first, peer, ['spec', 'routerID'], `all router IDs of one node must be equal: ${mine} here, ${its} in`);
  }
}

/** Where a field of a BGPPeer stands; a peer that another kind of document makes has none of its own. */
const pathIn = ({ document }: Found<Peer>, path: Path): Path => (document.meta.kind === 'BGPPeer' ? path : []);

/** None differs from any. */
const shown = (routerId: Address | undefined): string => (routerId === undefined ? 'none' : formatAddress(routerId));

/** Peers that we wait for and that cannot call. */
function warnUnheard(peers: readonly Found<Peer>[], report: Report): void {
  for (const { document, value } of peers)
    if (value.passive)
      report.warn(
        document,
        annotationPath('passive'),
        'the Speaker listens nowhere, so this peer cannot call',
        'set listen.addresses in the Speaker',
      );
}
