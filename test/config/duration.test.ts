import { expect, it } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';

it.each([
  ['90s', 90_000],
  ['1m30s', 90_000],
  ['0s', 0],
  ['0', 0],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['2h45m30.5s', 9_930_500],
  ['250ms', 250],
  ['1us', 0.001],
  ['1µs', 0.001],
  ['-1.5s', -1500],
  ['+3s', 3000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBeCloseTo(ms, 9);
});

it.each(['', '90', '1.5', 's', '90 s', '90S', '1d', '1m 30s', '--1s', '.s', '1e3s', '1:30'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);
