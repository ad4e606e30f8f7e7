/** One prefix as one peer is to see it, and how what several advertisements say of it becomes one route. */
import type { LargeCommunity, PathAttributes } from '../bgp/path.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Meta } from '../config/model.ts';
import type { Prefix } from '../lib/prefix.ts';
import { drainedAttributes } from './drain.ts';
import type { Note, Reason } from './reason.ts';

/** What an advertisement says of the routes made through it (`policyOf`), told apart by identity. */
export interface Policy {
  /** `Kind/name`. */
  readonly from: string;
  readonly document: Meta;
  /** Those that the Service adds among them. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** Undefined where the document gives none (0 means the same). */
  readonly localPref: number | undefined;
  /** How often our AS stands in the path beyond the once it does anyway. */
  readonly prepend: number | undefined;
  readonly med: number | undefined;
  /** What the link bandwidth community says, Mbit/s. */
  readonly bandwidthMbit: number | undefined;
  readonly peers: 'all' | ReadonlySet<string>;
  /** The node is drained: the route is to be a last choice, unless another policy wants it as it is. */
  readonly drained: boolean;
  /** The same without what the Service adds, where it adds anything. */
  readonly plain?: Policy;
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
   * A template, shared by every route that says the same: origin igp, an empty AS path and how often to prepend, no
   * next hop, communities in numeric order, a bandwidth and a local preference. The session completes it: its own AS and
   * address, and LOCAL_PREF left out on eBGP, prepending on iBGP (RFC 4271 §5.1.2, §5.1.3, §5.1.5).
   */
  readonly attributes: PathAttributes;
  /** The advertisements it is made of, sorted. */
  readonly from: readonly string[];
  /** What was decided between advertisements that disagree, or left out. */
  readonly notes?: readonly Note[];
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
 * One route from at least one policy: the union of their communities, and the highest of their local preferences, of
 * their MEDs, of their bandwidths and of their counts to prepend. Where the union is too large, the communities that Services add are left
 * out, so that no Service can take a route from the others it shares it with.
 * @param template gives the shared object for equal attributes
 */
export function mergePolicies(
  policies: readonly Policy[],
  defaultLocalPref: number,
  template: (attributes: PathAttributes) => PathAttributes,
): RouteDecision {
  const from = sourcesOf(policies);
  const notes: Note[] = [];
  let union = unionOf(policies);
  if (union.size > MAX_COMMUNITIES) {
    const all = union.size;
    union = unionOf(policies.map((p) => p.plain ?? p));
    if (union.size > MAX_COMMUNITIES) {
      const detail = `${union.size} communities from ${from.join(', ')}, at most ${MAX_COMMUNITIES} are possible`;
      return { advertised: false, reason: 'tooManyCommunities', detail, from };
    }
    const detail = `${all} communities with those of Services, at most ${MAX_COMMUNITIES} are possible`;
    notes.push({ reason: 'serviceCommunitiesDropped', detail: `${detail}: without those of Services` });
  }
  const localPref = vote(policies, 'localPref', notes) ?? defaultLocalPref;
  const prepend = vote(policies, 'prepend', notes);
  const med = vote(policies, 'med', notes);
  const bandwidthMbit = vote(policies, 'bandwidthMbit', notes);
  const attributes: PathAttributes = {
    origin: 'igp',
    asPath: [],
    localPref,
    ...(prepend !== undefined && { prepend }),
    ...(med !== undefined && { med }),
    ...(bandwidthMbit !== undefined && { bandwidthMbit }),
    ...(union.communities.length > 0 && { communities: union.communities }),
    ...(union.largeCommunities.length > 0 && { largeCommunities: union.largeCommunities }),
  };
  return {
    advertised: true,
    attributes: template(policies.every((p) => p.drained) ? drainedAttributes(attributes) : attributes),
    from,
    ...(notes.length > 0 && { notes }),
  };
}

function unionOf(policies: readonly Policy[]) {
  const communities = [...new Set(policies.flatMap((p) => p.communities))].sort((a, b) => a - b);
  const largeCommunities = policies
    .flatMap((p) => p.largeCommunities)
    .sort(compareLarge)
    .filter((c, i, all) => i === 0 || compareLarge(all[i - 1]!, c) !== 0);
  return { communities, largeCommunities, size: communities.length + largeCommunities.length };
}

const conflictOf = {
  localPref: 'localPrefConflict',
  prepend: 'prependConflict',
  med: 'medConflict',
  bandwidthMbit: 'bandwidthConflict',
} as const;

/**
 * The highest value wins, and a disagreement is noted. An advertisement without one has no vote, as in FRR, where its
 * route-map entry sets none.
 */
function vote(policies: readonly Policy[], field: keyof typeof conflictOf, notes: Note[]): number | undefined {
  const given = policies.flatMap((p) => p[field] ?? []);
  if (given.length === 0) return undefined;
  const highest = Math.max(...given);
  if (policies.some((p) => p[field] !== highest)) {
    const votes = new Set(policies.map((p) => `${p.from} says ${p[field] ?? 'nothing'}`));
    notes.push({ reason: conflictOf[field], detail: `${[...votes].sort().join(', ')}; ${highest} is used` });
  }
  return highest;
}

/** `Kind/name` of each, sorted. */
export const sourcesOf = (policies: readonly Policy[]): string[] => [...new Set(policies.map((p) => p.from))].sort();

/** Whether the document lets `peer` have its routes. */
export const isFor = ({ peers }: Policy, { name, onlyNamed }: Pick<PeerSettings, 'name' | 'onlyNamed'>): boolean =>
  peers === 'all' ? !onlyNamed : peers.has(name);

/** By the first number, then the second, then the third. */
export const compareLarge = (a: LargeCommunity, b: LargeCommunity): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
