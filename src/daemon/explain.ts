/** Explanations of what a running daemon decided, and of what became of it. */

import type { Explanation } from '../intent/explain/chain.ts';
import { explain, UnknownSubject } from '../intent/explain/explain.ts';
import type { InstalledFacts, ReceivedFacts } from '../intent/explain/facts.ts';
import { type Subject, subjectOf } from '../intent/explain/subject.ts';
import { monotonicMs } from '../io/clock.ts';
import { md5Drops } from '../io/netstat.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';
import { parseAddress } from '../lib/address.ts';
import { comparePrefixes, parsePrefix } from '../lib/prefix.ts';
import type { Daemon } from './daemon.ts';
import { factsOf } from './outlook.ts';
import { routeRows } from './routeview.ts';
import { type Filter, peerRows, receivedRows } from './views.ts';

/** Rejects with `UnknownSubject` where there is no such thing, or no configuration. */
export async function explainRunning(daemon: Daemon, text: string): Promise<Explanation> {
  const { engine, speaker, layer2, learned, egress } = daemon;
  const subject = subjectOf(text);
  const filter = learnedFilter(subject);
  const received = filter ? await receivedFor(daemon, filter) : [];
  const installed = filter ? await installedFor(daemon, filter) : [];
  const unsigned = md5Drops();
  // Not before: the configuration may have changed while tables were gone through.
  const { config, services, roster } = engine;
  if (config === undefined) throw new UnknownSubject('no configuration is in force yet');
  return explain(subject, {
    ...factsOf({ config, services, peers: roster.documents }),
    egress: (key) => {
      const decision = egress.decision(key);
      return decision && { decision, problems: egress.row(key)?.problems ?? [] };
    },
    live: {
      sessions: [...peerRows(speaker, {}, roster.missing)],
      received,
      installed,
      ...(learned.problem !== undefined && { unread: learned.problem }),
      answering: (ip, decision) => {
        const { family } = parseAddress(ip)!;
        const { interfaces, reason } = layer2.row(ip, family, decision);
        return { interfaces, reason, lacking: reason === 'announceFailed' ? layer2.lacking(decision, family) : [] };
      },
      ...(unsigned !== undefined && { unsigned }),
    },
  });
}

/** Learned routes that have to do with it: for an address those that lead there, for a prefix those to exactly it. */
function learnedFilter(subject: Subject): Filter | undefined {
  if (subject.type !== 'address' && subject.type !== 'prefix') return undefined;
  const target = subject.type === 'address' ? subject.address : subject.prefix;
  return {
    family: `ipv${target.family}`,
    around: target,
    ...(subject.type === 'prefix' && { prefix: subject.prefix }),
  };
}

/** The most specific first. */
async function receivedFor({ speaker }: Daemon, filter: Filter): Promise<ReceivedFacts[]> {
  const found = await collect(receivedRows(speaker, filter));
  const prefixed = found.map((row) => ({ row, prefix: parsePrefix(row.prefix)! }));
  prefixed.sort((a, b) => b.prefix.length - a.prefix.length || comparePrefixes(a.prefix, b.prefix));
  return prefixed.map(({ row }) => row);
}

const installedFor = ({ learned, speaker }: Daemon, filter: Filter): Promise<InstalledFacts[]> =>
  collect(routeRows(learned.fib, speaker.instances, filter));

/** Goes through a full table in slices. */
async function collect<Row>(rows: Iterable<Row | undefined>): Promise<Row[]> {
  const found: Row[] = [];
  let sliceEnd = monotonicMs() + SLICE_MS;
  for (const row of rows) {
    if (row !== undefined) found.push(row);
    if (monotonicMs() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = monotonicMs() + SLICE_MS;
  }
  return found;
}
