/** The container's image, as far as it can be made without an engine: the steps of its build stage, in a folder. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Namespace } from '../support/netns.ts';
import { outcome, run, waitFor } from '../support/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'waypost-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Step {
  readonly word: string;
  readonly rest: string;
}

/** Instructions by stage, in their order. */
function stages(text: string): Step[][] {
  const joined = text.replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ');
  const steps = [...joined.matchAll(/^([A-Z]+)\s+(.*)$/gm)].map(([, word, rest]) => ({ word: word!, rest: rest! }));
  const found: Step[][] = [];
  for (const step of steps) {
    if (step.word === 'FROM') found.push([]);
    found.at(-1)!.push(step);
  }
  return found;
}

const [build, final] = stages(readFileSync('Dockerfile', 'utf8'));

/** What COPY brings, from this checkout or from another stage's folder. */
function copy(rest: string, from: string, to: string): void {
  const words = rest.split(/\s+/).filter((w) => !w.startsWith('--'));
  const target = words.pop()!;
  for (const source of words) {
    const path = join(from, source);
    const whole = target.endsWith('/') ? join(to, target, source.split('/').at(-1)!) : join(to, target);
    mkdirSync(dirname(whole), { recursive: true });
    cpSync(path, whole, { recursive: true });
  }
}

test('the build stage builds from a clean copy, and what the image takes of it runs', {
  timeout: 300_000,
}, async () => {
  const work = join(folder, 'src');
  const out = join(folder, 'out');
  const image = join(folder, 'image');
  mkdirSync(work);
  for (const { word, rest } of build!) {
    if (word === 'COPY') copy(rest, '.', work);
    // Its root is a folder here.
    if (word === 'RUN') execFileSync('sh', ['-c', rest.replaceAll('/out', out)], { cwd: work, stdio: 'pipe' });
  }
  for (const { word, rest } of final!) {
    if (word !== 'COPY') continue;
    const staged = /^--from=build (\S+) (\S+)$/.exec(rest);
    if (staged === null) copy(rest, '.', image);
    else {
      const path = staged[1]!.replace('/src', work).replace('/out', out);
      cpSync(path, join(image, staged[2]!), { recursive: true });
    }
  }
  expect(readdirSync(image).sort()).toEqual(['bin', 'dist', 'fixtures', 'node_modules', 'package.json']);
  const demo = await outcome(['node', join(image, 'bin/waypost'), 'demo'], { timeoutMs: 60_000 });
  expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('the router knows 0 routes') });
  const size = Number((await run(['du', '-sk', image])).split('\t')[0]);
  expect(size).toBeLessThan(30_000);
});

describe('privileges', () => {
  const [, capabilities] = /setcap (\S+) /.exec(final!.find(({ rest }) => rest.includes('setcap'))!.rest)!;
  const all = ['net_admin', 'net_raw', 'net_bind_service'];
  let node: string;
  let namespace: Namespace;
  beforeAll(async () => {
    // Where the image has it, so that users of all numbers may start it.
    const bin = mkdtempSync(join(tmpdir(), 'waypost-test-'));
    await run(['chmod', '755', bin]);
    node = join(bin, 'node');
    await run(['cp', process.execPath, node]);
    await run(['setcap', capabilities!, node]);
    namespace = await Namespace.create('caps');
  });
  afterAll(async () => {
    await namespace?.close();
    if (node) rmSync(dirname(node), { recursive: true });
  });

  /** As an engine starts it: these capabilities can be had, as this user. */
  const contained = (user: number, bounding: readonly string[], ...flags: readonly string[]) => [
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--inh-caps=-all', ...flags],
    ...[`--bounding-set=${['-all', ...bounding.map((name) => `+${name}`)].join(',')}`, node, resolve('bin/waypost')],
  ];

  test.each([
    ['without a capability, as in a sidecar', []],
    ['with one of three', ['net_bind_service']],
    ['with all, but no way to gain any', all],
  ])('it starts %s', async (_, bounding) => {
    const argv = contained(65532, bounding, '--no-new-privs');
    expect(await outcome([...argv, 'demo'], { timeoutMs: 60_000 })).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['the user of the image', 65532, []],
    ['root without ways to more, as in the DaemonSet', 0, ['--no-new-privs']],
  ] as const)('%s, with three capabilities: port 179, and state in a folder of its own', async (_, user, flags) => {
    const home = namespace.folder(`caps${user}`);
    await run(['mkdir', `${home}/etc`, `${home}/state`]);
    const speaker = { listen: { addresses: ['127.0.0.1'] }, stateDir: `${home}/state`, drain: { onShutdown: false } };
    const document = { apiVersion: 'waypost.dev/v1', kind: 'Speaker', metadata: { name: 'a' }, spec: speaker };
    const more = [
      'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [203.0.113.0/24]}\n',
      'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n',
    ];
    writeFileSync(`${home}/etc/all.yaml`, [`${JSON.stringify(document)}\n`, ...more].join('---\n'));
    await run(['chown', '-R', `${user}:${user}`, home]);
    const argv = contained(user, all, ...flags);
    const daemon = namespace.spawn([...argv, 'run', '-c', `${home}/etc`, '--control', `${home}/s`, '--http', 'off']);
    const log = () => daemon.output;
    await waitFor('it listens', async () => (await namespace.run(['ss', '-ltn'])).includes('127.0.0.1:179'), { log });
    await waitFor('its state', () => existsSync(`${home}/state/assignments.json`), { log });
    expect(await daemon.stop('SIGTERM')).toBe(0);
  });
});

test('the health check asks what the daemon serves', () => {
  const check = final!.find(({ word }) => word === 'HEALTHCHECK')!.rest;
  const [, argv] = /CMD (\[.*\])/.exec(check)!;
  expect(JSON.parse(argv!)).toEqual(['node', '-e', expect.stringContaining('http://127.0.0.1:7472/healthz')]);
});

test('the manifests: arguments that the program takes, documents that it accepts', async () => {
  const files = readdirSync('packaging/kubernetes');
  expect(files.length).toBeGreaterThan(1);
  let documents = 0;
  for (const file of files) {
    const parsed = parseAllDocuments(readFileSync(join('packaging/kubernetes', file), 'utf8'));
    for (const document of parsed) {
      expect(document.errors).toEqual([]);
      const object = document.toJS() as {
        data?: Record<string, string>;
        spec?: { containers?: Container[]; template?: { spec: { containers: Container[] } } };
      };
      for (const [name, text] of Object.entries(object.data ?? {})) {
        documents++;
        const at = join(folder, name);
        execFileSync('sh', ['-c', 'cat >"$0"', at], { input: text });
        expect(await outcome(['node', 'bin/waypost', 'check', '--strict', at])).toMatchObject({ code: 0 });
      }
      const containers = object.spec?.containers ?? object.spec?.template?.spec.containers ?? [];
      for (const { image, args } of containers) {
        if (!image.startsWith('waypost:')) continue;
        const argv = args.map((arg) => arg.replace('$(NODE_NAME)', 'node-a'));
        // A configuration that is not there ends the program after its arguments were understood.
        const { code, stderr } = await outcome([
          'node',
          'bin/waypost',
          ...argv,
          '-c',
          join(folder, 'none'),
          '--control',
          join(folder, 's'),
        ]);
        expect([code, stderr]).toEqual([1, expect.stringContaining('no such file')]);
      }
    }
  }
  expect(documents).toBeGreaterThan(0);
});

interface Container {
  readonly image: string;
  readonly args: readonly string[];
}

test('a package from the registry would install and run anywhere', { timeout: 300_000 }, async () => {
  const { filename } = (
    JSON.parse(await run(['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder])) as [
      { filename: string },
    ]
  )[0];
  await run(
    [
      'npm',
      'install',
      '--prefix',
      join(folder, 'anywhere'),
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      join(folder, filename),
    ],
    { timeoutMs: 200_000 },
  );
  const program = join(folder, 'anywhere/node_modules/.bin/waypost');
  expect(existsSync(program)).toBe(true);
  expect(await outcome([program, 'demo'], { timeoutMs: 60_000 })).toMatchObject({ code: 0 });
});
