/** `waypost drain`: routes become the last choice, and after a while are withdrawn; sessions stay. */
import { Command } from 'commander';
import { ask } from './client.ts';
import { socketOption } from './options.ts';
import { CliError, printLine } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';

export function command(): Command {
  return new Command()
    .description(
      'Take this node out of use: its routes get GRACEFUL_SHUTDOWN and local preference 0 (RFC 8326), and are withdrawn after drain.wait of the Speaker (5 s by default). Sessions stay up.',
    )
    .option('--no-wait', 'return at once, before the routes are withdrawn')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText('after', '\nExample:\n  waypost drain && systemctl stop kubelet\n')
    .action(async ({ control, wait }: { control: string; wait: boolean }) => {
      const { stage } = (await ask(control, 'POST', `/drain${wait ? '' : '?wait=no'}`)) as { stage: string };
      if (stage === 'none') throw new CliError('the drain was called off: the node was put back into use meanwhile');
      printLine(wait ? 'drained: every route is withdrawn' : 'draining');
    });
}
