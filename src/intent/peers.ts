/** The BGPPeers that run on this node, as the settings of their sessions. */
import type { AddressFamily } from '../bgp/const.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Configuration, Meta, Peer } from '../config/model.ts';
import { formatAddress, toU32 } from '../lib/address.ts';
import { type ThisNode, thisNode } from './node.ts';
import type { Reason } from './reason.ts';
import { matchesAny } from './select.ts';

/**
 * Seconds, where a BGPPeer gives neither time: MetalLB's native 90 (and so a keepalive every 30), which RFC 4271 §10
 * suggests too. FRR's 180 notices a dead peer a minute and a half later. The peer's proposal counts when it is lower.
 */
export const DEFAULT_HOLD_TIME_SEC = 90;

export interface NodePeers {
  /** In document order. */
  readonly peers: readonly { readonly settings: PeerSettings; readonly document: Peer }[];
  readonly skipped: readonly SkippedPeer[];
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
  const peers: { settings: PeerSettings; document: Peer }[] = [];
  const skipped: SkippedPeer[] = [];
  const byName = new Map<string, Peer>();
  const byTarget = new Map<string, Peer>();
  for (const document of config.peers) {
    const skip = (reason: Reason, detail: string, ...because: Meta[]) =>
      skipped.push({ document, reason, detail, because: [document, ...because] });
    if (!matchesAny(document.nodeSelectors, node.labels)) {
      skip('nodeNotSelected', `nodeSelectors do not select node ${node.name}`);
      continue;
    }
    const twin = byName.get(document.name) ?? byTarget.get(targetOf(document));
    if (twin !== undefined) {
      const place = `${twin.position.file}:${twin.position.line}`;
      skip('duplicatePeer', `${targetOf(document)} is taken by BGPPeer ${twin.name} (${place})`, twin);
      continue;
    }
    const configured = document.routerId ?? config.speaker.routerId;
    const routerId = configured ? toU32(configured.bytes) : fallbackRouterId;
    if (!routerId) {
      skip('noRouterId', 'neither configured nor derived');
      continue;
    }
    byName.set(document.name, document);
    byTarget.set(targetOf(document), document);
    peers.push({ settings: settingsOf(document, node, routerId), document });
  }
  return { peers, skipped };
}

function settingsOf(peer: Peer, node: ThisNode, routerId: number): PeerSettings {
  return {
    name: peer.name,
    address: peer.address,
    port: peer.port,
    localAsn: peer.myAsn,
    peerAsn: peer.peerAsn,
    routerId,
    holdTimeSec: peer.holdTimeSec ?? DEFAULT_HOLD_TIME_SEC,
    families: familiesOf(peer),
    passive: false,
    multihop: peer.ebgpMultiHop,
    hostname: node.name,
    ...(peer.sourceAddress && { sourceAddress: peer.sourceAddress }),
    ...(peer.keepaliveTimeSec !== undefined && { keepaliveTimeSec: peer.keepaliveTimeSec }),
    ...(peer.connectTimeSec !== undefined && { connectRetrySec: peer.connectTimeSec }),
  };
}

/** The family of the peer's address, or both where the document says so. */
function familiesOf(peer: Peer): readonly AddressFamily[] {
  if (peer.dualStackAddressFamily) return ['ipv4', 'ipv6'];
  return [`ipv${peer.address.family}`];
}

/** Two sessions between the same ends are one too many; another port or source address makes another session. */
function targetOf(peer: Peer): string {
  const source = peer.sourceAddress ? ` from ${formatAddress(peer.sourceAddress)}` : '';
  return `${formatAddress(peer.address)} port ${peer.port}${source}`;
}
