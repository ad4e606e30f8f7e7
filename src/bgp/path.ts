/** Path attributes as values: what a route says beside its prefix and what every decision and display reads. */
import type { Address } from '../lib/address.ts';

export type Origin = 'igp' | 'egp' | 'incomplete';

/** RFC 4271 §4.3 and, for confederations, RFC 5065 §3. */
export interface AsSegment {
  readonly type: 'set' | 'sequence' | 'confedSequence' | 'confedSet';
  readonly asns: readonly number[];
}

/** Global administrator and two local parts, each an unsigned 32-bit number (RFC 8092). */
export type LargeCommunity = readonly [number, number, number];

/** An attribute this speaker has no row for. Kept and passed on only when transitive (RFC 4271 §5). */
export interface UnknownAttribute {
  readonly code: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

/**
 * The attributes of a route, independent of how a session encodes them: AS numbers are whole (AS4_PATH merged,
 * RFC 6793 §4.2.3), and the next hop is one field whether NEXT_HOP or MP_REACH_NLRI carried it.
 */
export interface PathAttributes {
  readonly origin: Origin;
  readonly asPath: readonly AsSegment[];
  /** Absent only where nothing was reached (an UPDATE that withdraws). */
  readonly nextHop?: Address;
  /** The link-local next hop that may stand beside a global one (RFC 2545 §3). */
  readonly linkLocalNextHop?: Address;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  /** `address` is the aggregator's router ID, as a number. */
  readonly aggregator?: { readonly asn: number; readonly address: number };
  /** Each `high << 16 | low`, unsigned. */
  readonly communities?: readonly number[];
  readonly extendedCommunities?: readonly bigint[];
  /** Twenty octets each (RFC 5701). */
  readonly ipv6ExtendedCommunities?: readonly Uint8Array[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** Router IDs as numbers. */
  readonly originatorId?: number;
  readonly clusterList?: readonly number[];
  /** The AIGP metric (RFC 7311 §3). */
  readonly aigp?: bigint;
  /** Only-to-customer: the AS that attached it (RFC 9234 §5). */
  readonly otc?: number;
  /**
   * In a template for `exportRoute` only, never on the wire nor in a received route: how often our AS is to stand in
   * front beyond the once it does anyway, on sessions where it does.
   */
  readonly prepend?: number;
  /** In such a template too: what the link bandwidth community is to say, Mbit/s. */
  readonly bandwidthMbit?: number;
  readonly unknown?: readonly UnknownAttribute[];
}

/** AS hops as RFC 4271 §9.1.2.2 counts them: a set is one, confederation segments are none (RFC 5065 §5.3). */
export function pathLength(path: readonly AsSegment[]): number {
  let n = 0;
  for (const s of path) n += s.type === 'sequence' ? s.asns.length : s.type === 'set' ? 1 : 0;
  return n;
}

/** The path as `show` and JSON print it: numbers, and a set as a nested array. Confederation segments nest too. */
export function pathNumbers(path: readonly AsSegment[]): (number | number[])[] {
  return path.flatMap<number | number[]>((s) => (s.type === 'sequence' ? [...s.asns] : [[...s.asns]]));
}

/** `65535:65281`. */
export const formatCommunity = (c: number): string => `${c >>> 16}:${c & 0xffff}`;

/** `64496:1:2`. */
export const formatLargeCommunity = (c: LargeCommunity): string => c.join(':');
