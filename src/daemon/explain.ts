/** Explanations of what a running daemon decided, and of what became of it. */

import type { Explanation } from '../intent/explain/chain.ts';
import { explain, UnknownSubject } from '../intent/explain/explain.ts';
import type { ReceivedFacts } from '../intent/explain/facts.ts';
import { type Subject, subjectOf } from '../intent/explain/subject.ts';
import { monotonicMs } from '../io/clock.ts';
import { md5Drops } from '../io/netstat.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';
import { parseAddress } from '../lib/address.ts';
import { comparePrefixes, parsePrefix } from '../lib/prefix.ts';
import type { Daemon } from './daemon.ts';
import { factsOf } from './outlook.ts';
import { type Filter, peerRows, receivedRows } from './views.ts';

/** Rejects with `UnknownSubject` where there is no such thing, or no configuration. */
export async function explainRunning(daemon: Daemon, text: string): Promise<Explanation> {
  const { engine, speaker, layer2 } = daemon;
  const { config, services, roster } = engine;
  if (config === undefined) throw new UnknownSubject('no configuration is in force yet');
  const subject = subjectOf(text);
  const received = await receivedFor(daemon, subject);
  const unsigned = md5Drops();
  return explain(subject, {
    ...factsOf({ config, services, peers: roster.documents }),
    live: {
      sessions: [...peerRows(speaker, {}, roster.missing)],
      received,
      answering: (ip, decision) => layer2.row(ip, parseAddress(ip)!.family, decision),
      ...(unsigned !== undefined && { unsigned }),
    },
  });
}

/** For an address the routes that lead there, the most specific first; for a prefix those to exactly it. */
async function receivedFor({ speaker }: Daemon, subject: Subject): Promise<ReceivedFacts[]> {
  if (subject.type !== 'address' && subject.type !== 'prefix') return [];
  const target = subject.type === 'address' ? subject.address : subject.prefix;
  const filter: Filter = {
    family: `ipv${target.family}`,
    around: target,
    ...(subject.type === 'prefix' && { prefix: subject.prefix }),
  };
  const found: ReceivedFacts[] = [];
  let sliceEnd = monotonicMs() + SLICE_MS;
  for (const row of receivedRows(speaker, filter)) {
    if (row !== undefined) found.push(row);
    if (monotonicMs() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = monotonicMs() + SLICE_MS;
  }
  const prefixed = found.map((row) => ({ row, prefix: parsePrefix(row.prefix)! }));
  prefixed.sort((a, b) => b.prefix.length - a.prefix.length || comparePrefixes(a.prefix, b.prefix));
  return prefixed.map(({ row }) => row);
}
