/** The frame of the command line: help with examples, nearest names, exit statuses. */
import { describe, expect, test } from 'vitest';
import { commands as table } from '../../src/cli/commands.ts';
import { VERSION } from '../../src/io/version.ts';
import { waypost } from '../support/daemon.ts';

const commands = Object.keys(table);

describe.each(commands)('%s', (command) => {
  test('--help has a usage line, a description and an example, and help COMMAND is the same', async () => {
    const [help, flag] = await Promise.all([waypost(['help', command]), waypost([command, '--help'])]);
    expect(help).toEqual(flag);
    const { code, stdout, stderr } = flag;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: waypost ${command}\\b`));
    expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n(?:.*\\n)*.*waypost ${command}\\b`));
  });

  test('an unknown option is refused with exit 2', async () => {
    const { code, stdout, stderr } = await waypost([command, '--nonsense-option']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain("error: unknown option '--nonsense-option'");
  });
});

test('the list names every command', async () => {
  const { code, stdout } = await waypost(['--help']);
  expect(code).toBe(0);
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
  expect(stdout).toContain('Examples:');
});

test.each([
  [['show', 'peers', '--jsn'], '(Did you mean --json?)'],
  [['run', '--contrl', 'x'], '(Did you mean --control?)'],
  [['peer', '127.0.0.1', '--localas', '1'], '(Did you mean --local-as?)'],
  [['check', '--strct', 'x'], '(Did you mean --strict?)'],
  [['shw'], '(Did you mean show?)'],
  [['chekc', 'x'], '(Did you mean check?)'],
  [['help', 'shw'], '(Did you mean show?)'],
])('%s suggests the nearest', async (argv, suggestion) => {
  const { code, stderr } = await waypost(argv);
  expect(code).toBe(2);
  expect(stderr).toContain(suggestion);
});

test.each([
  ['no command', []],
  ['a command that is none', ['frobnicate']],
  ['too many arguments', ['reload', 'now']],
  ['an argument missing', ['check']],
  ['another one missing', ['show']],
  ['a value missing', ['run', '--node']],
  ['no name of a node, as of a variable that is not set', ['run', '--node', '']],
  ['no socket', ['show', 'peers', '--control', '']],
  ['no path', ['run', '--config', '']],
  ['no port', ['run', '--http', '127.0.0.1']],
  ['a port too high', ['run', '--http', '127.0.0.1:65536']],
  ['no level', ['run', '--log-level', 'loud']],
  ['no format', ['run', '--log-format', 'xml']],
  ['no family', ['show', 'received', '--family', 'ipx']],
  ['no prefix', ['show', 'received', '--prefix', '10.0.0.0/33']],
])('wrong usage is exit 2: %s', async (_, argv) => {
  const { code, stdout, stderr } = await waypost(argv);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toMatch(/\n\s+at /);
});

test('the version', async () => {
  expect(await waypost(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
});
