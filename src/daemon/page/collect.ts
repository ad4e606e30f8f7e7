/** Gathers what the page shows. Long tables are looked through in slices, so that no session waits for a picture. */
import type { ServiceDecision } from '../../intent/service.ts';
import { monotonicMs, wallClockAt } from '../../io/clock.ts';
import { nextTurn, SLICE_MS } from '../../io/turn.ts';
import { VERSION } from '../../io/version.ts';
import { bfdRows } from '../bfdview.ts';
import type { Daemon } from '../daemon.ts';
import { errorsFirst } from '../documents.ts';
import type { EventRow } from '../journal.ts';
import { vrfRows } from '../network/view.ts';
import type { Peer } from '../peer.ts';
import { missingView, peerView } from '../peerview.ts';
import { memberRows, type PeerRow, receiversOf, serviceRow } from '../views.ts';
import { pastOf } from './past.ts';
import { rejectedOf } from './rejected.ts';
import type { PageView, Part, PeerShown, TableShown } from './view.ts';

/** Rows of a table on the page. */
export const MAX_ROWS = 200;
const MAX_EVENTS = 40;
const MAX_PROBLEMS = 20;
/** Changes beside each peer. */
const MAX_CHANGES = 5;

export async function collect(daemon: Daemon): Promise<PageView> {
  const { chronicle, documents, drainer, engine, layer2, network, ready } = daemon;
  const events = [...chronicle.journal.rows()];
  const services = await servicesOf(daemon);
  const rejected = await rejectedOf(daemon.speaker);
  const { reading } = documents;
  const problems = errorsFirst(reading?.diagnostics ?? []).map(({ severity, subject, path, message, position }) => ({
    severity,
    text: `${position.file}:${position.line}: ${[subject, path].filter(Boolean).join(' ')}: ${message}`,
  }));
  const usesLayer2 = (engine.config?.layer2Advertisements.length ?? 0) > 0;
  return {
    version: VERSION,
    atMs: Date.parse(wallClockAt(monotonicMs())),
    startedMs: startedMs(),
    node: engine.config?.speaker.name ?? null,
    ready,
    drain: drainer.stage,
    configuration: {
      loadedAt: reading?.at ?? null,
      files: reading?.files.length ?? 0,
      documents: engine.config?.documents.length ?? 0,
      valid: reading?.valid ?? false,
      stale: reading !== undefined && !reading.valid && engine.config !== undefined,
      problems: first(problems, MAX_PROBLEMS),
    },
    peers: peersOf(daemon, events),
    services,
    tables: [...tablesOf(daemon)],
    rejected,
    conflicts: usesLayer2 ? first([...layer2.conflicts()], MAX_ROWS) : null,
    members: first(
      usesLayer2 ? [...memberRows(engine)].sort((a, b) => Number(a.alive) - Number(b.alive)) : [],
      MAX_ROWS,
    ),
    bfd: first(
      [...bfdRows(daemon.bfd, {})].filter((row) => row !== undefined).sort((a, b) => rank(a.state) - rank(b.state)),
      MAX_ROWS,
    ),
    vrfs: first([...vrfRows(network)], MAX_ROWS),
    events: first(events.reverse(), MAX_EVENTS),
  };
}

const startedMs = (): number => Date.parse(wallClockAt(0));

const first = <Row>(all: readonly Row[], most: number): Part<Row> => ({ rows: all.slice(0, most), total: all.length });

/** What is not up comes first. */
const rank = (state: string): number => (state === 'Established' || state === 'Up' ? 1 : 0);

function peersOf({ speaker, engine, bfd }: Daemon, events: readonly EventRow[]): PageView['peers'] {
  const isUp = ({ session }: Peer) => session.state === 'Established';
  const all = [...speaker.all.values()].sort((a, b) => Number(isUp(a)) - Number(isUp(b)) || order(a, b));
  const missing = engine.roster.missing.slice(0, MAX_ROWS).map(missingView);
  const rows = [...missing, ...all.slice(0, MAX_ROWS).map((peer) => peerView(peer, bfd))].slice(0, MAX_ROWS);
  const own = new Map<string, EventRow[]>();
  for (const event of events) {
    if (event.kind !== 'session') continue;
    const before = own.get(event.subject);
    if (before) before.push(event);
    else own.set(event.subject, [event]);
  }
  const nowMs = Date.parse(wallClockAt(monotonicMs()));
  return {
    rows: rows.map((row) => shown(row, own.get(row.name) ?? [], nowMs)),
    total: all.length + engine.roster.missing.length,
    up: all.filter(isUp).length,
  };
}

function shown(row: PeerRow, events: readonly EventRow[], nowMs: number): PeerShown {
  const { name, address, port, vrf, localAsn, peerAsn, state, bfd, flaps, lastError, lastChange, prefixes } = row;
  return {
    ...{ name, address, port, vrf, localAsn, peerAsn, state, bfd, flaps, lastError, lastChange, prefixes },
    interface: row.interface,
    past: pastOf(events, state === 'Established', startedMs(), nowMs),
    changes: events.slice(-MAX_CHANGES).reverse(),
  };
}

const order = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** A Service that somebody may ask about: it is announced nowhere. */
const needsReason = ({ bgp, layer2 }: ServiceDecision): boolean => !bgp.announced && !layer2.announced;

async function servicesOf({
  speaker,
  engine,
  chronicle,
  egress,
  loopback,
  layer2,
}: Daemon): Promise<PageView['services']> {
  const { decisions } = engine.services;
  const [open, fine]: [ServiceDecision[], ServiceDecision[]] = [[], []];
  let until = monotonicMs() + SLICE_MS;
  let looked = 0;
  for (const decision of decisions.values()) {
    const list = needsReason(decision) ? open : fine;
    if (list.length < MAX_ROWS) list.push(decision);
    if (open.length === MAX_ROWS) break;
    if (++looked % 256 !== 0 || monotonicMs() < until) continue;
    await nextTurn();
    until = monotonicMs() + SLICE_MS;
  }
  const byKey = (a: ServiceDecision, b: ServiceDecision) => (a.key < b.key ? -1 : 1);
  const picked = [...open.sort(byKey), ...fine.sort(byKey)].slice(0, MAX_ROWS);
  const receivers = receiversOf(speaker, engine);
  const rows: PageView['services']['rows'][number][] = [];
  for (const decision of picked) {
    rows.push(serviceRow(decision, receivers, { egress, loopback, layer2 }));
    if (monotonicMs() < until) continue;
    await nextTurn();
    until = monotonicMs() + SLICE_MS;
  }
  const usesLayer2 = (engine.config?.layer2Advertisements.length ?? 0) > 0;
  const counts = [...chronicle.tally.rows()].filter(
    ({ protocol, services }) => services > 0 && (protocol === 'bgp' || usesLayer2),
  );
  return { rows, total: decisions.size, counts: counts.sort((a, b) => b.services - a.services) };
}

function* tablesOf({ learned, speaker }: Daemon): Generator<TableShown> {
  const vrfs = new Map([...speaker.instances.all].map((instance) => [instance.table, instance.vrf ?? '']));
  for (const [table, pair] of learned.fib?.all ?? [])
    for (const family of ['ipv4', 'ipv6'] as const) {
      const { wanted, installed, conflicts, failed } = pair[family].counts;
      if (wanted + installed + conflicts + failed === 0) continue;
      yield { table, vrf: vrfs.get(table) ?? '', family, wanted, installed, conflicts, failed };
    }
}
