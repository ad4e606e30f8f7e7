/** `waypost completion`: a script that completes the command line in a shell, made from the commands themselves. */
import { Argument, Command } from 'commander';
import { printLine } from './output.ts';
import { bash } from './shells/bash.ts';
import { fish } from './shells/fish.ts';
import { zsh } from './shells/zsh.ts';
import { commandTree } from './tree.ts';

const shells = { bash, zsh, fish } as const;
type Shell = keyof typeof shells;

export function command(): Command {
  return new Command()
    .description('Print a script that completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  waypost completion bash > /etc/bash_completion.d/waypost',
        '  waypost completion zsh > /usr/local/share/zsh/site-functions/_waypost',
        '  waypost completion fish > ~/.config/fish/completions/waypost.fish',
        '',
      ].join('\n'),
    )
    .action(async (shell: Shell) => printLine(shells[shell](await commandTree())));
}
