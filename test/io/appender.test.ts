/** Lines added to a file, also to one that has no room for them. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Appender } from '../../src/io/appender.ts';
import { Folder } from '../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

test('whole lines, for nobody else to read', () => {
  const failures: string[] = [];
  const appender = new Appender(folder.file('a'), (reason) => failures.push(reason));
  for (let i = 0; i < 5; i++) appender.line(`${i}`);
  appender.flush();
  expect(folder.read('a')).toBe('0\n1\n2\n3\n4\n');
  appender.line('5');
  appender.close();
  expect(folder.read('a')).toBe('0\n1\n2\n3\n4\n5\n');
  expect(statSync(folder.file('a')).mode & 0o777).toBe(0o600);
  expect(failures).toEqual([]);
});

test('a full disk ends it, once and with its reason, and throws nothing', () => {
  const failures: string[] = [];
  const appender = new Appender('/dev/full', (reason) => failures.push(reason));
  for (let i = 0; i < 5000; i++) appender.line('x'.repeat(100));
  appender.close();
  expect(failures).toEqual([expect.stringMatching(/^\/dev\/full cannot be written any more: ENOSPC/)]);
});

test('a folder that is not there is refused at once', () => {
  expect(() => new Appender(folder.file('none/a'), () => {})).toThrow(/cannot be written: ENOENT/);
});
