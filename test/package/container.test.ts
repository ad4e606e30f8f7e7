/** The container's image, as far as it can be made without an engine: the steps of its build stage, in a folder. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Namespace } from '../support/netns.ts';
import { outcome, run, waitFor } from '../support/process.ts';
import { build, copy, final, stagedCopy } from './dockerfile.ts';

const folder = mkdtempSync(join(tmpdir(), 'waypost-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the build stage builds from a clean copy, and what the image takes of it runs', {
  timeout: 300_000,
}, async () => {
  const work = join(folder, 'src');
  const out = join(folder, 'out');
  const image = join(folder, 'image');
  mkdirSync(work);
  for (const { word, rest } of build) {
    if (word === 'COPY') copy(rest, work);
    // Its root is a folder here.
    if (word === 'RUN') execFileSync('sh', ['-c', rest.replaceAll('/out', out)], { cwd: work, stdio: 'pipe' });
  }
  for (const { word, rest } of final) {
    if (word !== 'COPY') continue;
    const staged = stagedCopy(rest);
    if (staged === undefined) copy(rest, image);
    else {
      const path = staged[0].replace('/src', work).replace('/out', out);
      cpSync(path, join(image, staged[1]), { recursive: true });
    }
  }
  expect(readdirSync(image).sort()).toEqual(['LICENSE', 'bin', 'dist', 'fixtures', 'node_modules', 'package.json']);
  const demo = await outcome(['node', join(image, 'bin/waypost'), 'demo'], { timeoutMs: 60_000 });
  expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('the router knows 0 routes') });
  const size = Number((await run(['du', '-sk', image])).split('\t')[0]);
  expect(size).toBeLessThan(30_000);
});

test('the builder gets what is copied, and nothing else', () => {
  const lines = readFileSync('.dockerignore', 'utf8').split('\n').filter(Boolean);
  const admitted = lines.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  expect(lines.filter((line) => !line.startsWith('!') && !line.startsWith('#'))).toEqual(['*']);
  const copied = [...build, ...final].flatMap(({ word, rest }) =>
    word === 'COPY' && stagedCopy(rest) === undefined ? rest.split(/\s+/).slice(0, -1) : [],
  );
  expect([...new Set(copied)].sort()).toEqual(admitted.sort());
});

/** The command of the health check. */
const healthCheck = (): string[] =>
  JSON.parse(/CMD (\[.*\])/.exec(final.find(({ word }) => word === 'HEALTHCHECK')!.rest)![1]!);

describe('privileges', () => {
  const [, capabilities] = /setcap (\S+) /.exec(final.find(({ rest }) => rest.includes('setcap'))!.rest)!;
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
    ['without a capability', []],
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
    // As the engine asks for its health, in the same container.
    const check = [...argv, ...healthCheck().slice(1), '--control', `${home}/s`];
    expect(await outcome(check)).toMatchObject({ code: 0 });
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect((await outcome(check)).code).not.toBe(0);
  });

  test('root without bounds keeps what is needed, and no program that it starts gets more', async () => {
    const home = namespace.folder('root');
    const speaker = `{stateDir: ${home}, drain: {wait: 0s}}`;
    writeFileSync(
      `${home}/all.yaml`,
      `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: a}\nspec: ${speaker}\n---\n` +
        'apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: a}\n',
    );
    const argv = ['node', resolve('bin/waypost'), 'run', '-c', `${home}/all.yaml`, '--control', `${home}/s`];
    const daemon = namespace.spawn([...argv, '--http', 'off']);
    const pids = async () => (await run(['ip', 'netns', 'pids', namespace.name])).split('\n').filter(Boolean);
    const log = () => daemon.output;
    await waitFor('it is ready', () => daemon.output.includes('"msg":"ready"'), { log });
    const threads = (await pids()).flatMap((pid) =>
      readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')),
    );
    // CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, NET_BIND_SERVICE, NET_ADMIN, NET_RAW, SYS_NICE.
    const kept = '0000000000803407';
    const sets = (status: string) => [...status.matchAll(/^Cap(?:Prm|Eff|Bnd):\t(\w+)$/gm)].map(([, bits]) => bits);
    const main = threads.find((status) => /^Tgid:\t(\d+)\n(?:.*\n)?Pid:\t\1$/m.test(status))!;
    expect(sets(main)).toEqual([kept, kept, kept]);
    // The engine's own helpers began before; what waits for packets began after.
    expect(threads.filter((status) => sets(status).every((bits) => bits === kept)).length).toBeGreaterThan(1);
    expect(await daemon.stop('SIGTERM')).toBe(0);
  });

  test('the sidecar, which may do one thing: the address is on the loopback while it is announced', async () => {
    const home = namespace.folder('sidecar');
    const [documents] = parseAllDocuments(readFileSync('packaging/kubernetes/sidecar.yaml', 'utf8'));
    const text = (documents!.toJS() as { data: Record<string, string> }).data['waypost.yaml']!;
    const stateful = text.replace('loopbackAddresses: [bgp]', `$&, stateDir: ${home}, drain: {wait: 0s}`);
    writeFileSync(`${home}/all.yaml`, stateful);
    await run(['chown', '-R', '65532:65532', home]);
    const argv = contained(65532, ['net_admin']);
    const daemon = namespace.spawn([
      ...[...argv, 'run', '-c', `${home}/all.yaml`, '--control', `${home}/s`, '--http', 'off'],
    ]);
    const has = async () => (await namespace.run(['ip', 'address', 'show', 'dev', 'lo'])).includes('203.0.113.53/32');
    await waitFor('the address', has, { log: () => daemon.output });
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(await has()).toBe(false);
  });
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
        spec?: Partial<PodSpec> & { template?: { spec: PodSpec } };
      };
      for (const [name, text] of Object.entries(object.data ?? {})) {
        documents++;
        const at = join(folder, name);
        execFileSync('sh', ['-c', 'cat >"$0"', at], { input: text });
        expect(await outcome(['node', 'bin/waypost', 'check', '--strict', at])).toMatchObject({ code: 0 });
      }
      const { containers = [], volumes = [] } = object.spec?.template?.spec ?? object.spec ?? {};
      for (const { image, args, securityContext, volumeMounts = [] } of containers) {
        if (!image.startsWith('waypost:')) continue;
        expect(image).toBe(`waypost:${JSON.parse(readFileSync('package.json', 'utf8')).version}`);
        // Where it writes, something is mounted that may be written to.
        expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
        const writable = volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
        expect(writable).toEqual(expect.arrayContaining(['/run/waypost', '/var/lib/waypost']));
        for (const { name } of volumeMounts) expect(volumes.map((volume) => volume.name)).toContain(name);
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
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string }[];
}

test('a package from the registry would install and run anywhere', { timeout: 300_000 }, async () => {
  const [{ filename, files }] = JSON.parse(
    await run(['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder]),
  ) as [{ filename: string; files: { path: string }[] }];
  const packed = files.map(({ path }) => path);
  expect(packed).toEqual(
    expect.arrayContaining([
      ...['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', 'bin/waypost', 'dist/bundle/main.cjs'],
      ...['dist/bundle/LICENCES.txt', 'docs/explain.md', 'man/waypost.1', 'packaging/systemd/waypost.service'],
    ]),
  );
  // What the program does not need: its parts one by one, maps, sources, tests.
  expect(packed.filter((path) => /^(src|test|bench|scripts)\/|^dist\/(?!bundle\/)|\.map$/.test(path))).toEqual([]);
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
