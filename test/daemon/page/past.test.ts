/** The last hour of a session, from what the journal remembers. */
import { expect, test } from 'vitest';
import { pastOf } from '../../../src/daemon/page/past.ts';
import { NOW_MS } from './sample.ts';

const at = (minutesAgo: number, event: string) => {
  const time = new Date(NOW_MS - minutesAgo * 60_000).toISOString();
  return {
    seq: 0,
    time,
    since: time,
    count: 1,
    kind: 'session' as const,
    subject: 'a',
    event,
    reason: null,
    detail: '',
  };
};
const minutes = (events: Parameters<typeof pastOf>[0], up: boolean, startedAgo = 120): string[] =>
  pastOf(events, up, NOW_MS - startedAgo * 60_000, NOW_MS).map(
    (s) => `${(NOW_MS - s.fromMs) / 60_000}-${(NOW_MS - s.toMs) / 60_000} ${s.up ? 'up' : 'down'}`,
  );

test('without events it was always as it is, and not before the start', () => {
  expect(minutes([], true)).toEqual(['60-0 up']);
  expect(minutes([], false, 10)).toEqual(['10-0 down']);
});

test('it turns with every event', () => {
  const events = [at(50, 'session up'), at(30, 'session down'), at(29, 'session attempt failed'), at(20, 'session up')];
  expect(minutes(events, true)).toEqual(['60-50 down', '50-30 up', '30-20 down', '20-0 up']);
});

test('what happened before the hour counts for its beginning', () => {
  expect(minutes([at(100, 'session up'), at(90, 'session down')], false)).toEqual(['60-0 down']);
  expect(minutes([at(100, 'session up')], true)).toEqual(['60-0 up']);
});
