import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectionMs, remoteDetectionMs, transmitMs } from '../../src/bfd/interval.ts';
import { Diagnostic } from '../../src/bfd/packet.ts';
import type { SessionConfig } from '../../src/bfd/state.ts';
import { Pair } from '../support/bfd.ts';
import { seeded } from '../support/mutate.ts';

const interval = fc.integer({ min: 10, max: 2_000 });
const settings = (leastMult: number) =>
  fc.record({
    desiredMinTxMs: interval,
    requiredMinRxMs: interval,
    detectMult: fc.integer({ min: leastMult, max: 6 }),
  });
const role = fc.constantFrom([false, false], [true, false], [false, true]);

/** Each side's detection time is what the other takes it for, and nobody waits for anything. */
function agreed({ ends: [a, b] }: Pair): void {
  expect(detectionMs(a.session)).toBe(remoteDetectionMs(b.session));
  expect(detectionMs(b.session)).toBe(remoteDetectionMs(a.session));
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    expect(transmitMs(one.session)).toBe(Math.max(one.config.desiredMinTxMs, other.config.requiredMinRxMs));
}

type Intervals = Pick<SessionConfig, 'desiredMinTxMs' | 'requiredMinRxMs' | 'detectMult'>;

/** Silence that `ours` bears while not Up, when it is longest. */
const detection = (ours: Intervals, theirs: Intervals): number =>
  theirs.detectMult * Math.max(ours.requiredMinRxMs, 1_000, theirs.desiredMinTxMs);

describe('two sessions on a link', () => {
  it('come up, agree, and stay so for hours', () => {
    fc.assert(
      fc.property(settings(1), settings(1), role, fc.nat(), (a, b, [passiveA, passiveB], seed) => {
        const pair = new Pair({ ...a, passive: passiveA! }, { ...b, passive: passiveB! }, seeded(seed), () => 0.5);
        pair.until(10_000);
        expect(pair.states).toEqual(['Up', 'Up']);
        pair.until(60_000);
        agreed(pair);
        expect(pair.changes.filter(({ from }) => from === 'Up')).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('do not come up where both wait for the other', () => {
    const pair = new Pair({ passive: true }, { passive: true }, seeded(1), () => 0).until(60_000);
    expect(pair.states).toEqual(['Down', 'Down']);
  });

  it('do not come up in one direction only', () => {
    const pair = new Pair({}, {}, seeded(1), (from) => (from === 0 ? 1 : undefined)).until(120_000);
    expect(pair.changes.some(({ to }) => to === 'Up')).toBe(false);
  });

  it('go down where one direction fails: one by silence, the other since it is told', () => {
    let broken = false;
    const pair = new Pair({}, {}, seeded(1), (from) => (broken && from === 0 ? undefined : 1)).until(20_000);
    pair.changes.length = 0;
    broken = true;
    pair.until(21_000);
    const [first, second] = pair.changes;
    expect(first).toMatchObject({ who: 1, from: 'Up', to: 'Down', fault: true });
    expect(first!.atMs).toBeLessThanOrEqual(20_000 + 1 + 900);
    expect(first!.atMs).toBeGreaterThan(20_000 + 900 - 300);
    expect(second).toMatchObject({ who: 0, atMs: first!.atMs + 1, from: 'Up', to: 'Down', fault: true });
    expect(pair.ends[1].session.diagnostic).toBe(Diagnostic.controlDetectionTimeExpired);
    expect(pair.ends[0].session.diagnostic).toBe(Diagnostic.neighborSignaledSessionDown);
    broken = false;
    pair.until(30_000);
    expect(pair.states).toEqual(['Up', 'Up']);
  });

  it('go down without a fault where one is disabled, and come up when it is enabled', () => {
    const pair = new Pair({}, {}, seeded(1), () => 1).until(10_000);
    pair.changes.length = 0;
    pair.do(0, { type: 'disable', diagnostic: Diagnostic.administrativelyDown }).until(60_000);
    expect(pair.changes.map(({ who, to, fault }) => [who, to, fault])).toEqual([
      [0, 'AdminDown', false],
      [1, 'Down', false],
    ]);
    pair.do(0, { type: 'enable' }).until(65_000);
    expect(pair.states).toEqual(['Up', 'Up']);
    agreed(pair);
  });

  it('come up when the link loses no more, whatever it did', () => {
    fc.assert(
      fc.property(
        settings(2),
        settings(2),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.nat(),
        (a, b, loss, seed) => {
          const random = seeded(seed);
          let bad = true;
          // Delays that differ change the order.
          const fate = () => (bad && random() < loss ? undefined : bad ? 100 * random() : 1);
          const pair = new Pair(a, b, random, fate).until(30_000);
          bad = false;
          pair.until(90_000);
          expect(pair.states).toEqual(['Up', 'Up']);
          agreed(pair);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('never disagree for longer than it takes both to detect', () => {
    let flaps = 0;
    fc.assert(
      fc.property(
        settings(2),
        settings(2),
        fc.double({ min: 0.1, max: 0.7, noNaN: true }),
        fc.nat(),
        (a, b, loss, seed) => {
          const random = seeded(seed);
          const delayMs = 50;
          const fate = () => (random() < loss ? undefined : delayMs * random());
          const pair = new Pair(a, b, random, fate);
          // What each may wait for the other, at the slow rate of before they were Up.
          const patienceMs = detection(a, b) + detection(b, a) + 2 * delayMs;
          let sinceMs: number | undefined;
          pair.watch = (nowMs) => {
            const [one, other] = pair.states;
            sinceMs = (one === 'Up') === (other === 'Up') ? undefined : (sinceMs ?? nowMs);
            if (sinceMs !== undefined) expect(nowMs - sinceMs).toBeLessThanOrEqual(patienceMs);
          };
          pair.until(120_000);
          flaps += pair.changes.filter(({ from }) => from === 'Up').length;
        },
      ),
      { numRuns: 30 },
    );
    // On such a link there is something to disagree about.
    expect(flaps).toBeGreaterThan(20);
  });

  it('do not flap when intervals and multipliers change', () => {
    const change = fc.record({ who: fc.constantFrom(0, 1), waitMs: fc.nat(6_000), settings: settings(1) });
    fc.assert(
      fc.property(
        settings(1),
        settings(1),
        fc.array(change, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        (a, b, changes, seed) => {
          // A constant delay: what arrives is as far apart as what was sent.
          const pair = new Pair(a, b, seeded(seed), () => 3).until(20_000);
          expect(pair.states).toEqual(['Up', 'Up']);
          pair.changes.length = 0;
          for (const { who, waitMs, settings } of changes) {
            pair.configure(who as 0 | 1, settings as Partial<SessionConfig>).until(pair.nowMs + waitMs);
          }
          pair.until(pair.nowMs + 30_000);
          expect(pair.changes).toEqual([]);
          agreed(pair);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('do not flap when one is late and says so in time', () => {
    const pair = new Pair({ desiredMinTxMs: 50 }, { requiredMinRxMs: 50 }, seeded(3), () => 1).until(20_000);
    pair.changes.length = 0;
    pair.do(0, { type: 'widen', lateMs: 140 }).until(21_000);
    // A pause that the peer would not have borne before: 150 ms were its detection time.
    expect(detectionMs(pair.ends[1].session)).toBe(3 * 140);
    expect(pair.until(100_000).changes).toEqual([]);
    expect(detectionMs(pair.ends[1].session)).toBe(150);
  });
});
