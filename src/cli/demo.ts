/** `waypost demo`: the main job on one machine, without privileges or routers. */
import { Command } from 'commander';
import { runDemo } from '../daemon/demo.ts';
import { routeText } from '../daemon/routes.ts';
import { packageFile } from '../io/scratch.ts';
import { CliError, printLine } from './output.ts';

const SEED = 'fixtures/config/seed-001-advanced.yaml';

export function command(): Command {
  return new Command()
    .description(
      'Run a daemon and a router on loopback, and print what the router learns from a published MetalLB example. Needs no privileges.',
    )
    .addHelpText('after', '\nExample:\n  waypost demo\n')
    .action(async () => {
      const documents = packageFile(SEED);
      printLine(`The documents (${SEED}):\n`);
      for (const line of documents.trimEnd().split('\n')) printLine(`    ${line}`);
      printLine(
        '\nBeside them: a Speaker, a BGPPeer for a router on loopback with its next hops in an FRRConfiguration, and two dual-stack Services.',
      );
      try {
        await runDemo(documents, ({ title, routes }) => {
          printLine(`\n${title}: the router knows ${routes.length} routes`);
          for (const [prefix, route] of routes) printLine(`    ${prefix.padEnd(27)} ${routeText(route)}`);
        });
      } catch (error) {
        throw new CliError((error as Error).message);
      }
    });
}
