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
  /** Why no address was allocated, where one was wanted. */
  readonly allocation: { readonly reason: Reason; readonly detail: string } | null;
  readonly bgp: {
    readonly announced: boolean;
    readonly reason: Reason | null;
    /** Names of the peers that are to get at least one of the prefixes, sorted. */
    readonly peers: readonly string[];
    readonly prefixes: readonly string[];
    /** What else there is to know of a Service that is announced. */
    readonly notes: readonly Note[];
  };
  readonly layer2: {
    readonly announced: boolean;
    readonly reason: Reason | null;
    /** Names, sorted; none where every interface may answer. */
    readonly interfaces: readonly string[];
    /** The node that is to answer, in the eyes of this one. */
    readonly owner: string | null;
  };
}

export function serviceView(
  { key, ips, pool, allocation, bgp, layer2 }: ServiceDecision,
  receivers: readonly Receiver[],
): ServiceView {
  const prefixes = bgp.contributions.map((c) => c.prefix).sort(comparePrefixes);
  const peers = receivers.filter((receiver) =>
    bgp.contributions.some(
      ({ prefix, policy }) => isFor(policy, receiver) && receiver.families.includes(`ipv${prefix.family}`),
    ),
  );
  return {
    service: key,
    ips: ips.map(formatAddress),
    pool: pool ?? null,
    allocation: allocation ? { reason: allocation.reason, detail: allocation.message } : null,
    bgp: {
      announced: bgp.announced,
      reason: bgp.reason ?? null,
      peers: peers.map((p) => p.name).sort(),
      prefixes: [...new Set(prefixes.map(formatPrefix))],
      notes: bgp.notes ?? [],
    },
    layer2: {
      announced: layer2.announced,
      reason: layer2.reason ?? null,
      interfaces: layer2.interfaces === 'all' ? [] : layer2.interfaces,
      owner: layer2.owner ?? null,
    },
  };
}
