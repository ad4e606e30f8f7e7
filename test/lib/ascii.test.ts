import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, fromU32 } from '../../src/lib/address.ts';
import { Ascii, asciiOf } from '../../src/lib/ascii.ts';

const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 9, 99, 999, 1000, 999_999, 1_000_000));
const textOf = (fill: (out: Ascii) => void): string => {
  const out = new Ascii();
  fill(out);
  return Buffer.from(out.take()).toString('latin1');
};

describe('numbers as text', () => {
  it('are what others make of them', () => {
    fc.assert(
      fc.property(u32, (n) => {
        expect(textOf((out) => out.number(n))).toBe(String(n));
        expect(textOf((out) => out.quad(n))).toBe(formatAddress({ family: 4, bytes: fromU32(n) }));
        expect(textOf((out) => out.hex(n & 255))).toBe((n & 255).toString(16).padStart(2, '0'));
      }),
    );
  });
});

describe('pieces', () => {
  it('long and short, more than there is room for at first', () => {
    const piece = (octets: number) => 'abcdefghij'.repeat(octets / 10);
    for (const octets of [10, 20, 100_000])
      expect(
        textOf((out) => {
          out.put(asciiOf(piece(octets))).text(piece(octets));
          out.again(0, octets);
        }),
      ).toBe(piece(octets).repeat(3));
  });

  it('what is cut off is gone, what is kept outlives what is taken', () => {
    const out = new Ascii(16);
    const start = out.end;
    out.text('kept');
    out.keep(start, 2);
    out.text('gone');
    out.cut(start + 4);
    expect(Buffer.from(out.since(start)).toString('latin1')).toBe('kept');
    out.take();
    expect(Buffer.from(out.again(2, 6).take()).toString('latin1')).toBe('kept');
  });
});
