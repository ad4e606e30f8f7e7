/** What each peer of this node is told about one prefix, and why (not). */
import type { PeerSettings } from '../../bgp/settings.ts';
import type { Meta } from '../../config/model.ts';
import { comparePrefixes, formatPrefix, type Prefix } from '../../lib/prefix.ts';
import { reasons } from '../reason.ts';
import type { RouteDecision } from '../route.ts';
import { type Chain, meaning, type Step, sourceOf } from './chain.ts';
import type { Facts } from './facts.ts';
import { symptomOf, symptoms } from './symptom.ts';

export interface RouteExplained {
  /** Names of the peers that are told; where a daemon runs, only of those whose session is up. */
  readonly told: readonly string[];
  readonly steps: readonly Step[];
  /** What is in the way, where nobody is told. */
  readonly obstacle?: Pick<Chain, 'reason' | 'says' | 'remedy'>;
}

export function explainRoute(prefix: Prefix, facts: Facts): RouteExplained {
  const told: string[] = [];
  const steps: Step[] = [];
  let obstacle: RouteExplained['obstacle'];
  const settings = receivers(facts);
  const documents = [...facts.config.advertisements, ...originators(facts.config)];
  for (const receiver of settings) {
    const decision = facts.advertisements.decide(receiver, prefix);
    const step = routeStep(receiver.name, prefix, decision, documents);
    steps.push(step);
    if (!decision.advertised) {
      obstacle ??= meaning(decision.reason);
      continue;
    }
    const failure = downStep(receiver.name, facts) ?? unsentStep(receiver.name, prefix, facts);
    if (failure === undefined) told.push(receiver.name);
    else {
      steps.push(failure.step);
      obstacle = failure.obstacle;
    }
  }
  if (settings.length === 0) {
    const [skipped] = facts.peers.skipped;
    const reason = skipped?.reason ?? 'noPeer';
    obstacle = meaning(reason);
    const detail = skipped?.detail ?? 'there is no BGPPeer';
    const sources = facts.peers.skipped.map(({ document }) => sourceOf(document, reason));
    steps.push({ question: 'Does this node have a peer?', answer: 'no', detail, reason, sources });
  }
  return { told, steps, ...(told.length === 0 && obstacle && { obstacle }) };
}

/** The peers that run on this node: those of its documents, and those that have called. */
export function receivers({ peers, live }: Facts): Pick<PeerSettings, 'name' | 'families'>[] {
  const known = [...peers.peers, ...peers.unnumbered].map(({ settings }) => settings);
  const called = (live?.sessions ?? []).filter(({ name }) => !known.some((k) => k.name === name));
  return [...known, ...(called as unknown as Pick<PeerSettings, 'name' | 'families'>[])];
}

function routeStep(peer: string, prefix: Prefix, decision: RouteDecision, all: readonly Meta[]): Step {
  const question = `Is ${formatPrefix(prefix)} advertised to ${peer}?`;
  const documents = all.filter(({ kind, name }) => decision.from.includes(`${kind}/${name}`));
  if (!decision.advertised) {
    const { reason, detail } = decision;
    const sources = documents.map((d) => sourceOf(d, reason));
    return { question, answer: 'no', detail: `${detail} (${reasons[reason].remedy})`, reason, sources };
  }
  const notes = (decision.notes ?? []).map((n) => `; ${n.reason}: ${n.detail}`).join('');
  const detail = `by ${decision.from.join(', ')}${notes}`;
  return { question, answer: 'yes', detail, reason: null, sources: documents.map((d) => sourceOf(d)) };
}

/** Documents that have sessions told prefixes beside those of Services. @param prefix all of them, or one */
export function originators({ peers }: Pick<Facts['config'], 'peers'>, prefix?: Prefix): readonly Meta[] {
  const found = new Set<Meta>();
  for (const { advertise = [] } of peers)
    for (const { document, prefix: told } of advertise)
      if (prefix === undefined || comparePrefixes(told, prefix) === 0) found.add(document);
  return [...found];
}

interface Failure {
  readonly step: Step;
  readonly obstacle: NonNullable<RouteExplained['obstacle']>;
}

/** Undefined where the session is up, or nothing runs that could tell. */
function downStep(peer: string, { live }: Facts): Failure | undefined {
  const session = live?.sessions.find(({ name }) => name === peer);
  if (session === undefined || session.state === 'Established') return undefined;
  const word = symptomOf(session.lastError);
  const { says, remedy } = symptoms[word];
  const detail = `${session.state}${session.lastError ? `: ${session.lastError}` : ''}`;
  const question = `Is the session with ${peer} up?`;
  return {
    step: { question, answer: 'no', detail, reason: word, sources: [] },
    obstacle: { reason: word, says, remedy },
  };
}

/** Undefined where the session can carry the prefix, as far as anything runs that could tell. */
function unsentStep(peer: string, prefix: Prefix, { live }: Facts): Failure | undefined {
  const session = live?.sessions.find(({ name }) => name === peer);
  const text = formatPrefix(prefix);
  const found = session?.unsent.find(
    ({ family, reason }) =>
      family === `ipv${prefix.family}` && (reason !== 'messageTooLong' || session.oversized.includes(text)),
  );
  if (found === undefined) return undefined;
  const { reason, detail } = found;
  const question = `Can the session with ${peer} carry ${text}?`;
  return { step: { question, answer: 'no', detail, reason, sources: [] }, obstacle: meaning(reason) };
}
