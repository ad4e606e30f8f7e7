/** `waypost explain`: why something is announced, or not, or why a session is down. */
import { Command } from 'commander';
import { readDocuments } from '../daemon/documents.ts';
import { factsOf, type Outlook, outlookOf } from '../daemon/outlook.ts';
import type { Explanation } from '../intent/explain/chain.ts';
import { explain, UnknownSubject } from '../intent/explain/explain.ts';
import type { Facts } from '../intent/explain/facts.ts';
import { subjectOf } from '../intent/explain/subject.ts';
import { configurationOf } from './assembled.ts';
import { ask } from './client.ts';
import { explanationText } from './explanation.ts';
import { nodeOption, numberOption, pathOption, repeatable, socketOption } from './options.ts';
import { CliError, EXIT, printJson, printLine } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';
import { walkRunning, walkText } from './walk.ts';

interface Options {
  control: string;
  config?: readonly string[];
  node?: string;
  mark: number;
  json?: boolean;
}

export function command(): Command {
  return new Command()
    .description(
      'Why something is announced or not: the tests of each decision, the one that decided with its document and line, and the remedy. Asks the daemon, or with -c works from documents.',
    )
    .argument('<what>', "an address, a prefix, a Service as NAMESPACE/NAME, or a peer's name; or a client's address")
    .argument('[to]', "the word `to`, for the path of that client's packets to a Service and back")
    .argument('[service]', 'with `to`, the Service as NAMESPACE/NAME, or its address')
    .option('--mark <number>', 'with `to`, the mark of the packets', numberOption(0, 0xffff_ffff), 0)
    .option(
      '-c, --config <path>',
      'a file, or a folder of *.yaml, *.yml and *.json, in place of the daemon, - for standard input; may be repeated',
      repeatable(pathOption),
    )
    .option(
      '--node <name>',
      "with -c, the node to decide for (default: the Speaker document's name, else the host's)",
      nodeOption,
    )
    .option('--json', 'one JSON value')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText(
      'after',
      '\nExamples:\n  waypost explain default/web\n  waypost explain 203.0.113.7 -c /etc/waypost\n  waypost explain router\n  waypost explain 198.51.100.7 to default/web\n',
    )
    .action(
      async (what: string, to: string | undefined, service: string | undefined, options: Options, command: Command) => {
        if (options.node !== undefined && !options.config)
          throw new CliError('--node goes with --config: a daemon decides for its own node', EXIT.usage);
        if (to !== undefined) return await explainWalk(what, to, service, options);
        if (command.getOptionValueSource('mark') !== 'default')
          throw new CliError('--mark goes with: waypost explain CLIENT to SERVICE', EXIT.usage);
        const explanation = options.config
          ? await standAlone(what, options.config, options.node)
          : await running(what, options);
        if (options.json) printJson(explanation);
        else for (const line of explanationText(explanation)) printLine(line);
      },
    );
}

async function explainWalk(client: string, to: string, service: string | undefined, options: Options): Promise<void> {
  if (to !== 'to' || service === undefined)
    throw new CliError('usage for the path of packets: waypost explain CLIENT to SERVICE', EXIT.usage);
  if (options.config)
    throw new CliError('the path of packets is asked of the kernel by the daemon: leave --config out', EXIT.usage);
  const walked = await walkRunning(options.control, client, service, options.mark);
  if (options.json) printJson(walked);
  else for (const line of walkText(walked)) printLine(line);
}

const running = async (what: string, { control }: Options): Promise<Explanation> =>
  (await ask(control, 'GET', `/explain?${new URLSearchParams({ subject: what })}`)) as Explanation;

async function standAlone(what: string, paths: readonly string[], node: string | undefined): Promise<Explanation> {
  const outlook = await outlookOf(configurationOf(await readDocuments(paths, node)));
  try {
    return explain(subjectOf(what), { ...factsOf(outlook), ...(await egressFacts(outlook)) });
  } catch (error) {
    if (error instanceof UnknownSubject) throw new CliError(error.message);
    throw error;
  }
}

/** Tables and VRFs are looked up only for documents that name some. */
async function egressFacts({ config, services }: Outlook): Promise<Pick<Facts, 'egress'>> {
  if (config.egress.size === 0) return {};
  const { egressOf } = await import('../daemon/kernelplan.ts');
  const found = new Map(egressOf(config, services.decisions).map((decision) => [decision.key, decision]));
  return {
    egress: (key) => {
      const decision = found.get(key);
      return decision && { decision, problems: [] };
    },
  };
}
