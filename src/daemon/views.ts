/**
 * What `show` prints: the daemon's state as plain data, in the shapes that scripts rely on.
 *
 * Rows come one by one, so that a full table is never held or sorted here: the order is whoever asks to make. A
 * generator gives undefined for what the filter leaves out.
 */
import { decodeInterned } from '../bgp/attr.ts';
import type { Capability } from '../bgp/capability.ts';
import type { AddressFamily } from '../bgp/const.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { Diagnostic } from '../config/model.ts';
import { serviceView } from '../intent/view.ts';
import { monotonicMs, wallClockAt } from '../io/clock.ts';
import { formatAddress } from '../lib/address.ts';
import { contains, formatPrefix, type Prefix } from '../lib/prefix.ts';
import type { Reading } from './documents.ts';
import type { Engine } from './engine.ts';
import type { Peer } from './peer.ts';
import { formatRouterId, routeJson } from './routes.ts';
import type { Speaker } from './speaker.ts';

/** Which rows are wanted; absent fields select all. */
export interface Filter {
  readonly peer?: string;
  readonly family?: AddressFamily;
  /** This prefix and everything inside it. */
  readonly prefix?: Prefix;
}

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

export function peerView(peer: Peer, speaker: Speaker) {
  const { session, settings } = peer;
  const { agreement, state } = session;
  const up = state === 'Established' && session.changedAt !== undefined;
  const counts = families.map((family) => speaker.rib.counts(peer.slot, family));
  return {
    name: settings.name,
    address: formatAddress(settings.address),
    port: settings.port,
    vrf: '',
    interface: '',
    localAsn: settings.localAsn,
    peerAsn: settings.peerAsn,
    state,
    uptimeSec: up ? Math.floor((monotonicMs() - session.changedAt!) / 1000) : 0,
    routerId: agreement ? formatRouterId(agreement.peerRouterId) : null,
    localRouterId: formatRouterId(settings.routerId),
    localAddress: session.local ? formatAddress(session.local.transport) : null,
    holdTimeSec: agreement ? agreement.holdMs / 1000 : settings.holdTimeSec,
    keepaliveSec: agreement ? agreement.keepaliveMs / 1000 : (settings.keepaliveTimeSec ?? settings.holdTimeSec / 3),
    families: agreement ? agreement.context.families : settings.families,
    capabilities: {
      sent: agreement?.sent.map(capabilityName) ?? [],
      received: agreement?.received.map(capabilityName) ?? [],
      negotiated: agreement ? negotiatedNames(agreement) : [],
    },
    bfd: null,
    gracefulRestart: null,
    messages: { sent: { ...session.sent, update: session.out.messagesSent }, received: { ...session.received } },
    prefixes: {
      desired: sum(families.map((f) => session.out.counts(f).desired)),
      advertised: sum(families.map((f) => session.out.counts(f).advertised)),
      held: up ? sum(families.map((f) => session.out.counts(f).held)) : 0,
      received: sum(counts.map((c) => c.received)),
      accepted: sum(counts.map((c) => c.accepted)),
    },
    oversized: session.out.oversized.map(formatPrefix),
    flaps: session.flaps,
    lastError: session.lastError,
    lastChange: session.changedAt === undefined ? null : wallClockAt(session.changedAt),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const byName = (a: Peer, b: Peer): number => (a.name < b.name ? -1 : 1);

const selected = (speaker: Speaker, { peer }: Filter): Peer[] =>
  [...speaker.all.values()]
    .filter((p) => peer === undefined || p.name === peer || formatAddress(p.settings.address) === peer)
    .sort(byName);

export function* peerRows(speaker: Speaker, filter: Filter) {
  for (const peer of selected(speaker, filter)) yield peerView(peer, speaker);
}

const wanted = (prefix: Prefix, { family, prefix: within }: Filter): boolean =>
  (family === undefined || family === `ipv${prefix.family}`) && (within === undefined || contains(within, prefix));

/** What peers have been told. */
export function* advertisedRows(speaker: Speaker, engine: Engine, filter: Filter) {
  for (const peer of selected(speaker, filter)) {
    for (const { prefix, attributes } of peer.session.out.advertised()) {
      if (!wanted(prefix, filter)) {
        yield undefined;
        continue;
      }
      const from = engine.services.advertisements.route(peer.settings, prefix)?.from ?? [];
      yield { peer: peer.name, prefix: formatPrefix(prefix), ...routeJson(attributes), from };
    }
  }
}

/** What peers have told us; nothing of it is used yet, which is what `reason` says. */
export function* receivedRows(speaker: Speaker, filter: Filter) {
  for (const peer of selected(speaker, filter)) {
    for (const family of families) {
      if (filter.family !== undefined && filter.family !== family) continue;
      const table = speaker.rib[family];
      for (const route of speaker.rib.forPeer(peer.slot, family)) {
        const prefix = table.prefixes.prefix(table.prefixOf(route));
        if (!wanted(prefix, filter)) {
          yield undefined;
          continue;
        }
        const attributes = decodeInterned(speaker.attributes.view(table.attributesOf(route)));
        yield {
          peer: peer.name,
          vrf: '',
          prefix: formatPrefix(prefix),
          ...routeJson(attributes),
          accepted: false,
          reason: 'noReceivePolicy',
          best: false,
          stale: table.isStale(route),
        };
      }
    }
  }
}

export function* serviceRows(speaker: Speaker, engine: Engine) {
  const receivers = [...speaker.all.values()].map((p) => p.settings);
  const keys = [...engine.services.decisions.keys()].sort();
  for (const key of keys) {
    const view = serviceView(engine.services.decisions.get(key)!, receivers);
    yield { ...view, layer2: { announced: false, reason: 'noMatchingAdvertisement', interfaces: [], owner: null } };
  }
}

export function configView(reading: Reading | undefined, engine: Engine) {
  const of = (severity: string) => (reading?.diagnostics ?? []).filter((d) => d.severity === severity).map(flatten);
  return {
    node: engine.config?.speaker.name ?? null,
    files: reading?.files ?? [],
    loadedAt: reading?.at ?? null,
    valid: reading?.valid ?? false,
    /** The configuration in force is older than the files. */
    stale: reading !== undefined && !reading.valid && engine.config !== undefined,
    /** Its errors may pass by themselves. */
    transient: reading?.transient ?? false,
    errors: of('error'),
    warnings: of('warning'),
    documents: (engine.config?.documents ?? [])
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
      .map((d) => ({
        kind: d.kind,
        namespace: d.namespace,
        name: d.name,
        file: d.position.file,
        line: d.position.line,
      })),
  };
}

/** A diagnostic as one object without nesting, as `check --json` and `show config` print it. */
export function flatten({ position, severity, subject, path, message, hint, transient }: Diagnostic) {
  const { file, line, column } = position;
  const extra = { ...(hint !== undefined && { hint }), ...(transient && { transient }) };
  return { file, line, column, severity, subject, path, message, ...extra };
}

type RowOf<G extends (...args: never[]) => Iterable<unknown>> =
  ReturnType<G> extends Iterable<infer Row> ? NonNullable<Row> : never;
export type PeerRow = RowOf<typeof peerRows>;
export type AdvertisedRow = RowOf<typeof advertisedRows>;
export type ReceivedRow = RowOf<typeof receivedRows>;
export type ServiceRow = RowOf<typeof serviceRows>;
export type ConfigView = ReturnType<typeof configView>;
