import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isoTime, putTime } from '../../src/capture/time.ts';
import { Ascii } from '../../src/lib/ascii.ts';

it('puts in what isoTime says, from 1970 to 2106', () => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(0, 86_399, 86_400, 951_782_400, 0xffffffff), fc.nat(0xffffffff)), (sec) => {
      const out = new Ascii();
      putTime(out, sec);
      expect(Buffer.from(out.take()).toString('latin1')).toBe(isoTime(sec * 1000));
    }),
  );
});
