/**
 * The Debian package, installed in a system that has nothing else (debootstrap) and run there as the user that it makes; then,
 * in the same system, what the container's image is made of.
 * Takes minutes: `npm run test:package`.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followReadme, neighbourhood } from '../interop/quickstart.ts';
import { Daemon, outcome, run, waitFor } from '../support/process.ts';
import { copy, final, stagedCopy } from './dockerfile.ts';

const MINUTES = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'waypost-test-'));
const root = join(folder, 'root');
const slow = { timeoutMs: 20 * MINUTES };
let built = '';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** In the installed system, with nothing of this one but the network. */
const inside = (...argv: readonly string[]) => outcome(['chroot', root, 'env', '-i', PATH, ...argv], slow);

beforeAll(async () => {
  await run(['debootstrap', '--variant=minbase', 'bookworm', root, 'http://deb.debian.org/debian'], slow);
  built = (await run(['packaging/debian/build', folder], slow)).trim();
  await run(['cp', built, root]);
  expect(await inside('dpkg', '-i', `/${basename(built)}`)).toMatchObject({ code: 0 });
}, 30 * MINUTES);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 5 * MINUTES);

test('the README, typed there, to a session with FRR', { timeout: 10 * MINUTES }, async () => {
  const { host, router, close } = await neighbourhood('package');
  // `ip netns exec` has mounts of its own, which end with it.
  const start = `mount -t proc proc ${root}/proc && exec chroot ${root} env -i ${PATH} sh -c "$0"`;
  const typed = (line: string) => host.command(['sh', '-c', start, `exec ${line}`]);
  try {
    await followReadme(
      {
        namespace: host,
        // A system that has nothing else has no curl: this one's asks, in the same network.
        run: (line) => outcome(line.startsWith('curl ') ? host.command(['sh', '-c', line]) : typed(line), slow),
        spawn: (line) => new Daemon(typed(line)),
        write: async (path, text) => writeFileSync(join(root, path), text),
      },
      router,
    );
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const from = performance.now();
      const daemon = new Daemon(typed('waypost run'));
      await waitFor('ready', () => daemon.output.includes('"msg":"ready"'), { everyMs: 2, log: () => daemon.output });
      times.push(performance.now() - from);
      await daemon.stop('SIGKILL');
    }
    const [, , median] = times.sort((a, b) => a - b);
    process.stdout.write(`from exec to ready: ${Math.round(median!)} ms (median of five)\n`);
    // What hangs is another matter than what is slow.
    expect(median).toBeLessThan(10_000);
  } finally {
    await close();
    await run(['sh', '-c', `rm -f ${root}/etc/waypost/*.yaml`]);
  }
});

test('installs where nothing else is, runs with its own Node, and goes without a trace of itself', {
  timeout: 10 * MINUTES,
}, async () => {
  expect((await inside('sh', '-c', 'command -v node || true')).stdout).toBe('');
  expect((await inside('id', '-un', 'waypost')).stdout).toBe('waypost\n');
  expect((await inside('stat', '-c', '%a %U %G', '/etc/waypost')).stdout).toBe('750 root waypost\n');

  const example = '/usr/share/doc/waypost/examples/speaker.yaml';
  expect(
    await inside('setpriv', '--reuid=waypost', '--regid=waypost', '--init-groups', 'waypost', 'check', example),
  ).toEqual({
    code: 0,
    stdout: '0 errors, 0 warnings\n',
    stderr: '',
  });
  const demo = await inside('setpriv', '--reuid=waypost', '--regid=waypost', '--init-groups', 'waypost', 'demo');
  expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('the router knows 0 routes') });

  expect(await run(['dpkg-deb', '-f', built, 'Depends'])).toMatch(/^libc6 \(>= 2\.\d\d\), libstdc\+\+6\n$/);
  expect((await inside('bash', '-n', '/usr/share/bash-completion/completions/waypost')).code).toBe(0);
  // Of all that is in it, whose it is.
  const whose = (await inside('cat', '/usr/share/doc/waypost/copyright')).stdout;
  for (const words of ['Apache License', 'Node.js is licensed for use as follows', 'koffi', 'prom-client'])
    expect(whose).toContain(words);
  // A new version over one that is there leaves what is configured, and all as it was packed.
  await inside('sh', '-c', 'echo "# mine" >/etc/waypost/mine.yaml');
  expect(await inside('dpkg', '-i', `/${basename(built)}`)).toMatchObject({ code: 0 });
  expect((await inside('cat', '/etc/waypost/mine.yaml')).stdout).toBe('# mine\n');
  expect(await inside('dpkg', '--verify', 'waypost')).toMatchObject({ code: 0, stdout: '' });
  await inside('rm', '/etc/waypost/mine.yaml');
  const size = Number((await run(['stat', '-c', '%s', built])).trim());
  process.stdout.write(`${basename(built)}: ${(size / 1e6).toFixed(1)} MB\n`);
  expect(await inside('dpkg', '--purge', 'waypost')).toMatchObject({ code: 0 });
  expect(
    (await inside('sh', '-c', 'ls -d /usr/lib/waypost /usr/bin/waypost /etc/waypost 2>/dev/null || true')).stdout,
  ).toBe('');
});

test('the last stage of the image, carried out there', { timeout: 10 * MINUTES }, async () => {
  const at = '/usr/lib/waypost';
  // What the build stage has, of which the other test of the image knows that it comes to be.
  mkdirSync(join(root, 'node/bin'), { recursive: true });
  cpSync(process.execPath, join(root, 'node/bin/node'));
  writeFileSync(join(root, 'node/LICENSE'), "Node's\n");
  const built = {
    '/out/node_modules': ['node_modules/koffi', 'node_modules/@koromix'],
    '/src/dist/bundle': ['dist/bundle/.'],
  } as const;
  // The package's own, which stays when the package goes.
  await inside('userdel', 'waypost');
  const proxies = Object.entries(process.env).flatMap(([name, value]) =>
    /_proxy$/i.test(name) ? `${name}=${value}` : [],
  );
  for (const { word, rest } of final) {
    if (word === 'COPY') {
      const staged = stagedCopy(rest);
      if (staged === undefined) copy(rest, join(root, at));
      else {
        const target = join(root, at, staged[1]);
        mkdirSync(target, { recursive: true });
        await run(['cp', '-r', ...built[staged[0] as keyof typeof built], target]);
      }
    }
    if (word !== 'RUN') continue;
    const command = rest.replace(/^--mount=\S+\s+/, '');
    expect(await inside('env', ...proxies, 'sh', '-ec', command), command).toMatchObject({ code: 0 });
  }
  const files = ['/usr/local/bin/node', '/usr/sbin/nft'].map((path) => join(root, path));
  expect((await run(['getcap', ...files])).replaceAll(root, '')).toBe(
    '/usr/local/bin/node cap_net_bind_service,cap_net_admin,cap_net_raw=p\n/usr/sbin/nft cap_net_admin=ep\n',
  );
  expect((await inside('sh', '-c', 'command -v npm setcap || true')).stdout).toBe('');
  const [user] = final.flatMap(({ word, rest }) => (word === 'USER' ? rest : []));
  const start = ['chroot', `--userspec=${user}`, root, 'env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin'];
  expect(await outcome([...start, 'waypost', 'demo'], slow)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('the router knows 0 routes'),
  });
  // It may write where it must, and has its documents to read.
  expect(await outcome([...start, 'touch', '/run/waypost/a', '/var/lib/waypost/a'])).toMatchObject({ code: 0 });
});
