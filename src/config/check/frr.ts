/**
 * The FRRConfigurations that select this node put together, with each other and with its BGPPeers: one router for each
 * VRF, and one session for each neighbour, whoever names it (frr-k8s internal/controller/merge.go).
 */
import { type Address, formatAddress } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import { formatPrefix } from '../../lib/prefix.ts';
import type { BfdProfile, BfdSettings } from '../bfd.ts';
import type { Document } from '../document.ts';
import type { AdvertisedPrefix, NextHops, ReceiveRules } from '../exchange.ts';
import { type FrrDraft, type NeighborDraft, neighborId } from '../frr/draft.ts';
import { restartTimeSec } from '../kinds/peerannotations.ts';
import type { Meta, Peer, Place } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects, selects } from '../selector.ts';
import { collectImports, type Imports, withImported } from './imports.ts';
import type { Found } from './nodes.ts';
import { checkRouter, collectRouters, type FrrContext, linkOf, type Router } from './router.ts';
import { checkPeer, frrDefaults } from './session.ts';

export interface MergedFrr {
  /** The BGPPeers, those of this node with what FRRConfigurations add, and after them the sessions of FRRConfigurations alone. */
  readonly peers: readonly Peer[];
  readonly imports: Imports;
}

export function mergeFrr(
  drafts: readonly Found<FrrDraft>[],
  peers: readonly Found<Peer>[],
  context: FrrContext,
): MergedFrr {
  const { own } = context.nodes;
  const all = peers.map(({ value }) => value);
  const selected = drafts.filter(
    ({ value }) => value.nodeSelector === undefined || selects(value.nodeSelector, own.labels),
  );
  if (selected.length === 0) return { peers: all, imports: new Map() };
  const here = withImported(selected, context.report);
  const profiles = collectProfiles(here, context);
  const routers = collectRouters(here, context);
  const mine = peers.filter(({ value }) => anySelects(value.nodeSelectors, own.labels));
  const imports = collectImports(here, mine, context.profiles.complete, context.report);
  const names = new Set(all.map(({ name }) => name));
  const merged = new Map<Peer, Peer>();
  const more: Peer[] = [];
  for (const router of routers.values()) {
    const beside = mine.filter(({ value }) => value.vrf === router.vrf);
    for (const peer of beside) {
      checkRouter(router, peer, context.report);
      if (router.routerId && !peer.value.routerId)
        merged.set(peer.value, { ...peer.value, routerId: router.routerId.value });
    }
    for (const [link, parts] of router.neighbors) {
      const session = mergeNeighbor(parts, profiles, context);
      const same = sessionsWith(link, session.neighbor, beside);
      for (const peer of same) {
        for (const part of parts) checkPeer(part, peer, context.report);
        merged.set(peer.value, together(merged.get(peer.value) ?? peer.value, session));
      }
      if (same.length > 0) continue;
      const id = neighborId(link, router.vrf);
      more.push(alone(router, session, parts, names.has(id) ? `frr-${id}` : id));
    }
  }
  return { peers: [...all.map((peer) => merged.get(peer) ?? peer), ...more], imports };
}

/**
 * The BGPPeers of a neighbour: one, unless they tell their sessions apart by port or source address, which a document
 * may give to mean one of them.
 */
function sessionsWith(link: string, neighbor: NeighborDraft, peers: readonly Found<Peer>[]): readonly Found<Peer>[] {
  const { port, sourceAddress: source } = neighbor;
  const all = peers.filter(({ value }) => linkOf(value) === link);
  const meant = all.filter(
    ({ value }) =>
      (port === undefined || port === value.port) && (source === undefined || equal(source, value.sourceAddress)),
  );
  return meant.length > 0 ? meant : all;
}

type Named = ReadonlyMap<string, BfdSettings>;

function collectProfiles(drafts: readonly Found<FrrDraft>[], { profiles, report }: FrrContext): Named {
  const first = new Map<string, { document: Document; path: Path; settings: BfdSettings }>();
  for (const { document, value } of drafts) {
    for (const { name, path, settings } of value.profiles) {
      const other = first.get(name);
      if (other === undefined) first.set(name, { document, path, settings });
      else if (!equal(other.settings, settings))
        report.error(
          document,
          [...path, 'name'],
          `duplicate bfd profile name ${name} with different values, first at ${placeOf(other.document, other.path)}`,
        );
    }
  }
  const fromMetallb = profiles.found.map(({ value }: Found<BfdProfile>) => [value.name, value.settings] as const);
  return new Map([...fromMetallb, ...[...first].map(([name, { settings }]) => [name, settings] as const)]);
}

/** What all that name a neighbour make of it. */
interface Session {
  readonly neighbor: NeighborDraft;
  readonly bfd?: BfdSettings;
  readonly receive: ReceiveRules;
  readonly receiveFrom: readonly Place[];
  readonly advertise: readonly AdvertisedPrefix[];
  readonly nextHops: NextHops;
}

function mergeNeighbor(parts: readonly Found<NeighborDraft>[], profiles: Named, context: FrrContext): Session {
  const first = parts[0]!.value;
  const bfdProfile = parts.find(({ value }) => value.bfdProfile !== undefined)?.value.bfdProfile;
  for (const { document, value } of parts) checkProfile(value, document, profiles, context);
  checkPreferences(parts, context.report);
  for (const { document, value } of parts)
    if ((value.gracefulRestart ?? false) !== (first.gracefulRestart ?? false))
      context.report.warn(
        document,
        [...value.path, 'enableGracefulRestart'],
        `what FRRConfiguration/${parts[0]!.document.meta.name} (${placeOf(parts[0]!.document, first.path)}) says of the same session counts`,
      );
  const bfd = bfdProfile === undefined ? undefined : profiles.get(bfdProfile);
  return {
    neighbor: { ...first, ...(bfdProfile !== undefined && { bfdProfile }) },
    ...(bfd && { bfd }),
    receive: {
      all: parts.some(({ value }) => value.receive.all),
      rules: parts.flatMap(({ value }) => value.receive.rules),
    },
    receiveFrom: parts.map(({ document, value }) => ({ document: document.meta, path: [...value.path, 'toReceive'] })),
    advertise: parts.flatMap(({ value }) => value.advertise),
    nextHops: mergeNextHops(parts, context.report),
  };
}

function checkProfile(
  neighbor: NeighborDraft,
  document: Document,
  known: Named,
  { profiles, report }: FrrContext,
): void {
  const { bfdProfile: name, path } = neighbor;
  if (name === undefined || known.has(name) || !profiles.complete || profiles.names.has(name)) return;
  const hint = didYouMean(name, [...known.keys()]);
  report.error(document, [...path, 'bfdProfile'], `neighbor referencing non existing BFDProfile ${name}`, hint);
}

/** A prefix has one local preference on a session. */
function checkPreferences(parts: readonly Found<NeighborDraft>[], report: Report): void {
  const known = new Map<string, Found<number>>();
  for (const { document, value } of parts) {
    for (const { prefix, localPref } of value.advertise) {
      if (localPref === undefined) continue;
      const key = formatPrefix(prefix);
      const first = known.get(key);
      if (first === undefined) known.set(key, { document, value: localPref });
      else if (first.value !== localPref)
        report.error(
          document,
          [...value.path, 'toAdvertise', 'withLocalPref'],
          `multiple local prefs (${first.value} != ${localPref}) specified for prefix ${key}: the other is that of FRRConfiguration/${first.document.meta.name} (${placeOf(first.document)})`,
        );
    }
  }
}

function mergeNextHops(parts: readonly Found<NeighborDraft>[], report: Report): NextHops {
  const merged: { ipv4?: Address; ipv6?: Address } = {};
  for (const family of ['ipv4', 'ipv6'] as const) {
    const [first, ...rest] = parts.filter(({ value }) => value.nextHops[family] !== undefined);
    if (first === undefined) continue;
    const its = first.value.nextHops[family]!;
    merged[family] = its;
    for (const { document, value } of rest) {
      const mine = value.nextHops[family]!;
      const path = ['toAdvertise', 'nextHop', family];
      if (!equal(its, mine))
        report.error(
          document,
          [...value.path, ...path],
          `multiple next hops (${formatAddress(its)} != ${formatAddress(mine)}) specified: the other is that of FRRConfiguration/${first.document.meta.name} (${placeOf(first.document, [...first.value.path, ...path])})`,
        );
    }
  }
  return merged;
}

/** A BGPPeer's session: what the BGPPeer leaves open is as FRRConfigurations have it. */
function together(peer: Peer, { neighbor, bfd, receive, receiveFrom, advertise, nextHops }: Session): Peer {
  const { gracefulRestart, sourceAddress, sourceInterface } = neighbor;
  const source = peer.sourceAddress === undefined && peer.sourceInterface === undefined;
  const keep = <Key extends keyof Peer & keyof NeighborDraft>(key: Key) =>
    peer[key] === undefined && neighbor[key] !== undefined ? { [key]: neighbor[key] } : {};
  return {
    ...peer,
    ...keep('password'),
    ...keep('holdTimeSec'),
    ...keep('keepaliveTimeSec'),
    ...keep('connectTimeSec'),
    ...keep('localAsn'),
    ...keep('bfdProfile'),
    ...(source && sourceAddress && { sourceAddress }),
    ...(source && sourceInterface !== undefined && { sourceInterface }),
    ...(gracefulRestart && peer.restartTimeSec === undefined && { restartTimeSec }),
    ...(bfd && peer.bfd === undefined && { bfd }),
    receive,
    receiveFrom,
    advertise,
    nextHops,
  };
}

/** A session that no BGPPeer describes. */
function alone(router: Router, session: Session, parts: readonly Found<NeighborDraft>[], name: string): Peer {
  const { neighbor, bfd, receive, receiveFrom, advertise, nextHops } = session;
  const { document } = parts[0]!;
  const { path: _, secret: __, gracefulRestart, port, advertise: ___, toAdvertise: ____, ...rest } = neighbor;
  const meta: Meta = { ...document.meta, name };
  return {
    ...meta,
    ...rest,
    myAsn: router.asn.value,
    port: port ?? frrDefaults.port,
    holdTimeSec: neighbor.holdTimeSec ?? frrDefaults.holdTimeSec,
    keepaliveTimeSec: neighbor.keepaliveTimeSec ?? frrDefaults.keepaliveTimeSec,
    ...(router.vrf !== undefined && { vrf: router.vrf }),
    ...(router.routerId && { routerId: router.routerId.value }),
    ...(gracefulRestart && { restartTimeSec }),
    ...(bfd && { bfd }),
    nodeSelectors: [],
    ebgpMultiHop: neighbor.ebgpMultiHop ?? false,
    dualStackAddressFamily: neighbor.dualStackAddressFamily ?? false,
    passive: false,
    addPathReceive: false,
    strictRole: false,
    limits: {},
    receive,
    receiveFrom,
    advertise,
    nextHops,
    onlyNamed: true,
  };
}
