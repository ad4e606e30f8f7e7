import { expect, it } from 'vitest';
import { Lateness, lateBoundsMs, latePercentile } from '../../src/lib/late.ts';

it('is counted by class, and told as the bound that a part stays below', () => {
  const late = new Lateness();
  expect(latePercentile(late.totals, 0.99)).toBe(0);
  for (let n = 0; n < 98; n++) late.add(0.05);
  late.add(3);
  late.add(4_000);
  const { counts, sumMs, maxMs } = late.totals;
  expect(counts).toHaveLength(lateBoundsMs.length + 1);
  expect([counts[0], counts[lateBoundsMs.indexOf(5)], counts.at(-1)]).toEqual([98, 1, 1]);
  expect([sumMs, maxMs]).toEqual([98 * 0.05 + 4_003, 4_000]);
  expect(latePercentile(late.totals, 0.5)).toBe(0.1);
  expect(latePercentile(late.totals, 0.99)).toBe(5);
  expect(latePercentile(late.totals, 1)).toBe(4_000);
});

it('is read where the memory is shared', () => {
  const memory = new SharedArrayBuffer(Lateness.OCTETS);
  const reader = new Lateness(memory);
  new Lateness(memory).add(1_500);
  expect(reader.totals).toEqual({ counts: [...lateBoundsMs.map(() => 0), 1], sumMs: 1_500, maxMs: 1_500 });
});
