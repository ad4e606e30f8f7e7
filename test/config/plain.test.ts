/** The plain reader says what the general parser says, or nothing. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineCounter } from 'yaml';
import { parseTree } from '../../src/config/parse.ts';
import { parsePlain } from '../../src/config/plain.ts';
import { fixture, fixtures } from '../support/config.ts';

/** What the general parser makes of it; undefined where that is an error. */
function general(text: string): { value: unknown; start: number | undefined } | undefined {
  const document = parseTree(text, new LineCounter());
  if (document.errors.length > 0) return undefined;
  return { value: document.toJS(), start: document.contents?.range[0] };
}

function agree(text: string): boolean {
  const plain = parsePlain(text);
  if (plain === undefined) return false;
  expect({ text, value: plain.value, start: plain.start }).toEqual({ text, ...general(text) });
  return true;
}

it.each<[string, string]>([
  ['mappings and scalars', 'a: b\nc:\n  d: 1\n  e: true\n  f: null\n  g:\nh: 2001:db8::1/64\n'],
  ['sequences, indented or not', 'a:\n- b\n- c: 1\n  d: x\nb:\n  - e\n  -   f: 2\n      g: 3\n'],
  ['a sequence in a sequence item', 'a:\n- b:\n  - 1\n  c: 2\n- d:\n'],
  ['flow collections', 'a: {b: c, d: [e, "f g", {}], h: []}\nk: [ 10.0.0.0/8,192.0.2.1 ] # x\n'],
  ['quotes', `a: "80"\nb: 'x: #y' # z\nc: ""\n`],
  ['comments and blank lines', '---\n# a\n\nb: c # d\n  # e\n\n# f\ng: 1\n   \n'],
  ['words that look like numbers', 'a: 10.0.0.1\nb: 90s\nc: 007\nd: 1_000\ne: 64512:100\nf: 2026-01-02\ng: 12:30\n'],
  ['no line feed at the end', 'a:\n  b: c'],
])('%s', (_, text) => {
  expect(agree(text)).toBe(true);
});

it.each<[string, string]>([
  ['a tab', 'a:\tb\n'],
  ['letters beyond ASCII', 'a: ä\n'],
  ['an anchor', 'a: &x b\n'],
  ['an alias', 'a: *x\n'],
  ['a tag', 'a: !!str 1\n'],
  ['a merge key', 'a:\n  <<: {b: c}\n'],
  ['a block scalar', 'a: |\n  b\n'],
  ['a scalar of two lines', 'a: b\n  c\n'],
  ['escapes', 'a: "b\\n"\n'],
  ['a key twice', 'a: 1\na: 2\n'],
  ['a key twice in a flow mapping', 'a: {b: 1, b: 2}\n'],
  ['a key that is null', 'null: 1\n'],
  ['a float', 'a: 1.5\n'],
  ['an exponent', 'a: 1e3\n'],
  ['hexadecimal', 'a: 0x10\n'],
  ['a number beyond what is exact', 'a: 12345678901234567890\n'],
  ['indentation that fits nothing', 'a:\n    b: 1\n  c: 2\n'],
  ['a value below a value', 'a: b\n  c: d\n'],
  ['an item below a value', 'a: b\n- c\n'],
  ['a colon at the end', 'a: fd00::\n'],
  ['a mapping in a line', 'a: b: c\n'],
  ['CRLF', 'a: b\r\n'],
  ['a sequence alone', '- a\n'],
  ['a template', 'a: {{ .Values.b }}\n'],
  ['half a flow collection', 'a: [b,\n  c]\n'],
])('left to the general parser: %s', (_, text) => {
  expect(parsePlain(text)).toBeUndefined();
});

it('tells where the items of a List stand', () => {
  const text = 'kind: List\nitems:\n- a: 1\n  b: 2\n# c\n-  a: 2\nx: y\n';
  const { items } = parsePlain(text)!;
  expect(items.map(([start, end]) => text.slice(start, end))).toEqual(['a: 1\n  b: 2\n# c\n', 'a: 2\n']);
});

it('reads most documents people write', () => {
  const documents = fixtures(/^seed.*\.yaml$/).flatMap((name) => fixture(name).split(/^(?=---$)/m));
  const read = documents.filter((text) => agree(text));
  expect(read.length / documents.length).toBeGreaterThan(0.8);
});

const scraps = [
  '\n',
  ' ',
  '  ',
  '- ',
  ': ',
  ':',
  '#',
  ' #',
  '{',
  '}',
  '[',
  ']',
  ', ',
  '"',
  "'",
  '\\',
  '|',
  '>',
  '&a',
  '*a',
];
const words = [
  'a',
  'b',
  'null',
  'True',
  '7',
  '0x1',
  '1.5',
  '1e3',
  '.5',
  '-',
  '---',
  '...',
  '~',
  '<<',
  '10.0.0.1',
  '::1',
];
const shred = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat({ max: 8 }),
  insert: fc.constantFrom('', ...scraps, ...words),
});
const lines = ['a: 1\n', '  b: c\n', '- d\n', '  - e: f\n', '    g: {h: i}\n', 'k:\n', '  l:\n', '# m\n', '- n:\n'];

it('agrees with the general parser, whatever is done to a text', () => {
  const texts = fixtures(/\.yaml$/)
    .flatMap((name) => fixture(name).split(/^(?=---$)/m))
    .filter((text) => parsePlain(text) !== undefined);
  const base = fc.oneof(
    fc.constantFrom(...texts),
    fc.array(fc.constantFrom(...lines)).map((list) => list.join('')),
  );
  let read = 0;
  fc.assert(
    fc.property(base, fc.array(shred, { maxLength: 3 }), (text, edits) => {
      for (const { at, remove, insert } of edits) {
        const i = Math.floor(at * text.length);
        text = text.slice(0, i) + insert + text.slice(i + remove);
      }
      if (agree(text)) read++;
    }),
    { numRuns: 2000 },
  );
  expect(read).toBeGreaterThan(400);
});
