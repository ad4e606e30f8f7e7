/** What people see on a terminal, as `script` has one: colours and a screen that is cleared, where both are welcome. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  advertisementDocument,
  all,
  Folder,
  poolDocument,
  serviceDocument,
  soon,
  spawnWaypost,
  steadySpeaker,
} from '../support/daemon.ts';
import { Daemon, outcome } from '../support/process.ts';

const folder = new Folder();
const control = folder.file('control.sock');
let daemon: Daemon;
beforeAll(async () => {
  const documents = [poolDocument('main', ['198.51.100.0/24']), advertisementDocument('main', 'main')];
  folder.put('all.yaml', all(steadySpeaker(folder.file('state')), ...documents, serviceDocument('web')));
  daemon = spawnWaypost(['run', '-c', folder.path, '--control', control, '--http', 'off']);
  await soon('it is ready', () => daemon.output.includes('"ready"'));
});
afterAll(async () => {
  await daemon?.stop();
  folder.dispose();
});

/** A command on a terminal of this kind. */
const typed = async (command: string, ...environment: readonly string[]): Promise<string> => {
  const argv = ['env', '-u', 'NO_COLOR', ...environment, 'script', '-qec', command, '/dev/null'];
  const { code, stdout } = await outcome(argv);
  expect(code, stdout).toBe(0);
  return stdout;
};

const ESCAPE = '\x1b[';

test.each([
  ['a terminal', ['TERM=xterm'], true],
  ['one of somebody who wants none', ['TERM=xterm', 'NO_COLOR=1'], false],
  ['one that knows none', ['TERM=dumb'], false],
])('colours: %s', async (_, environment, coloured) => {
  const text = await typed(`node bin/waypost explain default/web --control ${control}`, ...environment);
  expect(text).toContain('Service default/web');
  expect(text.includes(ESCAPE)).toBe(coloured);
});

test.each([
  ['a terminal', ['TERM=xterm'], true],
  ['one of somebody who wants no colours', ['TERM=xterm', 'NO_COLOR=1'], true],
  ['one that cannot be cleared', ['TERM=dumb'], false],
])('--watch: %s', async (_, environment, cleared) => {
  const command = `node bin/waypost show services --watch --control ${control}`;
  const terminal = new Daemon(['env', '-u', 'NO_COLOR', ...environment, 'script', '-qec', command, '/dev/null']);
  await soon('the table', () => terminal.stdout.includes('default/web'));
  expect(terminal.stdout.includes(`${ESCAPE}H${ESCAPE}2J`)).toBe(cleared);
  await terminal.stop();
});
