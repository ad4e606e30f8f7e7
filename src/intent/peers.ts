/** The BGPPeers that run on this node, as the settings of their sessions. */
import type { AddressFamily } from '../bgp/const.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Configuration, Meta, Peer } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import type { DynamicPeers } from '../config/speaker.ts';
import { type Address, formatAddress, toU32 } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import { type ThisNode, thisNode } from './node.ts';
import type { Reason } from './reason.ts';

/**
 * Seconds, where a BGPPeer gives neither time: MetalLB's native 90 (and so a keepalive every 30), which RFC 4271 §10
 * suggests too. FRR's 180 notices a dead peer a minute and a half later. The peer's proposal counts when it is lower.
 */
export const DEFAULT_HOLD_TIME_SEC = 90;

export interface NodePeers {
  /** In document order. */
  readonly peers: readonly { readonly settings: PeerSettings; readonly document: Peer }[];
  /** In document order: a session each, once somebody is found on the link. */
  readonly unnumbered: readonly UnnumberedPeer[];
  /** The most specific prefix first: the first that contains a caller's address is the caller's. */
  readonly ranges: readonly PeerRange[];
  readonly skipped: readonly SkippedPeer[];
}

/** A peer known by its link: complete with the link-local address that is found there. */
export interface UnnumberedPeer {
  readonly settings: Omit<PeerSettings, 'address'> & { readonly interface: string };
  readonly document: Peer;
}

/** Peers that may call from a range of addresses, unless the address is that of a peer with a document. */
export interface PeerRange {
  readonly prefix: Prefix;
  /** Sessions at a time. */
  readonly limit: number;
  readonly settings: Omit<PeerSettings, 'name' | 'address'>;
}

export interface SkippedPeer {
  readonly document: Peer;
  readonly reason: Reason;
  readonly detail: string;
  readonly because: readonly Meta[];
}

/**
 * @param fallbackRouterId taken where neither the peer nor the Speaker has a router ID: derived from a local address,
 *   0 or undefined when there is none
 */
export function nodePeers(
  config: Pick<Configuration, 'speaker' | 'nodes' | 'peers'>,
  fallbackRouterId: number | undefined,
): NodePeers {
  const node = thisNode(config);
  const { speaker } = config;
  const peers: { settings: PeerSettings; document: Peer }[] = [];
  const unnumbered: UnnumberedPeer[] = [];
  const skipped: SkippedPeer[] = [];
  const routerIdOf = (own?: Address) => {
    const configured = own ?? speaker.routerId;
    return configured ? toU32(configured.bytes) : fallbackRouterId;
  };
  for (const document of config.peers) {
    const skip = (reason: Reason, detail: string) => skipped.push({ document, reason, detail, because: [document] });
    if (!anySelects(document.nodeSelectors, node.labels)) {
      skip('nodeNotSelected', `nodeSelectors do not select node ${node.name}`);
      continue;
    }
    const routerId = routerIdOf(document.routerId);
    if (!routerId) {
      skip('noRouterId', 'neither configured nor derived');
      continue;
    }
    const { address, interface: link } = document;
    const settings = settingsOf(document, node, routerId);
    if (address !== undefined) peers.push({ settings: { ...settings, address }, document });
    else if (link !== undefined) unnumbered.push({ settings: { ...settings, interface: link }, document });
  }
  const routerId = routerIdOf();
  const ranges = routerId ? speaker.dynamicPeers.map((range) => rangeOf(range, node, routerId)) : [];
  return { peers, unnumbered, ranges, skipped };
}

/** The peers of this node from which routes may be taken; there are no others whose routes could get into its tables. */
export function learningPeers(config: Pick<Configuration, 'speaker' | 'nodes' | 'peers'>): readonly Peer[] {
  const { labels } = thisNode(config);
  return config.peers.filter(
    ({ receive, nodeSelectors }) =>
      receive !== undefined && (receive.all || receive.rules.length > 0) && anySelects(nodeSelectors, labels),
  );
}

/** The settings of a peer that called from `address`, which lies in the range. Its name is its address. */
export const dynamicPeer = ({ settings }: PeerRange, address: Address): PeerSettings => ({
  ...settings,
  name: formatAddress(address),
  address,
});

function settingsOf(peer: Peer, node: ThisNode, routerId: number): Omit<PeerSettings, 'address'> {
  const { limits } = peer;
  return {
    name: peer.name,
    port: peer.port,
    localAsn: peer.localAsn ?? peer.myAsn,
    peerAsn: peer.peerAsn,
    routerId,
    holdTimeSec: peer.holdTimeSec ?? DEFAULT_HOLD_TIME_SEC,
    families: familiesOf(peer),
    passive: peer.passive,
    multihop: peer.ebgpMultiHop,
    hostname: node.name,
    ...(peer.localAsn !== undefined && { trueAsn: peer.myAsn }),
    ...(peer.sourceAddress && { sourceAddress: peer.sourceAddress }),
    ...(peer.vrf !== undefined && { vrf: peer.vrf }),
    ...(peer.keepaliveTimeSec !== undefined && { keepaliveTimeSec: peer.keepaliveTimeSec }),
    ...(peer.connectTimeSec !== undefined && { connectRetrySec: peer.connectTimeSec }),
    ...(peer.ttlSecurityHops !== undefined && { ttlSecurityHops: peer.ttlSecurityHops }),
    ...(peer.password !== undefined && { password: peer.password }),
    ...(peer.restartTimeSec !== undefined && { restartTimeSec: peer.restartTimeSec }),
    ...(peer.addPathReceive && { addPathReceive: true }),
    ...(peer.role && { role: peer.role }),
    ...(peer.strictRole && { strictRole: true }),
    ...(peer.bfd && { bfd: { ...peer.bfd, strict: peer.bfdStrict ?? false } }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(peer.receive && { receive: peer.receive }),
    ...(Object.keys(peer.nextHops ?? {}).length > 0 && { nextHops: peer.nextHops! }),
    ...(peer.onlyNamed && { onlyNamed: true }),
  };
}

/** The family of the peer's address, or both where the document says so or there is no address yet. */
function familiesOf(peer: Peer): readonly AddressFamily[] {
  if (peer.dualStackAddressFamily || peer.address === undefined) return ['ipv4', 'ipv6'];
  return [`ipv${peer.address.family}`];
}

function rangeOf(range: DynamicPeers, node: ThisNode, routerId: number): PeerRange {
  return {
    prefix: range.prefix,
    limit: range.limit,
    settings: {
      port: BGP_PORT,
      localAsn: range.myAsn,
      peerAsn: range.peerAsn,
      routerId,
      holdTimeSec: DEFAULT_HOLD_TIME_SEC,
      families: range.families,
      passive: true,
      multihop: range.ebgpMultiHop,
      hostname: node.name,
      ...(range.password !== undefined && { password: range.password }),
      ...(range.maxPrefixes !== undefined && { limits: { maxPrefixes: range.maxPrefixes } }),
    },
  };
}

/** Never dialled, and yet a peer has one. */
const BGP_PORT = 179;
