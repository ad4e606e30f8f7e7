/** A daemon that writes its sessions down, and the record run again. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { all, Folder, Router, smallest, spawnWaypost, steadySpeaker, waypost } from '../support/daemon.ts';
import { outcome } from '../support/process.ts';

let router: Router;
let folder: Folder;
beforeEach(async () => {
  router = await new Router().start();
  folder = new Folder();
});
afterEach(async () => {
  await router.stop();
  folder.dispose();
});

test('run --record, then replay: the same states, the routes that came', async () => {
  folder.put('main.yaml', all(steadySpeaker(folder.file('state')), smallest(router)));
  router.announce('203.0.113.0/24', { origin: 'igp', asPath: [], nextHop: address('127.0.0.1'), localPref: 100 });
  const file = folder.file('sessions.jsonl');
  const daemon = spawnWaypost([
    'run',
    '-c',
    folder.file('main.yaml'),
    '--control',
    folder.file('s'),
    '--http',
    'off',
    '--record',
    file,
  ]);
  await router.knows('198.51.100.0/32');
  await daemon.stop();
  expect(statSync(file).mode & 0o777).toBe(0o600);

  const { code, stdout, stderr } = await waypost(['replay', file]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/router {2}OpenConfirm → Established/);
  expect(stdout).toMatch(/router {2}UPDATE: 1 announced, 0 withdrawn/);
  expect(stdout).toMatch(/router {2}Established → Idle {2}stopped/);

  const lines = folder.read('sessions.jsonl').split('\n');
  folder.write(
    'other.jsonl',
    lines.map((l) => l.replace('"OpenConfirm","Established"', '"OpenConfirm","Idle"')).join('\n'),
  );
  const other = await waypost(['replay', '--json', folder.file('other.jsonl')]);
  expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/^waypost: 1 event had other results/)]);
  expect(other.stdout).toContain('"recorded"');
});

test('exit 1: no such file, an empty one, something else', async () => {
  expect(await waypost(['replay', folder.file('none')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no such file/),
  });
  folder.write('empty', '');
  expect(await waypost(['replay', folder.file('empty')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is empty/),
  });
  folder.write('else', '{"type":"record","version":1}\n{"hello":1}\n');
  expect(await waypost(['replay', folder.file('else')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/line 2: not a line/),
  });
  folder.write('half', '{"type":"record","version":1}\n{"type":"peer","peer":"a"}\n');
  expect(await waypost(['replay', folder.file('half')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^waypost: line 2: .*\n$/),
  });
  const endless = `head -c 40000000 /dev/zero | tr '\\0' 'x' | node bin/waypost replay`;
  expect(await outcome(['bash', '-c', endless])).toMatchObject({
    code: 1,
    stderr: 'waypost: line 1: not a line of a record: it does not end\n',
  });
  const record = await waypost([
    'run',
    '--record',
    folder.file('none/x'),
    '-c',
    folder.path,
    '--control',
    folder.file('s'),
  ]);
  expect(record).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot be written/) });
});
