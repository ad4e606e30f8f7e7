/**
 * Whether this node answers for the addresses of a Service on layer 2, on which interfaces, and why (not): what documents
 * say, handed to the election.
 */

import { endpointsText, hasUsable, hasUsableOn } from '../config/endpoint.ts';
import type { EndpointSlice, Layer2Advertisement, Meta, Pool, Service } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import { isGivenUp, isSoleLocalHolder } from './drain.ts';
import {
  type Candidacy,
  type Contest,
  contestOf,
  type Elected,
  type Election,
  type ElectionNode,
  elect,
} from './elect.ts';
import type { Reason } from './reason.ts';
import type { Scope } from './scope.ts';
import type { Placement } from './spread.ts';
import type { Trace } from './trace.ts';
import { no, type Verdict } from './verdict.ts';

export interface Layer2Decision extends Verdict {
  /** Names and patterns (lib/cover.ts); those that do not exist do no harm. */
  readonly interfaces: 'all' | readonly string[];
  /** The node that is to announce, in the eyes of this one; undefined when there is none, or it was not looked for. */
  readonly owner?: string;
}

/** An L2Advertisement with its node selectors worked out. */
export interface Layer2Scope {
  readonly document: Layer2Advertisement;
  readonly candidacy: Candidacy;
}

/** What went before, where that counts. */
export interface Standing {
  /** Where an address is to be, by its text; given where addresses are spread evenly. */
  readonly placed?: (ip: string) => Placement | undefined;
  /** The node that is to keep an address for as long as it can announce it, by the address as text. */
  readonly holder?: (ip: string) => string | undefined;
  /** This node may not take the address over yet. */
  readonly heldDown?: (ip: string) => boolean;
  /** It may take none over, since it has yet to hear of the other members of its cluster. */
  readonly joining?: boolean;
}

/** A node that may announce, as its documents have it. */
export type KnownNode = Omit<ElectionNode, 'endpoint'>;

export function decideLayer2(
  service: Service,
  pool: Pool,
  ips: readonly Address[],
  slices: readonly EndpointSlice[],
  scope: Scope,
  { placed, holder, heldDown, joining = false }: Standing = {},
  trace?: Trace['layer2'],
): Layer2Decision {
  const { node } = scope;
  const first = formatAddress(ips[0]!);
  const kept = holder?.(first);
  const placement = placed?.(first);
  const matching = matchingOf(service, pool, scope);
  const election = electionOf(service, ips, slices, scope, matching);
  const { endpoints } = election;
  const elected = elect({
    ...election,
    ...(placement?.owner !== undefined && { given: placement.owner }),
    ...(kept !== undefined && { holder: kept }),
    heldDown: joining || (heldDown?.(first) ?? false),
  });
  const { reason, owner, interfaces } = elected;
  const documents = matching.map(({ document }) => document);
  if (trace !== undefined) {
    const { ranking, ineligible } = elected;
    const failed: Reason | undefined = endpoints ? reason : 'noEndpoints';
    const details: readonly (readonly [Reason, string])[] = [
      ['noEndpoints', endpointsText(slices)],
      ['sharedIPWithServiceSelector', 'nothing is in the way'],
      ['noMatchingAdvertisement', documents.map(({ name }) => name).join(', ')],
      ['notOwner', candidatesText(ranking, ineligible, placement, owner)],
      ...(heldDown === undefined && !joining ? [] : ([['heldDown', 'it may take addresses over']] as const)),
    ];
    for (const [test, detail] of details) {
      if (test === failed) break;
      trace({ test, detail, because: test === 'noMatchingAdvertisement' ? documents : [] });
    }
  }
  const where = { interfaces, ...(owner !== undefined && { owner }) };
  if (reason === undefined) {
    const detail = `through ${documents.map(({ name }) => name).join(', ')}`;
    return { announced: true, detail, because: [pool, ...documents], ...where };
  }
  const because: readonly Meta[] = documents.length > 0 ? documents : [pool];
  const detail = detailOf(elected, {
    endpoints,
    pool,
    node: node.name,
    some: (scope.layer2.get(pool.name) ?? []).length > 0,
    placement,
    joining,
    verbose: trace !== undefined,
  });
  return { ...no(reason, detail, ...because), ...where };
}

/** What the nodes stand for where addresses are spread evenly: the same on each of them, whoever of them is there. */
export function decideContest(
  service: Service,
  pool: Pool,
  ips: readonly Address[],
  slices: readonly EndpointSlice[],
  scope: Scope,
): Contest | undefined {
  const contest = contestOf(electionOf(service, ips, slices, scope, matchingOf(service, pool, scope)));
  if (contest === undefined) return undefined;
  const sole = scope.keepSoleLocal
    ? scope.nodes.find((known) => isSoleLocalHolder(service, slices, known))?.name
    : undefined;
  return { ...contest, sole };
}

/** The advertisements of its pool that select the Service, on whatever node. */
const matchingOf = (service: Service, pool: Pool, scope: Scope): readonly Layer2Scope[] =>
  (scope.layer2.get(pool.name) ?? []).filter(({ document }) => anySelects(document.serviceSelectors, service.labels));

const electionOf = (
  service: Service,
  ips: readonly Address[],
  slices: readonly EndpointSlice[],
  scope: Scope,
  matching: readonly Layer2Scope[],
): Election => ({
  self: scope.node.name,
  ips,
  shared: service.request.sharingKey !== '',
  policy: service.externalTrafficPolicy,
  // Without any slice every node counts as having an endpoint.
  endpoints: slices.length === 0 || hasUsable(slices),
  advertisements: matching.map(({ candidacy }) => candidacy),
  nodes: scope.nodes.map((known) => ({
    ...known,
    drained: isGivenUp(known, service, slices, scope.keepSoleLocal),
    endpoint: slices.length === 0 || hasUsableOn(slices, known.name),
  })),
  sha256: scope.sha256,
});

/** Best first, with what is preferred, and who is none; and what those have that addresses are spread over. */
function candidatesText(
  ranking: Elected['ranking'],
  ineligible: Elected['ineligible'],
  placement: Placement | undefined,
  owner: string | undefined,
): string {
  const candidates = ranking.map(({ name, weight }) => (weight > 0 ? `${name} (weight ${weight})` : name));
  const others = [...ineligible].map(([name, why]) => `${name}: ${why}`);
  const none = others.length > 0 ? `; no candidates: ${others.join(', ')}` : '';
  return `the candidates, best first: ${candidates.join(', ') || 'none'}${loadsText(ranking, placement, owner)}${none}`;
}

/** How many the candidates have, and which of them come first by hash and have their share without this one. */
function loadsText(ranking: Elected['ranking'], placement: Placement | undefined, owner: string | undefined): string {
  if (placement === undefined || placement.loads.size < 2) return '';
  if (placement.owner !== owner) return `; spread evenly it would be with node ${placement.owner}, and it stays`;
  const loads = [...placement.loads].map(([name, load]) => `${name} ${load}`).sort();
  const at = ranking.findIndex(({ name }) => name === placement.owner);
  const others = ranking.slice(0, Math.max(0, at)).map(({ name }) => name);
  const full = `${others.join(' and ')} ${others.length === 1 ? 'has its' : 'have their'} share without it`;
  return `; spread evenly, addresses of each: ${loads.join(', ')}${others.length === 0 ? '' : `; ${full}`}`;
}

function detailOf(
  { reason, owner, ineligible, ranking }: Elected,
  {
    endpoints,
    pool,
    node,
    some,
    placement,
    joining,
    verbose,
  }: {
    endpoints: boolean;
    pool: Pool;
    node: string;
    some: boolean;
    placement: Placement | undefined;
    joining: boolean;
    verbose: boolean;
  },
): string {
  if (reason === 'sharedIPWithServiceSelector') return 'an L2Advertisement with serviceSelectors matches the Service';
  if (reason === 'noMatchingAdvertisement')
    return some
      ? `no L2Advertisement of pool ${pool.name} selects the Service and node ${node}`
      : `no L2Advertisement references pool ${pool.name}`;
  if (!endpoints) return 'no usable endpoint on any node';
  if (reason === 'heldDown')
    return joining ? `node ${node} has yet to hear of the others` : `node ${node} started too recently`;
  const why = ineligible.get(node);
  const own = why === undefined ? '' : `; node ${node} is no candidate: ${why}`;
  const others = verbose && ranking.length > 1 ? `; ${candidatesText(ranking, new Map(), placement, owner)}` : '';
  return owner === undefined ? `no node can announce it${own}` : `node ${owner} announces it${own}${others}`;
}
