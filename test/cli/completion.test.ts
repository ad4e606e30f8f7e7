/** The scripts that shells complete by: bash runs its own here; what the others say is looked at. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { bash } from '../../src/cli/shells/bash.ts';
import { fish } from '../../src/cli/shells/fish.ts';
import { zsh } from '../../src/cli/shells/zsh.ts';
import { type Branch, commandTree } from '../../src/cli/tree.ts';
import { Folder, waypost } from '../support/daemon.ts';

let tree: Branch[];
beforeAll(async () => {
  tree = await commandTree();
});

test('every command and every option is in the tree', () => {
  expect(tree.map((b) => b.name)).toEqual(Object.keys(commands));
  const run = tree.find((b) => b.name === 'run')!;
  expect(run.flags.find((f) => f.names.includes('--config'))).toMatchObject({
    names: ['-c', '--config'],
    value: 'path',
  });
  expect(run.flags.find((f) => f.names.includes('--log-format'))!.value).toEqual(['json', 'pretty']);
  expect(run.flags.find((f) => f.names.includes('--node'))!.value).toBe('none');
  expect(tree.find((b) => b.name === 'show')).toMatchObject({ argument: expect.arrayContaining(['peers', 'events']) });
  expect(tree.find((b) => b.name === 'check')!.argument).toBe('path');
});

describe('bash', () => {
  /** What bash offers for the last word. */
  function offered(words: readonly string[], folder?: Folder): string[] {
    const script = `${bash(tree)}
COMP_WORDS=(waypost ${words.map((w) => `'${w}'`).join(' ')})
COMP_CWORD=${words.length}
_waypost
printf '%s\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder?.path });
    expect([stderr, status]).toEqual(['', 0]);
    return stdout.split('\n').filter(Boolean).sort();
  }

  test.each<[readonly string[], readonly string[]]>([
    [['ex'], ['explain']],
    [['und'], ['undrain']],
    [['show', 'ev'], ['events']],
    [['show', '--js'], ['--json']],
    [
      ['show', 'peers', '--family', ''],
      ['ipv4', 'ipv6'],
    ],
    [['run', '--log-format', 'p'], ['pretty']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['help', 'dra'], ['drain']],
    [['run', '--node', ''], []],
    [['frobnicate', '--x'], []],
  ])('%s', (words, expected) => expect(offered(words)).toEqual(expected));

  test('paths where paths are wanted', () => {
    const folder = new Folder();
    try {
      folder.put('speaker.yaml', '');
      expect(offered(['check', 'spea'], folder)).toEqual(['speaker.yaml']);
      expect(offered(['run', '-c', 'spea'], folder)).toEqual(['speaker.yaml']);
    } finally {
      folder.dispose();
    }
  });

  test('every command first', () => {
    expect(offered([''])).toEqual([...Object.keys(commands), '--help', '--version', 'help'].sort());
  });
});

test.each([
  ['zsh', zsh, (name: string) => `\n    ${name})\n`],
  ['fish', fish, (name: string) => `__fish_seen_subcommand_from ${name}'`],
] as const)('%s knows every command and option', (shell, make, section) => {
  const script = make(tree);
  for (const { name, flags } of tree) {
    expect(script).toContain(section(name));
    for (const flag of flags.flatMap((f) => f.names)) {
      const spelled = shell === 'zsh' ? flag : flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
      expect(script).toContain(spelled);
    }
  }
  expect(script).toContain(shell === 'zsh' ? '(ipv4 ipv6)' : "-a 'ipv4 ipv6'");
});

test('the command prints the script, and knows no other shell', async () => {
  expect(await waypost(['completion', 'bash'])).toEqual({ code: 0, stdout: `${bash(tree)}\n`, stderr: '' });
  expect(await waypost(['completion', 'tcsh'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Allowed choices are bash, zsh, fish.'),
  });
});
