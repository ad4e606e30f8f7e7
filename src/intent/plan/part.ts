/** What a configuration comes to on this node, as plain JSON: the parts of a plan, which two configurations can be compared by. */
import type { PathAttributes } from '../../bgp/path.ts';
import type { PeerSettings } from '../../bgp/settings.ts';
import { isInternal } from '../../config/asn.ts';
import { type Address, formatAddress, fromU32 } from '../../lib/address.ts';
import { formatPrefix, type Prefix } from '../../lib/prefix.ts';
import type { Advertisements, Receiver } from '../advertise.ts';
import type { NodePeers, UnnumberedPeer } from '../peers.ts';

/** What a peer is to be told; the session adds its own AS and next hop. */
export interface PlannedRoute {
  readonly peer: string;
  readonly prefix: string;
  /** null for external peers: no LOCAL_PREF is sent to them (RFC 4271 §5.1.5). */
  readonly localPref: number | null;
  readonly med: number | null;
  readonly prepend: number | null;
  readonly bandwidthMbit: number | null;
  /** `A:B` each. */
  readonly communities: readonly string[];
  /** `A:B:C` each. */
  readonly largeCommunities: readonly string[];
  /** `Kind/name` each. */
  readonly from: readonly string[];
}

/** A session that is to be: its settings by name, addresses and prefixes as text. The password is left out. */
export interface PlannedSession {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** There is no document of it: it has called from a range. */
  readonly called: boolean;
}

export type PlanReceiver = Receiver & Pick<PeerSettings, 'localAsn' | 'peerAsn'>;

type Settings = (PeerSettings | UnnumberedPeer['settings']) & { readonly sourceInterface?: string };

export function* plannedRoutes(
  advertisements: Advertisements,
  receivers: readonly PlanReceiver[],
): Generator<PlannedRoute> {
  for (const receiver of receivers) {
    const internal = isInternal(receiver.localAsn, receiver.peerAsn);
    for (const [prefix, { attributes, from }] of advertisements.routes(receiver))
      yield { peer: receiver.name, prefix: formatPrefix(prefix), ...said(attributes, internal), from };
  }
}

function said(attributes: PathAttributes, internal: boolean) {
  const { localPref, med, prepend, bandwidthMbit, communities = [], largeCommunities = [] } = attributes;
  return {
    localPref: (internal ? localPref : undefined) ?? null,
    med: med ?? null,
    prepend: prepend ?? null,
    bandwidthMbit: bandwidthMbit ?? null,
    communities: communities.map((c) => `${c >>> 16}:${c & 0xffff}`),
    largeCommunities: largeCommunities.map((c) => c.join(':')),
  };
}

/** Those with a document, in its order: numbered, then unnumbered. An interface stands for the source address it has. */
export const settingsOf = ({ peers, unnumbered }: NodePeers): Settings[] =>
  [...peers, ...unnumbered].map(({ settings, document: { sourceInterface } }) =>
    sourceInterface === undefined ? settings : { ...settings, sourceInterface },
  );

export const plannedSession = ({ password: _, ...settings }: Settings, called = false): PlannedSession => ({
  name: settings.name,
  settings: {
    ...(plain(settings) as Record<string, unknown>),
    routerId: formatAddress({ family: 4, bytes: fromU32(settings.routerId) }),
  },
  called,
});

/** Data with addresses and prefixes as text. */
export function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if ('bytes' in value && 'family' in value)
    return 'length' in value ? formatPrefix(value as Prefix) : formatAddress(value as Address);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
