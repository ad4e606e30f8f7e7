/** `waypost show`: the daemon's state, as a table for people or as JSON for programs. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { type Subject, subjects } from '../daemon/control.ts';
import type { EventRow } from '../daemon/journal.ts';
import type { RouteRow } from '../daemon/routeview.ts';
import type { AdvertisedRow, ConfigView, PeerRow, ReceivedRow, ServiceRow } from '../daemon/views.ts';
import { comparePrefixes, prefix as parsed } from '../lib/prefix.ts';
import { ask } from './client.ts';
import { prefixOption } from './options.ts';
import { CliError, EXIT, printJson, printLine, printText } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';
import { configurationState, serviceStatuses, sessionStates, yamlOf } from './status.ts';
import { printSubject } from './tables.ts';
import { clearScreen, watch } from './watch.ts';

interface Options {
  control: string;
  json?: boolean;
  peer?: string;
  prefix?: string;
  vrf?: string;
  family?: string;
  watch?: boolean;
  output?: 'yaml';
}

export function command(): Command {
  const what = new Argument('<what>', `what to show: ${subjects.join(', ')}`).choices(subjects).argParser((text) => {
    if (!subjects.includes(text as Subject)) throw new InvalidArgumentError(`It is one of ${subjects.join(', ')}.`);
    return text;
  });
  return new Command()
    .description(
      'Show what the daemon does. `events` are the last thousand decisions and changes of state, with their reasons.',
    )
    .addArgument(what)
    .option('--json', 'one JSON value; with --watch one a line, whenever it changes')
    .addOption(
      new Option('-o, --output <format>', "peers, services or config as MetalLB's and frr-k8s' status documents")
        .choices(['yaml'])
        .conflicts(['json', 'watch']),
    )
    .option('--peer <name>', 'only this peer, by name or address')
    .option('--prefix <prefix>', 'only this prefix and those inside it', (text) => {
      prefixOption(text);
      return text;
    })
    .addOption(new Option('--family <family>', 'only this address family').choices(['ipv4', 'ipv6']))
    .option('--vrf <name>', "only this VRF; '' for the default one")
    .option('--watch', 'again whenever it changes, until interrupted; for events, the new ones')
    .option('--control <socket>', "the daemon's control socket", DEFAULT_CONTROL)
    .addHelpText(
      'after',
      '\nExamples:\n  waypost show advertised --peer router1 --json\n  waypost show events --watch\n',
    )
    .action((what: Subject, options: Options) => show(what, options));
}

async function show(what: Subject, options: Options): Promise<void> {
  if (options.output === 'yaml') return showStatus(what, options);
  if (what === 'events') return showEvents(options);
  if (!options.watch) return print(what, await fetch(what, options), options);
  let printed = '';
  await watch(async () => {
    const value = await fetch(what, options);
    const text = JSON.stringify(value);
    if (text === printed) return;
    printed = text;
    if (options.json) return printLine(text);
    clearScreen();
    printSubject(what, value);
  });
}

async function showStatus(what: Subject, options: Options): Promise<void> {
  if (what !== 'services' && what !== 'peers' && what !== 'config')
    throw new CliError(`there is no status document for ${what}: peers, services and config have one`, EXIT.usage);
  const config = (await ask(options.control, 'GET', '/show/config')) as ConfigView;
  const node = config.node ?? 'unknown';
  if (what === 'config') return printText(yamlOf([configurationState(config)]));
  const rows = await fetch(what, options);
  if (what === 'peers') return printText(yamlOf(sessionStates(node, rows as PeerRow[])));
  printText(yamlOf(serviceStatuses(node, rows as ServiceRow[])));
}

async function showEvents(options: Options): Promise<void> {
  const next = async (after: number) =>
    (await ask(options.control, 'GET', `/show/events?after=${after}`)) as readonly EventRow[];
  if (!options.watch) return print('events', await next(0), options);
  let seen = 0;
  await watch(async () => {
    const rows = await next(seen);
    seen = rows.at(-1)?.seq ?? seen;
    if (options.json) for (const row of rows) printLine(JSON.stringify(row));
    else printSubject('events', rows);
  });
}

async function fetch(what: Subject, options: Options): Promise<unknown> {
  const query = new URLSearchParams();
  for (const name of ['peer', 'vrf', 'prefix', 'family'] as const)
    if (options[name] !== undefined) query.set(name, options[name]);
  const value = await ask(options.control, 'GET', `/show/${what}?${query}`);
  if (what === 'routes') return sortByPrefix(value as RouteRow[], (row) => row.table);
  return what === 'advertised' || what === 'received'
    ? sortByPrefix(value as (AdvertisedRow | ReceivedRow)[], (row) => row.peer)
    : value;
}

/** By `first`, then by prefix: the daemon gives them as they come. */
function sortByPrefix<Row extends { readonly prefix: string }>(
  rows: readonly Row[],
  first: (row: Row) => string | number,
) {
  return rows
    .map((row) => ({ row, group: first(row), key: parsed(row.prefix) }))
    .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : comparePrefixes(a.key, b.key)))
    .map(({ row }) => row);
}

function print(what: Subject, value: unknown, options: Options): void {
  if (options.json) printJson(value);
  else printSubject(what, value);
}
