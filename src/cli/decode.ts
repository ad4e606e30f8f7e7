/** `waypost decode`: recorded BGP as lines of JSON. */
import { Command, Option } from 'commander';
import { decoderOf, type Format, formats, GUESS_OCTETS, guess } from '../capture/decoder.ts';
import { Lines } from '../capture/lines.ts';
import { CaptureError } from '../capture/pcap.ts';
import { TAILS_OCTETS } from '../capture/tails.ts';
import { Tally } from '../capture/tally.ts';
import { LENIENT, Updates } from '../capture/updates.ts';
import { attributeName, routeJson } from '../daemon/routes.ts';
import { InputError, readInput } from '../io/input.ts';
import { writeAll } from '../io/process.ts';
import { Ascii } from '../lib/ascii.ts';
import { familiesOption, numberOption } from './options.ts';
import { CliError, EXIT, printJson } from './output.ts';

interface Options {
  format?: Format;
  as2?: boolean;
  addPath?: readonly ('ipv4' | 'ipv6')[];
  port: number;
  summary?: boolean;
}

export function command(): Command {
  return new Command()
    .description(
      'Decode recorded BGP messages and tables into lines of JSON: one for each route, or for each message without routes.',
    )
    .argument('[file]', 'the file, which may be compressed by gzip or bzip2 (default, and with -: standard input)')
    .addOption(
      new Option('--format <format>', 'format of the file (default: recognised by its beginning)').choices(formats),
    )
    .addOption(new Option('--as4', 'AS numbers have four octets where no OPEN is seen (default)').conflicts('as2'))
    .option('--as2', 'AS numbers have two octets where no OPEN is seen')
    .option(
      '--add-path <families>',
      'NLRI have path identifiers where no OPEN is seen: ipv4, ipv6 or both',
      familiesOption,
    )
    .option('--port <port>', 'TCP port of BGP in packet captures', numberOption(1, 65535), 179)
    .option('--summary', 'only counts of what is there, as one JSON value')
    .addHelpText(
      'after',
      `
Each line has "type": open, update, notification, keepalive, routeRefresh, rib (a table's route), state, peers or
error. Lines of an update have "event": announce, withdraw, endOfRib or fault. What cannot be decoded gets an error line,
and the exit status is 1.

Examples:
  tcpdump -i eth0 -w - tcp port 179 | waypost decode
  waypost decode --summary rib.20260101.0000.bz2`,
    )
    .action((file: string | undefined, options: Options) => decode(file, options));
}

async function decode(file: string | undefined, options: Options): Promise<void> {
  const out = new Ascii(TAILS_OCTETS);
  const flush = async () => {
    const text = out.take();
    if (!options.summary) await writeAll(text);
  };
  const tally = new Tally(options.summary === true);
  const lines = new Lines(tally, out);
  const updates = new Updates(lines, { members: routeJson, attributeName });
  const context = { ...LENIENT, fourOctetAs: !options.as2, addPathReceive: options.addPath ?? [] };
  const open = (format: Format) => decoderOf(format, lines, updates, context, options.port);
  let decoder = options.format && open(options.format);
  let start: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of readInput(file)) {
      let octets = chunk;
      if (decoder === undefined) {
        start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
        if (start.length < GUESS_OCTETS) continue;
        decoder = open(guessed(start));
        octets = start;
      }
      decoder.push(octets);
      await flush();
    }
    if (decoder === undefined) {
      decoder = open(guessed(start));
      decoder.push(start);
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof InputError || error instanceof CaptureError)) throw error;
    await flush();
    throw new CliError(error.message);
  }
  await flush();
  if (options.summary) printJson(tally.json());
  if (tally.errors > 0) throw new CliError('');
}

function guessed(start: Uint8Array): Format {
  const format = guess(start.subarray(0, GUESS_OCTETS));
  if (format === undefined)
    throw new CliError('the beginning of the input does not show its format: give --format', EXIT.usage);
  return format;
}
