/** Completion for bash, without the bash-completion package. */
import type { Branch, Values } from '../tree.ts';

/** A script for `complete -F`. */
export function bash(branches: readonly Branch[]): string {
  const values = branches.flatMap(({ name, flags }) =>
    flags
      .filter(({ value }) => value !== undefined)
      .map(({ names, value }) => `    ${names.map((n) => `'${name} ${n}'`).join('|')}) ${reply(value!)}; return ;;`),
  );
  const options = branches.map(
    ({ name, flags }) => `    ${name}) words='${flags.flatMap((f) => f.names).join(' ')}' ;;`,
  );
  const argumentLines = branches
    .filter(({ argument }) => argument !== 'none')
    .map(({ name, argument }) => `    ${name}) ${reply(argument)} ;;`);
  return [
    '# waypost: completion for bash (waypost completion bash)',
    '_waypost() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's
    '  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words=',
    '  COMPREPLY=()',
    '  if ((COMP_CWORD == 1)); then',
    `    ${reply([...branches.map(({ name }) => name), 'help', '--help', '--version'])}`,
    '    return',
    '  fi',
    '  case "$command $prev" in',
    ...values,
    '  esac',
    '  case $command in',
    ...options,
    `    help) ${reply(branches.map(({ name }) => name))}; return ;;`,
    '  esac',
    '  if [[ $cur == -* ]]; then',
    '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '    return',
    '  fi',
    '  case $command in',
    ...argumentLines,
    '  esac',
    '}',
    'complete -o filenames -F _waypost waypost',
  ].join('\n');
}

/** A command that sets COMPREPLY. */
function reply(values: Values): string {
  if (values === 'none') return 'COMPREPLY=()';
  const from = values === 'path' ? '-f' : `-W '${values.join(' ')}'`;
  return `COMPREPLY=($(compgen ${from} -- "$cur"))`;
}
