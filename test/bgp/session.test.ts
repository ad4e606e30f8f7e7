/** Two sessions over an in-memory network and a fake clock: the life of a session from end to end. */
import { describe, expect, it } from 'vitest';
import { Cease, ErrorCode, notification, shutdownData } from '../../src/bgp/errors.ts';
import { encodeRouteRefresh } from '../../src/bgp/message.ts';
import { canonical } from '../../src/lib/diff.ts';
import { bothEnds, type End, Net, type NetOptions, route } from '../support/pipe.ts';

type Changes = Parameters<typeof bothEnds>[0];

function up(near: Changes = {}, far: Changes = {}, options: NetOptions = {}): readonly [Net, End, End] {
  const net = new Net(bothEnds(near, far), options).start();
  net.runUntil(() => net.ends.every((e) => e.established && e.endsOfRib > 0), 10_000);
  return [net, ...net.ends];
}

const sameRoutes = (a: End, b: End) => {
  expect([...b.table.keys()].sort()).toEqual([...a.advertised.keys()].sort());
  expect([...a.table.keys()].sort()).toEqual([...b.advertised.keys()].sort());
};

/** The last time that it left Established. */
const lost = (end: End) => end.transitions.findLast((t) => t.from === 'Established')!;

describe('a session', () => {
  it.each([
    ['dialled by the one', { passive: false }, { passive: true }],
    ['dialled by the other', { passive: true }, { passive: false }],
    ['dialled by both', {}, {}],
  ])('comes up %s', (_, near, far) => {
    const [, a, b] = up(near, far);
    expect(a.session.agreement).toMatchObject({ peerRouterId: 2, peerAsn: 65002, holdMs: 90_000, keepaliveMs: 30_000 });
    expect(b.session.agreement).toMatchObject({ peerRouterId: 1, peerAsn: 65001, holdMs: 90_000 });
    for (const end of [a, b]) {
      expect(end.session.flaps).toBe(0);
      expect(end.session.lastError).toBe('');
      expect(end.session.changedAt).toBeGreaterThan(0);
      expect(end.transitions.at(-1)).toMatchObject({ to: 'Established', reason: '' });
      expect(end.sides.size).toBe(1);
    }
  });

  it('does not come up where nobody dials', () => {
    const net = new Net(bothEnds({ passive: true })).start();
    net.run(86_400_000);
    for (const end of net.ends) expect(end.transitions.map((t) => t.to)).toEqual(['Active']);
    expect(net.links).toEqual([]);
  });

  it('comes up over octets that arrive one by one', () => {
    const [, a] = up({}, {}, { split: true, seed: 3, delayMs: 50 });
    expect(a.established).toBe(true);
  });

  it('carries routes both ways, and takes them back', () => {
    const [net, a, b] = up({ families: ['ipv4', 'ipv6'] });
    a.set('203.0.113.0/24', route('192.0.2.1', { med: 5, communities: [0xfde80001] }));
    a.set('2001:db8::/48', route('2001:db8::1'));
    b.set('198.51.100.0/24', route('192.0.2.2'));
    net.run(100);
    sameRoutes(a, b);
    expect(b.table.get('203.0.113.0/24')).toBe(
      canonical({
        ...route('192.0.2.1', { med: 5, communities: [0xfde80001] }),
        asPath: [{ type: 'sequence', asns: [65001] }],
      }),
    );
    a.delete('203.0.113.0/24');
    b.delete('198.51.100.0/24');
    net.run(100);
    expect([...b.table.keys()]).toEqual(['2001:db8::/48']);
    expect(a.table.size).toBe(0);
  });

  it('tells what was set before it was up, and marks the end of it', () => {
    const net = new Net(bothEnds());
    const [a, b] = net.ends;
    for (let i = 0; i < 5_000; i++) a.set(`10.${i >> 8}.${i & 255}.0/24`);
    net.start();
    net.runUntil(() => b.endsOfRib === 1, 10_000);
    expect(b.table.size).toBe(5_000);
    sameRoutes(a, b);
  });

  it('withdraws nothing and repeats nothing on a refresh (RFC 2918), and marks it (RFC 7313)', () => {
    const [net, a, b] = up();
    for (let i = 0; i < 300; i++) a.set(`10.0.${i & 255}.${i >> 8}/32`);
    net.run(1_000);
    const before = { updates: b.session.received.update, marks: b.session.received.routeRefresh };
    b.table.clear();
    const [side] = [...b.sides.values()];
    net.send(side!, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 'request' }));
    net.run(1_000);
    sameRoutes(a, b);
    expect(b.session.received.routeRefresh - before.marks).toBe(2);
    expect(b.session.received.update).toBeGreaterThan(before.updates);
    // One for a family that was not agreed, and one of a kind that does not exist, change nothing.
    const after = b.session.received.update;
    net.send(side!, encodeRouteRefresh({ afi: 2, safi: 1, subtype: 'request' }));
    net.send(side!, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 'beginOfRefresh' }));
    net.run(1_000);
    expect(b.session.received.update).toBe(after);
    expect(b.session.flaps + a.session.flaps).toBe(0);
  });
});

const DAY_MS = 86_400_000;

describe('keepalives', () => {
  it('are neither sent nor missed with hold time 0', () => {
    for (const [near, far] of [
      [0, 0],
      [0, 90],
      [90, 0],
    ]) {
      const [net, a, b] = up({ holdTimeSec: near! }, { holdTimeSec: far! });
      net.run(10 * DAY_MS);
      for (const end of [a, b]) {
        expect(end.established).toBe(true);
        expect(end.session.flaps).toBe(0);
        // Each connection's OPEN is answered by one; two connections can have met.
        expect(end.session.sent.keepalive).toBeLessThanOrEqual(2);
        expect(end.session.nextDue).toBeUndefined();
      }
      a.set('203.0.113.0/24');
      net.run(100);
      expect(b.table.size).toBe(1);
    }
  });

  it.each([
    // hold time proposed by each, keepalive time asked for, longest time between two
    [90, 90, undefined, 30_000],
    [90, 9, undefined, 3_000],
    [3, 3, undefined, 1_000],
    [90, 90, 10, 10_000],
    [90, 9, 10, 3_000],
  ])(
    'for hold times %i and %i, asked for every %s s: at least every %i ms, jittered by 25 %%',
    (near, far, keepaliveTimeSec, longestMs) => {
      const [net, a, b] = up(
        { holdTimeSec: near, ...(keepaliveTimeSec && { keepaliveTimeSec }) },
        { holdTimeSec: far },
        { seed: near + far },
      );
      expect(a.session.agreement?.holdMs).toBe(1_000 * Math.min(near, far));
      const before = a.session.sent.keepalive;
      const ms = 1_000 * longestMs;
      net.run(ms);
      const count = a.session.sent.keepalive - before;
      expect(count).toBeGreaterThanOrEqual(1_000);
      expect(count).toBeLessThanOrEqual(1_000 / 0.75 + 1);
      // Evenly spread over the jitter, so about 0.875 of the longest; but never two within a second (RFC 4271 §4.4).
      const mean = longestMs === 1_000 ? 1 : 0.875;
      expect(count).toBeGreaterThan(1_000 / mean - 20);
      expect(count).toBeLessThan(1_000 / mean + 20);
      if (longestMs === 1_000) expect(count).toBe(1_000);
      expect(a.session.flaps + b.session.flaps).toBe(0);
    },
  );

  it('hold a session for a day, with nothing else to say', () => {
    const [net, a, b] = up({}, {}, { delayMs: 200 });
    const before = [a, b].map((e) => ({ ...e.session.sent }));
    net.run(DAY_MS);
    [a, b].forEach((end, i) => {
      const count = end.session.sent.keepalive - before[i]!.keepalive;
      expect(count).toBeGreaterThanOrEqual(DAY_MS / 30_000);
      expect(count).toBeLessThanOrEqual(DAY_MS / 22_500 + 1);
      expect(end.session.flaps).toBe(0);
      expect({ ...end.session.sent, keepalive: 0 }).toEqual({ ...before[i], keepalive: 0 });
      expect(end.sides.size).toBe(1);
    });
    expect(a.session.received.keepalive).toBeGreaterThanOrEqual(b.session.sent.keepalive - 2);
  });
});

describe('a peer that falls silent', () => {
  it('is given up after the hold time, with NOTIFICATION 4/0, by both ends', () => {
    const [net, a, b] = up({ holdTimeSec: 9 }, {}, { seed: 5 });
    a.set('203.0.113.0/24');
    net.run(20_000);
    net.partitioned = true;
    const took = net.runUntil(() => !a.established && !b.established, 20_000);
    expect(took).toBeGreaterThan(9_000 - 3_000 - 10);
    expect(took).toBeLessThanOrEqual(9_000);
    for (const end of [a, b]) {
      expect(lost(end)).toMatchObject({
        to: 'Idle',
        reason: 'hold timer expired: the peer was silent; sent Hold Timer Expired',
      });
      expect(end.table.size).toBe(0);
    }
    net.partitioned = false;
    net.runUntil(() => a.established && b.established && b.table.size === 1, 60_000);
  });

  it('and never said anything is given up after four minutes', () => {
    const net = new Net(bothEnds({}, { passive: true }));
    const [a, b] = net.ends;
    // Its process is stopped: the kernel takes the call, nobody answers.
    b.reads = false;
    net.start();
    net.runUntil(() => a.session.state === 'OpenSent', 100);
    expect(net.runUntil(() => a.session.state === 'Idle', 300_000)).toBeCloseTo(240_000, -1);
    expect(a.session.lastError).toBe('hold timer expired: the peer was silent; sent Hold Timer Expired');
    b.reads = true;
    net.runUntil(() => a.established && b.established, 5_000);
  });
});

describe('a peer that never reads', () => {
  it('costs one batch of routes, and keeps its session where there is no hold time (RFC 9687 §4.3)', () => {
    const net = new Net(bothEnds({ holdTimeSec: 0 }), { seed: 2 });
    const [a, b] = net.ends;
    net.start();
    net.runUntil(() => b.established && b.endsOfRib > 0, 10_000);
    b.reads = false;
    // What b says still arrives: it is alive, but takes nothing.
    for (let i = 0; i < 100_000; i++)
      a.out.set(
        { family: 4, bytes: Uint8Array.of(10, i >> 16, i >> 8, i), length: 32 },
        route('192.0.2.1', { med: i & 0xffff }),
      );
    a.tell({ type: 'routes' });
    const [side] = [...a.sides.values()];
    let most = 0;
    const start = net.now;
    while (net.now < start + 600_000) {
      net.run(1_000);
      most = Math.max(most, side!.sent - side!.delivered);
      a.set('203.0.113.0/24', route('192.0.2.1', { med: Math.round(net.now) })); // and news go on
    }
    // A socket's buffers and one batch, with the message that overshoots it.
    expect(most).toBeGreaterThan(128 * 1024);
    expect(most).toBeLessThan(64 * 1024 + 2 * (128 * 1024 + 65_535));
    expect([a.established, a.session.flaps]).toEqual([true, 0]);
  });

  it('gets the present state, not the history, once it reads again', () => {
    const [net, a, b] = up();
    b.reads = false;
    for (let i = 0; i < 20_000; i++) a.set(`10.${i >> 8}.${i & 255}.0/24`, route('192.0.2.1', { med: i }));
    for (let i = 0; i < 20_000; i++) a.delete(`10.${i >> 8}.${i & 255}.0/24`);
    a.set('203.0.113.0/24');
    net.run(10_000);
    b.reads = true;
    net.run(10_000);
    expect([...b.table.keys()]).toEqual(['203.0.113.0/24']);
    expect(a.session.flaps).toBe(0);
  });
});

describe('the end of a session', () => {
  it('is told with its reason, and stays', () => {
    const [net, a, b] = up();
    a.set('203.0.113.0/24');
    net.run(100);
    const data = shutdownData('maintenance until 06:00');
    a.tell({ type: 'stop', notification: notification(ErrorCode.cease, Cease.administrativeShutdown, data) });
    net.run(100);
    expect(a.transitions.at(-1)).toMatchObject({
      to: 'Idle',
      reason: 'stopped; sent Cease/Administrative Shutdown: maintenance until 06:00',
    });
    expect(lost(b).reason).toBe('received Cease/Administrative Shutdown: maintenance until 06:00');
    expect(b.table.size).toBe(0);
    net.run(3_600_000);
    expect(a.session.state).toBe('Idle');
    expect(a.session.nextDue).toBeUndefined();
    expect(b.established).toBe(false);
    expect(b.sides.size).toBe(0);
    a.tell({ type: 'start' });
    // The peer's idle hold has grown meanwhile, up to a minute; our call waits for its end.
    net.runUntil(() => b.table.size === 1, 60_100);
  });

  it.each([
    ['both dial', {}, {}],
    ['only the survivor dials', {}, { passive: true }],
    ['only the one that died dials', { passive: true }, { passive: false }],
  ])('by the death of the peer is over within two seconds of its return, where %s', (_, near, far) => {
    const [net, a, b] = up(near, far);
    a.set('203.0.113.0/24');
    b.set('198.51.100.0/24');
    net.run(100);
    // The kernel outlives the process: it ends the connections.
    for (const side of [...b.sides.values()]) net.close(side);
    net.run(10);
    expect(lost(a).reason).toBe('the peer closed the connection');
    b.crash();
    net.runUntil(() => a.established && b.established && b.table.size === 1 && a.table.size === 1, 2_000);
    expect(a.session.flaps).toBe(1);
  });

  it('by the loss of power at the peer is noticed when the hold time is over, and it is taken back then', () => {
    const [net, a, b] = up({ holdTimeSec: 9 }, {}, { seed: 9 });
    a.set('203.0.113.0/24');
    net.run(1_000);
    b.crash();
    net.runUntil(() => a.established && b.established && b.table.size === 1, 15_000);
  });
});

describe('waiting', () => {
  it('for a peer that refuses: 1, 2, 4 … 30 s between dials, jittered by 25 %', () => {
    const net = new Net(bothEnds({}, { passive: true }), { delayMs: 0, seed: 4 });
    const [a, b] = net.ends;
    b.listens = false;
    net.start();
    net.run(400_000);
    const dials = a.transitions.filter((t) => t.to === 'Connect').map((t) => t.at);
    const waits = dials.slice(1).map((at, i) => at - dials[i]!);
    const longest = [1, 2, 4, 8, 16, ...Array.from({ length: 30 }, () => 30)].map((s) => 1_000 * s);
    waits.forEach((ms, i) => {
      expect(ms).toBeGreaterThanOrEqual(0.75 * longest[i]!);
      expect(ms).toBeLessThanOrEqual(longest[i]!);
    });
    expect(new Set(waits.slice(5)).size).toBeGreaterThan(5);
    b.listens = true;
    net.runUntil(() => a.established, 30_100);
  });

  it('for a fixed time where the operator says so', () => {
    const net = new Net(bothEnds({ connectRetrySec: 5 }, { passive: true }), { delayMs: 0 });
    net.ends[1].listens = false;
    net.start();
    net.run(100_000);
    const dials = net.ends[0].transitions.filter((t) => t.to === 'Connect').map((t) => t.at);
    expect(dials.length).toBeGreaterThanOrEqual(20);
    for (let i = 1; i < dials.length; i++) expect(dials[i]! - dials[i - 1]!).toBeGreaterThanOrEqual(3_750);
  });

  it('for a peer that does not answer: five seconds for each dial', () => {
    const net = new Net(bothEnds({}, { passive: true }));
    net.partitioned = true;
    net.start();
    net.run(60_000);
    expect(net.links).toHaveLength(13);
    expect(net.ends[0].session.lastError).toBe('no answer to the TCP connection attempt');
    net.partitioned = false;
    net.runUntil(() => net.ends[0].established, 5_100);
  });

  it('after failures doubles from half a second to a minute, and is forgiven after a minute of session', () => {
    // AS numbers that do not fit: every attempt ends with a NOTIFICATION.
    const net = new Net(bothEnds({}, { passive: true, peerAsn: 65099 }), { seed: 6 });
    const [a, b] = net.ends;
    net.start();
    net.run(1_200_000);
    const idles = b.transitions.filter((t) => t.to === 'Idle').map((t) => t.at);
    const leaves = b.transitions
      .filter((t) => t.from === 'Idle')
      .map((t) => t.at)
      .slice(1);
    expect(idles.length).toBeGreaterThan(10);
    leaves.forEach((at, i) => {
      const longest = Math.min(60_000, 500 * 2 ** i);
      expect(at - idles[i]!).toBeLessThanOrEqual(longest + 1);
      expect(at - idles[i]!).toBeGreaterThanOrEqual(0.75 * longest - 1);
    });
    expect(b.transitions.find((t) => t.to === 'Idle')!.reason).toBe(
      'peer is in AS 65001, not 65099; sent OPEN Message Error/Bad Peer AS',
    );
    expect(a.session.lastError).toMatch('received OPEN Message Error/Bad Peer AS');

    b.crash(bothEnds()[1]);
    net.runUntil(() => a.established && b.established, 130_000);
    const held = (): number => {
      const from = a.transitions.findLast((t) => t.to === 'Idle')!.at;
      const to = a.transitions.findLast((t) => t.from === 'Idle')!.at;
      return to - from;
    };
    const lose = () => {
      for (const side of [...a.sides.values()]) net.end(side, 'connection reset by the peer');
      net.runUntil(() => a.established, 130_000);
    };
    net.run(30_000);
    lose();
    expect(held()).toBeGreaterThan(40_000);
    net.run(60_000);
    lose();
    expect(held()).toBeLessThanOrEqual(501);
  });
});
