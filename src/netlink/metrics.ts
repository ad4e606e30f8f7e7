/** What TCP is told about a route (RTA_METRICS): numbered values, of which each is optional. */
import { decodeAttributes, encodeAttributes, table } from './attr.ts';
import type { HostReader, HostWriter } from './host.ts';
import { h32, property } from './row.ts';

export interface Metrics {
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

type Draft = { -readonly [K in keyof Metrics]: Metrics[K] };

export const metricsTable = table<Draft>([
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
]);

export function decodeMetrics(r: HostReader): Metrics {
  const metrics: Draft = {};
  decodeAttributes(r, metricsTable, metrics);
  return metrics;
}

export function encodeMetrics(w: HostWriter, metrics: Metrics): void {
  encodeAttributes(w, metricsTable, metrics);
}
