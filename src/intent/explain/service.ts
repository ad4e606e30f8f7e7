/** Why a Service is announced or not: the tests of its decision in their order, then what each peer is told. */
import { admits } from '../../config/candidates.ts';
import type { Pool, Service } from '../../config/model.ts';
import { compareAddresses, formatAddress } from '../../lib/address.ts';
import { comparePrefixes, formatPrefix, type Prefix } from '../../lib/prefix.ts';
import type { Unassigned } from '../assignment.ts';
import type { PoolUsage } from '../ledger.ts';

import { decideService, type ServiceDecision } from '../service.ts';
import { layer2Questions, questions } from '../trace.ts';
import { type Chain, failedStep, list, meaning, noMeaning, note, passedStep, type Step, sourceOf } from './chain.ts';
import { explainEgress } from './egress.ts';
import type { Facts } from './facts.ts';
import { explainRoute, type RouteExplained } from './route.ts';

interface Found {
  readonly decision: ServiceDecision;
  readonly address: Step[];
  readonly bgp: Step[];
  readonly layer2: Step[];
}

/** The chains of a Service that there is: addresses, BGP, and layer 2 and egress where they are used. */
export function explainService(key: string, facts: Facts): readonly Chain[] {
  const input = facts.inputOf(key);
  if (input === undefined) return [undecided];
  const steps = { address: [] as Step[], bgp: [] as Step[], layer2: [] as Step[] };
  const decision = decideService({
    ...input,
    trace: {
      address: (passed) => steps.address.push(passedStep(passed, questions)),
      bgp: (passed) => steps.bgp.push(passedStep(passed, questions)),
      layer2: (passed) => steps.layer2.push(passedStep(passed, { ...questions, ...layer2Questions })),
    },
  });
  const found = { decision, ...steps };
  if (decision.pool === undefined) return [withoutAddress(input.service!, found, facts)];
  const layer2 = facts.config.layer2Advertisements.length > 0 ? [onLayer2(found, facts)] : [];
  const address: Chain = {
    title: 'Address',
    ok: true,
    verdict: `${decision.ips.map(formatAddress).join(' and ')} of pool ${decision.pool}`,
    ...noMeaning,
    steps: steps.address,
  };
  const egress = facts.egress?.(key);
  const left = egress ? [explainEgress(egress, facts.config.egress.get(key)?.document)] : [];
  return [address, onBgp(found, facts), ...layer2, ...left];
}

/** In the middle of a reload. */
const undecided: Chain = { title: 'Address', ok: true, verdict: 'it is decided in a moment', ...noMeaning, steps: [] };

/** What decided stands in the way of BGP and layer 2 alike. */
function withoutAddress(service: Service, { decision, address }: Found, facts: Facts): Chain {
  const { bgp, allocation } = decision;
  const reason = allocation?.reason ?? bgp.reason!;
  const steps = [...address, failedStep({ ...bgp, reason: bgp.reason! }, questions)];
  if (allocation !== undefined) steps.push(...allocationSteps(service, allocation, facts));
  return { title: 'Address', ok: false, verdict: `not announced: ${reason}`, ...meaning(reason), steps };
}

function allocationSteps(service: Service, { reason, message }: Unassigned, facts: Facts): Step[] {
  const failed: Step = {
    question: 'Why was none allocated?',
    answer: 'no',
    detail: message,
    reason,
    sources: [sourceOf(service, reason)],
  };
  const pools = [...facts.config.pools.values()];
  return [failed, ...pools.map((pool) => poolStep(pool, service, facts))];
}

function poolStep(pool: Pool, service: Service, facts: Facts): Step {
  const { request } = service;
  const asked = request.pool === pool.name || request.addresses.length > 0;
  const text = pool.addresses.map((a) => a.text).join(', ');
  const manner = pool.autoAssign || asked ? '' : '; autoAssign is off: only who asks for it has addresses of it';
  const closed = admits(pool, service, facts.config.namespaces)
    ? ''
    : '; its serviceAllocation does not admit the Service';
  return note(`What of pool ${pool.name}?`, `${text}; ${usageText(facts.usage(pool.name))}${manner}${closed}`, pool);
}

export function usageText({ ipv4, ipv6 }: PoolUsage): string {
  const of = (name: string, { inUse, total }: PoolUsage['ipv4']) =>
    total > 0n ? [`${inUse} of ${total} ${name} addresses in use`] : [];
  return [...of('IPv4', ipv4), ...of('IPv6', ipv6)].join(', ');
}

function onBgp({ decision, bgp: steps }: Found, facts: Facts): Chain {
  const { bgp } = decision;
  if (!bgp.announced) {
    const reason = bgp.reason!;
    const failed = failedStep({ ...bgp, reason }, questions);
    return {
      title: 'BGP',
      ok: false,
      verdict: `not announced: ${reason}`,
      ...meaning(reason),
      steps: [...steps, failed],
    };
  }
  const prefixes = distinct(bgp.contributions.map((c) => c.prefix));
  const routes = prefixes.map((prefix) => explainRoute(prefix, facts));
  const notes = (bgp.notes ?? []).map((n) => note(`What is ${n.reason}?`, n.detail));
  const silent = routes.filter(({ told }) => told.length === 0);
  const obstacle = silent.flatMap((r) => r.obstacle ?? [])[0];
  return {
    title: 'BGP',
    ok: silent.length === 0,
    verdict: [...fates(prefixes, routes)]
      .map(([who, which]) => `${which.join(', ')} ${facts.live ? 'announced' : 'to be announced'} to ${who}`)
      .join('; '),
    ...(obstacle ?? noMeaning),
    steps: [...steps, ...notes, ...routes.flatMap((r) => r.steps)],
  };
}

/** Prefixes by whom they are told. */
function fates(prefixes: readonly Prefix[], routes: readonly RouteExplained[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [i, { told }] of routes.entries()) {
    const who = told.toSorted().join(', ') || 'nobody';
    found.set(who, [...(found.get(who) ?? []), formatPrefix(prefixes[i]!)]);
  }
  return found;
}

function onLayer2({ decision, layer2: steps }: Found, { live }: Facts): Chain {
  const { layer2 } = decision;
  const words = { ...questions, ...layer2Questions };
  const title = 'Layer 2';
  if (!layer2.announced) {
    const reason = layer2.reason!;
    const failed = failedStep({ ...layer2, reason }, words);
    // That another node answers is as it should be.
    const elsewhere = reason === 'notOwner' && layer2.owner !== undefined;
    const verdict = elsewhere ? `node ${layer2.owner} answers` : `not announced: ${reason}`;
    return { title, ok: elsewhere, verdict, ...meaning(reason), steps: [...steps, failed] };
  }
  const where = layer2.interfaces === 'all' ? 'every interface' : layer2.interfaces.join(', ');
  if (live === undefined) return { title, ok: true, verdict: `this node answers on ${where}`, ...noMeaning, steps };
  const answering = decision.ips.map((ip) => ({
    ip: formatAddress(ip),
    ...live.answering(formatAddress(ip), decision),
  }));
  const silent = answering.find((a) => a.reason !== null);
  const rows = answering.map(
    ({ ip, interfaces, reason, lacking }): Step => ({
      question: `Is ${ip} answered for?`,
      answer: reason === null ? 'yes' : 'no',
      detail: reason === null ? `on ${interfaces.join(', ')}` : `wanted on ${where}${lackingText(lacking)}`,
      reason,
      sources: [],
    }),
  );
  const verdict = silent
    ? `not answered: ${silent.reason}`
    : `this node answers on ${answering[0]!.interfaces.join(', ')}`;
  return { title, ok: !silent, verdict, ...(silent ? meaning(silent.reason!) : noMeaning), steps: [...steps, ...rows] };
}

const lackingText = (lacking: readonly (readonly [name: string, why: string])[]): string =>
  lacking.length === 0 ? '' : `: ${list(lacking.map(([name, why]) => `${name} ${why}`))}`;

const distinct = (prefixes: readonly Prefix[]): Prefix[] =>
  prefixes
    .filter((p, i) => prefixes.findIndex((other) => comparePrefixes(p, other) === 0) === i)
    .sort((a, b) => compareAddresses(a, b) || a.length - b.length);
