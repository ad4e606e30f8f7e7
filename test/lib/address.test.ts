import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import {
  address,
  addressFrom,
  compareAddresses,
  formatAddress,
  fromBigInt,
  fromU32,
  isLinkLocal,
  parseAddress,
  toBigInt,
  toU32,
  unmapAddress,
} from '../../src/lib/address.ts';
import { anyAddress } from '../support/ip.ts';

describe('formatAddress', () => {
  // RFC 5952 §4 and §5, section by section.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'], // §4.1 leading zeros
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'], // §4.2.1 as much as possible
    ['2001:db8::0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // §4.2.2 a single group stays
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // §4.2.3 the longest run
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // §4.2.3 the first of equals
    ['2001:DB8::ABCD', '2001:db8::abcd'], // §4.3 lower case
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'], // §5
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:1:0:0:0:0:0', '0:0:1::'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6::', '1:2:3:4:5:6::'],
    ['0:0:3:4:5:6:7:8', '::3:4:5:6:7:8'],
    ['0:2:3:4:5:6:7:0', '0:2:3:4:5:6:7:0'],
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
  ])('%s is %s', (text, canonical) => {
    expect(formatAddress(address(text))).toBe(canonical);
  });

  it('agrees with ip-address and the URL parser', () => {
    fc.assert(
      fc.property(anyAddress(6), (a) => {
        const text = formatAddress(a);
        const canonical = new Address6(text).correctForm();
        const mapped = text.startsWith('::ffff:') && text.includes('.');
        if (!mapped) {
          expect(text).toBe(canonical);
          expect(text).toBe(new URL(`http://[${text}]/`).hostname.slice(1, -1));
        }
      }),
    );
  });

  it('parse∘format is the identity', () => {
    fc.assert(
      fc.property(anyAddress(), (a) => {
        expect(parseAddress(formatAddress(a))).toEqual(a);
        expect(isIP(formatAddress(a))).toBe(a.family);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseAddress', () => {
  it('accepts what node:net accepts, zones aside', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      '00',
      'ff',
      'FFFF',
      '12345',
      ':',
      '::',
      '.',
      '1.2.3.4',
      '256',
      '-',
      'g',
      ' ',
      '[',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((list) => list.join('')),
      fc
        .array(fc.constantFrom('0', 'a', 'ffff', '', '1.2.3.4'), { minLength: 1, maxLength: 9 })
        .map((l) => l.join(':')),
      fc
        .array(fc.constantFrom('0', '1', '255', '256', '01', ''), { minLength: 3, maxLength: 5 })
        .map((l) => l.join('.')),
    );
    fc.assert(
      fc.property(text, (t) => {
        expect(parseAddress(t)?.family ?? 0).toBe(isIP(t));
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.4/32',
    '::1/128',
    'fe80::1%eth0',
    ' 1.2.3.4',
    '::1 ',
    '[::1]',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':::',
    '0x1.2.3.4',
    '1.2.3.4\n',
    'localhost',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(() => address(text)).toThrow(SyntaxError);
  });
});

describe('address values', () => {
  it('are made of 4 or 16 octets', () => {
    expect(formatAddress(addressFrom(Uint8Array.of(192, 0, 2, 1)))).toBe('192.0.2.1');
    expect(addressFrom(new Uint8Array(16)).family).toBe(6);
    for (const n of [0, 3, 5, 15, 17]) expect(() => addressFrom(new Uint8Array(n))).toThrow(RangeError);
  });

  it('unmap only ::ffff:0:0/96, into octets of their own', () => {
    const mapped = address('::ffff:192.0.2.1');
    expect(unmapAddress(mapped)).toEqual(address('192.0.2.1'));
    for (const text of ['::192.0.2.1', '::fffe:c000:201', '1::ffff:c000:201', '192.0.2.1'])
      expect(unmapAddress(address(text))).toEqual(address(text));
    const octets = Buffer.from(mapped.bytes);
    const plain = unmapAddress({ family: 6, bytes: octets });
    octets.fill(0);
    expect(formatAddress(plain)).toBe('192.0.2.1');
  });

  it('know link-local: fe80::/10', () => {
    for (const text of ['fe80::', 'fe80::1', 'febf:ffff::']) expect(isLinkLocal(address(text))).toBe(true);
    for (const text of ['fec0::', 'fe7f::', 'ff02::1', '::', '169.254.0.1', '254.128.0.0'])
      expect(isLinkLocal(address(text))).toBe(false);
  });

  it('convert to numbers and back', () => {
    fc.assert(
      fc.property(anyAddress(), (a) => {
        expect(fromBigInt(a.family, toBigInt(a))).toEqual(a);
        expect(toBigInt(a)).toBe(BigInt(`0x${Buffer.from(a.bytes).toString('hex')}`));
        if (a.family === 4) {
          expect(BigInt(toU32(a.bytes))).toBe(toBigInt(a));
          expect(fromU32(toU32(a.bytes))).toEqual(a.bytes);
        }
      }),
    );
    expect(toU32(Uint8Array.of(9, 9, 255, 0, 0, 1), 2)).toBe(0xff000001);
    for (const [family, value] of [
      [4, -1n],
      [4, 1n << 32n],
      [6, 1n << 128n],
    ] as const)
      expect(() => fromBigInt(family, value)).toThrow(RangeError);
  });

  it('order by family, then by number', () => {
    fc.assert(
      fc.property(anyAddress(), anyAddress(), (a, b) => {
        const [x, y] = [toBigInt(a), toBigInt(b)];
        const expected = a.family - b.family || (x < y ? -1 : x > y ? 1 : 0);
        expect(Math.sign(compareAddresses(a, b))).toBe(Math.sign(expected));
      }),
    );
  });
});
