import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRoomy, readContent } from '../../src/io/content.ts';
import { Folder } from '../support/daemon.ts';

const LARGE = 300_000;

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

function read(text: string, spare?: Uint8Array): Uint8Array {
  folder.write('f', text);
  const content = readContent(folder.file('f'), spare);
  if (content === undefined || 'error' in content) throw new Error(`not read: ${content?.error}`);
  return content.bytes;
}
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test.each([0, 1, 65_536, LARGE, 1 << 18, (1 << 18) - 1, (1 << 18) + 1, 1 << 20])('all %i octets are read', (size) => {
  const text = 'abcdefg'.repeat(Math.ceil(size / 7)).slice(0, size);
  expect(textOf(read(text)) === text).toBe(true);
});

test('a large file is read into memory that is free, if it fits', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((letter, i) => letter.repeat(LARGE + i));
  const spare = read(a!);
  expect(isRoomy(spare)).toBe(true);
  // Longer, and there was room to grow.
  const again = read(b!, spare);
  expect(again.buffer).toBe(spare.buffer);
  expect(textOf(again) === b).toBe(true);
  const other = read(c!);
  expect(other.buffer).not.toBe(spare.buffer);
  const huge = read('d'.repeat(4 * LARGE), spare);
  expect(huge.buffer).not.toBe(spare.buffer);
  expect(textOf(again) === b).toBe(true);
});

test('a small file takes no memory from a large one', () => {
  const spare = read('a'.repeat(LARGE));
  const small = read('small', spare);
  expect(isRoomy(small)).toBe(false);
  expect(small.buffer).not.toBe(spare.buffer);
});
