/** What TCP is told about a route (RTA_METRICS): numbered values, of which each is optional. */
import { decodeAttributes, encodeAttributes, table } from './attr.ts';
import type { HostReader, HostWriter } from './host.ts';
import { h32, type Kept, type KeptDraft, kept, property } from './row.ts';

export interface Metrics extends Kept {
  /** Bits by number of a metric: those that path MTU discovery and the like must leave alone. */
  readonly lock?: number;
  /** Octets. */
  readonly mtu?: number;
  readonly window?: number;
  /** Segments: what the congestion window is held to, where `lock` has it. */
  readonly congestionWindow?: number;
  /** Octets: the largest segment that peers are told of. */
  readonly advmss?: number;
  readonly hopLimit?: number;
  /** Segments. */
  readonly initialCongestionWindow?: number;
  readonly features?: number;
  readonly initialReceiveWindow?: number;
  readonly quickAck?: number;
}

type Same = Omit<Metrics, 'kept'>;
type Draft = { -readonly [K in keyof Same]: Same[K] } & KeptDraft;

export const metricsTable = table<Draft, Metrics>([
  property('RTAX_LOCK', 1, 'lock', h32),
  property('RTAX_MTU', 2, 'mtu', h32),
  property('RTAX_WINDOW', 3, 'window', h32),
  property('RTAX_CWND', 7, 'congestionWindow', h32),
  property('RTAX_ADVMSS', 8, 'advmss', h32),
  property('RTAX_HOPLIMIT', 10, 'hopLimit', h32),
  property('RTAX_INITCWND', 11, 'initialCongestionWindow', h32),
  property('RTAX_FEATURES', 12, 'features', h32),
  property('RTAX_INITRWND', 14, 'initialReceiveWindow', h32),
  property('RTAX_QUICKACK', 15, 'quickAck', h32),
  kept('RTAX_RTT', 4),
  kept('RTAX_RTTVAR', 5),
  kept('RTAX_SSTHRESH', 6),
  kept('RTAX_REORDERING', 9),
  kept('RTAX_RTO_MIN', 13),
  kept('RTAX_CC_ALGO', 16),
  kept('RTAX_FASTOPEN_NO_COOKIE', 17),
]);

export function decodeMetrics(r: HostReader): Metrics {
  const metrics: Draft = {};
  decodeAttributes(r, metricsTable, metrics);
  return metrics;
}

export function encodeMetrics(w: HostWriter, metrics: Metrics): void {
  encodeAttributes(w, metricsTable, metrics);
}
