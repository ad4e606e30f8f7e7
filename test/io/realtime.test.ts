import { expect, it } from 'vitest';
import { Realtime } from '../../src/io/realtime.ts';

/** A thread that works `busyMs` of each 10 ms; the priorities it was given, with the time. */
function run(one: Realtime, fromMs: number, untilMs: number, busyMs: number): void {
  for (let ms = fromMs; ms < untilMs; ms += 10) one.worked(ms + 10 - busyMs, ms + 10);
}

it('leaves real-time priority while the thread is busy nearly all the time, and returns to it', () => {
  const set: [number, number][] = [];
  let now = 0;
  const one = new Realtime(0, (priority) => {
    set.push([now, priority]);
    return 0;
  });
  expect(one.problem).toBeUndefined();
  const during = (untilMs: number, busyMs: number) => {
    for (; now < untilMs; now += 10) run(one, now, now + 10, busyMs);
  };
  during(2000, 5);
  expect(set).toEqual([[0, 10]]);
  during(4000, 10);
  expect(set.map(([, priority]) => priority)).toEqual([10, 0]);
  expect(set[1]![0]).toBeGreaterThanOrEqual(2000);
  expect(set[1]![0]).toBeLessThanOrEqual(2400);
  during(8000, 5);
  expect(set.map(([, priority]) => priority)).toEqual([10, 0, 10]);
  expect(set[2]![0]).toBeGreaterThanOrEqual(4900);
  expect(set[2]![0]).toBeLessThanOrEqual(5400);
});

it('does without where it is not permitted, and says why', () => {
  let calls = 0;
  const one = new Realtime(0, () => {
    calls++;
    return 1;
  });
  expect(one.problem).toBe('EPERM');
  run(one, 0, 5000, 10);
  expect(calls).toBe(1);
});
