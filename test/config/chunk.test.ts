import { expect, it } from 'vitest';
import { isNothing, splitChunks } from '../../src/config/chunk.ts';
import { encode } from '../support/config.ts';

const chunks = (text: string) =>
  [...splitChunks(encode(text), 0, encode(text).length, 1)]
    .map(({ line, start, end }) => [line, text.slice(start, end)] as const)
    .filter(([, piece]) => !isNothing(piece));

it.each<[string, string, [number, string][]]>([
  ['nothing', '', []],
  ['blank lines and comments', '\n# a\n---\n  # b\n...\n', []],
  ['one document', 'a: 1\n', [[1, 'a: 1\n']]],
  [
    'two',
    'a: 1\n---\nb: 2',
    [
      [1, 'a: 1\n'],
      [2, '---\nb: 2'],
    ],
  ],
  ['a leading marker and comment', '# x\n---\na: 1\n', [[2, '---\na: 1\n']]],
  [
    'content on the marker line',
    '--- {a: 1}\n--- # c\nb: 2\n',
    [
      [1, '--- {a: 1}\n'],
      [2, '--- # c\nb: 2\n'],
    ],
  ],
  [
    'an end marker',
    'a: 1\n...\nb: 2\n',
    [
      [1, 'a: 1\n'],
      [2, '\nb: 2\n'],
    ],
  ],
  ['a directive', '%YAML 1.2\n---\na: 1\n', [[2, '---\na: 1\n']]],
  [
    'CRLF',
    'a: 1\r\n---\r\nb: 2\r\n',
    [
      [1, 'a: 1\r\n'],
      [2, '---\r\nb: 2\r\n'],
    ],
  ],
  ['markers that are none', 'a: |\n  ---\n ---\n----\n---x\n', [[1, 'a: |\n  ---\n ---\n----\n---x\n']]],
  [
    'a marker in a block scalar at column 0 ends it',
    'a: |\n  x\n---\nb: 2\n',
    [
      [1, 'a: |\n  x\n'],
      [3, '---\nb: 2\n'],
    ],
  ],
])('%s', (_, text, expected) => {
  expect(chunks(text)).toEqual(expected);
});

it('millions of lines of nothing are nothing', () => {
  expect(isNothing(`---\n${'\n'.repeat(5_000_000)}`)).toBe(true);
  expect(isNothing(`${'# comment\n'.repeat(100_000)}a: 1`)).toBe(false);
});
