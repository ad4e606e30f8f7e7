/** `waypost show`: the daemon's state, as a table for people or as JSON for programs. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { filters, type Subject, subjects } from '../daemon/control.ts';
import type { EventRow } from '../daemon/journal.ts';
import type { RouteRow } from '../daemon/routeview.ts';
import type { ConfigView, Layer2Row, PeerRow, ReceivedRow, ServiceRow } from '../daemon/views.ts';
import { ask, askRows } from './client.ts';
import { prefixOption, socketOption } from './options.ts';
import { CliError, EXIT, printJson, printLine, printPieces, printText } from './output.ts';
import { prefixPlace } from './place.ts';
import type { Rows } from './rows.ts';
import { DEFAULT_CONTROL } from './run.ts';
import { configurationState, serviceStatuses, sessionStates, yamlOf } from './status.ts';
import { printConfig, printEvents, printRows } from './tables.ts';
import { clearScreen, watch } from './watch.ts';

interface Options {
  control: string;
  json?: boolean;
  peer?: string;
  prefix?: string;
  vrf?: string;
  family?: string;
  watch?: boolean;
  output?: 'json' | 'yaml';
}

export function command(): Command {
  const what = new Argument('<what>', `what to show: ${subjects.join(', ')}`).choices(subjects).argParser((text) => {
    if (!subjects.includes(text as Subject))
      throw new InvalidArgumentError(`Allowed choices are ${subjects.join(', ')}.`);
    return text;
  });
  return new Command()
    .description(
      'Show the state of the daemon. `events` are the last thousand decisions and changes of state, with their reasons.',
    )
    .addArgument(what)
    .option('--json', 'one JSON value; with --watch one per line, on each change')
    .addOption(
      new Option(
        '-o, --output <format>',
        'json: as --json; yaml: peers, services or config as the status documents of MetalLB and frr-k8s',
      ).choices(['json', 'yaml']),
    )
    .option('--peer <name>', 'only this peer, by name or address')
    .option('--prefix <prefix>', 'only this prefix and those inside it', (text) => {
      prefixOption(text);
      return text;
    })
    .addOption(new Option('--family <family>', 'only this address family').choices(['ipv4', 'ipv6']))
    .option('--vrf <name>', "only this VRF; '' is the default VRF")
    .option('--watch', 'print again on each change, until interrupted; for events, the new ones')
    .option('--control <socket>', "the daemon's control socket", socketOption, DEFAULT_CONTROL)
    .addHelpText(
      'after',
      '\nExamples:\n  waypost show advertised --peer router1 --json\n  waypost show events --watch\n',
    )
    .action((what: Subject, options: Options) => show(what, options));
}

const filterNames = ['peer', 'vrf', 'family', 'prefix'] as const;

/** A filter that would be passed over in silence is a mistake of whoever gives it. */
function refuseFilters(what: Subject, options: Options): void {
  const known = filters[what];
  const wrong = filterNames.find((name) => options[name] !== undefined && !known.includes(name));
  if (wrong === undefined) return;
  const takes = known.length === 0 ? 'it takes no filter' : `it takes ${known.map((name) => `--${name}`).join(', ')}`;
  throw new CliError(`show ${what} has no --${wrong}: ${takes}`, EXIT.usage);
}

async function show(what: Subject, given: Options): Promise<void> {
  refuseFilters(what, given);
  if (given.output === 'yaml') return showStatus(what, given);
  const json = given.json === true || given.output === 'json';
  const options = { ...given, json };
  if (what === 'events') return showEvents(options);
  if (what === 'config') return showConfig(options);
  if (!options.watch) {
    const rows = await fetch(what, options);
    return json ? printPieces(rows.pretty()) : printRows(what, rows);
  }
  let printed: Rows | undefined;
  await watch(async () => {
    const rows = await fetch(what, options);
    if (printed?.same(rows)) return;
    printed = rows;
    if (json) return printPieces(rows.line());
    clearScreen();
    await printRows(what, rows);
  });
}

async function showConfig({ control, json, watch: again }: Options): Promise<void> {
  const next = async () => (await ask(control, 'GET', '/show/config')) as ConfigView;
  if (!again) {
    const value = await next();
    return json ? printJson(value) : printConfig(value);
  }
  let printed = '';
  await watch(async () => {
    const value = await next();
    const text = JSON.stringify(value);
    if (text === printed) return;
    printed = text;
    if (json) return printLine(text);
    clearScreen();
    await printConfig(value);
  });
}

async function showStatus(what: Subject, options: Options): Promise<void> {
  for (const other of ['json', 'watch'] as const)
    if (options[other]) throw new CliError(`-o yaml and --${other} exclude each other`, EXIT.usage);
  if (what !== 'services' && what !== 'peers' && what !== 'config')
    throw new CliError(`there is no status document for ${what}: peers, services and config have one`, EXIT.usage);
  const config = (await ask(options.control, 'GET', '/show/config')) as ConfigView;
  const node = config.node ?? 'unknown';
  if (what === 'config') return printText(yamlOf([configurationState(config)]));
  const rows = [...(await fetch(what, options))];
  if (what === 'peers') return printText(yamlOf(sessionStates(node, rows as PeerRow[])));
  printText(yamlOf(serviceStatuses(node, rows as ServiceRow[])));
}

async function showEvents(options: Options): Promise<void> {
  const next = (after: number) => {
    const query = queryOf(options);
    query.set('after', `${after}`);
    return askRows(options.control, `/show/events?${query}`);
  };
  if (!options.watch) {
    const rows = await next(0);
    return options.json ? printPieces(rows.pretty()) : printEvents(rows);
  }
  let seen = 0;
  await watch(async () => {
    const rows = [...(await next(seen))] as readonly EventRow[];
    seen = rows.at(-1)?.seq ?? seen;
    if (options.json) for (const row of rows) printLine(JSON.stringify(row));
    else printEvents(rows);
  });
}

/** Sorted by their key: long tables come in the order in which the daemon has them. */
async function fetch(what: Exclude<Subject, 'config' | 'events'>, options: Options): Promise<Rows> {
  const rows = await askRows(options.control, `/show/${what}?${queryOf(options)}`);
  switch (what) {
    case 'advertised':
    case 'received':
      return rows.sorted(({ peer, prefix, pathId = 0 }: Pick<ReceivedRow, 'peer' | 'prefix'> & { pathId?: number }) => {
        const { group, key } = prefixPlace(peer, prefix);
        return { group, key: key + String.fromCharCode(pathId >>> 16, pathId & 0xffff) };
      });
    case 'routes':
      return rows.sorted(({ table, prefix }: RouteRow) => prefixPlace(table, prefix));
    case 'l2':
      return rows.sorted(({ ip, service }: Layer2Row) => {
        const { group, key } = prefixPlace('', ip.includes(':') ? `${ip}/128` : `${ip}/32`);
        return { group, key: `${key} ${service}` };
      });
    default:
      return rows;
  }
}

function queryOf(options: Options): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of filterNames) if (options[name] !== undefined) query.set(name, options[name]);
  return query;
}
