/** From peers to sessions, and from reports to peers, rows, metrics and log lines, with a worker that only listens. */
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { beforeEach, expect, test } from 'vitest';
import { newSession } from '../../src/bfd/session.ts';
import { noCounters, type SessionView, viewOf } from '../../src/bfd/view.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { Bfd } from '../../src/daemon/bfd.ts';
import { addBfdMetrics, bfdLateText } from '../../src/daemon/bfdmetrics.ts';
import { bfdRows } from '../../src/daemon/bfdview.ts';
import type { BfdNews, BfdOrder } from '../../src/daemon/fast/protocol.ts';
import type { FastEvents } from '../../src/daemon/fast/worker.ts';
import type { Loss } from '../../src/daemon/takeover.ts';
import type { Filter } from '../../src/daemon/views.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { configOf } from '../support/bfd.ts';
import { settingsOf } from '../support/pipe.ts';

const profile = {
  ...{ receiveIntervalMs: 50, transmitIntervalMs: 60, detectMultiplier: 3, passive: false, minimumTtl: 254 },
  strict: false,
};
const peer = (name: string, changes: Partial<PeerSettings> = {}) => settingsOf({ name, bfd: profile, ...changes });
const down = (fault: boolean, more: Partial<Extract<BfdNews, { type: 'changed' }>> = {}): BfdNews => ({
  ...{ type: 'changed', from: 'Up', to: 'Down', diagnostic: 1, fault, independent: false },
  ...more,
});
const up: BfdNews = {
  ...{ type: 'changed', from: 'Init', to: 'Up', diagnostic: 0, fault: false, independent: false },
};

class Bench {
  readonly log: Record<string, unknown>[] = [];
  readonly told: string[] = [];
  readonly journal: string[] = [];
  readonly orders: (readonly BfdOrder[])[] = [];
  onLink = false;
  refusal: Error | undefined;
  events: FastEvents | undefined;
  readonly losses: Loss[] = [];
  readonly bfd = new Bfd({
    log: pino({ base: null, level: 'debug' }, { write: (line: string) => this.log.push(JSON.parse(line)) }),
    worker: (events) => {
      if (this.refusal) throw this.refusal;
      this.events = events;
      return { watch: (sessions) => this.orders.push(sessions), stop: async () => {} };
    },
    failed: () => this.told.push('failed'),
    onLinkTest: () => () => this.onLink,
    up: (name) => this.told.push(`up ${name}`),
    down: (name, reason, independent) => this.told.push(`down ${name}: ${reason}${independent ? ' for good' : ''}`),
    member: (node, up, discriminator, reason, loss) => {
      this.told.push(`${node} ${up} ${discriminator} ${reason}`.trim());
      if (loss) this.losses.push(loss);
    },
    happened: (name, event, reason) => this.journal.push(`${name}: ${event}${reason && `, ${reason}`}`),
  });
  news(key: string, news: BfdNews, changes: Partial<SessionView> = {}): void {
    this.events!.report({ type: 'bfdNews', key, news, view: view(changes), atMs: 1000, heardMs: 700 });
  }
  get keys(): string[] {
    return this.orders.at(-1)!.map(({ key }) => key);
  }
  messages = () => this.log.map(({ msg }) => msg);
}

const view = (changes: Partial<SessionView> = {}): SessionView => ({
  ...viewOf(configOf(), newSession(configOf(), 0), noCounters()),
  ...changes,
});

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

test('nothing runs before a peer asks for it, and everything that is wanted is handed over whole', () => {
  bench.bfd.want([settingsOf()]);
  expect(bench.events).toBeUndefined();
  bench.bfd.want([peer('a'), peer('b', { address: address('192.0.2.3'), vrf: 'red' }), settingsOf({ name: 'c' })]);
  expect(bench.orders.at(-1)!.map(({ peer, vrf, hops }) => [formatAddress(peer), vrf, hops])).toEqual([
    ['192.0.2.2', '', 'single'],
    ['192.0.2.3', 'red', 'single'],
  ]);
  bench.bfd.want([peer('b', { address: address('192.0.2.3'), vrf: 'red' }), peer('a')]);
  expect(bench.orders).toHaveLength(1);
  bench.bfd.want([]);
  expect(bench.orders.at(-1)).toEqual([]);
});

test('where there is no worker, that is said once', () => {
  bench.refusal = new Error('no native calls');
  bench.bfd.want([peer('a')]);
  bench.bfd.want([peer('a')]);
  expect(bench.messages()).toEqual(['BFD does not work here: no path is watched']);
  expect(bench.bfd.permits('a')).toBe(false);
});

test('a neighbour that was seen on a link stays one when the link goes', () => {
  bench.onLink = true;
  bench.bfd.want([peer('a', { peerAsn: 65001 })]);
  bench.onLink = false;
  bench.bfd.want([peer('a', { peerAsn: 65001 }), peer('b', { peerAsn: 65001, address: address('198.51.100.1') })]);
  expect(bench.orders.at(-1)!.map(({ hops }) => hops)).toEqual(['single', 'multi']);
});

test('who comes to a session that is up is told so, once', () => {
  bench.bfd.want([peer('a')]);
  bench.news(bench.keys[0]!, up, { state: 'Up', remoteDiscriminator: 9 });
  expect(bench.told).toEqual(['up a']);
  // The document has another name now.
  bench.bfd.want([peer('b')]);
  bench.bfd.want([peer('b'), peer('c', { address: address('192.0.2.3') })]);
  expect(bench.told).toEqual(['up a', 'up b']);
  expect(['a', 'b', 'c'].map((name) => bench.bfd.permits(name))).toEqual([false, true, false]);
});

test('a lost path is told to all who use it, one that is taken down on purpose to none', () => {
  bench.bfd.want([peer('a'), peer('b')]);
  const [key] = bench.keys;
  bench.news(key!, up, { state: 'Up', remoteDiscriminator: 9, txIntervalMs: 60, rxIntervalMs: 50, detectMs: 150 });
  expect(bench.bfd.permits('a')).toBe(true);
  bench.news(key!, down(false, { diagnostic: 3 }), { remoteState: 'AdminDown', remoteDiscriminator: 9 });
  expect(bench.bfd.permits('a')).toBe(true);
  bench.news(key!, down(true));
  bench.news(key!, down(true, { independent: true, diagnostic: 3 }));
  expect(bench.bfd.permits('a')).toBe(false);
  expect(bench.told).toEqual([
    ...['up a', 'up b', 'up a', 'up b'],
    ...['down a: BFD: control detection time expired', 'down b: BFD: control detection time expired'],
    ...['down a: BFD: neighbor signaled session down for good', 'down b: BFD: neighbor signaled session down for good'],
  ]);
  expect(bench.log.map(({ msg, reason }) => [msg, reason])).toEqual([
    ['BFD session up', undefined],
    ['BFD session down', 'the peer has disabled it'],
    ['BFD session down', 'control detection time expired'],
    ['BFD session down', 'neighbor signaled session down'],
  ]);
  expect(bench.journal.filter((line) => line.startsWith('b'))).toEqual([
    'b: BFD session up',
    'b: BFD session down, the peer has disabled it',
    'b: BFD session down, control detection time expired',
    'b: BFD session down, neighbor signaled session down',
  ]);
});

test('a peer that has disabled its session before it was ever up keeps nobody waiting', () => {
  bench.bfd.want([peer('a'), peer('b')]);
  const row = (changes: Partial<SessionView>) =>
    bench.events!.report({
      type: 'bfdRows',
      rows: [{ key: bench.keys[0]!, view: view(changes), problem: undefined }],
      dropped: {},
      late: { counts: [], sumMs: 0, maxMs: 0 },
    });
  row({});
  expect(bench.told).toEqual([]);
  row({ remoteState: 'AdminDown', remoteDiscriminator: 9 });
  row({ remoteState: 'AdminDown', remoteDiscriminator: 9 });
  expect(bench.bfd.permits('a')).toBe(true);
  expect(bench.told).toEqual(['up a', 'up b']);
});

test('what else happens is said, intervals only where they are others', () => {
  bench.bfd.want([peer('a')]);
  const [key] = bench.keys;
  const negotiated: BfdNews = { type: 'negotiated', txIntervalMs: 60, detectionMs: 150 };
  const agreed = { state: 'Up', txIntervalMs: 60, rxIntervalMs: 50, detectMs: 150 } as const;
  bench.news(key!, up, agreed);
  bench.news(key!, negotiated, agreed);
  bench.news(key!, negotiated, { ...agreed, detectMs: 300 });
  bench.news(key!, { type: 'remoteChanged', from: 1, to: 2 }, agreed);
  bench.news(key!, { type: 'narrowed', txMs: 60 }, agreed);
  bench.events!.report({ type: 'bfdWidened', sessions: 3, lateMs: 70.4, txMs: 71 });
  bench.events!.report({ type: 'ready', realtime: 'EPERM' });
  expect(bench.log.map(({ msg, lateMs, detectMs }) => [msg, lateMs ?? detectMs])).toEqual([
    ['BFD session up', 150],
    ['BFD intervals agreed on', 300],
    ['BFD of the peer was started anew', undefined],
    ['BFD packets leave as often as configured again', undefined],
    ['BFD was kept from sending: packets leave less often for a minute, and failures are seen later', 70],
    ['BFD runs without real-time priority', undefined],
  ]);
});

test('what keeps a session off the wire is said with its remedy, and when it is over', () => {
  bench.bfd.want([peer('a')]);
  const [key] = bench.keys;
  const report = (problem: string | undefined) =>
    bench.events!.report({
      type: 'bfdRows',
      rows: [{ key: key!, view: view(), problem }],
      dropped: {},
      late: { counts: [], sumMs: 0, maxMs: 0 },
    });
  for (const problem of ['EADDRINUSE', 'EADDRINUSE', undefined, undefined]) report(problem);
  expect(bench.messages()).toEqual([
    'BFD cannot watch the path: another process has its port; is there a BFD daemon beside this one?',
    'BFD can watch the path again',
  ]);
});

test('rows and metrics say what the worker counted', async () => {
  bench.bfd.want([peer('b', { multihop: true, vrf: 'red' }), peer('a', { address: address('192.0.2.1') })]);
  const counters = { ...noCounters(), sent: 20, received: 18, ups: 2, downs: 1, dropped: { ttl: 3 } };
  const known = { state: 'Up', remoteDiscriminator: 9, remoteState: 'Up', detectMs: 150 } as const;
  bench.events!.report({
    type: 'bfdRows',
    rows: [{ key: bench.keys[0]!, view: view({ ...known, counters }), problem: undefined }],
    dropped: { noSession: 4 },
    late: { counts: [5, 0, 1], sumMs: 3, maxMs: 2 },
  });
  const rows = [...bfdRows(bench.bfd, {})];
  expect(rows.map((row) => [row!.peer, row!.vrf, row!.hops, row!.users, row!.state, row!.flaps])).toEqual([
    ['192.0.2.1', '', 'single', ['a'], 'Down', 0],
    ['192.0.2.2', 'red', 'multi', ['b'], 'Up', 1],
  ]);
  const shown = (filter: Filter) => [...bfdRows(bench.bfd, filter)].flatMap((row) => row?.users ?? []);
  expect(shown({ peer: 'b' })).toEqual(['b']);
  expect([shown({ vrf: 'red' }), shown({ vrf: '' }), shown({ vrf: 'blue' })]).toEqual([['b'], ['a'], []]);
  expect([shown({ family: 'ipv4' }), shown({ family: 'ipv6' })]).toEqual([['a', 'b'], []]);
  expect(shown({ prefix: prefix('192.0.2.1/32') })).toEqual(['a']);
  expect(rows[1]).toMatchObject({ detectMs: 150, remoteDiscr: 9, remote: { state: 'Up' }, counters: { sent: 20 } });
  const registry = new Registry();
  addBfdMetrics(registry, bench.bfd, () => true);
  for (let n = 0; n < 2; n++) {
    const text = await registry.metrics();
    for (const line of [
      'metallb_bfd_session_up{peer="192.0.2.2",vrf="red"} 1',
      'metallb_bfd_session_up{peer="192.0.2.1",vrf=""} 0',
      'metallb_bfd_control_packet_input{peer="192.0.2.2",vrf="red"} 18',
      'metallb_bfd_control_packet_output{peer="192.0.2.2",vrf="red"} 20',
      'metallb_bfd_session_up_events{peer="192.0.2.2",vrf="red"} 2',
      'metallb_bfd_session_down_events{peer="192.0.2.2",vrf="red"} 1',
      'metallb_bfd_zebra_notifications{peer="192.0.2.2",vrf="red"} 3',
      'waypost_bfd_dropped_packets_total{reason="ttl"} 3',
      'waypost_bfd_dropped_packets_total{reason="noSession"} 4',
    ])
      expect(text).toContain(line);
  }
  expect(bfdLateText(bench.bfd)).toContain('waypost_bfd_transmit_late_seconds_bucket{le="0.0005"} 6\n');
  expect(bfdLateText(bench.bfd)).toContain('waypost_bfd_transmit_late_seconds_count 6\n');
});

test('the speakers of other nodes are watched without any peer, and news of them are told', () => {
  const { strict: _, ...settings } = profile;
  const members = [{ name: 'node-b', address: address('192.0.2.2'), settings }];
  bench.bfd.want([], members);
  const [key] = bench.keys;
  expect(bench.orders.at(-1)).toMatchObject([{ hops: 'multi', settings }]);
  expect(bench.orders.at(-1)![0]).not.toHaveProperty('members');
  bench.news(key!, up, { state: 'Up', remoteDiscriminator: 9 });
  bench.news(key!, down(true));
  bench.news(key!, up, { state: 'Up', remoteDiscriminator: 9 });
  // Its end has been taken down on purpose.
  bench.news(key!, down(false, { diagnostic: 3 }), { remoteState: 'AdminDown', remoteDiscriminator: 9 });
  expect(bench.told.filter((line) => line !== 'node-b false 0')).toEqual([
    ...['node-b true 9', 'node-b false 0 control detection time expired', 'node-b true 9'],
    'node-b false 9 it says so',
  ]);
  // Each end of a session that was up, with the times of the thread that runs it.
  expect(bench.losses).toEqual(Array(2).fill({ heardMs: 700, noticedMs: 1000 }));
  expect(bench.log.find(({ msg }) => msg === 'BFD session down')).toMatchObject({ node: 'node-b' });
  const [row] = bfdRows(bench.bfd, {} as Filter);
  expect(row).toMatchObject({ users: [], members: ['node-b'] });
});

test('who is deaf knows it: no worker, or a session that is not on the wire', () => {
  const { strict: _, ...settings } = profile;
  const members = [{ name: 'node-b', address: address('192.0.2.2'), settings }];
  bench.bfd.want([], members);
  expect(bench.bfd.isDeaf).toBe(false);
  bench.events!.report({
    ...{ type: 'bfdRows', dropped: {}, late: { counts: [], sumMs: 0, maxMs: 0 } },
    rows: [{ key: bench.keys[0]!, view: view(), problem: 'EADDRINUSE' }],
  });
  expect(bench.bfd.isDeaf).toBe(true);
  const broken = new Bench();
  broken.refusal = new Error('no native calls');
  broken.bfd.want([], members);
  expect(broken.bfd.isDeaf).toBe(true);
});
