/** Small files that survive: whole or not at all. */
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readState, writeState } from '../../src/io/state.ts';
import { Folder } from '../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

test('what was written is what is read, in a folder made for it', async () => {
  const dir = folder.file('a/b');
  expect(readState(dir, 'x.json')).toBeUndefined();
  await writeState(dir, 'x.json', 'one ü\n');
  expect(readState(dir, 'x.json')).toBe('one ü\n');
  await writeState(dir, 'x.json', '');
  expect(readState(dir, 'x.json')).toBe('');
  expect(readdirSync(dir)).toEqual(['x.json']);
  expect(statSync(dir).mode & 0o777).toBe(0o750);
  expect(statSync(`${dir}/x.json`).mode & 0o777).toBe(0o640);
});

test('a leftover of a crash is in nobody’s way', async () => {
  folder.write('.x.json.new', 'half of it, longer than what comes');
  await writeState(folder.path, 'x.json', 'whole');
  expect(readState(folder.path, 'x.json')).toBe('whole');
});

test('what cannot be written leaves the old file', async () => {
  await writeState(folder.path, 'x.json', 'old');
  const root = process.getuid!() === 0;
  chmodSync(folder.path, 0o555);
  if (root) process.seteuid!(65534);
  try {
    await expect(writeState(folder.path, 'x.json', 'new')).rejects.toThrow();
  } finally {
    if (root) process.seteuid!(0);
    chmodSync(folder.path, 0o755);
  }
  expect(readState(folder.path, 'x.json')).toBe('old');
});

test('a folder in place of the file is an error, not "nothing"', () => {
  expect(() => readState(folder.path, '.')).toThrow();
});
