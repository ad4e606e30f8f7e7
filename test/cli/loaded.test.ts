/**
 * What a start costs, without a clock: which files the program has loaded when it dials, whether V8 had to compile them,
 * and what of Node was loaded beside them.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { all, Folder, peerDocument, Router, soon, spawnWaypost, speakerDocument } from '../support/daemon.ts';
import { outcome, type Daemon as Process } from '../support/process.ts';

const observer = fileURLToPath(new URL('../support/loaded.cjs', import.meta.url));
const loader = fileURLToPath(new URL('../../bin/load.js', import.meta.url));

interface Loaded {
  readonly files: readonly string[];
  readonly compiled: readonly string[];
  readonly builtins: readonly string[];
}

let router: Router;
let folder: Folder;
let daemon: Process | undefined;
beforeEach(async () => {
  router = await new Router().start();
  folder = new Folder();
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await router.stop();
  folder.dispose();
});

async function loadedBy(argv: readonly string[]): Promise<Loaded> {
  const file = folder.file('loaded.json');
  daemon = spawnWaypost(argv, { NODE_OPTIONS: `--require ${observer}`, LOADED_FILE: file });
  await soon('a call', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('}'));
  return JSON.parse(readFileSync(file, 'utf8')) as Loaded;
}

/** Neither its own parts that can wait, nor those of Node. */
function expectLittle({ files, compiled, builtins }: Loaded): void {
  expect(files).toContain('main.cjs');
  for (const part of ['show', 'metrics', 'page', 'decode', 'replay', 'plan', 'explain', 'demo', 'check'])
    expect(files).not.toContain(`${part}.cjs`);
  expect(compiled).toEqual([]);
  for (const module of ['https', 'tls', 'inspector', 'repl', 'crypto', 'zlib'])
    expect(builtins).not.toContain(`NativeModule ${module}`);
}

test('`run` has loaded nothing that can wait when it dials', async () => {
  folder.put(
    'main.yaml',
    all(
      speakerDocument({ routerID: '192.0.2.1', stateDir: folder.file('state') }),
      peerDocument('router', router, { peerPort: router.port }),
    ),
  );
  const control = folder.file('control.sock');
  expectLittle(await loadedBy(['run', '-c', folder.path, '--control', control, '--http', 'off']));
});

test('`peer` has loaded less', async () => {
  const loaded = await loadedBy(['peer', '127.0.0.1', '--port', String(router.port), '--local-as', '64512']);
  expectLittle(loaded);
  for (const part of ['daemon', 'views', 'worker']) expect(loaded.files).not.toContain(`${part}.cjs`);
});

test('where V8 made the caches for another version, the program is loaded without them', () => {
  const text = `
    const load = require(${JSON.stringify(loader)});
    load.version = 'another'; // than the caches were made for
    load.load(process.cwd() + '/dist/bundle', 'main.cjs').main(['--version']);`;
  expect(execFileSync('node', ['-e', text], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('what is not built, or runs on a Node that is too old, says so', async () => {
  const [bin, none] = [fileURLToPath(new URL('../../bin', import.meta.url)), { code: 1, stdout: '' }];
  cpSync(bin, folder.file('bin'), { recursive: true });
  expect(await outcome(['node', folder.file('bin/waypost'), '--version'])).toEqual({
    ...none,
    stderr: 'waypost: it is not built yet: run `npm ci && npm run build`\n',
  });
  const { engines } = JSON.parse(readFileSync(`${bin}/../package.json`, 'utf8')) as { engines: { node: string } };
  const least = engines.node.slice(2);
  const old = `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.9' } });
    require('${bin}/waypost');`;
  expect(await outcome(['node', '-e', old])).toEqual({
    ...none,
    stderr: `waypost: Node ${least} or newer is needed, and this is ${process.version}\n`,
  });
});
