/**
 * Whether this node announces a Service, with what, and why (not): MetalLB's speaker as one pure function.
 *
 * The tests come in the order of MetalLB's, so that the first reason found is the one MetalLB would give.
 */
import { firstConflict } from '../config/compatible.ts';
import { countServing, endpointsText, hasUsable, hasUsableOn } from '../config/endpoint.ts';
import type { EndpointSlice, Meta, Pool, Service } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import { type Address, compareAddresses, formatAddress } from '../lib/address.ts';
import { comparePrefixes, prefixOf } from '../lib/prefix.ts';
import type { Assignment, Unassigned } from './assignment.ts';
import { isSoleLocalHolder } from './drain.ts';
import { handoverNote, heirOf, isEnding } from './handover.ts';
import { decideContest, decideLayer2, type Layer2Decision, type Standing } from './layer2.ts';
import { distinctAddresses, textOf } from './ledger.ts';
import { ownCommunities, policyOf } from './policy.ts';
import type { Note, Reason } from './reason.ts';
import type { Contribution } from './route.ts';
import type { Scope } from './scope.ts';
import type { Filed } from './spread.ts';
import type { Trace } from './trace.ts';
import { no, type Verdict } from './verdict.ts';

export interface ServiceInput {
  /** `namespace/name`. */
  readonly key: string;
  /** Undefined: there is no such Service (any more). */
  readonly service: Service | undefined;
  /** None at all: every node counts as having a ready endpoint, so that a file needs no EndpointSlice. */
  readonly slices: readonly EndpointSlice[];
  readonly scope: Scope;
  /** What the allocator made of a Service without status. */
  readonly assignment?: Assignment | undefined;
  /** The last decision, from which the change of addresses is told. */
  readonly previous?: ServiceDecision | undefined;
  /** Told of the tests that the Service passed: for `explain`. */
  readonly trace?: Trace;
  /** What went before on layer 2. */
  readonly standing?: Standing;
}

export interface ServiceDecision {
  readonly key: string;
  readonly ips: readonly Address[];
  /** The pool that holds them all. */
  readonly pool?: string;
  /** Why there is no address, when allocation failed. */
  readonly allocation?: Unassigned;
  /** Addresses of the previous decision that are no longer the Service's. */
  readonly withdrawn?: { readonly ips: readonly Address[]; readonly reason: 'loadBalancerIPChanged' };
  readonly bgp: Verdict & { readonly contributions: readonly Contribution[] };
  readonly layer2: Layer2Decision;
}

/** Why a Service is none of ours, before any address is looked at; its addresses are to be released. */
export function unhandled(service: Service, scope: Pick<Scope, 'loadBalancerClass'>): Verdict | undefined {
  if (service.type !== 'LoadBalancer') return no('notLoadBalancer', `spec.type is ${service.type}`, service);
  if (service.loadBalancerClass !== scope.loadBalancerClass)
    return no(
      'loadBalancerClassMismatch',
      `the Service has class "${service.loadBalancerClass}", the Speaker "${scope.loadBalancerClass}"`,
      service,
    );
  return undefined;
}

/** Decides one Service. Costs its own addresses, endpoints and advertisements, whatever else is configured. */
export function decideService(input: ServiceInput): ServiceDecision {
  const found = locate(input);
  const ips = found.ips ?? [];
  const lost =
    input.previous?.bgp.announced || input.previous?.layer2.announced
      ? input.previous.ips.filter((old) => !ips.some((ip) => compareAddresses(ip, old) === 0))
      : [];
  return {
    key: input.key,
    ips,
    ...(found.pool && { pool: found.pool.name }),
    ...(found.allocation && { allocation: found.allocation }),
    ...(lost.length > 0 && ips.length > 0 && { withdrawn: { ips: lost, reason: 'loadBalancerIPChanged' } }),
    bgp: found.verdict ? { ...found.verdict, contributions: [] } : decideBgp(input, input.service!, found.pool, ips),
    layer2: found.verdict
      ? { ...found.verdict, interfaces: [] }
      : decideLayer2(input.service!, found.pool, ips, input.slices, input.scope, input.standing, input.trace?.layer2),
  };
}

/** By which its first address is filed where addresses are spread evenly; undefined: it has nothing to announce. */
export function filedOf(input: ServiceInput): Filed | undefined {
  const found = locate(input);
  if (found.verdict !== undefined) return undefined;
  const { ips, pool } = found;
  const contest = decideContest(input.service!, pool, ips, input.slices, input.scope);
  return contest && { ip: formatAddress(ips[0]!), contest };
}

type Located =
  | {
      readonly verdict: Verdict;
      readonly ips?: readonly Address[];
      readonly allocation?: Unassigned;
      readonly pool?: undefined;
    }
  | {
      readonly verdict?: undefined;
      readonly ips: readonly Address[];
      readonly pool: Pool;
      readonly allocation?: undefined;
    };

/** The Service's addresses and the pool that holds them. */
function locate({ service, scope, assignment, trace }: ServiceInput): Located {
  if (service === undefined) return { verdict: no('serviceDeleted', 'there is no such Service') };
  const foreign = unhandled(service, scope);
  if (foreign !== undefined) return { verdict: foreign };
  trace?.address({ test: 'notLoadBalancer', detail: 'it is', because: [service] });
  if (scope.loadBalancerClass !== '')
    trace?.address({ test: 'loadBalancerClassMismatch', detail: `"${service.loadBalancerClass}"`, because: [] });
  let ips: readonly Address[];
  if (service.ingress.length > 0) {
    const bad = service.ingress.find((entry) => entry.address === undefined);
    if (bad !== undefined) return { verdict: no('invalidIP', `status names "${bad.text}"`, service) };
    ips = distinctAddresses(service.ingress.map((entry) => entry.address!));
    trace?.address({ test: 'noIPAllocated', detail: `its status names ${textOf(ips)}`, because: [service] });
  } else if (assignment === undefined || !assignment.assigned) {
    const detail = assignment === undefined ? 'status.loadBalancer.ingress is empty' : assignment.message;
    return { verdict: no('noIPAllocated', detail, service), ...(assignment && { allocation: assignment }) };
  } else {
    ips = assignment.ips;
    trace?.address({ test: 'noIPAllocated', detail: `${textOf(ips)}, allocated here`, because: [] });
  }
  const pool = scope.pools.poolOfAll(ips);
  if (pool === undefined) return { verdict: no('ipNotAllowed', `no pool contains ${textOf(ips)}`, service), ips };
  trace?.address({ test: 'ipNotAllowed', detail: `pool ${pool.name} does`, because: [pool] });
  return { ips, pool };
}

function decideBgp(
  { slices, scope, trace }: ServiceInput,
  service: Service,
  pool: Pool,
  ips: readonly Address[],
): ServiceDecision['bgp'] {
  const { node } = scope;
  const passed = (test: Reason, detail: () => string, ...because: readonly Meta[]) =>
    trace?.bgp({ test, detail: detail(), because });
  const refuse = (...args: Parameters<typeof no>) => ({ ...no(...args), contributions: [] });
  const advertisements = scope.advertisements.get(pool.name);
  if (advertisements === undefined) return refuse('notOwner', `no BGPAdvertisement references pool ${pool.name}`, pool);
  if (advertisements.here.length === 0)
    return refuse('notOwner', `nodeSelectors do not select node ${node.name}`, pool, ...advertisements.all);

  passed('notOwner', () => namesOf(advertisements.here), ...advertisements.here);

  const chosen = advertisements.here.filter((a) => anySelects(a.serviceSelectors, service.labels));
  if (chosen.length === 0)
    return refuse('noMatchingAdvertisement', 'serviceSelectors do not select the Service', ...advertisements.here);

  passed(
    'noMatchingAdvertisement',
    () => namesOf(chosen),
    ...(chosen.length < advertisements.here.length ? chosen : []),
  );

  const conflict = firstConflict(chosen, pool);
  if (conflict !== undefined) {
    const [a, b] = conflict;
    const detail = `${a.name} has localPref ${a.localPref}, ${b.name} has ${b.localPref}`;
    return refuse('conflictingAdvertisements', detail, a, b);
  }

  if (chosen.length > 1) passed('conflictingAdvertisements', () => 'they do');

  if (node.networkUnavailable)
    return refuse('nodeNetworkUnavailable', `node ${node.name}`, ...(node.document ? [node.document] : []));
  if (node.excluded)
    return refuse('nodeLabeledExcludeBalancers', `node ${node.name}`, ...(node.document ? [node.document] : []));

  const drain = decideDrain(service, slices, scope);
  if (drain === 'withdrawn')
    return refuse('nodeDrained', `node ${node.name}`, ...(node.document ? [node.document] : []));

  passed('nodeDrained', () => drain?.detail ?? 'it is');
  if (slices.length > 0) {
    if (service.externalTrafficPolicy === 'Local' && !hasUsableOn(slices, node.name))
      return refuse('noLocalEndpoints', `no usable endpoint on node ${node.name}`, service, ...slices);
    if (!hasUsable(slices)) return refuse('noEndpoints', 'no usable endpoint on any node', service, ...slices);
  }

  const local = slices.length > 0 && service.externalTrafficPolicy === 'Local';
  const ending = local && isEnding(service, slices, scope);
  const heir = ending ? heirOf(service, pool, slices, scope) : undefined;
  passed(
    local ? 'noLocalEndpoints' : 'noEndpoints',
    () => {
      const text = endpointsText(slices, local ? node.name : undefined);
      return ending && heir === undefined ? `${text}; no other node that announces it has a ready one` : text;
    },
    ...slices,
  );

  const remark = drain ?? (heir === undefined ? undefined : handoverNote(node.name, heir));
  const lastChoice = remark !== undefined && remark.reason !== 'soleLocalHolder';
  const own = ownCommunities(service, scope.communities);
  const contributions: Contribution[] = [];
  for (const ip of ips) {
    for (const a of chosen) {
      const prefix = prefixOf(ip, ip.family === 4 ? a.aggregationLength : a.aggregationLengthV6);
      const endpoints = local && a.endpointMbit !== undefined ? countServing(slices, node.name, ip.family) : 0;
      const policy = policyOf(a, own, lastChoice, endpoints);
      if (!contributions.some((c) => c.policy === policy && comparePrefixes(c.prefix, prefix) === 0))
        contributions.push({ prefix, policy });
    }
  }
  const notes = remark === undefined ? own.notes : [remark, ...own.notes];
  return {
    announced: true,
    detail: [`through ${namesOf(chosen)}`, ...notes.map((note) => note.detail)].join('; '),
    because: [pool, ...chosen],
    contributions,
    ...(notes.length > 0 && { notes }),
  };
}

const namesOf = (documents: readonly Meta[]): string => documents.map((d) => d.name).join(', ');

/** What a drain makes of the Service: nothing more of it, or what there is to say of it. */
function decideDrain(
  service: Service,
  slices: readonly EndpointSlice[],
  { node, drain }: Scope,
): Note | 'withdrawn' | undefined {
  if (drain === undefined) return undefined;
  if (drain.keepSoleLocal && isSoleLocalHolder(service, slices, node))
    return { reason: 'soleLocalHolder', detail: `kept, as only node ${node.name} has endpoints` };
  if (drain.stage === 'withdrawn') return 'withdrawn';
  return { reason: 'nodeDraining', detail: `a last choice, as node ${node.name} is being drained` };
}
