/** Decisions as `show services` prints them in JSON. */
import { formatAddress } from '../lib/address.ts';
import { comparePrefixes, formatPrefix } from '../lib/prefix.ts';
import type { Receiver } from './advertise.ts';
import type { Note, Reason } from './reason.ts';
import { isFor } from './route.ts';
import type { ServiceDecision } from './service.ts';

export interface ServiceView {
  /** `namespace/name`. */
  readonly service: string;
  readonly ips: readonly string[];
  readonly pool: string | null;
  readonly bgp: {
    readonly announced: boolean;
    readonly reason: Reason | null;
    /** Names of the peers that are to get at least one of the prefixes, sorted. */
    readonly peers: readonly string[];
    readonly prefixes: readonly string[];
    /** What else there is to know of a Service that is announced. */
    readonly notes: readonly Note[];
  };
}

export function serviceView({ key, ips, pool, bgp }: ServiceDecision, receivers: readonly Receiver[]): ServiceView {
  const prefixes = bgp.contributions.map((c) => c.prefix).sort(comparePrefixes);
  const peers = receivers.filter(({ name, families }) =>
    bgp.contributions.some(({ prefix, policy }) => isFor(policy, name) && families.includes(`ipv${prefix.family}`)),
  );
  return {
    service: key,
    ips: ips.map(formatAddress),
    pool: pool ?? null,
    bgp: {
      announced: bgp.announced,
      reason: bgp.reason ?? null,
      peers: peers.map((p) => p.name).sort(),
      prefixes: [...new Set(prefixes.map(formatPrefix))],
      notes: bgp.notes ?? [],
    },
  };
}
