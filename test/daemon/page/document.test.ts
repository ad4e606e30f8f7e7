/** The page as text: nothing of what others named becomes markup, all of it is there without a script, and it is bounded. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { documentOf, POLICY } from '../../../src/daemon/page/document.ts';
import { html } from '../../../src/daemon/page/html.ts';
import { sections } from '../../../src/daemon/page/sections.ts';
import type { PageView } from '../../../src/daemon/page/view.ts';
import { NOW_MS, peer, sample, service } from './sample.ts';

const render = (view: PageView): string =>
  documentOf(view, new Map(Object.entries(sections).map(([id, section]) => [id, section(view).text])));

/** Breaks out of an element, an attribute in either quotes, a comment and a script. */
const HOSTILE = `"'><script>alert(1)</script><img src=x onerror=alert(2)>--></style>\u202e\u0000\ud800`;

const event = (subject: string, reason: string) => ({
  ...{ seq: 1, time: '2026-03-01T11:59:00.000Z', since: '2026-03-01T11:59:00.000Z', count: 1 },
  ...{ kind: 'session' as const, subject, event: reason, reason, detail: reason },
});

const hostile = (): PageView =>
  sample({
    ...{ node: HOSTILE, version: HOSTILE, drain: HOSTILE },
    configuration: {
      ...{ loadedAt: HOSTILE, files: 1, documents: 1, valid: false, stale: true },
      problems: { rows: [{ severity: HOSTILE, text: HOSTILE }], total: 1 },
    },
    peers: {
      rows: [
        peer(HOSTILE, {
          ...{ address: HOSTILE, interface: HOSTILE, vrf: HOSTILE, state: HOSTILE, bfd: HOSTILE, lastError: HOSTILE },
          changes: [event(HOSTILE, HOSTILE)],
          past: [{ fromMs: NOW_MS - 60_000, toMs: NOW_MS, up: true }],
        }),
      ],
      ...{ total: 1, up: 0 },
    },
    services: {
      rows: [{ ...service(HOSTILE), ips: [HOSTILE], pool: HOSTILE, bgp: { ...service('').bgp, peers: [HOSTILE] } }],
      total: 1,
      counts: [{ protocol: 'bgp', reason: HOSTILE, services: 1 }],
    },
    tables: [
      { ...{ table: 254, vrf: HOSTILE, family: HOSTILE, wanted: 1, installed: 1 }, ...{ conflicts: 0, failed: 0 } },
    ],
    rejected: [{ peer: HOSTILE, reason: HOSTILE, routes: 1, atLeast: true }],
    conflicts: { rows: [{ ip: HOSTILE, interface: HOSTILE, mac: HOSTILE, stage: HOSTILE }], total: 1 },
    members: {
      rows: ['a', HOSTILE].map((name) => ({
        ...{ name, alive: name === 'a', networkUnavailable: false, excluded: false, drained: false },
        ...{ self: name === 'a', addresses: 1 },
      })),
      total: 2,
    },
    vrfs: {
      rows: [
        {
          ...{ name: HOSTILE, table: 10, interfaces: [HOSTILE], managed: true, rules: [], sysctls: {}, exists: false },
          ...{ policies: [HOSTILE], state: 'failed', reason: HOSTILE },
        },
      ],
      total: 1,
    },
    events: { rows: [event(HOSTILE, HOSTILE)], total: 1 },
  });

test('values are escaped wherever they stand, and HTML is not escaped twice', () => {
  expect(html`<b title="${`"<'&\``}">${'<i>'}${html`<i>`}${[1, null, 'a&b']}</b>`.text).toBe(
    '<b title="&quot;&lt;&#39;&amp;&#96;">&lt;i&gt;<i>1a&amp;b</b>',
  );
  expect(html`${'a\u202eb\u0000c\ud800d\u{1f600}'}`.text).toBe('a\ufffdb\ufffdc\ufffdd\u{1f600}');
  expect(html`${'x'.repeat(1000)}`.text).toHaveLength(300);
});

test('no name, reason or message becomes markup', () => {
  const wild = render(hostile());
  expect(wild).toContain('&lt;script&gt;alert(1)');
  expect(wild.match(/<script/g)).toHaveLength(1);
  expect(wild.match(/<\/style/g)).toHaveLength(1);
  expect(wild).not.toMatch(/<img|\p{Cc}(?<!\n)|\u202e|\p{Surrogate}/u);
  // Every tag is one of ours, with attributes of ours alone.
  const body = wild.slice(wild.indexOf('<body'), wild.indexOf('<script>'));
  for (const [tag] of body.matchAll(/<[a-z][^>]*>/g))
    expect(tag).toMatch(/^<[a-z0-9]+( (?!on)[a-zA-Z-]+="[^"<>]*")*\/?>$/);
});

test('it is complete without a script, and every table has a caption and heads', () => {
  const view = sample({
    peers: {
      rows: [
        peer('tor-a', { state: 'Established' }),
        peer('tor-b', { state: 'Active', lastError: 'hold timer expired' }),
      ],
      ...{ total: 2, up: 1 },
    },
    services: {
      rows: [
        {
          ...service('web'),
          bgp: { ...service('').bgp, notes: [{ reason: 'endpointsTerminating', detail: 'a last choice' }] },
        },
        {
          ...service('lost'),
          ips: [],
          bgp: { ...service('').bgp, announced: false, reason: 'noIPAllocated', peers: [] },
        },
      ],
      total: 2,
      counts: [
        { protocol: 'bgp', reason: 'announced', services: 1 },
        { protocol: 'bgp', reason: 'noIPAllocated', services: 1 },
      ],
    },
    rejected: [{ peer: 'tor-a', reason: 'notAllowed', routes: 12, atLeast: false }],
    conflicts: {
      rows: [{ ip: '198.51.100.1', interface: 'eth0', mac: '02:00:00:00:00:09', stage: 'yield' }],
      total: 1,
    },
  });
  const text = render(view).replace(/<script>.*<\/script>/s, '');
  for (const words of ['tor-a', 'Established', 'hold timer expired', 'default/web', 'noIPAllocated', '198.51.100.1'])
    expect(text).toContain(words);
  for (const words of [
    'endpointsTerminating',
    'a last choice',
    'notAllowed',
    '02:00:00:00:00:09',
    'no longer answered',
    '1 not up',
  ])
    expect(text).toContain(words);
  const tables = text.match(/<table/g)!.length;
  expect(text.match(/<caption>/g)).toHaveLength(tables);
  expect(text.match(/<thead/g)).toHaveLength(tables);
  expect(text.match(/<h1/g)).toHaveLength(1);
  // Colour is never all there is: a badge has a shape and a word.
  const badges = [...text.matchAll(/class="badge [a-z]+">(.*?)<\/span>\s*<\/?[a-z]/g)].map(([, words]) => words);
  expect(badges.length).toBeGreaterThanOrEqual(4);
  for (const words of badges) expect(words).toMatch(/<span aria-hidden="true">[●▲✕○]<\/span> \S/);
});

test('browsers may run this script, use this style and ask this daemon, and nothing else', () => {
  const text = render(sample());
  const hash = (tag: string) =>
    createHash('sha256')
      .update(new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(text)![1]!)
      .digest('base64');
  expect(POLICY).toContain(`style-src 'sha256-${hash('style')}'`);
  expect(POLICY).toContain(`script-src 'sha256-${hash('script')}'`);
  expect(POLICY).toMatch(/^default-src 'none';/);
  expect(POLICY).not.toMatch(/unsafe|\*|http/);
  // Nothing that would have to be fetched, and no style in an attribute, which the policy would refuse.
  expect(text).not.toMatch(/src=|url\(|@import|style="/);
});

test('a picture of many routers and long names stays within bounds', () => {
  const rows = Array.from({ length: 200 }, (_, i) => peer(`${'r'.repeat(400)}${i}`, { vrf: `vrf${i % 20}` }));
  const view = sample({
    peers: { rows, total: 5000, up: 0 },
    services: {
      rows: Array.from({ length: 200 }, (_, i) => service(`${'s'.repeat(400)}${i}`)),
      total: 10_000,
      counts: [{ protocol: 'bgp', reason: 'announced', services: 10_000 }],
    },
  });
  const text = render(view);
  expect(text.length).toBeLessThan(1_000_000);
  expect(text).toContain('200 of 10\u202f000 rows');
  expect(text.match(/<rect class="box/g)!.length).toBeLessThan(2 * 60);
});

test('of several nodes that may announce each is shown, of one alone nothing', () => {
  const member = (name: string, alive: boolean) => ({
    ...{ name, alive, networkUnavailable: false, excluded: false, drained: false },
    ...{ self: name === 'node-a', addresses: 2 },
  });
  const of = (...rows: ReturnType<typeof member>[]) => render(sample({ members: { rows, total: rows.length } }));
  expect(of(member('node-a', true))).not.toContain('Members');
  const two = of(member('node-b', false), member('node-a', true));
  expect(two).toMatch(/node-b[\s\S]*notAlive[\s\S]*node-a \(this one\)[\s\S]*alive/);
});
