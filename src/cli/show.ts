/** `waypost show`: the daemon's state, as a table for people or as JSON for programs. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { type Subject, subjects } from '../daemon/control.ts';
import type { AdvertisedRow, ReceivedRow } from '../daemon/views.ts';
import { onInterrupt } from '../io/process.ts';
import { comparePrefixes, prefix as parsed } from '../lib/prefix.ts';
import { ask } from './client.ts';
import { notYet, prefixOption } from './options.ts';
import { printJson } from './output.ts';
import { DEFAULT_CONTROL } from './run.ts';
import { printSubject } from './tables.ts';

interface Options {
  control: string;
  json?: boolean;
  peer?: string;
  prefix?: string;
  family?: string;
  watch?: boolean;
}

/** Parts of the contract whose daemon side does not exist. */
const later = ['routes', 'vrfs', 'bfd', 'members', 'events'];

/** How often `--watch` looks, ms. */
const WATCH_MS = 1_000;

export function command(): Command {
  const what = new Argument('<what>', `what to show: ${subjects.join(', ')}`).argParser((text) => {
    if (later.includes(text)) throw new InvalidArgumentError(`"${text}" is not supported yet.`);
    if (!subjects.includes(text as Subject)) throw new InvalidArgumentError(`It is one of ${subjects.join(', ')}.`);
    return text;
  });
  return new Command()
    .description('Show what the daemon does.')
    .addArgument(what)
    .option('--json', 'one JSON value')
    .option('--peer <name>', 'only this peer, by name or address')
    .option('--prefix <prefix>', 'only this prefix and those inside it', (text) => {
      prefixOption(text);
      return text;
    })
    .addOption(new Option('--family <family>', 'only this address family').choices(['ipv4', 'ipv6']))
    .addOption(notYet('--vrf <name>', 'only this VRF'))
    .option('--watch', 'again whenever it changes, until interrupted')
    .option('--control <socket>', "the daemon's control socket", DEFAULT_CONTROL)
    .addHelpText('after', '\nExample:\n  waypost show advertised --peer router1 --json\n')
    .action((what: Subject, options: Options) => show(what, options));
}

async function show(what: Subject, options: Options): Promise<void> {
  let interrupted = false;
  let wake = () => {};
  if (options.watch)
    onInterrupt(() => {
      interrupted = true;
      wake();
    });
  let printed = '';
  do {
    const value = await fetch(what, options);
    const text = JSON.stringify(value);
    if (text !== printed) print(what, value, options);
    printed = text;
    if (!options.watch || interrupted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WATCH_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  } while (!interrupted);
}

async function fetch(what: Subject, options: Options): Promise<unknown> {
  const query = new URLSearchParams();
  for (const name of ['peer', 'prefix', 'family'] as const) if (options[name]) query.set(name, options[name]);
  const value = await ask(options.control, 'GET', `/show/${what}?${query}`);
  return what === 'advertised' || what === 'received' ? sortRoutes(value as AdvertisedRow[] | ReceivedRow[]) : value;
}

/** By peer and prefix: the daemon gives them as they come. */
function sortRoutes(rows: readonly (AdvertisedRow | ReceivedRow)[]): unknown[] {
  return rows
    .map((row) => ({ row, key: parsed(row.prefix) }))
    .sort((a, b) => (a.row.peer < b.row.peer ? -1 : a.row.peer > b.row.peer ? 1 : comparePrefixes(a.key, b.key)))
    .map(({ row }) => row);
}

function print(what: Subject, value: unknown, options: Options): void {
  if (options.json) printJson(value);
  else printSubject(what, value);
}
