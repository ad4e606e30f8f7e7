/** What one process has for itself: others are told who has it, and nothing is left when it is killed. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { folderTurn, lockFolder } from '../../src/io/lock.ts';
import { Folder } from '../support/daemon.ts';
import { endHolders, holder, taken } from '../support/holder.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(async () => {
  await endHolders();
  folder.dispose();
});

describe('a folder', () => {
  test('is made, and is one descriptor’s alone until that is closed', () => {
    const path = folder.file('a/b');
    const lock = taken(lockFolder(path));
    expect(existsSync(path)).toBe(true);
    expect(lockFolder(path)).toEqual({ pid: process.pid });
    lock.release();
    taken(lockFolder(path)).release();
  });

  test('of a process that is killed is free at once, whatever its number', async () => {
    const first = await holder('folder', folder.path);
    expect(first.has).toBe(true);
    expect(lockFolder(folder.path)).toEqual({ pid: first.pid });
    expect(await holder('folder', folder.path)).toMatchObject({ has: false, holder: { pid: first.pid } });
    await first.kill();
    taken(lockFolder(folder.path)).release();
  });

  test('that cannot be made or opened is nobody’s', () => {
    folder.write('file', '');
    taken(lockFolder(folder.file('file/state'))).release();
    taken(lockFolder(folder.file('file'))).release();
  });

  test('is waited for while somebody else has it for a moment', async () => {
    const lock = taken(lockFolder(folder.path));
    let free = false;
    const turn = folderTurn(folder.path).then((mine) => {
      expect(free).toBe(true);
      return mine;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    free = true;
    lock.release();
    (await turn).release();
    taken(lockFolder(folder.path)).release();
  });
});
