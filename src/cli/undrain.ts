/** `waypost undrain`: what `drain` took back is announced again. */
import { Command } from 'commander';
import { ask } from './client.ts';
import { socketOption } from './options.ts';
import { CliError, printLine } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';

export function command(): Command {
  return new Command()
    .description('Put this node back into use: what `waypost drain` withdrew is announced again.')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText('after', '\nExample:\n  waypost undrain\n')
    .action(async ({ control }: { control: string }) => {
      const { stage } = (await ask(control, 'POST', '/undrain')) as { stage: string };
      if (stage !== 'none') throw new CliError('still drained: the node has the label waypost.dev/drain; remove it');
      printLine('back in use');
    });
}
