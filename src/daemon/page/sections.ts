/** The sections of the page, each from data to HTML; one with nothing to say is empty, and is not shown. */
import { memberState } from '../../intent/members.ts';
import type { Reason } from '../../intent/reason.ts';
import { reasons } from '../../intent/reason.ts';
import type { EventRow } from '../journal.ts';
import type { MemberRow, ServiceRow } from '../views.ts';
import { type Content, type Html, html } from './html.ts';
import { badge, type Column, caption, dash, few, number, stateTone, table, when, whole } from './parts.ts';
import { PAST_MS } from './past.ts';
import { topology } from './topology.ts';
import type { PageView, PeerShown } from './view.ts';

const nothing = html``;

/** In the order of the page; the keys are the elements' ids. */
export const sections = {
  summary,
  topology,
  peers,
  services,
  routes,
  conflicts,
  members,
  bfd,
  vrfs,
  problems,
  events,
} as const satisfies Readonly<Record<string, (view: PageView) => Html>>;

function summary(view: PageView): Html {
  const { peers, services, configuration, tables, drain } = view;
  const of = (protocol: string) =>
    services.counts.find((c) => c.protocol === protocol && c.reason === 'announced')?.services ?? 0;
  const count = (field: 'installed' | 'wanted') => tables.reduce((n, t) => n + t[field], 0);
  const cards: [string, Content, Content][] = [
    [
      'Peers up',
      html`${number(peers.up)}<small> of ${number(peers.total)}</small>`,
      peers.total === 0
        ? badge('idle', 'no peer')
        : peers.up === peers.total
          ? badge('ok', 'all established')
          : badge('bad', `${number(peers.total - peers.up)} not up`),
    ],
    [
      'Services',
      number(services.total),
      html`${number(of('bgp'))} announced by BGP${view.conflicts ? `, ${number(of('layer2'))} on layer 2` : ''}`,
    ],
    [
      'Routes installed',
      number(count('installed')),
      count('wanted') === 0
        ? 'none is wanted'
        : count('wanted') === count('installed')
          ? 'all that are wanted'
          : `of ${number(count('wanted'))} wanted`,
    ],
    [
      'Configuration',
      html`${number(configuration.documents)}<small> documents</small>`,
      configuration.stale
        ? html`${badge('bad', 'refused')} an older one is in force: <a href="#problems">why</a>`
        : configuration.valid
          ? badge('ok', 'in force')
          : badge('warn', 'none yet'),
    ],
  ];
  const drained = drain === 'none' ? null : badge('warn', drain === 'lowered' ? 'draining' : 'drained');
  return html`<h2 class="away">Summary</h2>
<p class="node">${drained} ${view.ready ? badge('ok', 'ready') : badge('warn', 'starting')}
<span class="quiet">configuration read ${when(configuration.loadedAt) ?? 'never'}, started ${when(new Date(view.startedMs).toISOString())}</span></p>
<dl>${cards.map(([title, value, note]) => html`<div><dt>${title}</dt><dd class="big">${value}</dd><dd>${note}</dd></div>`)}</dl>`;
}

function problems({ configuration: { problems } }: PageView): Html {
  if (problems.total === 0) return nothing;
  const columns: Column<(typeof problems.rows)[number]>[] = [
    { title: 'Severity', cell: ({ severity }) => badge(severity === 'error' ? 'bad' : 'warn', severity) },
    { title: 'Where and what', cell: ({ text }) => text },
  ];
  const title = caption('What is wrong with the documents', problems.rows.length, problems.total, 'errors');
  return html`<h2>Configuration</h2>${table(title, columns, problems.rows)}`;
}

function peers({ peers: { rows, total } }: PageView): Html {
  if (total === 0) return html`<h2>Peers</h2><p class="quiet">No peer is configured for this node.</p>`;
  const columns: Column<PeerShown>[] = [
    {
      title: 'Peer',
      cell: (p) =>
        html`${p.name}<br><span class="quiet">${p.address || 'no address yet'}${p.port === 179 ? '' : ` port ${p.port}`}${p.interface && ` on ${p.interface}`}${p.vrf && `, VRF ${p.vrf}`}</span>`,
    },
    {
      title: 'State',
      cell: (p) => html`${badge(stateTone(p.state), p.state)}<br><span class="quiet">${when(p.lastChange)}</span>`,
    },
    { title: 'Last hour', cell: past },
    { title: 'AS', cell: (p) => `${p.peerAsn}`, numeric: true },
    { title: 'Advertised', cell: (p) => number(p.prefixes.advertised), numeric: true },
    { title: 'Received', cell: (p) => number(p.prefixes.received), numeric: true },
    { title: 'Accepted', cell: (p) => number(p.prefixes.accepted), numeric: true },
    { title: 'BFD', cell: (p) => (p.bfd === null ? dash : badge(stateTone(p.bfd), p.bfd)) },
    { title: 'Flaps', cell: (p) => number(p.flaps), numeric: true },
    { title: 'Changes', cell: changes },
  ];
  return html`<h2>Peers</h2>${table(caption('BGP sessions, what they carry and what became of them', rows.length, total, 'those that are not up'), columns, rows)}`;
}

function past({ past, state }: PeerShown): Html {
  const [begin, end] = [past[0]?.fromMs ?? 0, past.at(-1)?.toMs ?? 0];
  const upMs = past.reduce((ms, s) => ms + (s.up ? s.toMs - s.fromMs : 0), 0);
  const minutes = (ms: number) => Math.round(ms / 60_000);
  const label = `${state}; up for ${minutes(upMs)} of the last ${minutes(end - begin)} minutes`;
  const x = (ms: number) => Math.round(((ms - (end - PAST_MS)) / PAST_MS) * 120 * 10) / 10;
  const bars = past.map(
    ({ fromMs, toMs, up }) =>
      html`<rect class="${up ? 'ok' : 'bad'}" x="${x(fromMs)}" y="${up ? 2 : 9}" width="${Math.max(1.5, x(toMs) - x(fromMs))}" height="${up ? 12 : 5}"/>`,
  );
  return html`<svg class="past" viewBox="0 0 120 16" role="img" aria-label="${label}"><title>${label}</title><rect class="none" x="0" y="13" width="120" height="1"/>${bars}</svg>`;
}

function changes({ changes, lastError, state }: PeerShown): Content {
  const error =
    state !== 'Established' && lastError !== '' && !changes.some((c) => c.reason === lastError)
      ? html`<li>${lastError}</li>`
      : null;
  const items = changes
    .slice(0, 3)
    .map(
      (c) =>
        html`<li>${when(c.time)} ${c.event}${c.count > 1 ? ` (${number(c.count)} times)` : ''}${c.reason ? html`: <span class="quiet">${c.reason}</span>` : ''}</li>`,
    );
  return error === null && items.length === 0 ? dash : html`<ul>${error}${items}</ul>`;
}

function services({ services: { rows, total, counts }, conflicts }: PageView): Html {
  if (total === 0) return html`<h2>Services</h2><p class="quiet">No Service is known.</p>`;
  const columns: Column<ServiceRow>[] = [
    { title: 'Service', cell: (s) => s.service },
    { title: 'Addresses', cell: (s) => few(s.ips) },
    { title: 'Pool', cell: (s) => (s.pool === null ? dash : whole(s.pool)) },
    { title: 'BGP', cell: (s) => (s.bgp.announced ? toPeers(s) : why(s.bgp.reason, s.allocation?.detail)) },
  ];
  if (conflicts !== null)
    columns.push({
      title: 'Layer 2',
      cell: ({ layer2 }) =>
        layer2.announced
          ? html`${badge('ok', 'answered here')}<br><span class="quiet">${layer2.interfaces.length > 0 ? `on ${layer2.interfaces.join(', ')}` : 'on every interface'}</span>`
          : why(layer2.reason, layer2.owner === null ? '' : `${layer2.owner} answers`),
    });
  const protocols = { bgp: 'BGP', layer2: 'layer 2' } as const;
  const list = counts
    .slice(0, 40)
    .map(
      ({ protocol, reason, services }) =>
        html`<li><b>${number(services)}</b> ${reason} <span class="quiet">${protocols[protocol]}</span></li>`,
    );
  return html`<h2>Services</h2><ul class="counts">${list}</ul>${table(caption('Services, where they are announced, and why not', rows.length, total, 'those that are announced nowhere'), columns, rows)}`;
}

const toPeers = ({ bgp }: ServiceRow): Html =>
  bgp.peers.length === 0
    ? html`${badge('warn', 'no peer')}<br><span class="quiet">announced, but no peer gets it</span>`
    : html`${badge('ok', 'announced')}<br><span class="quiet">to ${line(bgp.peers)}</span>${bgp.notes.map(remark)}`;

const remark = ({ reason, detail }: ServiceRow['bgp']['notes'][number]): Html => html`<br>${why(reason, detail)}`;

const line = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${number(names.length - 3)} more` : names.join(', ');

/** The reason word, which is the same everywhere, and what it says. */
function why(reason: Reason | null, detail = ''): Html {
  if (reason === null) return dash;
  return html`<code>${reason}</code><br><span class="quiet">${detail || reasons[reason].says}</span>`;
}

function routes({ tables, rejected }: PageView): Html {
  if (tables.length === 0 && rejected.length === 0) return nothing;
  const name = (vrf: string) => vrf || 'default';
  const kernel = table(
    'Routes in the kernel, by table',
    [
      { title: 'VRF', cell: (t) => name(t.vrf) },
      { title: 'Table', cell: (t) => `${t.table}`, numeric: true },
      { title: 'Family', cell: (t) => t.family.replace('ipv', 'IPv') },
      { title: 'Wanted', cell: (t) => number(t.wanted), numeric: true },
      { title: 'Installed', cell: (t) => number(t.installed), numeric: true },
      { title: 'Not ours', cell: (t) => number(t.conflicts), numeric: true },
      { title: 'Refused', cell: (t) => number(t.failed), numeric: true },
    ],
    tables,
  );
  const refused = table(
    'Received routes that may not be used',
    [
      { title: 'Peer', cell: (r) => r.peer },
      { title: 'Reason', cell: (r) => html`<code>${r.reason}</code>` },
      { title: 'Routes', cell: (r) => `${r.atLeast ? '≥ ' : ''}${number(r.routes)}`, numeric: true },
    ],
    rejected,
  );
  return html`<h2>Learned routes</h2><div class="pair">${tables.length > 0 ? kernel : ''}${rejected.length > 0 ? refused : ''}</div>`;
}

const stages: Readonly<Record<string, Content>> = {
  begin: badge('warn', 'claimed; answered still'),
  yield: badge('bad', 'claimed; no longer answered'),
  defer: badge('idle', 'held by another host'),
};

function conflicts({ conflicts }: PageView): Html {
  if (conflicts === null) return nothing;
  if (conflicts.total === 0)
    return html`<h2>Layer-2 conflicts</h2><p class="quiet">No other host claims an address of this node.</p>`;
  const columns: Column<(typeof conflicts.rows)[number]>[] = [
    { title: 'Address', cell: (c) => c.ip },
    { title: 'State', cell: (c) => stages[c.stage] ?? c.stage },
    { title: 'Claimed by', cell: (c) => html`<code>${c.mac}</code>` },
    { title: 'Interface', cell: (c) => c.interface },
  ];
  return html`<h2>Layer-2 conflicts</h2>${table(caption('Addresses of this node that other hosts claim', conflicts.rows.length, conflicts.total), columns, conflicts.rows)}`;
}

/** A node alone needs no list. */
function members({ members: { rows, total } }: PageView): Html {
  if (total < 2) return nothing;
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'Node', cell: (m) => (m.self ? `${m.name} (this one)` : m.name) },
    { title: 'State', cell: memberBadge },
    { title: 'Addresses', cell: (m) => number(m.addresses), numeric: true },
  ];
  return html`<h2>Members</h2>${table(caption('Nodes that may announce on layer 2, and what each of them does', rows.length, total, 'those that are not alive'), columns, rows)}`;
}

function memberBadge(member: MemberRow): Html {
  const state = memberState(member);
  return badge(state === 'alive' ? 'ok' : state === 'notAlive' ? 'bad' : 'warn', state);
}

function bfd({ bfd: { rows, total } }: PageView): Html {
  if (total === 0) return nothing;
  const columns: Column<(typeof rows)[number]>[] = [
    {
      title: 'Peer',
      cell: (b) => html`${b.peer}<br><span class="quiet">${[...b.users, ...b.members].join(', ')}</span>`,
    },
    {
      title: 'State',
      cell: (b) => html`${badge(stateTone(b.state), b.state)}<br><span class="quiet">${when(b.lastChange)}</span>`,
    },
    { title: 'Path', cell: (b) => `${b.hops} hop${b.vrf && `, VRF ${b.vrf}`}${b.interface && `, ${b.interface}`}` },
    { title: 'Detection', cell: (b) => (b.detectMs === 0 ? dash : `${number(b.detectMs)} ms`), numeric: true },
    { title: 'Flaps', cell: (b) => number(b.flaps), numeric: true },
    { title: 'Diagnostic', cell: (b) => b.problem ?? b.diag },
  ];
  return html`<h2>BFD</h2>${table(caption('Paths that are watched', rows.length, total, 'those that are not up'), columns, rows)}`;
}

const policyTones = { applied: 'ok', confirming: 'warn', waiting: 'warn', failed: 'bad' } as const;

function vrfs({ vrfs: { rows, total } }: PageView): Html {
  if (total === 0) return nothing;
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'VRF', cell: (v) => v.name },
    { title: 'Table', cell: (v) => (v.table === null ? dash : `${v.table}`), numeric: true },
    { title: 'Interfaces', cell: (v) => few(v.interfaces) },
    {
      title: 'State',
      cell: (v) =>
        v.state === null
          ? badge(v.exists ? 'idle' : 'bad', v.exists ? 'exists; not ours' : 'missing')
          : html`${badge(policyTones[v.state], v.state)}${v.reason === null ? '' : html`<br><span class="quiet">${v.reason}</span>`}`,
    },
    { title: 'Policies', cell: (v) => few(v.policies) },
  ];
  return html`<h2>VRFs</h2>${table(caption('Virtual routing tables of this node', rows.length, total), columns, rows)}`;
}

function events({ events: { rows, total } }: PageView): Html {
  if (total === 0) return nothing;
  const columns: Column<EventRow>[] = [
    { title: 'When', cell: (e) => when(e.time) },
    { title: 'About', cell: (e) => html`<span class="quiet">${e.kind}</span> ${e.subject}` },
    { title: 'Event', cell: (e) => `${e.event}${e.count > 1 ? ` (${number(e.count)} times)` : ''}` },
    { title: 'Why', cell: (e) => [e.reason, e.detail].filter(Boolean).join(': ') || dash },
  ];
  return html`<h2>Events</h2>${table(caption('Decisions and changes of state, latest first', rows.length, total), columns, rows)}`;
}
