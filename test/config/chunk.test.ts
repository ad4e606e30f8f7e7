import { expect, it } from 'vitest';
import { splitChunks } from '../../src/config/chunk.ts';

const chunks = (text: string) => [...splitChunks(text)].map(({ line, text }) => [line, text]);

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
