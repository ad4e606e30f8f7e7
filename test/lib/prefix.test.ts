import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import { address, bitsOf, formatAddress, fromBigInt, toBigInt } from '../../src/lib/address.ts';
import {
  bounds,
  comparePrefixes,
  contains,
  formatPrefix,
  maskBytes,
  overlaps,
  type Prefix,
  parsePrefix,
  prefix,
  prefixOf,
  summarize,
} from '../../src/lib/prefix.ts';
import { anyAddress, anyPrefix } from '../support/ip.ts';

/** First and last address as numbers, worked out with arithmetic instead of masks. */
function range(p: Prefix): readonly [bigint, bigint] {
  const size = 1n << BigInt(bitsOf(p.family) - p.length);
  const low = toBigInt(p);
  return [low, low + size - 1n];
}

describe('prefix text', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.255/24', '192.0.2.0/24'],
    ['192.0.2.129/25', '192.0.2.128/25'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:DB8:0::1/32', '2001:db8::/32'],
    ['ffff:ffff::/17', 'ffff:8000::/17'],
    ['::/0', '::/0'],
  ])('%s is %s', (text, canonical) => {
    expect(formatPrefix(prefix(text))).toBe(canonical);
  });

  it.each([
    '',
    '/',
    '/24',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/+8',
    '10.0.0.0/1e1',
    '10.0.0/8',
    '10.0.0.0/255.0.0.0',
    'fe80::1%eth0/64',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
    expect(() => prefix(text)).toThrow(SyntaxError);
  });

  it('parse∘format is the identity', () => {
    fc.assert(
      fc.property(anyPrefix(), (p) => {
        expect(parsePrefix(formatPrefix(p))).toEqual(p);
      }),
    );
  });
});

describe('prefix values', () => {
  it('agree with ip-address on network and last address', () => {
    fc.assert(
      fc.property(anyAddress(), fc.nat(128), (a, n) => {
        const length = n % (bitsOf(a.family) + 1);
        const p = prefixOf(a, length);
        const text = `${formatAddress(a)}/${length}`;
        const other = a.family === 4 ? new Address4(text) : new Address6(text);
        const [first, last] = bounds(p);
        expect(toBigInt(first)).toBe(other.startAddress().bigInt());
        expect(toBigInt(last)).toBe(other.endAddress().bigInt());
      }),
    );
  });

  it('leave the octets they are made of alone, Buffers included', () => {
    const octets = Buffer.from([255, 255, 255, 255]);
    expect([...maskBytes(octets, 9)]).toEqual([255, 128, 0, 0]);
    expect([...octets]).toEqual([255, 255, 255, 255]);
    const p = { family: 4, bytes: Buffer.from([10, 0, 0, 0]), length: 8 } as const;
    expect(formatAddress(bounds(p)[1])).toBe('10.255.255.255');
    expect(formatPrefix(p)).toBe('10.0.0.0/8');
  });

  it('refuse lengths that do not suit the family', () => {
    for (const length of [-1, 33, 1.5, Number.NaN])
      expect(() => prefixOf(address('1.2.3.4'), length)).toThrow(RangeError);
    expect(() => prefixOf(address('::'), 129)).toThrow(RangeError);
  });

  it('contain and overlap as ranges of numbers do', () => {
    fc.assert(
      fc.property(anyPrefix(), fc.nat(128), anyAddress(), (p, n, other) => {
        // Half of the time a prefix or address near `p`, else one at random.
        const near = prefixOf({ family: p.family, bytes: p.bytes }, n % (bitsOf(p.family) + 1));
        for (const q of [near, prefixOf(other, n % (bitsOf(other.family) + 1))]) {
          const [a, b] = range(p);
          const [c, d] = range(q);
          const same = p.family === q.family;
          expect(contains(p, q)).toBe(same && a <= c && d <= b);
          expect(overlaps(p, q)).toBe(same && a <= d && c <= b);
          for (const x of [a - 1n, a, b, b + 1n]) {
            if (x < 0n || x >> BigInt(bitsOf(p.family)) !== 0n) continue;
            expect(contains(p, fromBigInt(p.family, x))).toBe(x >= a && x <= b);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('order by family, address, length', () => {
    const sorted = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/16', '10.1.0.0/16', '::/0', '2001:db8::/32', '2001:db8::/48'];
    const shuffled = [6, 2, 0, 5, 3, 1, 4].map((i) => prefix(sorted[i]!));
    expect(shuffled.sort(comparePrefixes).map(formatPrefix)).toEqual(sorted);
  });
});

describe('summarize', () => {
  it.each([
    ['192.0.2.0', '192.0.2.255', ['192.0.2.0/24']],
    ['192.0.2.1', '192.0.2.1', ['192.0.2.1/32']],
    ['192.0.2.1', '192.0.2.6', ['192.0.2.1/32', '192.0.2.2/31', '192.0.2.4/31', '192.0.2.6/32']],
    ['0.0.0.0', '255.255.255.255', ['0.0.0.0/0']],
    ['255.255.255.254', '255.255.255.255', ['255.255.255.254/31']],
    ['0.0.0.0', '0.0.0.2', ['0.0.0.0/31', '0.0.0.2/32']],
    ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
    ['2001:db8::ff', '2001:db8::101', ['2001:db8::ff/128', '2001:db8::100/127']],
  ])('%s to %s', (first, last, expected) => {
    expect(summarize(address(first), address(last)).map(formatPrefix)).toEqual(expected);
  });

  it('refuses ranges that run backwards or mix families', () => {
    expect(() => summarize(address('10.0.0.2'), address('10.0.0.1'))).toThrow(RangeError);
    expect(() => summarize(address('0.0.0.1'), address('::2'))).toThrow(RangeError);
  });

  /** The fewest prefixes of at most `bits` bits that tile [low, high], by recursion on the whole tree. */
  function fewest(low: number, high: number, base: number, bits: number): number {
    const last = base + 2 ** bits - 1;
    if (high < base || low > last) return 0;
    if (low <= base && last <= high) return 1;
    return fewest(low, high, base, bits - 1) + fewest(low, high, base + 2 ** (bits - 1), bits - 1);
  }

  it('covers exactly the range, in order, with the fewest prefixes', () => {
    fc.assert(
      fc.property(
        fc.nat(1023),
        fc.nat(1023),
        fc.constantFrom('10.0.0.0', '0.0.0.0', '255.255.252.0', '2001:db8::fc00', '::'),
        (x, y, at) => {
          const base = toBigInt(address(at));
          const { family } = address(at);
          const [low, high] = [Math.min(x, y), Math.max(x, y)];
          const list = summarize(fromBigInt(family, base + BigInt(low)), fromBigInt(family, base + BigInt(high)));
          let next = base + BigInt(low);
          for (const p of list) {
            const [a, b] = range(p);
            expect(a).toBe(next);
            next = b + 1n;
          }
          expect(next).toBe(base + BigInt(high) + 1n);
          expect(list.length).toBe(fewest(low, high, 0, 10));
        },
      ),
      { numRuns: 300 },
    );
  });
});
