/** One prefix as one peer is to see it, and how what several advertisements say of it becomes one route. */
import type { LargeCommunity, PathAttributes } from '../bgp/path.ts';
import type { Meta } from '../config/model.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Reason } from './reason.ts';

/** What an advertisement says of the routes made through it. One object per document, told apart by identity. */
export interface Policy {
  /** `Kind/name`. */
  readonly from: string;
  readonly document: Meta;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** Undefined where the document gives none (0 means the same). */
  readonly localPref: number | undefined;
  readonly peers: 'all' | ReadonlySet<string>;
}

/** A Service wants `prefix` advertised as `policy` says. */
export interface Contribution {
  readonly prefix: Prefix;
  readonly policy: Policy;
}

/** What there is to say of one prefix to one peer. */
export type RouteDecision = Route | Held;

export interface Route {
  readonly advertised: true;
  /**
   * A template, shared by every route that says the same: origin igp, an empty AS path, no next hop, communities in
   * numeric order, and a local preference. The session completes it: its own AS and address, and LOCAL_PREF left
   * out on eBGP (RFC 4271 §5.1.2, §5.1.3, §5.1.5).
   */
  readonly attributes: PathAttributes;
  /** The advertisements it is made of, sorted. */
  readonly from: readonly string[];
  /** They disagreed on the local preference, and the highest was taken. */
  readonly conflict?: { readonly reason: 'localPrefConflict'; readonly detail: string };
}

export interface Held {
  readonly advertised: false;
  readonly reason: Reason;
  readonly detail: string;
  readonly from: readonly string[];
}

/** As MetalLB has it; counts communities and large communities together. */
export const MAX_COMMUNITIES = 63;

/**
 * One route from at least one policy: the union of their communities and the highest of their local preferences.
 * @param template gives the shared object for equal attributes
 */
export function mergePolicies(
  policies: readonly Policy[],
  defaultLocalPref: number,
  template: (attributes: PathAttributes) => PathAttributes,
): RouteDecision {
  const from = sourcesOf(policies);
  const communities = [...new Set(policies.flatMap((p) => p.communities))].sort((a, b) => a - b);
  const largeCommunities = policies
    .flatMap((p) => p.largeCommunities)
    .sort(compareLarge)
    .filter((c, i, all) => i === 0 || compareLarge(all[i - 1]!, c) !== 0);
  const count = communities.length + largeCommunities.length;
  if (count > MAX_COMMUNITIES) {
    const detail = `${count} communities from ${from.join(', ')}, at most ${MAX_COMMUNITIES} are possible`;
    return { advertised: false, reason: 'tooManyCommunities', detail, from };
  }
  // An advertisement without a preference has no vote, as in FRR, where its route-map entry sets none.
  const given = policies.flatMap((p) => p.localPref ?? []);
  const localPref = given.length > 0 ? Math.max(...given) : defaultLocalPref;
  const attributes = template({
    origin: 'igp',
    asPath: [],
    localPref,
    ...(communities.length > 0 && { communities }),
    ...(largeCommunities.length > 0 && { largeCommunities }),
  });
  if (policies.every((p) => p.localPref === policies[0]!.localPref)) return { advertised: true, attributes, from };
  const votes = policies.map((p) => `${p.from} says ${p.localPref ?? 'nothing'}`).sort();
  const detail = `${votes.join(', ')}; ${localPref} is used`;
  return { advertised: true, attributes, from, conflict: { reason: 'localPrefConflict', detail } };
}

/** `Kind/name` of each, sorted. */
export const sourcesOf = (policies: readonly Policy[]): string[] => [...new Set(policies.map((p) => p.from))].sort();

/** Whether the document lets `peer` have its routes. */
export const isFor = (policy: Policy, peer: string): boolean => policy.peers === 'all' || policy.peers.has(peer);

const compareLarge = (a: LargeCommunity, b: LargeCommunity): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
