import { describe, expect, it } from 'vitest';
import { DEFAULT_SCHEDULE, Schedule, type ScheduleRules } from '../../src/l2/schedule.ts';

/** Runs a schedule to `untilMs` as a loop would that wakes exactly when told to; gives what left when. */
function run<T>(schedule: Schedule<T>, fromMs: number, untilMs: number): [number, T][] {
  const left: [number, T][] = [];
  let nowMs = fromMs;
  for (;;) {
    for (let item = schedule.take(nowMs); item !== undefined; item = schedule.take(nowMs)) left.push([nowMs, item]);
    const due = schedule.nextDueMs();
    if (due === undefined || due > untilMs) return left;
    if (due <= nowMs) throw new Error(`due at ${due}, and nothing was given at ${nowMs}`);
    nowMs = due;
  }
}

const make = (rules: Partial<ScheduleRules> = {}) => new Schedule<string>({ ...DEFAULT_SCHEDULE, ...rules });
const times = (left: readonly [number, string][], item: string) =>
  left.filter(([, one]) => one === item).map(([at]) => at);

describe('the gratuitous schedule', () => {
  it('is five rounds, 1.1 s apart, and no more', () => {
    const schedule = make();
    schedule.announce('a', 1000);
    expect(schedule.nextDueMs()).toBe(1000);
    expect(times(run(schedule, 1000, 1e6), 'a')).toEqual([1000, 2100, 3200, 4300, 5400]);
    expect(schedule.nextDueMs()).toBeUndefined();
  });

  it('still is five rounds when each leaves a little late', () => {
    const schedule = make();
    schedule.announce('a', 0);
    const left: number[] = [];
    for (let nowMs = 0; nowMs < 20_000; nowMs += 130) if (schedule.take(nowMs) !== undefined) left.push(nowMs);
    expect(left).toHaveLength(5);
  });

  it('is one round at least, however short the burst and late the first', () => {
    const schedule = make({ burstMs: 0 });
    schedule.announce('a', 0);
    expect(schedule.take(10)).toBe('a');
    expect(run(schedule, 10, 1e5)).toEqual([]);
  });

  it('is prolonged, and not disturbed, by another call', () => {
    const schedule = make();
    schedule.announce('a', 0);
    expect(times(run(schedule, 0, 2000), 'a')).toEqual([0, 1100]);
    schedule.announce('a', 2000);
    // Until 7000.
    expect(times(run(schedule, 2000, 1e6), 'a')).toEqual([2200, 3300, 4400, 5500, 6600]);
  });

  it('begins again once it was over', () => {
    const schedule = make();
    schedule.announce('a', 0);
    run(schedule, 0, 1e5);
    schedule.announce('a', 1e5);
    expect(times(run(schedule, 1e5, 2e5), 'a')).toEqual([0, 1100, 2200, 3300, 4400].map((ms) => 1e5 + ms));
  });

  it('ends at once when cancelled, and may begin anew', () => {
    const schedule = make();
    schedule.announce('a', 0);
    schedule.announce('b', 0);
    run(schedule, 0, 1500);
    schedule.cancel('a');
    schedule.cancel('a');
    expect(run(schedule, 1500, 3000)).toEqual([[2200, 'b']]);
    schedule.announce('a', 3000);
    expect(times(run(schedule, 3000, 1e5), 'a')).toEqual([3000, 4100, 5200, 6300, 7400]);
    schedule.announce('b', 1e6);
    schedule.clear();
    expect(schedule.nextDueMs()).toBeUndefined();
    expect(schedule.take(2e6)).toBeUndefined();
  });

  it('sends nothing that has become older than the burst, such as after a suspended machine', () => {
    const schedule = make();
    schedule.announce('a', 0);
    expect(schedule.take(0)).toBe('a');
    expect(schedule.take(60_000)).toBeUndefined();
    expect(schedule.nextDueMs()).toBeUndefined();
  });

  it('goes on at intervals after the burst, if so configured', () => {
    const schedule = make({ refreshMs: 30_000 });
    schedule.announce('a', 0);
    expect(times(run(schedule, 0, 100_000), 'a')).toEqual([
      ...[0, 1100, 2200, 3300, 4400],
      // The round at 5500 would have been the first one outside the burst.
      ...[35_500, 65_500, 95_500],
    ]);
    schedule.announce('a', 100_000);
    expect(times(run(schedule, 100_000, 140_000), 'a').slice(0, 6)).toEqual([
      ...[100_000, 101_100, 102_200, 103_300, 104_400],
      135_500,
    ]);
  });

  it('starts and ends intervals when the rules change', () => {
    const schedule = make();
    schedule.announce('a', 0);
    run(schedule, 0, 10_000);
    const other = { ...DEFAULT_SCHEDULE, refreshMs: 2000 };
    schedule.update(other, ['a'], 10_000);
    expect(run(schedule, 10_000, 15_000)).toEqual([
      [12_000, 'a'],
      [14_000, 'a'],
    ]);
    schedule.update({ ...other }, ['a'], 15_000);
    expect(schedule.nextDueMs()).toBe(16_000);
    schedule.update(DEFAULT_SCHEDULE, ['a'], 15_000);
    expect(schedule.nextDueMs()).toBeUndefined();
  });

  it('lets a burst run on when the rules change', () => {
    const schedule = make();
    schedule.announce('a', 0);
    run(schedule, 0, 1200);
    schedule.update({ ...DEFAULT_SCHEDULE, refreshMs: 10_000 }, ['a'], 1200);
    expect(times(run(schedule, 1200, 16_000), 'a')).toEqual([2200, 3300, 4400, 15_500]);
  });

  it('spreads many addresses: 32 at once, the others at the pace that is set', () => {
    const schedule = make({ gapMs: 0.5 });
    const items = Array.from({ length: 1000 }, (_, i) => `${i}`);
    for (const item of items) schedule.announce(item, 0);
    const first = run(schedule, 0, 1000).slice(0, 1000);
    // In the order in which they came, none twice.
    expect(first.map(([, item]) => item)).toEqual(items);
    expect(first.filter(([at]) => at === 0).length).toBeLessThanOrEqual(33);
    expect(first.at(-1)![0]).toBeGreaterThan((1000 - 34) * 0.5);
    expect(first.at(-1)![0]).toBeLessThan(1000 * 0.5 + 1);
    for (const ms of [100, 200, 300]) {
      const within = first.filter(([at]) => at >= ms && at < ms + 10).length;
      expect(within).toBeGreaterThanOrEqual(19);
      expect(within).toBeLessThanOrEqual(21);
    }
  });

  it('gives every address its rounds although they are paced', () => {
    const schedule = make({ gapMs: 0.5 });
    for (let i = 0; i < 500; i++) schedule.announce(`${i}`, 0);
    const left = run(schedule, 0, 1e5);
    for (let i = 0; i < 500; i++) expect(times(left, `${i}`)).toHaveLength(5);
    for (const [i, [at]] of left.slice(1).entries()) expect(at).toBeGreaterThanOrEqual(left[i]![0]);
  });

  it('lets nobody who waits for a first announcement wait for what is said again', () => {
    const schedule = make({ refreshMs: 30_000 });
    for (let i = 0; i < 1000; i++) schedule.announce(`${i}`, 0);
    run(schedule, 0, 20_000);
    // All of them are overdue.
    expect(schedule.take(90_000)).toBe('0');
    schedule.announce('new', 90_000);
    expect(schedule.take(90_000)).toBe('new');
    expect(schedule.take(90_000)).toBe('1');
    const rounds = make();
    for (let i = 0; i < 1000; i++) rounds.announce(`${i}`, 0);
    expect(run(rounds, 0, 1000)).toHaveLength(1000);
    rounds.announce('new', 4000);
    expect(rounds.take(4000)).toBe('new');
  });

  it('spreads what is said at intervals over a part of each, and keeps the interval of each address', () => {
    const refreshMs = 60_000;
    const schedule = make({ refreshMs });
    const items = Array.from({ length: 10_000 }, (_, i) => `${i}`);
    for (const item of items) schedule.announce(item, 0);
    const burst = run(schedule, 0, 10_000);
    const later = run(schedule, 10_000, 10_000 + 3 * refreshMs);
    const most = (left: readonly [number, string][]) => {
      const slots = new Map<number, number>();
      for (const [at] of left) slots.set(Math.floor(at / 100), (slots.get(Math.floor(at / 100)) ?? 0) + 1);
      return Math.max(...slots.values());
    };
    // Addresses in a tenth of a second: ten a millisecond in a burst, one in two milliseconds after it.
    expect(most(burst)).toBeLessThanOrEqual(1000 + 33);
    expect(most(later)).toBeLessThanOrEqual(51);
    const last = new Map<string, number>();
    for (const [at, item] of burst) last.set(item, at);
    const waits = later.map(([at, item]) => {
      const wait = at - last.get(item)!;
      last.set(item, at);
      return wait;
    });
    expect(last.size).toBe(items.length);
    expect(Math.max(...waits)).toBeLessThanOrEqual(refreshMs + 1100);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(refreshMs / 2);
    const again = waits.slice(items.length);
    expect(again.length).toBeGreaterThan(items.length);
    expect(Math.max(...again) - Math.min(...again)).toBeLessThan(1);
    expect(again[0]).toBeCloseTo(refreshMs, 0);
  });

  it('spreads them also where it is told of an interval for what is long announced', () => {
    const schedule = make();
    const items = Array.from({ length: 100 }, (_, i) => `${i}`);
    schedule.update({ ...DEFAULT_SCHEDULE, refreshMs: 10_000 }, items, 0);
    expect(run(schedule, 0, 15_000).map(([at]) => at)).toEqual(items.map((_, i) => 10_000 - 2 * (99 - i)));
  });
});
