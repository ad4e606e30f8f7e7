/** Times for people, while the wall clock is set. */
import { afterEach, expect, test, vi } from 'vitest';
import { monotonicMs, wallClockAt } from '../../src/io/clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
  wallClockAt(0);
});

const HOUR_MS = 3_600_000;

test('a moment has the same time whenever it is asked, while the clock is only adjusted', () => {
  const at = monotonicMs();
  const first = wallClockAt(at);
  const real = Date.now;
  for (const byMs of [-300, 300]) {
    vi.spyOn(Date, 'now').mockImplementation(() => real() + byMs);
    expect(wallClockAt(at)).toBe(first);
    vi.restoreAllMocks();
  }
});

test('once the clock was set, what happened before has right times too', () => {
  const at = monotonicMs();
  const first = Date.parse(wallClockAt(at));
  const real = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => real() + HOUR_MS);
  expect(Math.abs(Date.parse(wallClockAt(at)) - first - HOUR_MS)).toBeLessThan(2_000);
  expect(wallClockAt(at)).toBe(wallClockAt(at));
});
