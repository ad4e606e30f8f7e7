/** What is void after a boot, on disk at once: while it can be written and while it cannot. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STOPPED } from '../../src/bgp/session.ts';
import { BootFile } from '../../src/daemon/bootfile.ts';
import { Note } from '../../src/daemon/note.ts';
import { Presence } from '../../src/daemon/presence.ts';
import { bootId } from '../../src/io/state.ts';
import { aWhile, Folder, soon } from '../support/daemon.ts';

let folder: Folder;
const failures: string[] = [];
beforeEach(() => {
  folder = new Folder();
  failures.length = 0;
});
afterEach(() => folder.dispose());

const file = (version = 1) => new BootFile<{ readonly a: number }>('f', version, (reason) => failures.push(reason), 20);
const onDisk = (name = 'f') => JSON.parse(readFileSync(folder.file(`state/${name}`), 'utf8')) as object;

test('what is kept is on disk when that returns, and is what the next process recalls', () => {
  const kept = file();
  kept.keep(folder.file('state'), { a: 1 });
  expect(onDisk()).toEqual({ version: 1, boot: bootId(), a: 1 });
  expect(file().recall(folder.file('state'))).toEqual({ a: 1 });
});

test.each([
  ['of another version', () => JSON.stringify({ version: 2, boot: bootId(), a: 1 })],
  ['of another boot', () => JSON.stringify({ version: 1, boot: 'another', a: 1 })],
  ['cut off', () => `{"version": 1, "boot": "${bootId()}", "a"`],
  ['that is no object', () => 'null'],
])('a file %s says nothing', (_, text) => {
  writeFileSync(folder.file('f'), text());
  expect(file().recall(folder.path)).toEqual({});
});

test('nothing is written twice; in another folder it is', () => {
  const kept = file();
  kept.keep(folder.file('state'), { a: 1 });
  rmSync(folder.file('state'), { recursive: true });
  kept.keep(folder.file('state'), { a: 1 });
  expect(existsSync(folder.file('state'))).toBe(false);
  kept.keep(folder.file('other'), { a: 1 });
  expect(existsSync(folder.file('other/f'))).toBe(true);
});

test('what cannot be written is told once, and written once it can be', async () => {
  folder.write('state', '');
  const kept = file();
  kept.keep(folder.file('state'), { a: 1 });
  kept.keep(folder.file('state'), { a: 2 });
  await aWhile(100);
  expect(failures).toHaveLength(1);
  rmSync(folder.file('state'));
  mkdirSync(folder.file('state'));
  await soon('the file', () => existsSync(folder.file('state/f')));
  expect(onDisk()).toMatchObject({ a: 2 });
  kept.stop();
});

describe('sessions that are up', () => {
  const peer = (name: string) => ({ name, restartTimeSec: 120 });
  const up = (presence: Presence, name: string) => presence.heard(peer(name), 'OpenConfirm', 'Established', '');
  const presence = (dir = 'state') =>
    new Presence(
      () => folder.file(dir),
      (reason) => failures.push(reason),
      20,
    );

  test('are recalled after a kill, and not after a farewell', () => {
    const first = presence();
    expect(first.recall()).toEqual(new Set());
    for (const name of ['a', 'b', 'c']) up(first, name);
    first.heard({ name: 'plain' }, 'OpenConfirm', 'Established', '');
    first.heard(peer('b'), 'Established', 'Idle', `${STOPPED}: by an operator`);
    first.heard(peer('c'), 'Established', 'Idle', 'hold timer expired');
    expect(presence().recall()).toEqual(new Set(['a', 'c']));
    first.clear();
    expect(presence().recall()).toEqual(new Set());
  });

  test('are recalled once more where the next process is killed before it is back with all', () => {
    const first = presence();
    for (const name of ['a', 'b', 'c']) up(first, name);
    const second = presence();
    second.recall();
    up(second, 'a');
    second.heard(peer('a'), 'Established', 'Idle', STOPPED);
    up(second, 'b');
    expect(presence().recall()).toEqual(new Set(['b', 'c']));
  });

  test('are known in the state directory that a reload gives', () => {
    let dir = 'one';
    const first = new Presence(
      () => folder.file(dir),
      () => {},
    );
    first.moved();
    expect(existsSync(folder.file('one'))).toBe(false);
    up(first, 'a');
    dir = 'two';
    first.moved();
    expect(presence('two').recall()).toEqual(new Set(['a']));
  });
});

test('a note is a yes that survives', () => {
  const note = () => new Note(() => folder.file('state'), 'n');
  const first = note();
  expect(first.get()).toBe(false);
  first.set(false);
  expect(existsSync(folder.file('state'))).toBe(false);
  first.set(true);
  expect(note().get()).toBe(true);
  first.set(false);
  expect(note().get()).toBe(false);
});

test('a yes is known in the state directory that a reload gives', () => {
  let dir = 'one';
  const first = new Note(() => folder.file(dir), 'n');
  first.set(true);
  dir = 'two';
  first.set(true);
  expect(new Note(() => folder.file('two'), 'n').get()).toBe(true);
});
