import { expect, test } from 'vitest';
import { covers, patternEntry } from '../../src/lib/cover.ts';

test('names are names, and patterns are matched anywhere', () => {
  expect(covers('all', 'eth0')).toBe(true);
  expect(covers([], 'eth0')).toBe(false);
  expect(covers(['eth0', 'eth1'], 'eth1')).toBe(true);
  expect(covers(['eth.'], 'eth1')).toBe(false);
  for (const [pattern, yes, no] of [
    ['^eth', 'eth0', 'veth0'],
    ['eth', 'veth0', 'bond0'],
    ['^(?:ens\\d+|bond0)$', 'ens192', 'bond0.7'],
    ['/', 'a/b', 'eth0'],
  ] as const) {
    expect(covers(['br0', patternEntry(pattern)], yes)).toBe(true);
    expect(covers(['br0', patternEntry(pattern)], no)).toBe(false);
  }
});

test('thousands of patterns are not kept', () => {
  for (let i = 0; i < 1000; i++) expect(covers([patternEntry(`^eth${i}$`)], `eth${i}`)).toBe(true);
});
