/** What `show` prints for people. */
import { formatDiagnostic } from '../config/format.ts';
import type { BfdViewRow } from '../daemon/bfdview.ts';
import type { Subject } from '../daemon/control.ts';
import type { EventRow } from '../daemon/journal.ts';
import type { VrfRow } from '../daemon/network/view.ts';
import type { RouteRow } from '../daemon/routeview.ts';
import type {
  AdvertisedRow,
  ConfigView,
  Layer2Row,
  MemberRow,
  PeerRow,
  ReceivedRow,
  ServiceRow,
} from '../daemon/views.ts';
import { memberState } from '../intent/members.ts';
import { printTable } from './columns.ts';
import { printLine } from './output.ts';

/** Prints rows that the daemon answered; they are gone through twice. */
export const printRows = (what: Exclude<Subject, 'config' | 'events'>, rows: Iterable<unknown>): Promise<void> =>
  printColumns(tables[what] as Columns<unknown>, rows);

export function printEvents(rows: Iterable<unknown>): void {
  for (const row of rows) printLine(eventText(row as EventRow));
}

type Columns<Row> = readonly (readonly [head: string, cell: (row: Row) => string])[];

const printColumns = <Row>(columns: Columns<Row>, rows: Iterable<Row>): Promise<void> =>
  printTable(
    columns.map(([head]) => head),
    function* () {
      for (const row of rows) yield columns.map(([, cell]) => cell(row));
    },
  );

const list = (items: readonly unknown[]): string => (items.length > 0 ? items.join(' ') : '-');
const orDash = (value: unknown): string =>
  value === null || value === undefined || value === '' ? '-' : String(value);
const path = (row: AdvertisedRow | ReceivedRow): string =>
  list(row.asPath.map((p) => (Array.isArray(p) ? `{${p.join(',')}}` : p)));

function duration(sec: number): string {
  if (sec < 60) return `${sec}s`;
  if (sec < 3600) return `${Math.floor(sec / 60)}m${sec % 60}s`;
  if (sec < 86400) return `${Math.floor(sec / 3600)}h${Math.floor((sec % 3600) / 60)}m`;
  return `${Math.floor(sec / 86400)}d${Math.floor((sec % 86400) / 3600)}h`;
}

const routeColumns: Columns<AdvertisedRow | ReceivedRow> = [
  ['peer', (r) => r.peer],
  ['prefix', (r) => r.prefix],
  ['next hop', (r) => orDash(r.nextHop)],
  ['as path', path],
  ['pref', (r) => orDash(r.localPref)],
  ['med', (r) => orDash(r.med)],
  ['communities', (r) => list([...r.communities, ...r.largeCommunities])],
];

const hopText = ({ via, dev, weight }: RouteRow['nexthops'][number], shared: boolean): string =>
  `${via ?? ''}%${dev ?? ''}${shared ? `*${weight}` : ''}`;
const milliseconds = (ms: number): string => (ms === 0 ? '-' : `${Math.round(ms)}ms`);

const dropped = (reasons: Readonly<Record<string, number>>): string =>
  list(Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`));

/** What a session that is up does not carry. */
const unsent = (r: PeerRow): string =>
  r.unsent.map(({ family, prefixes, reason }) => `${prefixes} ${family} not sent: ${reason}`).join(', ') || '-';

/** With the words of what there is to know of it. */
function bgpState({ bgp: { announced, reason, notes }, allocation }: ServiceRow): string {
  if (!announced) return orDash(allocation?.reason ?? reason);
  const words = [...new Set(notes.map((note) => note.reason))];
  return words.length > 0 ? `announced (${words.join(', ')})` : 'announced';
}

/** Whoever does not use layer 2 need not read of it. */
const layer2State = ({ announced, reason }: ServiceRow['layer2']): string =>
  announced ? 'announced' : reason === 'noMatchingAdvertisement' ? '-' : orDash(reason);

const tables: {
  readonly peers: Columns<PeerRow>;
  readonly advertised: Columns<AdvertisedRow>;
  readonly received: Columns<ReceivedRow>;
  readonly routes: Columns<RouteRow>;
  readonly services: Columns<ServiceRow>;
  readonly l2: Columns<Layer2Row>;
  readonly members: Columns<MemberRow>;
  readonly bfd: Columns<BfdViewRow>;
  readonly vrfs: Columns<VrfRow>;
} = {
  peers: [
    ['name', (r) => r.name],
    ['address', (r) => r.address],
    ['as', (r) => String(r.peerAsn)],
    ['state', (r) => r.state],
    ['bfd', (r) => orDash(r.bfd)],
    ['uptime', (r) => (r.state === 'Established' ? duration(r.uptimeSec) : '-')],
    ['families', (r) => list(r.families)],
    ['sent', (r) => String(r.prefixes.advertised)],
    ['received', (r) => String(r.prefixes.received)],
    ['accepted', (r) => String(r.prefixes.accepted)],
    ['flaps', (r) => String(r.flaps)],
    ['last error', (r) => (r.state === 'Established' ? unsent(r) : orDash(r.lastError))],
  ],
  advertised: [...routeColumns, ['from', (r) => list(r.from)]],
  received: [...routeColumns, ['state', (r) => r.reason ?? (r.best ? 'best' : r.multipath ? 'multipath' : 'accepted')]],
  routes: [
    ['table', (r) => String(r.table)],
    ['vrf', (r) => orDash(r.vrf) + (r.importedFrom === undefined ? '' : ` (of ${r.importedFrom || 'default'})`)],
    ['prefix', (r) => r.prefix],
    ['metric', (r) => String(r.metric)],
    ['next hops', (r) => list(r.nexthops.map((hop) => hopText(hop, r.nexthops.length > 1)))],
    ['state', (r) => r.state],
    ['error', (r) => orDash(r.error)],
  ],
  services: [
    ['service', (r) => r.service],
    ['ips', (r) => list(r.ips)],
    ['pool', (r) => orDash(r.pool)],
    ['bgp', bgpState],
    ['prefixes', (r) => list(r.bgp.prefixes)],
    ['peers', (r) => list(r.bgp.peers)],
    ['layer 2', ({ layer2 }) => layer2State(layer2)],
    ['owner', (r) => orDash(r.layer2.owner)],
  ],
  l2: [
    ['ip', (r) => r.ip],
    ['service', (r) => r.service],
    ['state', (r) => (r.announced ? 'announced' : orDash(r.reason))],
    ['owner', (r) => orDash(r.owner)],
    ['interfaces', (r) => list(r.interfaces)],
    ['requests', (r) => String(r.requests)],
    ['replies', (r) => String(r.replies)],
    ['gratuitous', (r) => String(r.gratuitous)],
    ['conflicts', (r) => String(r.conflicts)],
  ],
  members: [
    ['node', (r) => (r.self ? `${r.name} (this one)` : r.name)],
    ['state', memberState],
    ['addresses', (r) => String(r.addresses)],
  ],
  bfd: [
    ['peer', (r) => (r.interface ? `${r.peer}%${r.interface}` : r.peer)],
    ['vrf', (r) => orDash(r.vrf)],
    ['hops', (r) => r.hops],
    ['for', (r) => list([...r.users, ...r.members.map((node) => `node ${node}`)])],
    ['state', (r) => r.state],
    ['why', (r) => orDash(r.problem ?? (r.diag === 'none' ? '' : r.diag))],
    ['sends every', (r) => milliseconds(r.txIntervalMs)],
    ['hears every', (r) => milliseconds(r.rxIntervalMs)],
    ['detects in', (r) => milliseconds(r.detectMs)],
    ['sent', (r) => String(r.counters.sent)],
    ['received', (r) => String(r.counters.received)],
    ['dropped', (r) => dropped(r.counters.dropped)],
    ['flaps', (r) => String(r.flaps)],
  ],
  vrfs: [
    ['name', (r) => r.name],
    ['table', (r) => orDash(r.table)],
    ['interfaces', (r) => list(r.interfaces)],
    ['managed', (r) => (r.managed ? 'yes' : 'no')],
    ['rules', (r) => String(r.rules.length)],
    ['policies', (r) => list(r.policies)],
    ['state', (r) => orDash(r.state)],
    ['reason', (r) => orDash(r.reason)],
  ],
};

/** One line: when, what about, what, why. */
function eventText({ time, kind, subject, event, reason, detail, count }: EventRow): string {
  const about = subject === '' ? kind : `${kind} ${subject}`;
  const why = [reason, detail].filter(Boolean).join(', ');
  const often = count > 1 ? `  (${count} times)` : '';
  return `${time.slice(0, 23).replace('T', ' ')}  ${about}: ${event}${why ? `: ${why}` : ''}${often}`;
}

export function printConfig(c: ConfigView): Promise<void> {
  const state = c.valid ? 'valid' : c.stale ? 'refused; an older one is in force' : 'refused';
  printLine(`node ${orDash(c.node)}, read ${orDash(c.loadedAt)}: ${state}`);
  for (const d of [...c.errors, ...c.warnings]) printLine(formatDiagnostic({ ...d, position: d }));
  return printTable(['kind', 'name', 'where'], () =>
    c.documents.map((d) => [d.kind, d.namespace ? `${d.namespace}/${d.name}` : d.name, `${d.file}:${d.line}`]),
  );
}
