import { expect, test } from 'vitest';
import { Splitter } from '../../src/lib/splitter.ts';

/** The lines of a text that comes in pieces of this length, and what is left. */
function split(text: string, piece: number): string[] {
  const splitter = new Splitter();
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += piece) lines.push(...splitter.push(text.slice(at, at + piece)));
  return [...lines, splitter.rest];
}

test('lines are the same however the text is cut', () => {
  for (const text of ['', 'a', '\n', 'one\n\ntwo\r\nthree', 'one\ntwo\n'])
    for (let piece = 1; piece <= text.length + 1; piece++) expect(split(text, piece)).toEqual(text.split('\n'));
});
