/** Completion for zsh, by its own `_arguments`. */
import type { Branch, Flag, Values } from '../tree.ts';

/** A file for a folder of `fpath`. */
export function zsh(branches: readonly Branch[]): string {
  const described = branches.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = branches.map(({ name, flags, argument }) => {
    const specs = [...flags.map(flagSpec), ...(argument === 'none' ? [] : [quote(`*:argument:${action(argument)}`)])];
    return [`    ${name})`, `      _arguments \\\n${specs.map((s) => `        ${s}`).join(' \\\n')}`, '      ;;'].join(
      '\n',
    );
  });
  return [
    '#compdef waypost',
    '# waypost: completion for zsh (waypost completion zsh)',
    '_waypost() {',
    '  local -a commands',
    '  commands=(',
    ...described,
    '  )',
    '  if (( CURRENT == 2 )); then',
    "    _describe 'command' commands",
    '    return',
    '  fi',
    '  shift words',
    '  (( CURRENT-- ))',
    '  case $words[1] in',
    ...cases,
    "    help) _describe 'command' commands ;;",
    '  esac',
    '}',
    '_waypost "$@"',
  ].join('\n');
}

/** May be repeated: which options may is not worth a mistake. */
function flagSpec({ names, description, value }: Flag): string {
  const text = description.replace(/[[\]\\:]/g, '\\$&');
  const arg = value === undefined ? '' : `:value:${action(value)}`;
  const alternatives = names.length > 1 ? `{${names.join(',')}}` : names[0]!;
  return `'*'${alternatives}${quote(`[${text}]${arg}`)}`;
}

function action(values: Values): string {
  if (values === 'path') return '_files';
  return values === 'none' ? ' ' : `(${values.join(' ')})`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
