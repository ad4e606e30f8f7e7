/** What is read when: renames at once, half-written files not before they are whole, one file for one edit. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FileContent } from '../../src/io/content.ts';
import { Files } from '../../src/io/files.ts';
import { aWhile, Folder, soon } from '../support/daemon.ts';

let folder: Folder;
let files: Files | undefined;
/** What was given out, batch by batch, as text by file name. */
let batches: Record<string, string>[];
let blind: string[];

beforeEach(() => {
  folder = new Folder();
  batches = [];
  blind = [];
});
afterEach(() => {
  files?.close();
  files = undefined;
  folder.dispose();
});

const textOf = (content: FileContent): string =>
  content === undefined
    ? '(gone)'
    : 'error' in content
      ? `(${content.error})`
      : new TextDecoder().decode(content.bytes);

/** Reads and watches; paths below the folder. */
async function watching(...paths: readonly string[]): Promise<Files> {
  const under = (file: string) => (file === folder.path ? '.' : file.slice(folder.path.length + 1));
  files = new Files(
    paths.map((path) => (path === '.' ? folder.path : folder.file(path))),
    {
      changed: (changes) => batches.push(Object.fromEntries([...changes].map(([f, c]) => [under(f), textOf(c)]))),
      blind: (where, reason) => blind.push(`${where}: ${reason}`),
    },
  );
  files.watch();
  await files.readAll();
  return files;
}

/** The batches since the first, after which nothing more comes. */
async function changes(count: number, quietMs = 300): Promise<Record<string, string>[]> {
  await soon(`${count} changes`, () => batches.length > count);
  await aWhile(quietMs);
  return batches.slice(1);
}

test('a folder is its YAML and JSON files, without hidden ones, others and sub-folders', async () => {
  const names = [
    'b.yaml',
    'a.yml',
    'c.json',
    '.hidden.yaml',
    '.c.json.new',
    'log.jsonl',
    'note.txt',
    'a.yaml~',
    'YAML',
  ];
  for (const name of names) folder.write(name, name);
  mkdirSync(folder.file('sub'));
  writeFileSync(folder.file('sub/c.yaml'), 'c');
  await watching('.');
  expect(batches).toEqual([{ 'a.yml': 'a.yml', 'b.yaml': 'b.yaml', 'c.json': 'c.json' }]);
});

test('a rename over a file is read at once, and that file alone', async () => {
  for (let i = 0; i < 100; i++) folder.write(`f${i}.yaml`, 'x\n');
  await watching('.');
  const before = performance.now();
  folder.put('f7.yaml', 'y, and no line feed');
  await soon('the change', () => batches.length > 1);
  expect(performance.now() - before).toBeLessThan(1000); // A file written in place would take that long.
  expect(await changes(1)).toEqual([{ 'f7.yaml': 'y, and no line feed' }]);
});

test('a file given by name: edits, going and coming back', async () => {
  folder.write('speaker.conf', 'a\n');
  await watching('speaker.conf');
  folder.put('speaker.conf', 'b\n');
  folder.put('other.conf', 'x\n');
  await soon('the edit', () => batches.length === 2);
  folder.remove('speaker.conf');
  await soon('it is missing', () => batches.length === 3);
  folder.put('speaker.conf', 'c\n');
  expect(await changes(3)).toEqual([
    { 'speaker.conf': 'b\n' },
    { 'speaker.conf': '(no such file or folder)' },
    { 'speaker.conf': 'c\n' },
  ]);
});

test('a file written in place in pieces is read when it is whole', async () => {
  folder.write('a.yaml', 'one\ntwo\nthree\n');
  await watching('.');
  truncateSync(folder.file('a.yaml'), 0);
  await aWhile(100);
  for (const piece of ['one\n', 'TWO\nth', 'ree\n', 'four\n']) {
    appendFileSync(folder.file('a.yaml'), piece);
    await aWhile(100);
  }
  const seen = await changes(1, 1500);
  expect(seen.at(-1)).toEqual({ 'a.yaml': 'one\nTWO\nthree\nfour\n' });
  // No shorter text, and none that breaks off.
  for (const { 'a.yaml': text } of seen) {
    expect(text!.length).toBeGreaterThanOrEqual('one\ntwo\nthree\n'.length);
    expect(text).toMatch(/\n$/);
  }
});

test('a file that stays shorter is taken after a while', async () => {
  folder.write('a.yaml', 'one\ntwo\n');
  await watching('.');
  folder.write('a.yaml', 'one\n');
  expect(await changes(1)).toEqual([{ 'a.yaml': 'one\n' }]);
});

test('an editor that moves the old file away first never makes it look removed', async () => {
  folder.write('a.yaml', 'one\n');
  await watching('.');
  renameSync(folder.file('a.yaml'), folder.file('a.yaml~'));
  await aWhile(50);
  writeFileSync(folder.file('a.yaml'), '');
  await aWhile(50);
  appendFileSync(folder.file('a.yaml'), 'two and a half\n');
  expect(await changes(1)).toEqual([{ 'a.yaml': 'two and a half\n' }]);
});

test('files come and go', async () => {
  folder.write('a.yaml', 'a\n');
  await watching('.');
  folder.put('b.yaml', 'b\n');
  await soon('it came', () => batches.length === 2);
  folder.remove('a.yaml');
  expect(await changes(2)).toEqual([{ 'b.yaml': 'b\n' }, { 'a.yaml': '(gone)' }]);
});

test('many files at once come in few batches, each read once', async () => {
  await watching('.');
  const names = Array.from({ length: 3000 }, (_, i) => `f${i}.yaml`);
  for (const name of names) folder.put(name, `${name}\n`);
  await soon('all of them', () => batches.reduce((n, b) => n + Object.keys(b).length, 0) >= names.length);
  await aWhile();
  expect(Object.keys(Object.assign({}, ...batches))).toHaveLength(names.length);
  expect(batches.reduce((n, b) => n + Object.keys(b).length, 0)).toBe(names.length);
  expect(batches.length).toBeLessThan(100);
});

test('a burst that overflows the queue of the kernel loses nothing', async () => {
  await watching('.');
  // Twice as many events as the queue holds, before we look at any.
  for (let i = 0; i < 12_000; i++) folder.put(`f${i}.yaml`, 'x\n');
  await soon('all of them', () => new Set(batches.flatMap((b) => Object.keys(b))).size === 12_000);
});

test('a ConfigMap volume: one swap of ..data is one change of all its files', async () => {
  const version = (n: number): void => {
    mkdirSync(folder.file(`..v${n}`));
    for (const name of ['a.yaml', 'b.yaml']) writeFileSync(folder.file(`..v${n}/${name}`), `${name} ${n}\n`);
    symlinkSync(`..v${n}`, folder.file('..data_tmp'));
    renameSync(folder.file('..data_tmp'), folder.file('..data'));
  };
  version(1);
  for (const name of ['a.yaml', 'b.yaml']) symlinkSync(`..data/${name}`, folder.file(name));
  await watching('.');
  expect(batches).toEqual([{ 'a.yaml': 'a.yaml 1\n', 'b.yaml': 'b.yaml 1\n' }]);
  version(2);
  await soon('the swap', () => batches.length > 1);
  rmSync(folder.file('..v1'), { recursive: true });
  version(3);
  expect(await changes(2)).toEqual([
    { 'a.yaml': 'a.yaml 2\n', 'b.yaml': 'b.yaml 2\n' },
    { 'a.yaml': 'a.yaml 3\n', 'b.yaml': 'b.yaml 3\n' },
  ]);
});

test('one file of a ConfigMap volume, given by name', async () => {
  const version = (n: number): void => {
    mkdirSync(folder.file(`..v${n}`));
    writeFileSync(folder.file(`..v${n}/a.yaml`), `${n}\n`);
    symlinkSync(`..v${n}`, folder.file('..data_tmp'));
    renameSync(folder.file('..data_tmp'), folder.file('..data'));
  };
  version(1);
  symlinkSync('..data/a.yaml', folder.file('a.yaml'));
  await watching('a.yaml');
  version(2);
  expect(await changes(1)).toEqual([{ 'a.yaml': '2\n' }]);
});

test('a link to a file elsewhere: edits there are seen', async () => {
  mkdirSync(folder.file('etc'));
  mkdirSync(folder.file('opt'));
  writeFileSync(folder.file('opt/real.conf'), 'a\n');
  symlinkSync('../opt/real.conf', folder.file('etc/a.yaml'));
  await watching('etc');
  writeFileSync(folder.file('opt/new'), 'b\n');
  renameSync(folder.file('opt/new'), folder.file('opt/real.conf'));
  expect(await changes(1)).toEqual([{ 'etc/a.yaml': 'b\n' }]);
});

test('a folder that is itself a link, and is pointed elsewhere', async () => {
  for (const v of ['v1', 'v2']) {
    mkdirSync(folder.file(v));
    writeFileSync(folder.file(`${v}/${v}.yaml`), `${v}\n`);
    writeFileSync(folder.file(`${v}/both.yaml`), `${v}\n`);
  }
  symlinkSync('v1', folder.file('current'));
  await watching('current');
  symlinkSync('v2', folder.file('next'));
  renameSync(folder.file('next'), folder.file('current'));
  expect(await changes(1)).toEqual([
    { 'current/v1.yaml': '(gone)', 'current/v2.yaml': 'v2\n', 'current/both.yaml': 'v2\n' },
  ]);
  writeFileSync(folder.file('v2/.x'), 'v2 edited\n');
  renameSync(folder.file('v2/.x'), folder.file('v2/both.yaml'));
  expect((await changes(2)).at(-1)).toEqual({ 'current/both.yaml': 'v2 edited\n' });
});

test('a folder that goes away is an error, not an empty folder; when it is back all is well', async () => {
  mkdirSync(folder.file('conf'));
  writeFileSync(folder.file('conf/a.yaml'), 'a\n');
  await watching('conf');
  renameSync(folder.file('conf'), folder.file('gone'));
  expect(await changes(1)).toEqual([{ conf: '(no such file or folder)', 'conf/a.yaml': '(gone)' }]);
  renameSync(folder.file('gone'), folder.file('conf'));
  expect((await changes(2)).at(-1)).toEqual({ conf: '(gone)', 'conf/a.yaml': 'a\n' });
});

test('a path that names nothing becomes a file, another a folder', async () => {
  await watching('a.yaml', 'conf');
  expect(batches).toEqual([{ 'a.yaml': '(no such file or folder)', conf: '(no such file or folder)' }]);
  folder.put('a.yaml', 'a\n');
  await soon('the file', () => batches.length === 2);
  mkdirSync(folder.file('conf.new'));
  writeFileSync(folder.file('conf.new/b.yaml'), 'b\n');
  renameSync(folder.file('conf.new'), folder.file('conf'));
  expect((await changes(2)).at(-1)).toEqual({ conf: '(gone)', 'conf/b.yaml': 'b\n' });
});

test('what cannot be read says why', async () => {
  mkdirSync(folder.file('folder.yaml'));
  symlinkSync('circle.yaml', folder.file('circle.yaml'));
  symlinkSync('nowhere.yaml', folder.file('dangling.yaml'));
  folder.write('big.yaml', '');
  truncateSync(folder.file('big.yaml'), 33 * 1024 * 1024 + 1);
  await watching('.');
  expect(batches).toEqual([
    {
      'folder.yaml': '(is a folder, where a file is expected)',
      'circle.yaml': '(cannot be read: its symbolic links run in a circle)',
      'dangling.yaml': '(is a symbolic link to nothing)',
      'big.yaml': '(has 34 MB, more than the 32 MB that a configuration file may have)',
    },
  ]);
});

test('a file, and a folder, without permission', async () => {
  folder.write('a.yaml', 'a\n');
  chmodSync(folder.file('a.yaml'), 0);
  mkdirSync(folder.file('conf'));
  chmodSync(folder.file('conf'), 0);
  const root = process.getuid!() === 0;
  chmodSync(folder.path, 0o755);
  if (root) process.seteuid!(65534);
  try {
    await watching('.', 'conf');
  } finally {
    if (root) process.seteuid!(0);
  }
  expect(batches).toEqual([
    { 'a.yaml': '(cannot be read: permission denied)', conf: '(cannot be read: permission denied)' },
  ]);
  expect(blind).toEqual([`${folder.file('conf')}: permission denied`]);
});

test('a reload while files change ends with what is on disk', async () => {
  for (let i = 0; i < 500; i++) folder.write(`f${i}.yaml`, '0\n');
  const reader = await watching('.');
  for (let n = 1; n <= 20; n++) {
    const done = reader.readAll();
    folder.put('f250.yaml', `${n}\n`);
    await aWhile(n % 5);
    await done;
  }
  await aWhile();
  const last = Object.assign({}, ...batches) as Record<string, string>;
  expect(last['f250.yaml']).toBe('20\n');
});

test('closed, it reports nothing', async () => {
  folder.write('a.yaml', 'a\n');
  const reader = await watching('.');
  folder.write('a.yaml', 'ab\n');
  folder.put('b.yaml', 'b\n');
  reader.close();
  await aWhile();
  expect(batches).toHaveLength(1);
});
