/** The attributes of routes, a row each, and those of lookups. */
import type { Address, Family } from '../lib/address.ts';
import { type Row, table } from './attr.ts';
import { decodeHops, encodeHops, type Hop, type HopDraft, hopRows } from './hop.ts';
import type { HostReader } from './host.ts';
import { decodeMetrics, encodeMetrics, type Metrics, metricsTable } from './metrics.ts';
import { answerOnly, h32, ip, type Kept, kept, n16, named8, property, requestOnly, type Shape, u8 } from './row.ts';

/** Preference of a router (RFC 4191 §2.1), as RTA_PREF has it. */
const preferences = ['medium', 'high', undefined, 'low'] as const;
export type Preference = 'low' | 'medium' | 'high';

export interface CacheInfo {
  readonly users: number;
  /** Clock ticks, 100 a second. */
  readonly lastUsedTicks: number;
  /** Clock ticks until it expires, negative when it has; 0 for never. */
  readonly expiresTicks: number;
  /** Errno that packets get, negative; 0 for none. */
  readonly error: number;
}

/** A route while it is read: what its attributes say. */
export interface RouteDraft extends HopDraft {
  to?: Address;
  from?: Address;
  table?: number;
  priority?: number;
  preferredSource?: Address;
  preference?: Preference | number;
  nextHop?: number;
  link?: number;
  metrics?: Metrics;
  hops?: readonly Hop[];
  cacheInfo?: CacheInfo;
}

/** A route taken apart for the rows. */
export interface RouteParts extends Kept {
  readonly family: Family;
  readonly to: Address | undefined;
  readonly from: Address | undefined;
  /** Of the only hop. */
  readonly gateway: Address | undefined;
  /** Only when the header has no room for it. */
  readonly table: number | undefined;
  readonly priority: number | undefined;
  readonly preferredSource: Address | undefined;
  readonly preference: Preference | number | undefined;
  readonly nextHop: number | undefined;
  readonly expiresSec: number | undefined;
  /** Of the only hop. */
  readonly link: number | undefined;
  readonly metrics: Metrics | undefined;
  readonly hops: readonly Hop[];
}

/** A packet taken apart for the rows. */
export interface LookupParts {
  readonly to: Address;
  readonly from: Address | undefined;
  readonly link: number | undefined;
  readonly input?: number;
  readonly mark?: number;
  readonly uid?: number;
  readonly ipProtocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

const multipath: Row<RouteDraft, RouteParts> = {
  name: 'RTA_MULTIPATH',
  code: 9,
  octets: 0,
  decode(r, draft) {
    draft.hops = decodeHops(r);
  },
  encode(w, { family, hops }) {
    if (hops.length < 2) return false;
    encodeHops(w, family, hops);
    return true;
  },
};

const metrics: Shape<Metrics> = { octets: 0, read: decodeMetrics, write: encodeMetrics };

const readCacheInfo = (r: HostReader): CacheInfo => ({
  users: r.h32(),
  lastUsedTicks: r.h32(),
  expiresTicks: r.i32(),
  error: r.i32(),
});

/** In the order in which `ip route` writes them. */
export const routeRows = table<RouteDraft, RouteParts>([
  property('RTA_DST', 1, 'to', ip),
  property('RTA_SRC', 2, 'from', ip),
  ...hopRows,
  property('RTA_TABLE', 15, 'table', h32),
  property('RTA_PRIORITY', 6, 'priority', h32),
  property('RTA_PREFSRC', 7, 'preferredSource', ip),
  property('RTA_PREF', 20, 'preference', named8(preferences)),
  property('RTA_NH_ID', 30, 'nextHop', h32),
  requestOnly('RTA_EXPIRES', 23, 'expiresSec', h32),
  property('RTA_OIF', 4, 'link', h32),
  { ...property<RouteDraft, RouteParts, 'metrics'>('RTA_METRICS', 8, 'metrics', metrics), nested: metricsTable },
  multipath,
  kept('RTA_TTL_PROPAGATE', 26),
  answerOnly('RTA_CACHEINFO', 12, 'cacheInfo', { octets: 16, read: readCacheInfo }),
]);

/** Lookups are never read. */
export const lookupRows = table<never, LookupParts>([
  requestOnly('RTA_DST', 1, 'to', ip),
  requestOnly('RTA_SRC', 2, 'from', ip),
  requestOnly('RTA_UID', 25, 'uid', h32),
  requestOnly('RTA_MARK', 16, 'mark', h32),
  requestOnly('RTA_IP_PROTO', 27, 'ipProtocol', u8),
  requestOnly('RTA_SPORT', 28, 'sourcePort', n16),
  requestOnly('RTA_DPORT', 29, 'destinationPort', n16),
  requestOnly('RTA_IIF', 3, 'input', h32),
  requestOnly('RTA_OIF', 4, 'link', h32),
]);

/** For the names in errors. */
export const allRows = table<never, never>([...lookupRows.rows, ...routeRows.rows]);
