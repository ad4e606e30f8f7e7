/** A new user with the README and a router: what it says to type works as it stands there, at the paths that are the default. */
import { existsSync, mkdirSync, rmdirSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, test } from 'vitest';
import { Daemon, outcome, run, waitFor } from '../support/process.ts';
import { followReadme, type Machine, neighbourhood } from './quickstart.ts';

const FOLDERS = ['/etc/waypost', '/run/waypost', '/var/lib/waypost'];
const made = FOLDERS.filter((folder) => !existsSync(folder));
afterAll(() => {
  for (const folder of made) rmdirSync(folder);
});

test('the README to a session with FRR', async () => {
  const { host, router, close } = await neighbourhood('readme');
  const bin = host.folder('bin');
  symlinkSync(resolve('bin/waypost'), `${bin}/waypost`);
  for (const folder of made) mkdirSync(folder, { recursive: true });
  // The folders that waypost uses when nobody says otherwise, as they are on a machine that never had it.
  const mounts = FOLDERS.map((folder) => `mount -t tmpfs none ${folder}`);
  const keeper = host.spawn([
    ...['unshare', '--mount', 'sh', '-c'],
    ['mount --make-rprivate /', ...mounts, 'echo "ready $$"', 'exec sleep 600'].join(' && '),
  ]);
  const [, pid] = await waitFor('the folders', () => /^ready (\d+)$/m.exec(keeper.stdout) ?? undefined, {
    log: () => keeper.output,
  });
  const typed = (line: string) => [
    ...['nsenter', '-t', pid!, '-m', '-n', 'env', `PATH=${bin}:${process.env.PATH}`, 'sh', '-c', `exec ${line}`],
  ];
  const machine: Machine = {
    namespace: host,
    run: (line) => outcome(typed(line)),
    spawn: (line) => new Daemon(typed(line)),
    write: (path, text) => run(['nsenter', '-t', pid!, '-m', 'tee', path], { input: text }),
  };
  try {
    await followReadme(machine, router);
  } finally {
    await close();
  }
});
