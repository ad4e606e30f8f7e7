/** A thread for long work: pieces in order, failures told, and no process kept alive by an idle one. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Thread } from '../../src/io/worker.ts';
import { Folder } from '../support/daemon.ts';
import { outcome } from '../support/process.ts';

const module = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

/** A thread whose side is this code, with `serveThread` at hand. */
function thread<Request, Value>(code: string): Thread<Request, Value> {
  folder.write('side.mjs', `import { serveThread } from ${module('io/worker.js')};\n${code}\n`);
  return new Thread(new URL(`file://${folder.file('side.mjs')}`));
}

async function all<Value>(pieces: AsyncIterable<Value>): Promise<Value[]> {
  const out: Value[] = [];
  for await (const piece of pieces) out.push(piece);
  return out;
}

test('pieces come in order, requests beside each other keep theirs', async () => {
  const t = thread<number, number>('serveThread(function* (n) { for (let i = 0; i < n; i++) yield i; });');
  const [three, none, five] = await Promise.all([all(t.call(3)), all(t.call(0)), all(t.call(5))]);
  expect([three, none, five]).toEqual([[0, 1, 2], [], [0, 1, 2, 3, 4]]);
  expect(await all(t.call(2))).toEqual([0, 1]);
});

test('a failure is the caller’s, and the thread goes on', async () => {
  const t = thread<string, string>(
    'serveThread(function* (text) { yield text; if (text === "bad") throw new Error("no good"); });',
  );
  const seen: string[] = [];
  await expect(
    (async () => {
      for await (const piece of t.call('bad')) seen.push(piece);
    })(),
  ).rejects.toThrow('no good');
  expect(seen).toEqual(['bad']);
  expect(await all(t.call('good'))).toEqual(['good']);
});

test('a thread that dies fails what was under way, and the next request has another one', async () => {
  const t = thread<string, string>(
    'serveThread(function* (text) { if (text === "exit") process.exit(3); if (text === "crash") setTimeout(() => { throw new Error("crashed"); }); yield text; if (text === "crash") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); });',
  );
  await expect(all(t.call('exit'))).rejects.toThrow('the thread ended');
  expect(await all(t.call('fine'))).toEqual(['fine']);
});

test('a caller that stops early leaves nothing behind', async () => {
  const t = thread<number, number>('serveThread(function* (n) { for (let i = 0; i < n; i++) yield i; });');
  for await (const piece of t.call(1000)) if (piece === 2) break;
  expect(await all(t.call(2))).toEqual([0, 1]);
});

test('the process stays for an answer, and not a moment longer', async () => {
  folder.write('side.mjs', `import { serveThread } from ${module('io/worker.js')};\nserveThread((n) => [n + 1]);\n`);
  folder.write(
    'main.mjs',
    `import { Thread } from ${module('io/worker.js')};
     const t = new Thread(new URL(${JSON.stringify(`file://${folder.file('side.mjs')}`)}));
     for await (const piece of t.call(41)) console.log(piece);
     const then = performance.now();
     process.on('exit', () => console.log(performance.now() - then < 2500 ? 'at once' : 'late'));`,
  );
  const { stdout, code } = await outcome(['node', folder.file('main.mjs')]);
  expect([stdout, code]).toEqual(['42\nat once\n', 0]);
});
