/**
 * The Debian package, installed in a system that has nothing else (debootstrap) and run there as the user that it makes.
 * Takes minutes: `npm run test:package`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, run } from '../support/process.ts';

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
}, 30 * MINUTES);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('installs where nothing else is, runs with its own Node, and goes without a trace of itself', {
  timeout: 10 * MINUTES,
}, async () => {
  expect(await inside('dpkg', '-i', `/${basename(built)}`)).toMatchObject({ code: 0 });
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

  const size = Number((await run(['stat', '-c', '%s', built])).trim());
  process.stdout.write(`${basename(built)}: ${(size / 1e6).toFixed(1)} MB\n`);
  expect(await inside('dpkg', '--purge', 'waypost')).toMatchObject({ code: 0 });
  expect(
    (await inside('sh', '-c', 'ls -d /usr/lib/waypost /usr/bin/waypost /etc/waypost 2>/dev/null || true')).stdout,
  ).toBe('');
});
