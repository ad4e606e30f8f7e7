/** What is written about metrics, and made of them: the manual, the alert rules and the dashboard, against what is exposed. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Bfd } from '../../src/daemon/bfd.ts';
import { bfdLateText } from '../../src/daemon/bfdmetrics.ts';
import { fastLateText } from '../../src/daemon/latemetrics.ts';
import {
  advertisementDocument,
  all,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Types by name, and labels that were seen. */
const exposed = new Map<string, { readonly type: string; readonly labels: Set<string> }>();

beforeAll(async () => {
  const router = await new Router().start();
  const site = new Site();
  const pools = all(poolDocument('main', ['198.51.100.0/30']), advertisementDocument('main', 'main'));
  site.folder.put('pool.yaml', pools);
  site.folder.put('peer.yaml', peerDocument('router', router));
  site.folder.put('web.yaml', serviceDocument('web'));
  const neighbor = { address: router.address, asn: router.asn, port: router.port, sourceaddress: '127.0.0.1' };
  const neighbors = [{ ...neighbor, toReceive: { allowed: { mode: 'all' } } }];
  const spec = JSON.stringify({ bgp: { routers: [{ asn: router.nodeAsn, neighbors }] } });
  const frr = 'apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: receive}\n';
  site.folder.put('frr.yaml', `${frr}spec: ${spec}\n`);
  // A mark of its own: nobody else has such routes.
  await site.start({ kernel: { protocol: 201 } });
  await router.knows('198.51.100.0/32');
  await soon('the kernel is asked for its routes', async () => (await site.metrics()).includes('waypost_routes{'));
  // Once there is BFD.
  const late = { counts: [1], sumMs: 1, maxMs: 1 };
  read(`${await site.metrics()}${bfdLateText({ late } as unknown as Bfd)}${fastLateText(late)}`);
  await site.stop();
  await router.stop();
});

function read(text: string): void {
  let name = '';
  for (const line of text.split('\n')) {
    const typed = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (typed) {
      name = typed[1]!;
      expect(exposed.has(name), `${name} is there twice`).toBe(false);
      exposed.set(name, { type: typed[2]!, labels: new Set() });
    }
    for (const [, label] of line.startsWith('#') ? [] : line.matchAll(/[{,]([a-z]+)="/g))
      if (label !== 'le') exposed.get(name)!.labels.add(label!);
  }
}

afterAll(() => expect(exposed.size).toBeGreaterThan(60));

test('the manual has every metric with its type and labels, and no other', () => {
  const rows = file('docs/monitoring.md').matchAll(
    /^\| `((?:metallb|frrk8s|waypost)_\w+)` \| (\w+) \| ([a-z, ]*)\| .+ \|$/gm,
  );
  const written = new Map([...rows].map(([, name, type, labels]) => [name!, { type: type!, labels: labels!.trim() }]));
  expect([...written.keys()].sort()).toEqual([...exposed.keys()].sort());
  for (const [name, { type, labels }] of exposed) {
    expect(`${name} ${written.get(name)!.type}`).toBe(`${name} ${type}`);
    const listed = written.get(name)!.labels.split(', ').filter(Boolean);
    if (labels.size > 0) expect([name, ...listed.sort()]).toEqual([name, ...[...labels].sort()]);
  }
});

test('what dashboards made for MetalLB and frr-k8s ask for is there, by their names and labels', () => {
  const bgp = [
    ...['session_up', 'updates_total', 'announced_prefixes_total', 'opens_sent', 'opens_received'],
    ...['notifications_sent', 'updates_total_received', 'keepalives_sent', 'keepalives_received'],
    ...['route_refresh_sent', 'total_sent', 'total_received'],
  ];
  const bfd = [
    ...['session_up', 'control_packet_input', 'control_packet_output', 'echo_packet_input', 'echo_packet_output'],
    ...['session_up_events', 'session_down_events', 'zebra_notifications'],
  ];
  const pool = [
    ...['addresses_total', 'addresses_in_use_total', 'ipv4_addresses_total', 'ipv4_addresses_in_use_total'],
    ...['ipv6_addresses_total', 'ipv6_addresses_in_use_total', 'services_allocated_total'],
  ];
  const client = ['updates_total', 'update_errors_total', 'config_loaded_bool', 'config_stale_bool'];
  const theirs: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['metallb_speaker', ['announced'], ['service', 'protocol', 'node', 'ip']],
    ['metallb_bgp', [...bgp, 'pending_prefixes_total'], ['peer', 'vrf']],
    ['frrk8s_bgp', [...bgp, 'received_prefixes_total'], ['peer', 'vrf']],
    ['metallb_bfd', bfd, ['peer', 'vrf']],
    ['frrk8s_bfd', bfd, ['peer', 'vrf']],
    ['metallb_layer2', ['requests_received', 'responses_sent', 'gratuitous_sent'], ['ip']],
    ['metallb_allocator', pool, ['pool']],
    ['metallb_k8s_client', client, []],
    ['frrk8s_k8s_client', client, []],
  ];
  for (const [prefix, names, labels] of theirs)
    for (const name of names.map((n) => `${prefix}_${n}`)) {
      expect([...exposed.keys()]).toContain(name);
      // Of what has no row here, the labels are those of the manual.
      const seen = [...exposed.get(name)!.labels];
      if (seen.length > 0) expect([name, ...seen.sort()]).toEqual([name, ...labels.toSorted()]);
      const row = file('docs/monitoring.md').match(new RegExp(`^\\| \`${name}\` \\| \\w+ \\| ([a-z, ]*)\\|`, 'm'));
      expect([name, row?.[1]?.trim()]).toEqual([name, labels.join(', ')]);
    }
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const rules = (parse(file('packaging/prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(file('packaging/prometheus/dashboard.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
};

/** Metrics of ours that an expression names, without the suffixes of histograms. */
const named = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:metallb|waypost)_\w+/g)].map(([name]) =>
    exposed.get(name.replace(/_(bucket|sum|count)$/, ''))?.type === 'histogram'
      ? name.replace(/_(bucket|sum|count)$/, '')
      : name,
  );

test('alerts ask for metrics that there are, and say what to do', () => {
  expect(rules.length).toBeGreaterThan(15);
  for (const { alert, expr, labels, annotations } of rules) {
    const names = named(expr);
    if (alert !== 'WaypostDown') expect(names, alert).not.toEqual([]);
    for (const name of names) expect([...exposed.keys()], alert).toContain(name);
    expect(['critical', 'warning', 'info']).toContain(labels.severity);
    expect(annotations.summary.length * annotations.description.length).toBeGreaterThan(0);
  }
  const written = [...file('docs/monitoring.md').matchAll(/^\| `(Waypost\w+)` \|/gm)].map(([, alert]) => alert);
  expect(written.sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

test('labels that expressions select by have values that there are', () => {
  const exprs = [...rules.map((r) => r.expr), ...dashboard.panels.flatMap((p) => (p.targets ?? []).map((t) => t.expr))];
  const states = ['wanted', 'installed', 'queued', 'conflict', 'failed', 'leftover'];
  for (const expr of exprs) {
    for (const [, state] of expr.matchAll(/waypost_routes\{[^}]*state="(\w+)"/g)) expect(states).toContain(state);
    for (const [, name, selectors] of expr.matchAll(/((?:metallb|waypost)_\w+)\{([^}]*)\}/g))
      for (const [, label] of selectors!.matchAll(/(\w+)=~?"/g))
        expect(['instance', ...exposed.get(named(name!)[0]!)!.labels]).toContain(label);
  }
});

test('the dashboard asks for metrics that there are, and its panels have places of their own', () => {
  const { panels, templating } = dashboard;
  expect(panels.length).toBeGreaterThan(20);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, type, targets = [], gridPos } of panels) {
    if (type !== 'row') expect(targets, title).not.toEqual([]);
    for (const { expr } of targets) {
      expect(named(expr), title).not.toEqual([]);
      for (const name of named(expr)) expect([...exposed.keys()], title).toContain(name);
      expect(expr.split('(').length, title).toBe(expr.split(')').length);
    }
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(x).toBeLessThan(24);
        expect(taken.has(`${x} ${y}`), title).toBe(false);
        taken.add(`${x} ${y}`);
      }
  }
  for (const { query } of templating.list) for (const name of named(query)) expect([...exposed.keys()]).toContain(name);
});
