/** Whether a peer runs on this node, what is the matter with its session, and what it is told and tells. */
import type { Peer } from '../../config/model.ts';
import { type Chain, meaning, noMeaning, note, type Step, sourceOf } from './chain.ts';
import type { Facts, SessionFacts } from './facts.ts';
import { receivers } from './route.ts';
import { type SymptomWord, symptomOf, symptoms } from './symptom.ts';

/** The chains of a peer that has a document or a session. */
export function explainPeer(name: string, facts: Facts): readonly Chain[] {
  const document = facts.config.peers.find((p) => p.name === name);
  const skipped = facts.peers.skipped.find((s) => s.document.name === name);
  if (skipped !== undefined) {
    const { reason, detail } = skipped;
    const sources = [sourceOf(skipped.document, reason)];
    const step: Step = { question: 'Does it run on this node?', answer: 'no', detail, reason, sources };
    return [{ title: 'Session', ok: false, verdict: `none: ${reason}`, ...meaning(reason), steps: [step] }];
  }
  const here = ownStep(document);
  const session = facts.live?.sessions.find((s) => s.name === name);
  return [sessionChain(here, session, document, facts), routesChain(name, session, facts)];
}

function ownStep(document: Peer | undefined): Step {
  const question = 'Does it run on this node?';
  if (document === undefined) return note(question, 'it connected from a range of listen.dynamic');
  const detail = document.nodeSelectors.length > 0 ? 'its nodeSelectors select this node' : 'it runs on every node';
  return { question, answer: 'yes', detail, reason: null, sources: [sourceOf(document)] };
}

function sessionChain(here: Step, session: SessionFacts | undefined, document: Peer | undefined, facts: Facts): Chain {
  const title = 'Session';
  if (session === undefined) {
    const verdict = facts.live ? 'it begins in a moment' : 'it would be made: no daemon was asked';
    return { title, ok: true, verdict, ...noMeaning, steps: [here] };
  }
  const { state, address, port, localAsn, peerAsn, localAddress, uptimeSec, flaps, lastError, lastChange } = session;
  const from = localAddress === null ? '' : `, from ${localAddress}`;
  const ends = note(
    'Between which ends?',
    `AS ${localAsn}${from}, and AS ${peerAsn} at ${address || '(not found yet)'} port ${port}`,
  );
  const history = note(
    'How stable is it?',
    `${flaps} times lost${lastChange ? `, in this state since ${lastChange}` : ''}`,
  );
  if (state === 'Established') {
    const step: Step = {
      question: 'Is it up?',
      answer: 'yes',
      detail: `for ${uptimeSec} s`,
      reason: null,
      sources: [],
    };
    return { title, ok: true, verdict: 'Established', ...noMeaning, steps: [here, ends, step, history] };
  }
  const word = symptomOf(lastError);
  const { says, remedy } = symptoms[word];
  const step: Step = {
    question: 'Is it up?',
    answer: 'no',
    detail: `${state}: ${lastError || 'nothing has failed yet'}`,
    reason: word,
    sources: document ? [sourceOf(document)] : [],
  };
  const steps = [here, ends, step, ...evidence(word, facts), history];
  return { title, ok: false, verdict: `${state}: ${word}`, reason: word, says, remedy, steps };
}

/** What the kernel saw, where that speaks for a password. */
function evidence(word: SymptomWord, { live }: Facts): Step[] {
  if (word !== 'passwordDiffers' && word !== 'noAnswer') return [];
  const count = live?.unsigned;
  if (count === undefined) return [];
  const detail =
    count === 0
      ? 'the kernel has dropped no segment here for its TCP-MD5 signature'
      : `the kernel has dropped ${count} segments here whose TCP-MD5 signature was missing or wrong`;
  return [note('What does the kernel say?', detail)];
}

function routesChain(name: string, session: SessionFacts | undefined, facts: Facts): Chain {
  const receiver = receivers(facts).find((r) => r.name === name);
  const held = new Map<string, number>();
  let told = 0;
  if (receiver !== undefined)
    for (const [, decision] of facts.advertisements.decisions(receiver)) {
      if (decision.advertised) told++;
      else held.set(decision.reason, (held.get(decision.reason) ?? 0) + 1);
    }
  const steps = [...held].map(
    ([reason, prefixes]): Step => ({
      question: 'What is not advertised to it?',
      answer: 'note',
      detail: count(prefixes),
      reason,
      sources: [],
    }),
  );
  if (session !== undefined) {
    const { advertised, received, accepted } = session.prefixes;
    steps.push(
      note('What was sent and received?', `${advertised} sent, ${received} received, ${accepted} of them accepted`),
    );
  }
  const unsent = session?.unsent ?? [];
  const lost = unsent.reduce((sum, { prefixes }) => sum + prefixes, 0);
  for (const { family, prefixes, reason, detail } of unsent)
    steps.push({
      question: 'What cannot be advertised to it?',
      answer: 'no',
      detail: `${count(prefixes, family)}: ${detail}`,
      reason,
      sources: [],
    });
  return {
    title: 'Routes',
    ok: lost === 0,
    verdict: `${count(told)} to advertise${lost > 0 ? `, ${lost} of them cannot be` : ''}`,
    ...(unsent[0] ? meaning(unsent[0].reason) : noMeaning),
    steps,
  };
}

const count = (prefixes: number, family?: string): string =>
  `${prefixes} ${family === undefined ? '' : `${family} `}${prefixes === 1 ? 'prefix' : 'prefixes'}`;
