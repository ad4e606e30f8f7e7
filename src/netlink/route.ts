/** Routes of all tables (RTM_*ROUTE), and the question which of them a packet would take. */
import type { Address, Family } from '../lib/address.ts';
import { type Prefix, prefixOf } from '../lib/prefix.ts';
import { decodeAttributes, encodeAttributes } from './attr.ts';
import type { Codec, Verb } from './codec.ts';
import { MessageType } from './const.ts';
import { afOf, familyOf, readPrefix, sameFamily } from './family.ts';
import { type Hop, hopOf } from './hop.ts';
import type { HostReader, HostWriter } from './host.ts';
import type { Metrics } from './metrics.ts';
import { allRows, type CacheInfo, lookupRows, type Preference, type RouteDraft, routeRows } from './routerows.ts';
import { type Kept, nameOf, numberOf } from './row.ts';
import { type Scope, scopes } from './scope.ts';

const types = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const;
export type RouteType = (typeof types)[number];

/** Bits of `Route.flags` (RTM_F_*). */
export const RouteFlag = {
  /** Made by a lookup. */
  cloned: 0x200,
  offload: 0x4000,
  trap: 0x8000,
} as const;
/** Asks for the table's number too, which IPv6 tells unasked; and for the route instead of the path. */
const LOOKUP_TABLE = 0x1000;
const FIB_MATCH = 0x2000;

interface Common extends Kept {
  readonly destination: Prefix;
  /** IPv6: only packets from there. */
  readonly source?: Prefix;
  readonly tos?: number;
  /** Metric: the lowest wins. IPv6 makes 0, or none, 1024. */
  readonly priority?: number;
  /** Source address of packets from here. */
  readonly preferredSource?: Address;
  readonly metrics?: Metrics;
  readonly preference?: Preference | number;
  /** Id of a next-hop object, which then stands for `hops`. */
  readonly nextHop?: number;
}

/**
 * A route as the kernel tells it. Of one with a next-hop object, `hops` is what the object stands for; only the id is
 * written back.
 */
export interface Route extends Common {
  readonly table: number;
  /** `Protocol`. */
  readonly protocol: number;
  readonly scope: Scope | number;
  readonly type: RouteType | number;
  /** `RouteFlag` bits. */
  readonly flags: number;
  /** None for a blackhole and its like, several for multipath. */
  readonly hops: readonly Hop[];
  readonly cacheInfo?: CacheInfo;
}

/**
 * A route as requests describe it. When one is deleted, what is absent matches anything, or else it has its default:
 * table main, type unicast, the scope that follows from type and hops, protocol boot.
 */
export interface RouteSpec extends Common {
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: Scope | number;
  readonly type?: RouteType | number;
  readonly hops?: readonly Hop[];
  /** IPv6: seconds until the kernel deletes it. */
  readonly expiresSec?: number;
  /** For `get`: where a packet like this one would go. `destination` is then its address. */
  readonly packet?: Packet;
}

/** What besides its destination a lookup may depend on. */
export interface Packet {
  readonly source?: Address;
  /** Index of the link that it came in by; absent for a packet of this machine. */
  readonly input?: number;
  /** Index of the link, or VRF, that its socket is confined to. */
  readonly output?: number;
  readonly mark?: number;
  readonly uid?: number;
  /** IPPROTO_*, with ports for TCP and UDP. */
  readonly ipProtocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Asks for the route itself rather than for the path that this packet would take. */
  readonly routeItself?: boolean;
}

export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
  readonly type?: RouteType;
  /** Index of the link that a hop uses. */
  readonly link?: number;
}

/** struct rtmsg. */
interface Head {
  readonly family?: Family | undefined;
  readonly to?: number;
  readonly from?: number;
  readonly tos?: number | undefined;
  readonly table?: number | undefined;
  readonly protocol?: number | undefined;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

function writeHead(w: HostWriter, h: Head): void {
  // Tables past 255 are in an attribute, and 0 is here.
  const { family, table = 0 } = h;
  w.u8(family === undefined ? 0 : afOf(family))
    .u8(h.to ?? 0)
    .u8(h.from ?? 0)
    .u8(h.tos ?? 0)
    .u8(table > 0xff ? 0 : table)
    .u8(h.protocol ?? 0)
    .u8(h.scope ?? 0)
    .u8(h.type ?? 0)
    .h32(h.flags ?? 0);
}

function decode(r: HostReader): Route | undefined {
  const family = familyOf(r.u8());
  if (family === undefined) return undefined;
  const toLength = r.u8();
  const fromLength = r.u8();
  const tos = r.u8();
  const headTable = r.u8();
  const protocol = r.u8();
  const scope = nameOf(scopes, r.u8());
  const type = nameOf(types, r.u8());
  const flags = r.h32();
  const draft: RouteDraft = {};
  decodeAttributes(r, routeRows, draft);
  const { gateway, link = 0 } = draft;
  const single = gateway !== undefined || link !== 0 ? [hopOf(gateway, link, 1, flags & 0xff)] : [];
  const route: Mutable<Route> = {
    destination: readPrefix(family, draft.to, toLength),
    table: draft.table ?? headTable,
    protocol,
    scope,
    type,
    // The rest is the flags of the single hop, or of none.
    flags: (flags & ~0xff) >>> 0,
    hops: draft.hops ?? single,
  };
  if (fromLength !== 0) route.source = readPrefix(family, draft.from, fromLength);
  if (tos !== 0) route.tos = tos;
  if (draft.priority !== undefined) route.priority = draft.priority;
  if (draft.preferredSource !== undefined) route.preferredSource = draft.preferredSource;
  if (draft.metrics !== undefined) route.metrics = draft.metrics;
  if (draft.preference !== undefined) route.preference = draft.preference;
  if (draft.nextHop !== undefined) route.nextHop = draft.nextHop;
  if (draft.cacheInfo !== undefined) route.cacheInfo = draft.cacheInfo;
  if (draft.kept !== undefined) route.kept = draft.kept;
  return route;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function encode(w: HostWriter, spec: RouteSpec, verb: Verb): void {
  if (verb === 'get') return encodeLookup(w, spec);
  const { destination, source, table = 254, tos, nextHop } = spec;
  const { family } = destination;
  const hops = nextHop === undefined ? (spec.hops ?? []) : [];
  const single = hops.length === 1 ? hops[0] : undefined;
  sameFamily(family, source, spec.preferredSource);
  if (spec.packet !== undefined) throw new RangeError('a packet is looked up, not added or deleted');
  const anything = verb === 'delete';
  const type = spec.type ?? (anything ? 'unspec' : 'unicast');
  writeHead(w, {
    family,
    to: destination.length,
    from: source?.length ?? 0,
    tos,
    table,
    protocol: spec.protocol ?? (anything ? 0 : 3),
    scope: numberOf(scopes, spec.scope ?? (anything ? 'nowhere' : defaultScope(type, spec))),
    type: numberOf(types, type),
    flags: single?.flags ?? 0,
  });
  // Written out: this is what each of 100,000 routes costs.
  encodeAttributes(w, routeRows, {
    family,
    to: destination.length === 0 ? undefined : destination,
    from: source,
    gateway: single?.gateway,
    table: table > 0xff ? table : undefined,
    priority: spec.priority,
    preferredSource: spec.preferredSource,
    preference: spec.preference,
    nextHop,
    expiresSec: spec.expiresSec,
    link: single?.link,
    metrics: spec.metrics,
    hops,
    // A next-hop object brings its own.
    ...(spec.kept && nextHop === undefined && { kept: spec.kept }),
  });
}

/** What `ip route` takes, and what the kernel insists on: a gateway is nearer than what is behind it. */
function defaultScope(type: RouteType | number, { destination, hops = [], nextHop }: RouteSpec): Scope {
  if (destination.family === 6) return 'universe';
  if (type === 'local') return 'host';
  const direct = nextHop === undefined && hops.length > 0 && hops.every(({ gateway }) => gateway === undefined);
  return type === 'broadcast' || type === 'anycast' || (type === 'unicast' && direct) ? 'link' : 'universe';
}

function encodeLookup(w: HostWriter, { destination, tos, packet = {} }: RouteSpec): void {
  const { source, output, routeItself, ...rest } = packet;
  const { family } = destination;
  sameFamily(family, source);
  if (destination.length !== destination.bytes.length * 8) throw new RangeError('a packet goes to an address');
  writeHead(w, {
    family,
    to: destination.length,
    from: source === undefined ? 0 : prefixOf(source).length,
    tos,
    flags: (family === 4 ? LOOKUP_TABLE : 0) | (routeItself ? FIB_MATCH : 0),
  });
  encodeAttributes(w, lookupRows, { ...rest, to: destination, from: source, link: output });
}

export const routeCodec: Codec<Route, RouteSpec, RouteFilter> = {
  types: { new: MessageType.newRoute, del: MessageType.delRoute, get: MessageType.getRoute },
  verbs: ['add', 'replace', 'append', 'delete', 'get'],
  headOctets: 12,
  attributes: allRows,
  decode,
  encode,
  encodeDump(w, { family, table, protocol, type, link }) {
    writeHead(w, { family, table, protocol, type: type === undefined ? 0 : numberOf(types, type) });
    // Strict checking takes the table from here whatever its number.
    if (table !== undefined && table > 0xff) w.h16(8).h16(15).h32(table);
    if (link !== undefined) w.h16(8).h16(4).h32(link);
  },
  matches: (route, { family, table, protocol, type, link }) =>
    (family === undefined || route.destination.family === family) &&
    (table === undefined || route.table === table) &&
    (protocol === undefined || route.protocol === protocol) &&
    (type === undefined || route.type === type) &&
    (link === undefined || route.hops.some((hop) => hop.link === link)),
};
