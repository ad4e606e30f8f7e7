/** The journal survives being written and read, octets and all. */
import { expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { noBaseline } from '../../src/vrf/baseline.ts';
import { emptyJournal, type Journal, journalText, readJournal } from '../../src/vrf/journal.ts';

it('is read as it was written', () => {
  const journal: Journal<{ name: string }> = {
    ...emptyJournal('boot'),
    applied: new Map([['p', { name: 'p' }]]),
    baseline: {
      ...noBaseline,
      links: new Map([['eth0', { mtu: 1500, master: null, ipv4: [{ address: address('192.0.2.1'), length: 24 }] }]]),
      sysctls: new Map([['net/ipv4/conf/eth0.7/forwarding', '0']]),
    },
    failed: new Map([['q', { text: '{}', reason: 'because', at: '2026-01-01T00:00:00Z' }]]),
  };
  expect(readJournal(journalText(journal))).toEqual(journal);
});

it('of another version is refused', () => {
  expect(() => readJournal('{"version":2}')).toThrow('it has version 2, not 1');
  expect(() => readJournal('{"version"')).toThrow();
});
