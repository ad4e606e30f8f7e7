/** Whatever is done to a file, loading it ends with diagnostics that point into it, and never with an exception. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { Loader } from '../../src/config/load.ts';
import { encode, fixture, fixtures } from '../support/config.ts';

const texts = fixtures(/\.yaml$/).map((name) => fixture(name));
const pieces = [
  '\t',
  ' ',
  '-',
  '---\n',
  ':',
  '&a',
  '*a',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '|',
  '\n',
  '\r',
  '#',
  '!',
  '%',
  '<<: ',
  '? ',
  'null',
  '\u00a0',
  '\0',
  '7',
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat({ max: 30 }),
  insert: fc.constantFrom('', ...pieces),
});

it('texts with holes and scraps', async () => {
  const loader = new Loader();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }), async (text, edits) => {
      for (const { at, remove, insert } of edits) {
        const i = Math.floor(at * text.length);
        text = text.slice(0, i) + insert + text.slice(i + remove);
      }
      const lines = text.split('\n').length;
      const { configuration, diagnostics } = assemble([await loader.load('f', encode(text))], { hostname: 'host' });
      for (const { position, message, severity } of diagnostics) {
        expect(position.line).toBeGreaterThanOrEqual(1);
        expect(position.line).toBeLessThanOrEqual(lines);
        expect(position.column).toBeGreaterThanOrEqual(1);
        expect(message).not.toMatch(/hunter2|undefined|\[object/);
        expect(['error', 'warning']).toContain(severity);
      }
      expect(configuration === undefined).toBe(diagnostics.some(({ severity }) => severity === 'error'));
    }),
    { numRuns: 150 },
  );
});

it('octets of any kind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const { diagnostics } = await new Loader().load('f', bytes);
      for (const { position } of diagnostics)
        expect(Math.min(position.line, position.column)).toBeGreaterThanOrEqual(1);
    }),
  );
});
