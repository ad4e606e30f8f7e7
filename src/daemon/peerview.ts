/** Peers as `show peers` prints them, in the shape that scripts rely on. */
import { type Capability, lastOf } from '../bgp/capability.ts';
import type { Agreement } from '../bgp/handshake.ts';
import { monotonicMs, wallClockAt } from '../io/clock.ts';
import { formatAddress } from '../lib/address.ts';
import { formatPrefix } from '../lib/prefix.ts';
import type { Bfd } from './bfd.ts';
import type { Peer } from './peer.ts';
import type { MissingPeer } from './roster.ts';
import { formatRouterId } from './routes.ts';
import { unsentOf } from './unsent.ts';

const families = ['ipv4', 'ipv6'] as const;

const capabilityName = (c: Capability): string => {
  switch (c.type) {
    case 'multiprotocol':
      return `multiprotocol ${c.afi}/${c.safi}`;
    case 'fourOctetAs':
      return `fourOctetAs ${c.asn}`;
    case 'fqdn':
      return `fqdn ${c.hostname}`;
    case 'unknown':
      return `unknown ${c.code}`;
    default:
      return c.type;
  }
};

function negotiatedNames({ negotiated, context }: Agreement): string[] {
  const flags = ['fourOctetAs', 'routeRefresh', 'enhancedRefresh', 'extendedMessage', 'extendedNextHop'] as const;
  return [
    ...context.families.map((f) => `multiprotocol ${f}`),
    ...flags.filter((f) => negotiated[f]),
    ...context.addPathReceive.map((f) => `addPath receive ${f}`),
    ...context.addPathSend.map((f) => `addPath send ${f}`),
  ];
}

/** One session, as `show peers` prints it. */
export function peerView(peer: Peer, bfd?: Pick<Bfd, 'of'>) {
  const { session, settings } = peer;
  const { agreement, state } = session;
  const up = state === 'Established' && session.changedAt !== undefined;
  const counts = families.map((family) => peer.counts(family));
  return {
    name: settings.name,
    address: formatAddress(settings.address),
    port: settings.port,
    vrf: settings.vrf ?? '',
    interface: settings.interface ?? '',
    localAsn: settings.localAsn,
    peerAsn: agreement?.peerAsn ?? settings.peerAsn,
    state: state as string,
    uptimeSec: up ? Math.floor((monotonicMs() - session.changedAt!) / 1000) : 0,
    routerId: agreement ? formatRouterId(agreement.peerRouterId) : null,
    localRouterId: formatRouterId(settings.routerId),
    localAddress: session.local ? formatAddress(session.local.transport) : null,
    holdTimeSec: agreement ? agreement.holdMs / 1000 : settings.holdTimeSec,
    keepaliveSec: agreement ? thousandths(agreement.keepaliveMs / 1000) : keepaliveOf(settings),
    families: agreement ? agreement.context.families : settings.families,
    capabilities: {
      sent: agreement?.sent.map(capabilityName) ?? [],
      received: agreement?.received.map(capabilityName) ?? [],
      negotiated: agreement ? negotiatedNames(agreement) : [],
    },
    bfd: bfdState(peer, bfd),
    gracefulRestart: restartView(peer) as ReturnType<typeof restartView> | null,
    messages: session.messages,
    prefixes: {
      desired: sum(families.map((f) => session.out.counts(f).desired)),
      advertised: sum(families.map((f) => session.out.counts(f).advertised)),
      held: up ? sum(families.map((f) => session.out.counts(f).held)) : 0,
      received: sum(counts.map((c) => c.received)),
      accepted: sum(counts.map((c) => c.accepted)),
    },
    oversized: session.out.oversized.map(formatPrefix),
    unsent: [...unsentOf(session)],
    flaps: session.flaps,
    lastError: peer.waiting ? waits(session.lastError) : session.lastError,
    lastChange: session.changedAt === undefined ? null : wallClockAt(session.changedAt),
  };
}

/** What is configured. */
const keepaliveOf = ({ keepaliveTimeSec, holdTimeSec }: MissingPeer['settings']): number =>
  keepaliveTimeSec ?? thousandths(holdTimeSec / 3);

const thousandths = (n: number): number => Math.round(n * 1000) / 1000;

/** null: the peer wants none. */
const bfdState = ({ name, settings }: Peer, bfd: Pick<Bfd, 'of'> | undefined): string | null =>
  settings.bfd === undefined ? null : (bfd?.of(name)?.view?.state ?? 'Down');

const waits = (error: string): string => `${error && `${error}; `}waits for BFD (bfd-strict)`;

/** What graceful restart amounts to on this session; families whose routes are from before the peer's restart. */
function restartView({ session: { agreement }, retention, settings }: Peer) {
  const theirs = agreement && lastOf(agreement.received, 'gracefulRestart');
  return {
    enabled: settings.restartTimeSec !== undefined,
    restartTimeSec: settings.restartTimeSec ?? null,
    peerRestartTimeSec: theirs?.restartTimeSec ?? null,
    peerKeepsForwarding: (theirs?.families ?? []).some((f) => f.forwarding),
    stale: [...retention.stale],
  };
}

/** A peer that is looked for on a link: no session yet, and why. */
export function missingView({ settings, reason }: MissingPeer): ReturnType<typeof peerView> {
  const none = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
  return {
    name: settings.name,
    address: settings.address ? formatAddress(settings.address) : '',
    port: settings.port,
    vrf: settings.vrf ?? '',
    interface: settings.interface ?? '',
    localAsn: settings.localAsn,
    peerAsn: settings.peerAsn,
    state: 'Idle',
    uptimeSec: 0,
    routerId: null,
    localRouterId: formatRouterId(settings.routerId),
    localAddress: null,
    holdTimeSec: settings.holdTimeSec,
    keepaliveSec: keepaliveOf(settings),
    families: settings.families,
    capabilities: { sent: [], received: [], negotiated: [] },
    bfd: null,
    gracefulRestart: null,
    messages: { sent: none, received: none },
    prefixes: { desired: 0, advertised: 0, held: 0, received: 0, accepted: 0 },
    oversized: [],
    unsent: [],
    flaps: 0,
    lastError: reason,
    lastChange: null,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
