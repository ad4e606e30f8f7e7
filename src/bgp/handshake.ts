/** OPEN on both sides: what we offer a peer, and what its answer and ours amount to (RFC 4271 §4.2, RFC 5492). */
import { isLinkLocal } from '../lib/address.ts';
import { Writer } from '../lib/bytes.ts';
import { type Capability, encodeCapabilities, type Negotiated, negotiate } from './capability.ts';
import { Afi, AS_TRANS, BGP_VERSION, Safi } from './const.ts';
import { type Context, maxMessageOf } from './context.ts';
import { BgpError, ErrorCode, OpenError } from './errors.ts';
import { asnOf, checkOpen, type OpenMessage } from './message.ts';
import type { PeerSettings, Role } from './settings.ts';

/** What a session agreed on: the codecs' context, the timers, and the three columns that `show peers` prints. */
export interface Agreement {
  readonly context: Context;
  readonly negotiated: Negotiated;
  /** 0 when neither keepalives are sent nor their absence is noticed (RFC 4271 §4.2). */
  readonly holdMs: number;
  readonly keepaliveMs: number;
  readonly peerRouterId: number;
  readonly peerAsn: number;
  readonly sent: readonly Capability[];
  readonly received: readonly Capability[];
}

/** What graceful restart asks of our past (RFC 4724 §3). */
export interface Past {
  /** This process has just taken the place of one that had a session with the peer (the R bit). */
  readonly restarting: boolean;
  /** What that session announced is still forwarded (the F bits). */
  readonly forwarding: boolean;
}

/** Our OPEN for this peer. */
export function offer(settings: PeerSettings, past: Past = { restarting: false, forwarding: false }): OpenMessage {
  const families = settings.families.map((family) => ({ afi: Afi[family], safi: Safi.unicast }));
  const capabilities: Capability[] = families.map((family) => ({ type: 'multiprotocol', ...family }));
  capabilities.push({ type: 'routeRefresh' }, { type: 'enhancedRefresh' }, { type: 'extendedMessage' });
  capabilities.push({ type: 'fourOctetAs', asn: settings.localAsn });
  if (settings.families.includes('ipv4') && settings.address.family === 6) {
    // RFC 8950 §4: without it an IPv4 route cannot name a next hop on an IPv6-only link.
    const entry = { afi: Afi.ipv4, safi: Safi.unicast, nextHopAfi: Afi.ipv6 };
    capabilities.push({ type: 'extendedNextHop', entries: [entry] });
  }
  if (settings.addPathReceive)
    capabilities.push({ type: 'addPath', entries: families.map((f) => ({ ...f, send: false, receive: true })) });
  if (settings.role) capabilities.push({ type: 'role', role: ROLES.indexOf(settings.role) });
  capabilities.push(gracefulRestart(settings, past));
  // RFC 9494 §4.3: none of ours are to be kept, but stale routes of others may be told us, as a last resort.
  capabilities.push({ type: 'longLivedGracefulRestart', families: [] });
  if (settings.hostname !== undefined) capabilities.push({ type: 'fqdn', hostname: settings.hostname, domain: '' });
  return {
    type: 'open',
    version: BGP_VERSION,
    myAs: settings.localAsn > 0xffff ? AS_TRANS : settings.localAsn,
    holdTimeSec: settings.holdTimeSec,
    bgpIdentifier: settings.routerId,
    capabilities,
  };
}

/**
 * What the peer's OPEN and ours agree on. Throws `BgpError` with the subcode of RFC 4271 §6.2 when it cannot be
 * accepted from this peer.
 */
export function agree(settings: PeerSettings, sent: OpenMessage, received: OpenMessage): Agreement {
  const peerAsn = expectedAsn(settings, received);
  const internal = peerAsn === settings.localAsn;
  checkOpen(received, {
    peerAsn,
    routerId: settings.routerId,
    internal,
    ...(settings.role && { role: ROLES.indexOf(settings.role), strictRole: settings.strictRole ?? false }),
  });
  const negotiated = negotiate(sent.capabilities, received.capabilities);
  if (negotiated.families.length === 0) throw noCommonFamily(sent.capabilities);
  const holdTimeSec = Math.min(sent.holdTimeSec, received.holdTimeSec);
  const third = (holdTimeSec * 1000) / 3;
  return Object.freeze({
    context: Object.freeze({
      fourOctetAs: negotiated.fourOctetAs,
      internal,
      maxMessage: maxMessageOf(negotiated.extendedMessage),
      families: negotiated.families,
      addPathReceive: negotiated.addPathReceive,
      addPathSend: negotiated.addPathSend,
      extendedNextHop: negotiated.extendedNextHop,
      ...(isLinkLocal(settings.address) && { linkLocal: true as const }),
    }),
    negotiated,
    holdMs: holdTimeSec * 1000,
    keepaliveMs: holdTimeSec === 0 ? 0 : Math.min(third, (settings.keepaliveTimeSec || third) * 1000),
    peerRouterId: received.bgpIdentifier,
    peerAsn,
    sent: sent.capabilities,
    received: received.capabilities,
  });
}

/** Without a restart time we only help peers that restart, which takes a capability that names no family (RFC 4724 §4). */
function gracefulRestart({ restartTimeSec, families }: PeerSettings, past: Past): Capability {
  const ours = restartTimeSec === undefined ? [] : families;
  return {
    type: 'gracefulRestart',
    restarting: past.restarting && restartTimeSec !== undefined,
    notification: true,
    restartTimeSec: restartTimeSec ?? 0,
    families: ours.map((family) => ({ afi: Afi[family], safi: Safi.unicast, forwarding: past.forwarding })),
  };
}

/** The AS the peer must be in: the one configured, or the one it has, where only the side of the border is. */
function expectedAsn({ peerAsn, localAsn }: PeerSettings, open: OpenMessage): number {
  if (typeof peerAsn === 'number') return peerAsn;
  const asn = asnOf(open);
  if ((asn === localAsn) === (peerAsn === 'internal')) return asn;
  throw new BgpError(`peer is in AS ${asn}: an ${peerAsn} peer is expected`, ErrorCode.open, OpenError.badPeerAs);
}

/** In the order of their numbers (RFC 9234 §4.1). */
const ROLES: readonly Role[] = ['provider', 'routeServer', 'routeServerClient', 'customer', 'peer'];

/** RFC 5492 §5: the capabilities that were missed go back as the data. */
function noCommonFamily(offered: readonly Capability[]): BgpError {
  const families = offered.filter((c) => c.type === 'multiprotocol');
  const w = new Writer(64);
  encodeCapabilities(w, families);
  const text = 'the peer and we have no address family in common';
  return new BgpError(text, ErrorCode.open, OpenError.unsupportedCapability, w.finish());
}
