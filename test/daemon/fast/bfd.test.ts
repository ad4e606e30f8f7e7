/** BFD as the fast worker runs it, on sockets that a test makes up and a clock that it moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeControl, encodeControl } from '../../../src/bfd/packet.ts';
import { BfdLoop, type BfdNetwork, type SenderPlace } from '../../../src/daemon/fast/bfd.ts';
import type { EarOptions, Heard, Receiver } from '../../../src/daemon/fast/ears.ts';
import type { BfdOrder, BfdReport, BfdRow } from '../../../src/daemon/fast/protocol.ts';
import { address, formatAddress } from '../../../src/lib/address.ts';
import { packetOf } from '../../support/bfd.ts';
import { seeded } from '../../support/pipe.ts';

const settings = {
  ...{ receiveIntervalMs: 50, transmitIntervalMs: 50, detectMultiplier: 3, passive: false, minimumTtl: 250 },
};
const order = (peer: string, changes: Partial<BfdOrder> = {}): BfdOrder => ({
  ...{ key: peer, hops: 'single', peer: address(peer), interface: '', vrf: '', settings },
  ...changes,
});

class FakeReceiver implements Receiver {
  readonly fd: number;
  readonly options: EarOptions;
  readonly queue: Heard[] = [];
  minTtl: number;
  open = true;
  drops = 0;
  constructor(fd: number, options: EarOptions) {
    this.fd = fd;
    this.options = options;
    this.minTtl = options.minTtl;
  }
  setMinTtl(minTtl: number): void {
    this.minTtl = minTtl;
  }
  receive(): Heard | undefined {
    return this.queue.shift();
  }
  takeDrops(): number {
    const { drops } = this;
    this.drops = 0;
    return drops;
  }
  close(): void {
    this.open = false;
  }
}

class Bench implements BfdNetwork {
  now = 0;
  readonly receivers: FakeReceiver[] = [];
  readonly ready = new Map<Receiver, () => void>();
  readonly senders: { place: SenderPlace; packets: Uint8Array[]; open: boolean; problem: string | undefined }[] = [];
  readonly indexes = new Map<string, number>();
  readonly reports: BfdReport[] = [];
  refusal: Error | undefined;
  /** What happens while a packet is sent. */
  sending: () => void = () => {};
  readonly loop = new BfdLoop(this, (report) => this.reports.push(report));

  listen(options: EarOptions): Receiver {
    if (this.refusal) throw this.refusal;
    const receiver = new FakeReceiver(this.receivers.length, options);
    this.receivers.push(receiver);
    return receiver;
  }
  sender(place: SenderPlace) {
    const sender = { place, packets: [] as Uint8Array[], open: true, problem: undefined as string | undefined };
    this.senders.push(sender);
    const sending = () => this.sending();
    return {
      send(packet: Uint8Array): string | undefined {
        sending();
        if (sender.problem === undefined) sender.packets.push(packet.slice());
        return sender.problem;
      },
      close() {
        sender.open = false;
      },
    };
  }
  interfaceIndex = (name: string): number => this.indexes.get(name) ?? 0;
  watch(receiver: Receiver, ready: () => void): void {
    this.ready.set(receiver, ready);
  }
  unwatch(receiver: Receiver): void {
    this.ready.delete(receiver);
  }
  nowMs = (): number => this.now;
  readonly random = seeded(7);

  get open(): FakeReceiver[] {
    return this.receivers.filter((receiver) => receiver.open);
  }

  /** Runs whatever is due until then. */
  until(ms: number): void {
    for (let due = this.loop.nextDueMs(); due !== undefined && due <= ms; due = this.loop.nextDueMs()) {
      this.now = Math.max(this.now, due);
      this.loop.tick();
    }
    this.now = ms;
  }

  /** What a peer says, waiting in the socket; `deliver` wakes the loop for it. */
  arrive(peer: string, packet: Parameters<typeof packetOf>[0] | Uint8Array, more: Partial<Heard> = {}, ear = 0): void {
    const bytes = packet instanceof Uint8Array ? packet : encodeControl(packetOf(packet)).slice();
    this.open[ear]!.queue.push({ source: address(peer), scope: 0, hopLimit: 255, bytes, ...more });
  }
  deliver(): void {
    for (const ready of [...this.ready.values()]) ready();
  }

  row(key: string): BfdRow | undefined {
    return this.reports
      .flatMap((report) => (report.type === 'bfdRows' ? report.rows : []))
      .findLast((r) => r.key === key);
  }
  dropped() {
    return this.reports.findLast((report) => report.type === 'bfdRows')?.dropped;
  }
  news(key: string) {
    return this.reports.flatMap((report) => (report.type === 'bfdNews' && report.key === key ? [report.news] : []));
  }
  discriminator(sender = 0): number {
    const packet = decodeControl(this.senders[sender]!.packets[0]!);
    return typeof packet === 'string' ? 0 : packet.myDiscriminator;
  }
  /** A session with the peer, Up. */
  up(peer: string, sender = 0, ear = 0): number {
    const yourDiscriminator = this.discriminator(sender);
    const theirs = { desiredMinTxUs: 50_000, requiredMinRxUs: 50_000 };
    for (const state of ['Down', 'Init', 'Up'] as const) {
      this.arrive(peer, { ...theirs, state, yourDiscriminator: state === 'Down' ? 0 : yourDiscriminator }, {}, ear);
      this.deliver();
    }
    this.arrive(peer, { ...theirs, state: 'Up', final: true, yourDiscriminator }, {}, ear);
    this.deliver();
    return yourDiscriminator;
  }
  /** The peer says every 50 ms that all is well, and the loop runs in time. */
  live(peer: string, yourDiscriminator: number, untilMs: number): void {
    while (this.now < untilMs) {
      this.until(Math.min(untilMs, this.now + 50));
      const ours = decodeControl(this.senders[0]!.packets.at(-1)!);
      const final = typeof ours !== 'string' && ours.poll;
      const theirs = { desiredMinTxUs: 50_000, requiredMinRxUs: 50_000, state: 'Up' as const, yourDiscriminator };
      this.arrive(peer, { ...theirs, final });
      if (final) this.arrive(peer, theirs);
      this.deliver();
    }
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('sockets', () => {
  it('are there for each family, kind and VRF that a session needs, and no longer', () => {
    bench.indexes.set('red', 7);
    bench.loop.take([
      order('192.0.2.2'),
      order('192.0.2.3'),
      order('2001:db8::2'),
      order('198.51.100.2', { hops: 'multi' }),
      order('192.0.2.4', { vrf: 'red' }),
    ]);
    const options = () => bench.open.map(({ options: o }) => [o.family, o.hops, o.device, o.minTtl]);
    expect(options()).toEqual([
      [4, 'single', '', 255],
      [6, 'single', '', 255],
      [4, 'multi', '', 250],
      [4, 'single', 'red', 255],
    ]);
    bench.loop.take([order('192.0.2.3')]);
    // Nobody was heard, so nobody must be told.
    expect(options()).toEqual([[4, 'single', '', 255]]);
    expect(bench.senders.map(({ open }) => open)).toEqual([false, true, false, false, false]);
    bench.loop.close();
    expect(bench.open).toEqual([]);
    expect(bench.senders.some(({ open }) => open)).toBe(false);
  });

  it('of several multihop sessions let pass what the least demanding takes, and each looks again', () => {
    const least = { ...settings, minimumTtl: 10 };
    bench.loop.take([order('198.51.100.2', { hops: 'multi' })]);
    bench.loop.take([
      order('198.51.100.2', { hops: 'multi' }),
      order('198.51.100.3', { hops: 'multi', settings: least }),
    ]);
    expect(bench.open.map(({ minTtl }) => minTtl)).toEqual([10]);
    bench.until(0);
    bench.arrive('198.51.100.2', { yourDiscriminator: 0 }, { hopLimit: 64 });
    bench.arrive('198.51.100.3', { yourDiscriminator: 0 }, { hopLimit: 64 });
    bench.deliver();
    bench.until(1_500);
    expect(bench.row('198.51.100.2')!.view).toMatchObject({
      state: 'Down',
      counters: { received: 0, dropped: { ttl: 1 } },
    });
    expect(bench.row('198.51.100.3')!.view).toMatchObject({ state: 'Init', counters: { received: 1, dropped: {} } });
  });

  it('that cannot be had are tried again, and the reason is told', () => {
    bench.refusal = Object.assign(new Error('bind'), { code: 'EADDRINUSE' });
    bench.loop.take([order('192.0.2.2')]);
    bench.until(1_200);
    expect(bench.row('192.0.2.2')!.problem).toBe('EADDRINUSE');
    bench.refusal = undefined;
    bench.until(3_500);
    expect(bench.row('192.0.2.2')!.problem).toBeUndefined();
    expect(bench.open).toHaveLength(1);
  });

  it('of a link-local peer wait for its interface, and follow one that is made anew', () => {
    bench.loop.take([order('fe80::2', { interface: 'eth0' })]);
    bench.until(1_200);
    expect(bench.row('fe80::2')!.problem).toBe('ENODEV');
    bench.indexes.set('eth0', 3);
    bench.until(2_500);
    expect(bench.senders.map(({ place, open }) => [place.scope, open])).toEqual([[3, true]]);
    bench.indexes.set('eth0', 5);
    bench.until(4_000);
    expect(bench.senders.map(({ place, open }) => [place.scope, open])).toEqual([
      [3, false],
      [5, true],
    ]);
    bench.arrive('fe80::2', { yourDiscriminator: 0 }, { scope: 5 });
    bench.arrive('fe80::2', { yourDiscriminator: 0 }, { scope: 3 });
    bench.deliver();
    bench.until(5_500);
    expect(bench.row('fe80::2')!.view).toMatchObject({ state: 'Init', counters: { received: 1 } });
    expect(bench.dropped()).toEqual({ noSession: 1 });
  });
});

describe('packets', () => {
  it('that are not taken are counted by reason, at the session where the sender is one', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    const good = encodeControl(packetOf({ yourDiscriminator: 0 })).slice();
    const changed = (at: number, value: number) => good.with(at, value);
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ['version', changed(0, 0x40)],
      ['length', changed(3, 23)],
      ['truncated', good.subarray(0, 20)],
      ['detectMult', changed(2, 0)],
      ['multipoint', changed(1, good[1]! | 1)],
      ['myDiscriminator', good.with(4, 0).with(5, 0).with(6, 0).with(7, 0)],
      ['yourDiscriminator', changed(11, 99)],
      ['state', changed(1, 0xc0)],
    ];
    for (const [, bytes] of cases) bench.arrive('192.0.2.2', bytes);
    bench.arrive('192.0.2.2', good, { hopLimit: 254 });
    bench.arrive('192.0.2.66', good);
    bench.deliver();
    bench.open[0]!.drops = 4;
    bench.until(1_500);
    const expected = Object.fromEntries(cases.map(([reason]) => [reason, 1]));
    expect(bench.row('192.0.2.2')!.view.counters).toMatchObject({ received: 0, dropped: { ...expected, ttl: 1 + 4 } });
    expect(bench.dropped()).toEqual({ noSession: 1 });
  });

  it('that cannot be sent are counted, and the session goes on', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.senders[0]!.problem = 'ENETUNREACH';
    bench.until(2_500);
    const { sendErrors, lastSendError, sent } = bench.row('192.0.2.2')!.view.counters;
    expect([lastSendError, sent, sendErrors > 1]).toEqual(['ENETUNREACH', 0, true]);
    bench.senders[0]!.problem = undefined;
    bench.until(4_000);
    expect(bench.row('192.0.2.2')!.view.counters.sent).toBeGreaterThan(0);
  });
});

describe('a session', () => {
  it('comes up, is silent, goes down: each is told at once', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    bench.up('192.0.2.2');
    bench.until(1_000);
    const moves = bench.news('192.0.2.2').flatMap((news) => (news.type === 'changed' ? [news] : []));
    expect(moves.map(({ from, to, fault }) => [from, to, fault])).toEqual([
      ['Down', 'Init', false],
      ['Init', 'Up', false],
      ['Up', 'Down', true],
    ]);
    // The peer was heard last when it came up, and missed three intervals later.
    const last = bench.reports.findLast((report) => report.type === 'bfdNews')!;
    expect(last).toMatchObject({ heardMs: 0, news: { to: 'Down' } });
    expect(last.atMs).toBeGreaterThanOrEqual(150);
  });

  it('goes on when it is asked for differently, and says what it wants by a Poll Sequence', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    const ours = bench.up('192.0.2.2');
    bench.live('192.0.2.2', ours, 1_000);
    bench.loop.take([order('192.0.2.2', { settings: { ...settings, transmitIntervalMs: 80 } })]);
    bench.live('192.0.2.2', ours, 2_000);
    expect(bench.news('192.0.2.2').some((news) => news.type === 'changed' && news.from === 'Up')).toBe(false);
    expect(bench.senders).toHaveLength(1);
    expect(bench.row('192.0.2.2')!.view).toMatchObject({ state: 'Up', txIntervalMs: 80 });
  });

  it('that nobody wants any more tells the peer so for a while, unless it is wanted again', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    bench.up('192.0.2.2');
    bench.loop.take([]);
    const last = () => decodeControl(bench.senders[0]!.packets.at(-1)!);
    expect(last()).toMatchObject({ state: 'AdminDown', diagnostic: 7 });
    bench.loop.take([order('192.0.2.2')]);
    expect(last()).toMatchObject({ state: 'Down' });
    expect(bench.senders).toHaveLength(1);
    bench.up('192.0.2.2');
    bench.loop.take([]);
    bench.until(60_000);
    expect(bench.open).toEqual([]);
    expect(bench.senders[0]!.open).toBe(false);
  });

  it('is the only one with its peer; another one waits for its end, and leaves no socket behind', () => {
    const other = order('192.0.2.2', { key: 'other', source: address('192.0.2.1') });
    bench.loop.take([order('192.0.2.2'), other]);
    bench.until(3_500);
    expect(bench.row('other')!.problem).toBe('another session has this peer');
    expect(bench.row('192.0.2.2')!.problem).toBeUndefined();
    expect(bench.senders.map(({ open }) => open)).toEqual([true]);
    bench.loop.take([other]);
    bench.until(5_500);
    expect(bench.row('other')!.problem).toBeUndefined();
    expect(bench.senders.map(({ open }) => open)).toEqual([false, true]);
  });

  it('makes way at once for another with the same peer', () => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    bench.up('192.0.2.2');
    bench.loop.take([order('192.0.2.2', { key: 'other', source: address('192.0.2.1') })]);
    expect(bench.senders.map(({ place, open }) => [place.source && formatAddress(place.source), open])).toEqual([
      [undefined, false],
      ['192.0.2.1', true],
    ]);
  });
});

describe('a thread that comes late', () => {
  let ours: number;
  beforeEach(() => {
    bench.loop.take([order('192.0.2.2')]);
    bench.until(0);
    ours = bench.up('192.0.2.2');
    bench.live('192.0.2.2', ours, 1_000);
    bench.reports.length = 0;
  });
  const widened = () => bench.reports.flatMap((report) => (report.type === 'bfdWidened' ? [report] : []));

  it('takes nobody for silent whose packets wait', () => {
    bench.now += 400;
    bench.arrive('192.0.2.2', {
      state: 'Up',
      yourDiscriminator: ours,
      desiredMinTxUs: 50_000,
      requiredMinRxUs: 50_000,
    });
    bench.loop.tick();
    expect(bench.news('192.0.2.2')).toEqual([]);
    bench.until(bench.now + 200);
    expect(bench.news('192.0.2.2')).toMatchObject([{ type: 'changed', to: 'Down', fault: true }]);
  });

  it.each([
    ['speaks', true],
    ['is silent', false],
  ])('gives the peer one interval to be heard, where it was away for a detection time: it %s', (_, speaks) => {
    bench.now = bench.loop.nextDueMs()! + 400;
    bench.loop.tick();
    const wokeMs = bench.now;
    bench.until(wokeMs + 49);
    expect(bench.news('192.0.2.2')).toEqual([]);
    if (speaks) {
      const theirs = { desiredMinTxUs: 50_000, requiredMinRxUs: 50_000, state: 'Up', yourDiscriminator: ours } as const;
      bench.arrive('192.0.2.2', theirs);
      bench.deliver();
    }
    bench.until(wokeMs + 51);
    expect(bench.news('192.0.2.2').map(({ type }) => type)).toEqual(speaks ? [] : ['changed']);
  });

  it('takes nobody for silent whose packets came while it sent to others', () => {
    bench = new Bench();
    const peers = ['192.0.2.2', '192.0.2.3'];
    bench.loop.take(peers.map((peer) => order(peer)));
    // The same jitter for both.
    Object.assign(bench, { random: () => 0.5 });
    bench.until(0);
    const discriminators = peers.map((peer, i) => bench.up(peer, i));
    const arrive = () => {
      for (const [i, yourDiscriminator] of discriminators.entries())
        bench.arrive(peers[i]!, { state: 'Up', yourDiscriminator, desiredMinTxUs: 50_000, requiredMinRxUs: 50_000 });
    };
    // Both are sent to in one turn, in time, and in the middle of it the thread loses its processor.
    bench.now = bench.loop.nextDueMs()!;
    const before = bench.senders.map(({ packets }) => packets.length);
    bench.sending = () => {
      bench.sending = () => {};
      arrive();
      bench.now += 400;
    };
    bench.reports.length = 0;
    bench.loop.tick();
    expect(bench.senders.map(({ packets }, i) => packets.length - before[i]!)).toEqual([1, 1]);
    bench.loop.tick();
    for (const peer of peers) expect(bench.news(peer).filter(({ type }) => type === 'changed')).toEqual([]);
  });

  it('sends less often before the peer misses its packets, says so, and goes back after a minute', () => {
    const due = bench.loop.nextDueMs()!;
    bench.now = due + 70;
    bench.arrive('192.0.2.2', {
      state: 'Up',
      yourDiscriminator: ours,
      desiredMinTxUs: 50_000,
      requiredMinRxUs: 50_000,
    });
    bench.loop.tick();
    expect(widened()).toMatchObject([{ sessions: 1, txMs: 70 }]);
    const startMs = bench.now;
    bench.live('192.0.2.2', ours, startMs + 30_000);
    expect(bench.row('192.0.2.2')!.view).toMatchObject({ state: 'Up', txIntervalMs: 70, widenedMs: 70 });
    bench.live('192.0.2.2', ours, startMs + 62_000);
    expect(bench.row('192.0.2.2')!.view).toMatchObject({ state: 'Up', txIntervalMs: 50, widenedMs: 0 });
    expect(bench.news('192.0.2.2').map(({ type }) => type)).toContain('narrowed');
  });

  it('that the peer bears is no matter, and is counted', () => {
    bench.now = bench.loop.nextDueMs()! + 20;
    bench.arrive('192.0.2.2', {
      state: 'Up',
      yourDiscriminator: ours,
      desiredMinTxUs: 50_000,
      requiredMinRxUs: 50_000,
    });
    bench.loop.tick();
    bench.live('192.0.2.2', ours, bench.now + 2_000);
    expect(widened()).toEqual([]);
    const late = bench.reports.findLast((report) => report.type === 'bfdRows')!.late;
    expect(late.maxMs).toBeGreaterThanOrEqual(20);
    expect(late.counts.reduce((a, b) => a + b, 0)).toBeGreaterThan(20);
  });
});
