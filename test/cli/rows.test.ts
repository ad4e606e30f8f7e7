/** Tables of any length: their text, their order, and what they take. */
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rows } from '../../src/cli/rows.ts';
import { Folder, spawnWaypost } from '../support/daemon.ts';
import { outcome } from '../support/process.ts';

const rowsOf = (...values: readonly object[]): Rows =>
  Rows.of(`[${values.map((value) => JSON.stringify(value)).join(',\n')}]`.split('\n'));

const many = [{ a: 1 }, { b: [1, { c: 'ü,\n]' }] }, {}];

test.each([
  ['none', []],
  ['one', [{ a: 'x' }]],
  ['many', many],
])('%s: as JSON.stringify has them, on many lines and on one', (_, values) => {
  const rows = rowsOf(...values);
  expect(rows).toHaveLength(values.length);
  expect([...rows]).toEqual(values);
  // From the first on again.
  expect([...rows]).toEqual(values);
  expect([...rows.pretty()].join('')).toBe(`${JSON.stringify(values, null, 2)}\n`);
  expect([...rows.line()].join('')).toBe(`${JSON.stringify(values)}\n`);
});

test('sorted by group and key; the same are the same', () => {
  const rows = rowsOf({ g: 254, k: 'b' }, { g: 1100, k: 'a' }, { g: 254, k: 'a' });
  const sorted = rows.sorted(({ g, k }: { g: number; k: string }) => ({ group: g, key: k }));
  expect([...sorted]).toEqual([
    { g: 254, k: 'a' },
    { g: 254, k: 'b' },
    { g: 1100, k: 'a' },
  ]);
  expect(rows.same(rowsOf({ g: 254, k: 'b' }, { g: 1100, k: 'a' }, { g: 254, k: 'a' }))).toBe(true);
  expect(rows.same(sorted)).toBe(false);
  expect(rows.same(rowsOf({ g: 254, k: 'b' }))).toBe(false);
});

let folder: Folder;
let server: Server | undefined;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => {
  server?.close();
  server = undefined;
  folder.dispose();
});

const COUNT = 40_000;

/** A daemon with a long table, as far as `show` sees. */
function serve(): Promise<string> {
  server = createServer((_, res) => {
    let sent = 0;
    const more = () => {
      while (sent < COUNT) {
        const n = sent++;
        const prefix = `10.${(n * 7) % 256}.${(n >> 8) % 256}.${n % 256}/32`;
        const row = { peer: 'a', vrf: '', prefix, nextHop: '192.0.2.1', origin: 'igp', asPath: [64512, 64513, 64514] };
        const rest = { localPref: null, med: null, communities: ['64512:1', '64512:2'], largeCommunities: [] };
        const text = JSON.stringify({ ...row, ...rest, accepted: true, reason: null, best: true, stale: false });
        if (!res.write(`${n === 0 ? '[' : ',\n'}${text}`)) return void res.once('drain', more);
      }
      res.end(']\n');
    };
    more();
  });
  return new Promise((resolve) => {
    server!.listen(folder.file('s'), () => resolve(folder.file('s')));
  });
}

test.each([
  ['a table', [], 1 + COUNT, /^PEER +PREFIX /],
  ['JSON', ['--json'], 2 + 23 * COUNT, /^\[\n {2}\{\n {4}"peer": "a",/],
])('a long table, as %s, in little memory', async (_, flags, lines, begin) => {
  const argv = ['show', 'received', ...flags, '--control', await serve()];
  const watched = spawnWaypost(argv, { NODE_OPTIONS: '--max-old-space-size=64' });
  await expect.poll(() => watched.running, { timeout: 110_000 }).toBe(false);
  expect(watched.exitCode, watched.output.slice(-2000)).toBe(0);
  await expect.poll(() => watched.stdout.split('\n').length - 1, { timeout: 30_000 }).toBe(lines);
  expect(watched.stdout).toMatch(begin);
});

test('a reader who has seen enough of it ends it', async () => {
  const command = `node bin/waypost show received --json --control ${await serve()}`;
  const script = `${command} | head -c 100 >/dev/null; exit \${PIPESTATUS[0]}`;
  expect(await outcome(['bash', '-c', script], { timeoutMs: 110_000 })).toMatchObject({ code: 0, stderr: '' });
});
