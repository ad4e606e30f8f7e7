/**
 * The sessions that OpenPERouter's documents ask a host for, as peers. A BGPPeer for the same router stands for the
 * session, and the two have to agree; else the document makes the peer by itself, under its own name.
 */
import { compareAddresses } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import { overlaps } from '../../lib/prefix.ts';
import type { Peer } from '../model.ts';
import { type FabricUnderlay, type HostSession, type Overlay, routerAddress } from '../openperouter.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNodes } from './nodes.ts';

export interface Fabric {
  /** Those that no BGPPeer stands for. */
  readonly peers: readonly Found<Peer>[];
  /** Names of documents, and the peers that they mean: advertisements may say either. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

/** The last result for a document: a session that comes out the same stays the same peer. */
const made = new WeakMap<Overlay, Map<string, Peer>>();

export function joinFabric(
  overlays: readonly Found<Overlay>[],
  peers: readonly Found<Peer>[],
  nodes: KnownNodes,
  report: Report,
): Fabric {
  const added: Found<Peer>[] = [];
  const names = new Map<string, string[]>();
  const bgpPeers = new Set(peers.map(({ value }) => value.name));
  const taken = new Set(bgpPeers);
  for (const found of overlays) {
    const { document, value } = found;
    const { session } = value;
    if (session === undefined) continue;
    const meant: string[] = [];
    for (const cidr of session.localCidrs) {
      const address = routerAddress(cidr);
      const same = peers.find(
        ({ value: peer }) =>
          peer.vrf === undefined &&
          peer.address !== undefined &&
          compareAddresses(peer.address, address) === 0 &&
          nodes.common(value.nodeSelectors, peer.nodeSelectors) !== undefined,
      );
      if (same !== undefined) {
        checkAgreement(found, session, same, nodes, report);
        meant.push(same.value.name);
        continue;
      }
      const beside = peerBeside(value, peers, nodes);
      const myAsn = session.hostAsn === 'external' ? beside?.myAsn : session.hostAsn;
      if (myAsn === undefined || (session.hostAsn === 'external' && myAsn === session.asn)) {
        report.warn(
          document,
          [...session.path],
          'our AS number is not given, so there is no session with the router',
          'give it here (hostASN), or a BGPPeer for the router',
        );
        break;
      }
      const suffix = meant.length > 0 ? '-ipv6' : '';
      const wanted = `${value.name}${suffix}`;
      const name = taken.has(wanted) ? `${value.kind.toLowerCase()}-${wanted}` : wanted;
      taken.add(name);
      meant.push(name);
      const routerId = beside?.routerId;
      const ends = { myAsn, peerAsn: session.asn, address, ...(routerId && { routerId }) };
      added.push({ document, value: peerOf(value, name, ends) });
    }
    // The name of another BGPPeer means that; and a name that means nobody is none, as an empty list would be everybody.
    if (meant.length > 0 && (!bgpPeers.has(value.name) || meant.includes(value.name)))
      names.set(value.name, [...(names.get(value.name) ?? []), ...meant]);
  }
  return { peers: added, names };
}

function peerOf(overlay: Overlay, name: string, ends: Pick<Peer, 'myAsn' | 'peerAsn' | 'address' | 'routerId'>): Peer {
  const known = made.get(overlay) ?? new Map<string, Peer>();
  made.set(overlay, known);
  const last = known.get(name);
  if (last !== undefined && last.myAsn === ends.myAsn && equal(last.routerId, ends.routerId)) return last;
  const { kind, namespace, key, labels, annotations, position, nodeSelectors } = overlay;
  const peer: Peer = {
    ...{ kind, namespace, name, key, labels, annotations, position, nodeSelectors },
    ...ends,
    port: 179,
    ebgpMultiHop: false,
    dualStackAddressFamily: false,
    passive: false,
    addPathReceive: false,
    strictRole: false,
    limits: {},
  };
  known.set(name, peer);
  return peer;
}

/** All BGPPeers of a node have one AS number and one router ID: of this one, where the session is for it. */
function peerBeside({ nodeSelectors }: Overlay, peers: readonly Found<Peer>[], nodes: KnownNodes): Peer | undefined {
  const found = peers.map(({ value: peer }) => ({ peer, node: nodes.common(nodeSelectors, peer.nodeSelectors) }));
  const pick = (some: typeof found) =>
    some.find(({ node }) => node === nodes.own) ?? some.find(({ node }) => node !== undefined);
  // The session is in the default VRF; other VRFs may have AS numbers of their own.
  return (pick(found.filter(({ peer }) => peer.vrf === undefined)) ?? pick(found))?.peer;
}

function checkAgreement(
  { document, value }: Found<Overlay>,
  session: HostSession,
  { document: other, value: peer }: Found<Peer>,
  nodes: KnownNodes,
  report: Report,
): void {
  const own = [value.nodeSelectors, peer.nodeSelectors].every((selectors) => anySelects(selectors, nodes.own.labels));
  const router = `the router of ${value.kind}/${value.name} (${placeOf(document, session.path)})`;
  const refuse = (field: string, message: string, hint: string) =>
    report.add(other, { severity: own ? 'error' : 'warning', path: ['spec', field], message, hint });
  const internal = session.asn === peer.myAsn;
  const theirs =
    peer.peerAsn === 'internal' ? internal : peer.peerAsn === 'external' ? !internal : peer.peerAsn === session.asn;
  if (!theirs) refuse('peerASN', `${peer.peerAsn} is not the AS of ${router}`, `use ${session.asn}`);
  const ours = peer.localAsn ?? peer.myAsn;
  const wanted = session.hostAsn;
  if (wanted === 'external' ? ours === session.asn : ours !== wanted)
    refuse(
      peer.localAsn === undefined ? 'myASN' : 'localASN',
      `${ours} is not what ${router} expects of the host`,
      wanted === 'external' ? `any other than ${session.asn}` : `use ${wanted}`,
    );
}

/** What OpenPERouter itself would refuse. Its routers are not our business, our sessions with them are. */
export function checkOverlays(
  overlays: readonly Found<Overlay>[],
  underlays: readonly Found<FabricUnderlay>[],
  nodes: KnownNodes,
  report: Report,
): void {
  const firstVni = new Map<number, Found<Overlay>>();
  const firstVrf = new Map<string, Found<Overlay>>();
  for (const found of overlays) {
    const { document, value } = found;
    const same = value.vni === undefined ? undefined : firstVni.get(value.vni);
    if (same !== undefined) report.warn(document, ['spec', 'vni'], `${value.vni} is already that of ${named(same)}`);
    else if (value.vni !== undefined) firstVni.set(value.vni, found);
    if (value.vrf === undefined || (value.kind !== 'L3VNI' && value.kind !== 'L3VPN')) continue;
    const rival = firstVrf.get(value.vrf);
    if (rival !== undefined && nodes.common(rival.value.nodeSelectors, value.nodeSelectors) !== undefined)
      report.warn(document, ['spec', 'vrf'], `${value.vrf} is already that of ${named(rival)}`, 'one overlay a VRF');
    else firstVrf.set(value.vrf, found);
  }
  checkLegs(overlays, nodes, report);
  checkSingle(underlays, nodes, report);
  checkSingle(
    overlays.filter(({ value }) => value.kind === 'L3Passthrough'),
    nodes,
    report,
  );
}

/** Legs that share addresses: a peer could be either router. */
function checkLegs(overlays: readonly Found<Overlay>[], nodes: KnownNodes, report: Report): void {
  for (const [i, second] of overlays.entries())
    for (const first of overlays.slice(0, i)) {
      const node = nodes.common(first.value.nodeSelectors, second.value.nodeSelectors);
      const shared = (first.value.session?.localCidrs ?? []).some((a) =>
        second.value.session?.localCidrs.some((b) => overlaps(a, b)),
      );
      if (node === undefined || !shared) continue;
      report.add(second.document, {
        severity: node === nodes.own ? 'error' : 'warning',
        path: second.value.session!.path,
        message: `its local CIDR overlaps with that of ${named(first)}`,
        hint: 'every session needs addresses of its own',
      });
    }
}

/** At most one for each node. */
function checkSingle(
  found: readonly Found<Pick<Overlay, 'kind' | 'name' | 'nodeSelectors'>>[],
  nodes: KnownNodes,
  report: Report,
): void {
  for (const [i, second] of found.entries()) {
    const first = found
      .slice(0, i)
      .find(({ value }) => nodes.common(value.nodeSelectors, second.value.nodeSelectors) !== undefined);
    if (first !== undefined)
      report.warn(
        second.document,
        ['metadata', 'name'],
        `a node has one ${second.value.kind} at most, and ${named(first)} is for the same nodes`,
        'give both a nodeSelector',
      );
  }
}

const named = ({ document, value }: Found<Pick<Overlay, 'kind' | 'name'>>): string =>
  `${value.kind}/${value.name} (${placeOf(document)})`;
