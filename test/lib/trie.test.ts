import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Family, fromBigInt } from '../../src/lib/address.ts';
import { contains, formatPrefix, type Prefix, prefix, prefixOf } from '../../src/lib/prefix.ts';
import { PrefixTrie } from '../../src/lib/trie.ts';

/** Prefixes that differ in few bits, at both ends of the address, so that many lie inside others. */
const near = (family: Family): fc.Arbitrary<Prefix> => {
  const bits = family === 4 ? 32 : 128;
  return fc
    .record({
      top: fc.nat(7),
      low: fc.nat(7),
      length: fc.oneof(
        fc.nat(bits),
        fc.nat(4),
        fc.nat(3).map((n) => bits - n),
      ),
    })
    .map(({ top, low, length }) =>
      prefixOf(fromBigInt(family, (BigInt(top) << BigInt(bits - 3)) | BigInt(low)), length),
    );
};

describe('PrefixTrie', () => {
  it.each([4, 6] as const)('finds the longest that holds all of an IPv%i prefix', (family) => {
    fc.assert(
      fc.property(
        fc.array(near(family), { maxLength: 20 }),
        fc.array(near(family), { maxLength: 20 }),
        (list, asked) => {
          const trie = new PrefixTrie(family);
          for (const [i, p] of list.entries()) trie.set(p, i);
          const filed = new Map(list.map((p, i) => [formatPrefix(p), { p, i }]));
          for (const q of [...asked, ...list]) {
            const holders = [...filed.values()].filter(({ p }) => contains(p, q));
            const best = holders.reduce<{ p: Prefix; i: number } | undefined>(
              (x, y) => (x === undefined || y.p.length > x.p.length ? y : x),
              undefined,
            );
            expect(trie.lookup(q)).toBe(best?.i ?? -1);
          }
        },
      ),
    );
  });

  it('looks for part of a prefix only when told so, within the family', () => {
    const trie = new PrefixTrie(4);
    trie.set(prefix('10.0.0.0/8'), 1);
    trie.set(prefix('10.1.0.0/16'), 2);
    expect(trie.lookup(prefix('10.1.2.0/24'))).toBe(2);
    expect(trie.lookup(prefix('10.1.2.0/24'), 15)).toBe(1);
    expect(trie.lookup(prefix('10.1.2.0/24'), 7)).toBe(-1);
    expect(() => trie.lookup(prefix('10.1.2.0/24'), 33)).toThrow(RangeError);
  });

  it('grows', () => {
    const trie = new PrefixTrie(6);
    const size = trie.byteLength;
    for (let i = 0; i < 2000; i++) trie.set(prefix(`2001:db8:${i.toString(16)}::/48`), i);
    expect(trie.lookup(prefix('2001:db8:7cf:1::/64'))).toBe(1999);
    expect(trie.byteLength).toBeGreaterThan(size);
  });
});
