import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  detectionMs,
  intervalFor,
  jitterFactor,
  remoteDetectionMs,
  SLOW_MS,
  transmitMs,
} from '../../src/bfd/interval.ts';
import { dueMs } from '../../src/bfd/session.ts';
import { Lone, upSession } from '../support/bfd.ts';
import { seeded } from '../support/mutate.ts';

describe('negotiation', () => {
  // Ours: transmit, receive, multiplier; theirs; then our interval, our detection time, and theirs.
  it.each([
    [[300, 300, 3], [300, 300, 3], 300, 900, 900],
    [[100, 300, 3], [300, 300, 5], 300, 1500, 900],
    [[300, 100, 3], [50, 50, 5], 300, 500, 900],
    [[10, 10, 2], [10, 10, 2], 10, 20, 20],
    [[50, 1000, 10], [100, 20, 4], 50, 4000, 500],
    [[60_000, 60_000, 255], [10, 10, 1], 60_000, 60_000, 15_300_000],
    [[10, 10, 1], [4_294_967.295, 4_294_967.295, 255], 4_294_967.295, 1_095_216_660.225, 4_294_967.295],
  ] as const)('%j with %j: the slower side decides each direction', (ours, theirs, txMs, detection, remote) => {
    const { session } = upSession(
      { desiredMinTxMs: ours[0], requiredMinRxMs: ours[1], detectMult: ours[2] },
      { desiredMinTxUs: theirs[0] * 1000, requiredMinRxUs: theirs[1] * 1000, detectMult: theirs[2] },
    );
    expect(transmitMs(session)).toBe(txMs);
    expect(detectionMs(session)).toBeCloseTo(detection, 3);
    expect(remoteDetectionMs(session)).toBe(remote);
  });

  it('is told when it comes out differently, and only then', () => {
    const lone = new Lone().until(0).hear().hear({ state: 'Init' });
    const values = () => lone.take('negotiated').map(({ action }) => [action.txIntervalMs, action.detectionMs]);
    expect(values()).toEqual([[300, 3000]]);
    lone.hear({ state: 'Up', desiredMinTxUs: 300_000 }).hear({ state: 'Up', desiredMinTxUs: 300_000 });
    expect(values()).toEqual([[300, 900]]);
    lone.hear({ state: 'Up', desiredMinTxUs: 300_000, requiredMinRxUs: 500_000 });
    expect(values()).toEqual([[500, 900]]);
    lone.hear({ state: 'Down' });
    expect(values()).toEqual([]);
  });
});

describe('detection', () => {
  it('is exact: not a moment before, and then at once', () => {
    const lone = upSession({ requiredMinRxMs: 10 }, { desiredMinTxUs: 33_333, detectMult: 3 });
    lone.until(99.998);
    expect(lone.session.state).toBe('Up');
    lone.nowMs = 99.9985;
    expect(lone.do({ type: 'tick' }).session.state).toBe('Up');
    lone.nowMs = 99.999;
    expect(lone.do({ type: 'tick' }).session.state).toBe('Down');
    expect(lone.take('changed')).toMatchObject([{ atMs: 99.999, action: { fault: true, diagnostic: 1 } }]);
  });

  it('starts again with each packet, and one that was waiting when we woke too late still counts', () => {
    const lone = upSession();
    for (let ms = 899; ms < 10_000; ms += 899) lone.until(ms).hear({ state: 'Up', desiredMinTxUs: 300_000 });
    expect(lone.session.state).toBe('Up');
    lone.nowMs += 5_000;
    lone.hear({ state: 'Up', desiredMinTxUs: 300_000 }).do({ type: 'tick' });
    expect(lone.session.state).toBe('Up');
    expect(lone.until(lone.nowMs + 900).session.state).toBe('Down');
  });

  it('follows what the peer says last', () => {
    const lone = upSession().hear({ state: 'Up', detectMult: 10, desiredMinTxUs: 1_000_000 });
    expect(lone.until(9_999).session.state).toBe('Up');
    lone.hear({ state: 'Up', detectMult: 2, desiredMinTxUs: 10_000 });
    expect(lone.until(9_999 + 599).session.state).toBe('Up');
    expect(lone.until(9_999 + 600).session.state).toBe('Down');
  });
});

describe('jitter', () => {
  it('takes off up to a quarter, and at least a tenth where the peer bears the loss of none', () => {
    for (const random of [0, 0.3, 0.5, 1 - Number.EPSILON]) {
      expect(jitterFactor(3, random)).toBeCloseTo(0.75 + 0.25 * random);
      expect(jitterFactor(1, random)).toBeCloseTo(0.75 + 0.15 * random);
    }
  });

  it.each([
    [1, 225, 270],
    [2, 225, 300],
    [3, 225, 300],
  ])('with a multiplier of %i packets are %i to %i ms apart, all of it', (detectMult, least, most) => {
    const lone = upSession({ detectMult });
    lone.random = seeded(detectMult);
    const theirs = { state: 'Up', desiredMinTxUs: 300_000 } as const;
    for (let ms = 100; ms <= 200_000; ms += 100) lone.until(ms).hear(theirs);
    const times = lone.takeSent().map(({ atMs }) => atMs);
    // The first interval began before there was any chance in it.
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    expect(gaps.length).toBeGreaterThan(600);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(most);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(0.95 * (most - least));
  });

  it('is cut short where the multiplier becomes 1 within an interval', () => {
    const lone = upSession({ detectMult: 3 });
    lone.configure({ detectMult: 1 });
    const [told] = lone.takeSent();
    expect(told).toMatchObject({ atMs: 0, detectMult: 1 });
    lone.until(270);
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([270]);
  });

  it('is cut short as well where a Final tells of that, which starts no interval', () => {
    const lone = upSession().configure({ requiredMinRxMs: 400 }).until(300).configure({ detectMult: 1 });
    lone.hear({ ...theirs, final: true }).until(400);
    lone.takeSent();
    lone.hear({ ...theirs, poll: true });
    expect(lone.takeSent()).toMatchObject([{ atMs: 400, final: true, detectMult: 1 }]);
    lone.until(599);
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([570]);
  });
});

describe('slow start', () => {
  it('never sends faster than once a second, less jitter, unless Up', () => {
    const lone = new Lone({ desiredMinTxMs: 10 });
    lone.random = seeded(1);
    lone.until(5_000).hear({ state: 'AdminDown' });
    for (let ms = 5_500; ms <= 30_000; ms += 500) lone.until(ms).hear({ state: 'AdminDown' });
    const sent = lone.takeSent();
    // One packet tells that the peer is known.
    expect(sent.length).toBeLessThanOrEqual(1 + 1 + 30_000 / 750);
    expect(sent.length).toBeGreaterThanOrEqual(30);
    expect(sent.every(({ desiredMinTxUs }) => desiredMinTxUs === 1_000_000)).toBe(true);
  });

  it('keeps what is slower still', () => {
    const lone = new Lone({ desiredMinTxMs: 5_000 }).until(20_000);
    expect(lone.takeSent().map(({ atMs, desiredMinTxUs }) => [atMs, desiredMinTxUs])).toEqual(
      [0, 5_000, 10_000, 15_000, 20_000].map((ms) => [ms, 5_000_000]),
    );
  });

  it('comes back at once when the session goes down', () => {
    const lone = upSession({ desiredMinTxMs: 10 }, { requiredMinRxUs: 10_000 }).hear({
      ...{ state: 'Down', requiredMinRxUs: 10_000 },
    });
    expect(lone.takeSent()).toMatchObject([{ state: 'Down', desiredMinTxUs: 1_000_000 }]);
    lone.until(999);
    expect(lone.takeSent()).toEqual([]);
  });
});

/** The peer hears us and answers every Poll. */
const theirs = { state: 'Up', desiredMinTxUs: 300_000 } as const;

describe('a Poll Sequence', () => {
  it('lasts until a Final comes, on the periodic packets and no others', () => {
    const lone = upSession().configure({ requiredMinRxMs: 400 });
    for (let ms = 300; ms <= 900; ms += 300) lone.until(ms).hear(theirs);
    expect(lone.takeSent().map(({ atMs, poll }) => [atMs, poll])).toEqual([
      [300, true],
      [600, true],
      [900, true],
    ]);
    lone.hear({ ...theirs, final: true }).until(1_200);
    expect(lone.takeSent().map(({ atMs, poll }) => [atMs, poll])).toEqual([[1_200, false]]);
  });

  it('comes before we send less often', () => {
    const lone = upSession().configure({ desiredMinTxMs: 1_500 });
    expect(transmitMs(lone.session)).toBe(300);
    lone.until(300).hear(theirs);
    expect(lone.takeSent()).toMatchObject([{ atMs: 300, poll: true, desiredMinTxUs: 1_500_000 }]);
    expect(transmitMs(lone.session)).toBe(300);
    lone.hear({ ...theirs, final: true });
    expect(transmitMs(lone.session)).toBe(1_500);
    expect(dueMs(lone.session)).toBe(300 + 900);
    for (let ms = 600; ms <= 1_800; ms += 300) lone.until(ms).hear(theirs);
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([1_800]);
  });

  it('comes before we detect faster', () => {
    const lone = upSession({}, { desiredMinTxUs: 50_000 }).configure({ requiredMinRxMs: 100 });
    expect(detectionMs(lone.session)).toBe(900);
    lone.until(300).hear({ ...theirs, desiredMinTxUs: 50_000 });
    expect(detectionMs(lone.session)).toBe(900);
    expect(lone.takeSent()).toMatchObject([{ poll: true, requiredMinRxUs: 100_000 }]);
    lone.hear({ ...theirs, desiredMinTxUs: 50_000, final: true });
    expect(detectionMs(lone.session)).toBe(300);
    expect(lone.until(599).session.state).toBe('Up');
    expect(lone.until(600).session.state).toBe('Down');
  });

  it('does not hold back sending more often, nor detecting more slowly', () => {
    const lone = upSession({}, { requiredMinRxUs: 50_000 })
      .until(250)
      .configure({
        ...{ desiredMinTxMs: 100, requiredMinRxMs: 500 },
      });
    expect(transmitMs(lone.session)).toBe(100);
    expect(detectionMs(lone.session)).toBe(1_500);
    // More than the new interval has passed since the last packet.
    expect(lone.takeSent()).toMatchObject([{ atMs: 250, poll: true, desiredMinTxUs: 100_000 }]);
  });

  it('is one at a time: what is wanted meanwhile waits for its end, and for a packet without Final', () => {
    const lone = upSession().configure({ requiredMinRxMs: 400 }).until(300);
    lone.configure({ requiredMinRxMs: 500, detectMult: 5 }).configure({ requiredMinRxMs: 600 }).until(600);
    expect(lone.takeSent().map(({ requiredMinRxUs, poll }) => [requiredMinRxUs, poll])).toEqual([
      [400_000, true],
      [400_000, true],
    ]);
    lone.hear({ ...theirs, final: true }).until(900);
    // An answer to the second Poll that was sent.
    lone.hear({ ...theirs, final: true });
    expect(lone.takeSent()).toMatchObject([{ requiredMinRxUs: 400_000, poll: false, detectMult: 3 }]);
    lone.hear(theirs).until(1_200);
    expect(lone.takeSent()).toMatchObject([
      { atMs: 900, requiredMinRxUs: 600_000, poll: true, detectMult: 5 },
      { atMs: 1_200, requiredMinRxUs: 600_000, poll: true, detectMult: 5 },
    ]);
  });

  it('is not needed for another multiplier, which is told at once', () => {
    const lone = upSession().until(100).configure({ detectMult: 7 });
    expect(lone.takeSent()).toMatchObject([{ atMs: 100, detectMult: 7, poll: false }]);
  });

  it('is not needed for a configuration that says the same', () => {
    const lone = upSession();
    const { session } = lone;
    expect(lone.configure({}).session).toEqual(session);
    expect(lone.log).toEqual([]);
  });

  it('ends with the session: what was pending is in force', () => {
    const lone = upSession().configure({ desiredMinTxMs: 2_000, requiredMinRxMs: 100 }).hear({ state: 'Down' });
    expect(transmitMs(lone.session)).toBe(2_000);
    expect(lone.session.rxMs).toBe(100);
    lone.until(60_000);
    expect(lone.session).toMatchObject({ state: 'Down', poll: 'idle' });
    expect(lone.takeSent().at(-1)).toMatchObject({ poll: false });
  });

  it('a Final that nobody asked for changes nothing', () => {
    const lone = upSession();
    expect(lone.hear({ ...theirs, final: true }).session.poll).toBe('idle');
  });
});

describe('the peer', () => {
  it('is heeded at once when it wants more packets, and when it wants fewer', () => {
    const lone = upSession({ desiredMinTxMs: 50 }, { requiredMinRxUs: 1_000_000 }).until(600);
    lone.takeSent();
    lone.hear({ ...theirs, requiredMinRxUs: 100_000 });
    expect(lone.takeSent().map(({ atMs }) => atMs)).toEqual([600]);
    expect(dueMs(lone.session)).toBe(700);
    lone.hear({ ...theirs, requiredMinRxUs: 400_000 });
    expect(dueMs(lone.session)).toBe(1_000);
  });
});

describe('lateness of our own', () => {
  const widen = (lateMs: number) => ({ type: 'widen', lateMs }) as const;

  it('asks for an interval at which the peer bears twice as much', () => {
    for (const [lateMs, mult] of [
      [50, 3],
      [400, 2],
      [7, 1],
      [1_000, 255],
    ] as const) {
      const interval = intervalFor(lateMs, mult);
      expect(mult * interval).toBeGreaterThanOrEqual((mult === 1 ? 0.9 : 1) * interval + 2 * lateMs - 1e-9);
    }
  });

  it('is of no matter where the peer bears it anyway', () => {
    const lone = upSession().do(widen(300));
    expect(lone.log).toEqual([]);
    const slow = upSession({ desiredMinTxMs: 10 }, { requiredMinRxUs: 800_000 }).do(widen(800));
    expect(slow.log).toEqual([]);
  });

  it('makes us send less often, by a Poll Sequence, and says so', () => {
    const lone = upSession({ desiredMinTxMs: 50 }, { requiredMinRxUs: 50_000 }).do(widen(120));
    expect(lone.take('widened').map(({ action }) => action)).toEqual([{ type: 'widened', lateMs: 120, txMs: 120 }]);
    expect(transmitMs(lone.session)).toBe(50);
    lone.until(50);
    expect(lone.takeSent()).toMatchObject([{ atMs: 50, poll: true, desiredMinTxUs: 120_000 }]);
    lone.hear({ ...theirs, requiredMinRxUs: 50_000, final: true });
    expect(transmitMs(lone.session)).toBe(120);
    // Less than that is borne now, more is not.
    lone.do(widen(100));
    expect(lone.take('widened')).toEqual([]);
    lone.do(widen(1e9));
    expect(lone.take('widened').map(({ action }) => action.txMs)).toEqual([SLOW_MS]);
  });

  it('is forgiven after a minute without', () => {
    const lone = upSession({ desiredMinTxMs: 50 }, { requiredMinRxUs: 50_000 }).do(widen(120));
    const live = (toMs: number) => {
      for (let ms = lone.nowMs + 100; ms <= toMs; ms += 100) {
        lone.until(ms).hear({ ...theirs, requiredMinRxUs: 50_000, final: lone.session.poll === 'polling' });
        lone.hear({ ...theirs, requiredMinRxUs: 50_000 });
      }
    };
    live(50_000);
    lone.do(widen(120));
    live(109_900);
    expect(lone.take('narrowed')).toEqual([]);
    expect(transmitMs(lone.session)).toBe(120);
    live(110_200);
    expect(lone.take('narrowed').map(({ atMs, action }) => [atMs, action.txMs])).toEqual([[110_000, 50]]);
    expect(transmitMs(lone.session)).toBe(50);
    expect(lone.session.state).toBe('Up');
  });
});

describe('time', () => {
  it('never makes a timer that does not end, whatever is heard', () => {
    const any = fc.record({
      state: fc.constantFrom('AdminDown', 'Down', 'Init', 'Up' as const),
      ...{ poll: fc.boolean(), final: fc.boolean(), demand: fc.boolean() },
      detectMult: fc.integer({ min: 1, max: 255 }),
      desiredMinTxUs: fc.constantFrom(0, 1, 10_000, 1_000_000, 0xffff_ffff),
      requiredMinRxUs: fc.constantFrom(0, 1, 10_000, 1_000_000, 0xffff_ffff),
      myDiscriminator: fc.constantFrom(2, 3),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3_000), any), { maxLength: 30 }), (heard) => {
        const lone = new Lone({ desiredMinTxMs: 10 });
        let atMs = 0;
        for (const [waitMs, packet] of heard) {
          atMs += waitMs;
          lone.until(atMs).hear(packet as Parameters<Lone['hear']>[0]);
          // Nothing is offered that is faster than allowed.
          const least = lone.session.state === 'Up' ? 10 : 1_000;
          expect(lone.session.offer.txMs).toBeGreaterThanOrEqual(least);
        }
        const sent = lone.takeSent().filter(({ final }) => !final);
        expect(sent.length).toBeLessThanOrEqual(2 + atMs / 7.5 + 2 * heard.length);
      }),
    );
  });
});
