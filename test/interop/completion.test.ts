/** The completion scripts in their own shells, which are Debian packages that unit tests do without. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fish } from '../../src/cli/shells/fish.ts';
import { zsh } from '../../src/cli/shells/zsh.ts';
import { commandTree } from '../../src/cli/tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'waypost-completion-'));
beforeAll(async () => {
  const tree = await commandTree();
  writeFileSync(join(folder, 'waypost.fish'), fish(tree));
  writeFileSync(join(folder, '_waypost'), zsh(tree));
  writeFileSync(join(folder, 'speaker.yaml'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(command: string, ...argv: readonly string[]): string[] {
  const { stdout, stderr, error } = spawnSync(command, argv, { encoding: 'utf8', cwd: folder });
  if (error) throw error;
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

test.each([
  ['waypost expl', ['explain']],
  ['waypost show ev', ['events']],
  ['waypost show peers --family ', ['ipv4', 'ipv6']],
  ['waypost run --log-f', ['--log-format']],
  ['waypost check spea', ['speaker.yaml']],
  ['waypost completion ', ['bash', 'fish', 'zsh']],
])('fish: %s', (line, expected) => {
  const offered = shell('fish', '--no-config', '-c', `source waypost.fish; complete -C '${line}'`);
  expect(offered.map((o) => o.split('\t')[0]).sort()).toEqual(expected);
});

test('zsh: the script is sound, and its arguments are what _arguments takes', () => {
  shell('zsh', '-f', '-n', '_waypost');
  // A stand-in for _arguments that prints what it was given, and one for the rest of the completion system.
  const script = `_arguments() { print -l -- "$@" }; _describe() { print -l -- $commands }
words=(waypost show ''); CURRENT=3; source ./_waypost`;
  const specs = shell('zsh', '-f', '-c', script);
  expect(specs).toContainEqual(expect.stringMatching(/^\*--json\[/));
  expect(specs).toContainEqual(expect.stringMatching(/^\*--family\[.*\]:value:\(ipv4 ipv6\)$/));
  expect(specs.at(-1)).toMatch(/^\*:argument:\(peers .*events\)$/);
});
