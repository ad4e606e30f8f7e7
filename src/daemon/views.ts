/**
 * What `show` prints: the daemon's state as plain data, in the shapes that scripts rely on.
 *
 * Rows come one by one, so that a full table is never held or sorted here: the order is whoever asks to make. A
 * generator gives undefined for what the filter leaves out.
 */
import { decodeInterned } from '../bgp/attr.ts';
import type { AddressFamily } from '../bgp/const.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Diagnostic } from '../config/model.ts';
import type { Receiver } from '../intent/advertise.ts';
import type { Reason } from '../intent/reason.ts';
import type { ServiceDecision } from '../intent/service.ts';
import { serviceView } from '../intent/view.ts';
import { type Address, formatAddress, parseAddress } from '../lib/address.ts';
import { contains, formatPrefix, type Prefix, prefixOf } from '../lib/prefix.ts';
import type { Bfd } from './bfd.ts';
import type { Reading } from './documents.ts';
import type { Egress } from './egress.ts';
import type { Engine } from './engine.ts';
import type { Journal } from './journal.ts';
import type { Layer2 } from './layer2.ts';
import type { Loopback } from './loopback.ts';
import type { Peer } from './peer.ts';
import { missingView, peerView } from './peerview.ts';
import type { MissingPeer } from './roster.ts';
import { routeJson } from './routes.ts';
import type { Speaker } from './speaker.ts';

/** Which rows are wanted; absent fields select all. */
export interface Filter {
  readonly peer?: string;
  readonly vrf?: string;
  readonly family?: AddressFamily;
  /** This prefix and everything inside it. */
  readonly prefix?: Prefix;
  /** Prefixes that contain this, themselves among them. */
  readonly around?: Address | Prefix;
}

const families = ['ipv4', 'ipv6'] as const;

const byName = (a: Peer, b: Peer): number => (a.name < b.name ? -1 : 1);

/** By name. */
function selected(speaker: Speaker, filter: Filter): Peer[] {
  const isChosen = chosen(filter);
  return [...speaker.all.values()].filter(({ settings }) => isChosen(settings)).sort(byName);
}

type Chosen = Pick<PeerSettings, 'name' | 'vrf'> & { readonly address?: Address };

/** Whether a filter lets a peer through: by its name, or by its address in whatever form that is written. */
export function chosen({ peer, vrf }: Filter): (settings: Chosen) => boolean {
  const given = peer === undefined ? undefined : parseAddress(peer);
  const address = given && formatAddress(given);
  return (settings) =>
    (vrf === undefined || (settings.vrf ?? '') === vrf) &&
    (peer === undefined ||
      settings.name === peer ||
      (address !== undefined && settings.address !== undefined && formatAddress(settings.address) === address));
}

/** Sessions, and peers that are looked for on a link, by name. */
export function* peerRows(speaker: Speaker, filter: Filter, missing: readonly MissingPeer[] = [], bfd?: Bfd) {
  const isChosen = chosen(filter);
  const rows = selected(speaker, filter).map((peer) => peerView(peer, bfd));
  for (const one of missing) if (isChosen(one.settings)) rows.push(missingView(one));
  for (const row of rows.sort((a, b) => (a.name < b.name ? -1 : 1)))
    if (filter.family === undefined || row.families.includes(filter.family)) yield row;
}

/** The filter lets a prefix through. */
export const wanted = (prefix: Prefix, { family, prefix: within, around }: Filter): boolean =>
  (family === undefined || family === `ipv${prefix.family}`) &&
  (within === undefined || contains(within, prefix)) &&
  (around === undefined || contains(prefix, around));

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

/** What peers have told us, and why what is not accepted is not. */
export function* receivedRows(speaker: Speaker, filter: Filter) {
  for (const peer of selected(speaker, filter)) {
    for (const family of families) {
      if (filter.family !== undefined && filter.family !== family) continue;
      const table = peer.instance.rib[family];
      for (const route of peer.instance.rib.forPeer(peer.slot, family)) {
        // Rows leave in slices: the peer may be gone, and another have its slot.
        if (speaker.all.get(peer.name) !== peer) break;
        const prefix = table.prefixes.prefix(table.prefixOf(route));
        if (!wanted(prefix, filter)) {
          yield undefined;
          continue;
        }
        const { intake, locRib } = peer.instance;
        const id = table.prefixOf(route);
        const refused = intake.admission.reason(peer.slot, family, table.attributesOf(route), id);
        const verdict = locRib.explain(family, id).find((v) => v.route === route)?.verdict;
        const inUse = verdict === 'best' || verdict === 'multipath';
        const attributes = decodeInterned(speaker.attributes.view(table.attributesOf(route)));
        yield {
          peer: peer.name,
          vrf: peer.settings.vrf ?? '',
          prefix: formatPrefix(prefix),
          ...routeJson(attributes),
          accepted: refused === undefined,
          /** Why it may not be used, or else what it loses by to the best. */
          reason: refused ?? (inUse ? null : (verdict ?? null)),
          best: verdict === 'best',
          ...(verdict === 'multipath' && { multipath: true }),
          stale: table.isStale(route),
          ...(table.pathIdOf(route) !== 0 && { pathId: table.pathIdOf(route) }),
        };
      }
    }
  }
}

/** Parts of the daemon that know more of a Service. */
export interface ServiceParts {
  readonly egress: Pick<Egress, 'row'>;
  readonly loopback: Pick<Loopback, 'state'>;
  readonly layer2: Pick<Layer2, 'row'>;
}

/** Everybody who is to be told of routes: peers with a session, and those that are yet to be found or to have a source. */
export const receiversOf = (
  speaker: Pick<Speaker, 'all'>,
  { roster }: Pick<Engine, 'roster'>,
): Omit<PeerSettings, 'address'>[] => [...speaker.all.values(), ...roster.missing].map(({ settings }) => settings);

/** Services that have an address, or are to be told to a peer, that the filter lets through. */
export function* serviceRows(speaker: Speaker, engine: Engine, parts: ServiceParts, filter: Filter = {}) {
  const { peer, vrf, family, prefix } = filter;
  const receivers = receiversOf(speaker, engine);
  const names = new Set(receivers.filter(chosen(filter)).map(({ name }) => name));
  for (const decision of decisionsByKey(engine)) {
    const row = serviceRow(decision, receivers, parts);
    const has = (family === undefined && prefix === undefined) || decision.ips.some((ip) => hosts(ip, filter));
    const told = (peer === undefined && vrf === undefined) || row.bgp.peers.some((name) => names.has(name));
    yield has && told ? row : undefined;
  }
}

/** `loopback`: what is the case with each address that is to be on it. */
export function serviceRow(
  decision: ServiceDecision,
  receivers: readonly Receiver[],
  { egress, loopback, layer2 }: ServiceParts,
) {
  const view = serviceView(decision, receivers);
  const there = Object.fromEntries(view.ips.map((ip) => [ip, loopback.state(ip)]));
  const silent = decision.layer2.announced && silence(decision, layer2);
  const answered = silent ? { layer2: { ...view.layer2, announced: false, reason: silent } } : {};
  return { ...view, ...answered, egress: egress.row(decision.key), loopback: there };
}

/** Why none of the addresses is answered for, although they are to be; undefined where one of them is. */
function silence(decision: ServiceDecision, layer2: Pick<Layer2, 'row'>): Reason | undefined {
  const rows = decision.ips.map((ip) => layer2.row(formatAddress(ip), ip.family, decision));
  if (rows.some(({ announced }) => announced)) return undefined;
  return rows.find(({ reason }) => reason !== null)?.reason ?? undefined;
}

/** Addresses of Services on layer 2; none at all where no L2Advertisement exists. */
export function* layer2Rows(layer2: Layer2, engine: Engine, filter: Filter) {
  if ((engine.config?.layer2Advertisements.length ?? 0) === 0) return;
  for (const decision of decisionsByKey(engine))
    for (const ip of decision.ips)
      yield hosts(ip, filter) ? layer2.row(formatAddress(ip), ip.family, decision) : undefined;
}

const hosts = (ip: Address, filter: Filter): boolean => wanted(prefixOf(ip), filter);

/** Rows leave in slices, and between two of them Services come and go. */
function* decisionsByKey({ services: { decisions } }: Engine): Generator<ServiceDecision> {
  for (const key of [...decisions.keys()].sort()) {
    const decision = decisions.get(key);
    if (decision !== undefined) yield decision;
  }
}

/** What happened lately, oldest first; of one peer what its session, its path and its document have to tell. */
export function* eventRows(journal: Journal, speaker: Speaker, filter: Filter, after: number) {
  const names = new Set([filter.peer, ...selected(speaker, filter).map(({ name }) => name)]);
  for (const row of journal.rows(after))
    yield filter.peer === undefined || (ofPeers.has(row.kind) && names.has(row.subject)) ? row : undefined;
}

const ofPeers: ReadonlySet<string> = new Set(['peer', 'session', 'bfd']);

/** The nodes that may announce on layer 2, and why one does not. `addresses`: how many it is to announce. */
export function* memberRows(engine: Engine) {
  const { nodes, decisions } = engine.services;
  const owned = new Map<string, number>();
  for (const { layer2, ips } of decisions.values())
    if (layer2.owner !== undefined) owned.set(layer2.owner, (owned.get(layer2.owner) ?? 0) + ips.length);
  for (const node of nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    yield { ...node, self: node.name === engine.config?.speaker.name, addresses: owned.get(node.name) ?? 0 };
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
export type Layer2Row = RowOf<typeof layer2Rows>;
export type MemberRow = RowOf<typeof memberRows>;
export type ServiceRow = RowOf<typeof serviceRows>;
export type ConfigView = ReturnType<typeof configView>;
