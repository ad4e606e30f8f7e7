/** Others cannot fill log and journal. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Chronicle } from '../../src/daemon/chronicle.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import { Quota } from '../../src/daemon/quota.ts';
import { prefix } from '../../src/lib/prefix.ts';

test('the same is told once a minute, and of others so many; the next says how many were not', () => {
  const quota = new Quota(3);
  const told = (nowMs: number, ...whats: string[]) => whats.map((what) => quota.take(what, nowMs));
  expect(told(5, 'a', 'a', 'b', 'c', 'd', 'e')).toEqual([0, undefined, 1, 0, undefined, undefined]);
  expect(told(60_004, 'a')).toEqual([undefined]);
  expect(told(60_005, 'a', 'd', 'a')).toEqual([3, 0, undefined]);
  expect(told(200_000, 'a')).toEqual([1]);
});

test('faults in every UPDATE, and callers by the thousand, leave room for what others tell', () => {
  const lines: string[] = [];
  const chronicle = new Chronicle(pino({ base: null }, { write: (line: string) => lines.push(line) }));
  chronicle.peer('added', 'router', '');
  const [router, other] = [{ name: 'router' } as Peer, { name: 'other' } as Peer];
  for (let i = 0; i < 5_000; i++) {
    for (const code of [5, 9]) chronicle.faulty(router, [{ code, action: 'discard', reason: 'from another AS' }]);
    chronicle.faulty(router, [{ code: 2, action: 'withdraw', reason: `${i} octets` }]);
    chronicle.stranger(`192.0.2.${i % 250}`);
  }
  chronicle.faulty(other, [{ code: 5, action: 'discard', reason: 'from another AS' }]);
  expect(lines).toHaveLength(1 + 20 + 100 + 1);
  const rows = [...chronicle.journal.rows()];
  expect([rows[0], rows.at(-1)].map((row) => row?.subject)).toEqual(['router', 'other']);
});

test('paths too many, next hops on no link, and refreshes too early are told of once a minute', () => {
  const lines: string[] = [];
  const chronicle = new Chronicle(pino({ base: null }, { write: (line: string) => lines.push(line) }));
  const router = { name: 'router' } as Peer;
  for (let i = 0; i < 5_000; i++) {
    chronicle.tooManyPaths(router, prefix('203.0.113.0/24'));
    chronicle.offLink(router, `198.51.100.${i % 2}`);
    chronicle.early(router, 'ipv6');
  }
  const told = lines.map((line) => JSON.parse(line) as { prefix?: string; nextHop?: string; family?: string });
  expect(told.map((line) => line.prefix ?? line.nextHop ?? line.family)).toEqual([
    '203.0.113.0/24',
    '198.51.100.0',
    'ipv6',
    '198.51.100.1',
  ]);
  const rows = [...chronicle.journal.rows()];
  expect(rows.map((row) => row.reason || row.detail)).toEqual([
    'tooManyPaths',
    'nextHopOffLink',
    'ipv6',
    'nextHopOffLink',
  ]);
});
