/** A file in the state directory, while it can be written and while it cannot. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Keeper } from '../../src/daemon/keeper.ts';
import { aWhile, Folder, soon } from '../support/daemon.ts';

let folder: Folder;
const failures: string[] = [];
beforeEach(() => {
  folder = new Folder();
  failures.length = 0;
});
afterEach(() => folder.dispose());

const keeper = (retryMs?: number): Keeper => new Keeper('f', (reason) => failures.push(reason), retryMs);

test('the newest text is in the file, in whichever folder it belongs', async () => {
  const kept = keeper();
  void kept.keep(folder.file('a'), 'one');
  void kept.keep(folder.file('a'), 'two');
  await kept.keep(folder.file('a'), 'three');
  expect(readFileSync(folder.file('a/f'), 'utf8')).toBe('three');
  await kept.keep(folder.file('b'), 'three');
  expect(readFileSync(folder.file('b/f'), 'utf8')).toBe('three');
  await kept.stop();
  expect(failures).toEqual([]);
});

test('what cannot be written is told once, and written once it can be, without anybody asking again', async () => {
  const kept = keeper(20);
  folder.write('file', '');
  await kept.keep(folder.file('file/state'), 'text');
  await kept.keep(folder.file('file/state'), 'newer');
  await aWhile(100);
  expect(failures).toEqual([expect.stringContaining('ENOTDIR')]);
  rmSync(folder.file('file'));
  mkdirSync(folder.file('file'));
  await soon('the file', () => {
    try {
      return readFileSync(folder.file('file/state/f'), 'utf8') === 'newer';
    } catch {
      return false;
    }
  });
  await kept.stop();
});

test('after the end nothing is tried any more', async () => {
  const kept = keeper(20);
  folder.write('file', '');
  await kept.keep(folder.file('file/state'), 'text');
  await kept.stop();
  rmSync(folder.file('file'));
  await aWhile(100);
  expect(() => readFileSync(folder.file('file/state/f'))).toThrow();
});
