/** `waypost reload`: the daemon reads its documents again, and the caller learns what it makes of them. */
import { Command } from 'commander';
import { ask } from './client.ts';
import { socketOption } from './options.ts';
import { CliError, printLine } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';

export function command(): Command {
  return new Command()
    .description(
      'Make the daemon read its documents again. Exit 1 when they are refused; the last good ones stay in force.',
    )
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText('after', '\nExample:\n  waypost reload && waypost show peers\n')
    .action(async ({ control }: { control: string }) => {
      const { valid, diagnostics } = (await ask(control, 'POST', '/reload')) as {
        valid: boolean;
        diagnostics: readonly string[];
      };
      for (const line of diagnostics) printLine(line);
      if (!valid) throw new CliError('configuration refused: the last good one stays in force');
    });
}
