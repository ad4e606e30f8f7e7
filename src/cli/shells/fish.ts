/** Completion for fish. */
import type { Branch, Flag, Values } from '../tree.ts';

/** A file for `completions/`. */
export function fish(branches: readonly Branch[]): string {
  const names = branches.map(({ name }) => name).join(' ');
  return [
    '# waypost: completion for fish (waypost completion fish)',
    'complete -c waypost -f',
    ...branches.map(
      ({ name, summary }) => `complete -c waypost -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ),
    `complete -c waypost -n '__fish_seen_subcommand_from help' -a ${quote(names)}`,
    ...branches.flatMap(({ name, flags, argument }) => [
      ...flags.map((flag) => line(name, flag)),
      ...(argument === 'none' ? [] : [`${start(name)} ${values(argument)}`]),
    ]),
  ].join('\n');
}

const start = (name: string): string => `complete -c waypost -n '__fish_seen_subcommand_from ${name}'`;

function line(command: string, { names, description, value }: Flag): string {
  const spelled = names.map((n) => (n.startsWith('--') ? `-l ${n.slice(2)}` : `-s ${n.slice(1)}`)).join(' ');
  const arg = value === undefined ? '' : ` ${value === 'path' ? '-r' : '-x'} ${values(value)}`;
  return `${start(command)} ${spelled}${arg.trimEnd()} -d ${quote(description)}`;
}

function values(of: Values): string {
  if (of === 'path') return '-F';
  return of === 'none' ? '' : `-a ${quote(of.join(' '))}`;
}

const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
