import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Tails } from '../../src/capture/tails.ts';
import { Ascii, asciiOf } from '../../src/lib/ascii.ts';

it('gives back what was made of the same octets under the same tag, however small the room', () => {
  const set = fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 0, max: 3 }));
  const sets = fc.array(set, { minLength: 1, maxLength: 12 });
  const asked = fc.array(fc.nat(11), { maxLength: 60 });
  fc.assert(
    fc.property(fc.constantFrom(0, 100, 700, 4096), sets, asked, (room, known, numbers) => {
      const out = new Ascii(room);
      const tails = new Tails(out);
      let wanted = '';
      for (const n of numbers) {
        const [octets, tag] = known[n % known.length]!;
        const text = `${tag}:${[...octets].join(',')}\n`;
        const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
        const from = out.end;
        if (!tails.again(view, 0, octets.length, tag)) {
          out.put(asciiOf(text));
          tails.remember(octets, 0, octets.length, tag, from);
        }
        wanted += text;
      }
      expect(Buffer.from(out.take()).toString('latin1')).toBe(wanted);
    }),
  );
});

it('makes nothing twice while there is room', () => {
  const out = new Ascii(4096);
  const tails = new Tails(out);
  const octets = Uint8Array.of(1, 2, 3, 4, 5);
  const view = new DataView(octets.buffer);
  expect(tails.again(view, 0, 5, 1)).toBe(false);
  const from = out.end;
  out.put(asciiOf('text\n'));
  tails.remember(octets, 0, 5, 1, from);
  expect([1, 1, 2].map((tag) => tails.again(view, 0, 5, tag))).toEqual([true, true, false]);
  expect(tails.again(view, 0, 4, 1)).toBe(false);
  expect(Buffer.from(out.take()).toString('latin1')).toBe('text\n'.repeat(3));
});
