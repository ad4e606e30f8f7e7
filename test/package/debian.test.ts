/**
 * The Debian package, installed in a system that has nothing else (debootstrap) and run there as the user that it makes.
 * Takes minutes: `npm run test:package`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followReadme, neighbourhood } from '../interop/quickstart.ts';
import { Daemon, outcome, run, waitFor } from '../support/process.ts';

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
        run: (line) => outcome(typed(line), slow),
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
  const size = Number((await run(['stat', '-c', '%s', built])).trim());
  process.stdout.write(`${basename(built)}: ${(size / 1e6).toFixed(1)} MB\n`);
  expect(await inside('dpkg', '--purge', 'waypost')).toMatchObject({ code: 0 });
  expect(
    (await inside('sh', '-c', 'ls -d /usr/lib/waypost /usr/bin/waypost /etc/waypost 2>/dev/null || true')).stdout,
  ).toBe('');
});
