/** `waypost replay`: the sessions of a record (`run --record`) once more, without a network. */
import { Command } from 'commander';
import { countNlri } from '../bgp/nlri.ts';
import { parseLine, Replay, type Replayed } from '../bgp/record.ts';
import { InputError, readInput } from '../io/input.ts';
import { Splitter } from '../lib/splitter.ts';
import { CliError, printLine } from './output.ts';

export function command(): Command {
  return new Command()
    .description(
      'Run the sessions of a record (run --record) again: prints each change of state with its time, and where it differs from the record.',
    )
    .argument('[file]', 'the record, which may be compressed by gzip or bzip2 (default: standard input, as with -)')
    .option('--json', 'print lines of JSON')
    .addHelpText(
      'after',
      '\nExample:\n  waypost run --record /tmp/sessions.jsonl\n  waypost replay /tmp/sessions.jsonl',
    )
    .action((file: string | undefined, options: { json?: boolean }) => replay(file, options.json === true));
}

async function replay(file: string | undefined, json: boolean): Promise<void> {
  const run = new Replay();
  let number = 0;
  let first: number | undefined;
  let differences = 0;
  try {
    for await (const text of linesOf(readInput(file))) {
      number++;
      if (text === undefined) throw new SyntaxError('not a line of a record: it does not end');
      if (text === '') continue;
      const done = run.take(parseLine(text));
      if (done === undefined) continue;
      first ??= done.at;
      if (done.recorded !== undefined) differences++;
      for (const line of describe(done, done.at - first, json)) printLine(line);
    }
  } catch (error) {
    if (error instanceof InputError) throw new CliError(error.message);
    // What a line lacks shows where the session looks for it.
    throw new CliError(`line ${number}: ${(error as Error).message}`);
  }
  if (number === 0) throw new CliError('the record is empty');
  if (differences > 0)
    throw new CliError(`${differences} ${differences === 1 ? 'event' : 'events'} had other results than in the record`);
}

function describe({ peer, states, updates, recorded }: Replayed, ms: number, json: boolean): string[] {
  const sum = (runs: readonly Parameters<typeof countNlri>[0][]) => runs.reduce((n, run) => n + countNlri(run), 0);
  const announced = updates.reduce((n, u) => n + sum(u.reach), 0);
  const withdrawn = updates.reduce((n, u) => n + sum(u.unreach), 0);
  const quiet = states.length === 0 && announced === 0 && withdrawn === 0 && recorded === undefined;
  if (quiet) return [];
  const changes = states.map(([from, to, reason]) => ({ from, to, reason }));
  if (json) {
    const said = recorded && { recorded: recorded.map(([from, to, reason]) => ({ from, to, reason })) };
    return [JSON.stringify({ ms: Math.round(ms), peer, states: changes, announced, withdrawn, ...said })];
  }
  const at = `${(ms / 1000).toFixed(3).padStart(10)}  ${peer}  `;
  const lines = states.map(([from, to, reason]) => `${at}${from} → ${to}${reason && `  ${reason}`}`);
  if (announced + withdrawn > 0) lines.push(`${at}UPDATE: ${announced} announced, ${withdrawn} withdrawn`);
  if (recorded !== undefined) {
    const was = recorded.map(([from, to]) => `${from} → ${to}`).join(', ') || 'no change of state';
    lines.push(`${at}! the record says: ${was}`);
  }
  return lines;
}

/** Characters of a line: what came from a socket at once has a hundredth of it. */
const MAX_LINE = 16 * 1024 * 1024;

/** Cut at line ends, which a chunk need not be; undefined: one that does not end. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined, void, undefined> {
  const decoder = new TextDecoder();
  const splitter = new Splitter();
  for await (const chunk of chunks) {
    yield* splitter.push(decoder.decode(chunk, { stream: true }));
    if (splitter.rest.length > MAX_LINE) yield undefined;
  }
  if (splitter.rest !== '') yield splitter.rest;
}
