/** `waypost run`: the daemon in the foreground, as systemd and containers want it. */
import { Command, Option } from 'commander';
import { formatLine, RecordedSession, type RecordLine } from '../bgp/record.ts';
import { Daemon } from '../daemon/daemon.ts';
import { ServiceReport } from '../daemon/service.ts';
import type { MakeSession } from '../daemon/speaker.ts';
import { StartError } from '../daemon/starterror.ts';
import { Appender } from '../io/appender.ts';
import { wallClock } from '../io/clock.ts';
import { flushed, type Logger, logFormats, logLevels, makeLogger } from '../io/log.ts';
import { Notifier } from '../io/notify.ts';
import { settleCapabilities } from '../io/privileges.ts';
import { onInterrupt, onSignal } from '../io/process.ts';
import { VERSION } from '../io/version.ts';
import { formatAddress } from '../lib/address.ts';
import { endpointOption, nodeOption, pathOption, repeatable, socketOption } from './options.ts';
import { CliError } from './output.ts';

interface Options {
  config?: readonly string[];
  node?: string;
  control: string;
  http: ReturnType<typeof endpointOption> | 'off';
  record?: string;
  logLevel: string;
  logFormat: (typeof logFormats)[number];
}

const DEFAULT_HTTP = '127.0.0.1:7472';
export const DEFAULT_DOCUMENTS = '/etc/waypost';
export const DEFAULT_CONTROL = '/run/waypost/control.sock';

export function command(): Command {
  return new Command()
    .description(
      'The daemon, in the foreground. Reads documents again when a file changes and on SIGHUP; SIGTERM drains, withdraws and ends.',
    )
    .option(
      '-c, --config <path>',
      'a file, or a folder of *.yaml, *.yml and *.json; may be repeated (default: /etc/waypost)',
      repeatable(pathOption),
    )
    .option('--node <name>', "this node's name (default: the Speaker document's, else the host's)", nodeOption)
    .option('--control <socket>', 'socket on which the other commands reach the daemon', socketOption, DEFAULT_CONTROL)
    .addOption(
      new Option('--http <addr:port>', 'status page, metrics and health; "off" for none')
        .argParser((text) => (text === 'off' ? text : endpointOption(text)))
        .default(endpointOption(DEFAULT_HTTP), DEFAULT_HTTP),
    )
    .option(
      '--record <file>',
      'record the events of every session for `waypost replay`; the file grows with the traffic',
    )
    .addOption(new Option('--log-level <level>', 'least severe level to log').choices(logLevels).default('info'))
    .addOption(
      new Option('--log-format <format>', 'format of the log: for programs or for people')
        .choices(logFormats)
        .default('json'),
    )
    .addHelpText('after', '\nExample:\n  waypost run -c speaker.yaml -c services/ --log-format pretty\n')
    .action((options: Options) => run(options));
}

async function run(options: Options): Promise<void> {
  settleCapabilities();
  const log = makeLogger(options.logLevel, options.logFormat);
  try {
    await serve(options, log);
  } finally {
    await flushed(log);
  }
}

async function serve(options: Options, log: Logger): Promise<void> {
  const { http } = options;
  const record = options.record === undefined ? undefined : recorder(options.record, log);
  const daemon = new Daemon({
    paths: options.config ?? [DEFAULT_DOCUMENTS],
    node: options.node,
    control: options.control,
    http: http === 'off' ? undefined : { host: formatAddress(http.address), port: http.port },
    log,
    ...(record && { makeSession: record.makeSession }),
  });
  const interrupted = new Promise<void>((resolve) => onInterrupt(resolve));
  const report = new ServiceReport(daemon, new Notifier(), log);
  onSignal('SIGHUP', () => void report.reload(() => daemon.documents.reload()));
  try {
    await daemon.start();
    report.start();
  } catch (error) {
    await daemon.stop();
    record?.close();
    if (error instanceof StartError) throw new CliError(error.message);
    throw error;
  }
  const failure = await Promise.race([interrupted, daemon.failures.first]);
  log.info('stopping');
  report.stopping();
  await daemon.stop('', { drain: failure === undefined });
  report.close();
  record?.close();
  if (failure !== undefined) throw new CliError(failure.message);
}

/** Writes a record of all sessions. Throws `CliError` where the file cannot be written. */
function recorder(file: string, log: Logger): { readonly makeSession: MakeSession; close(): void } {
  let appender: Appender;
  try {
    appender = new Appender(file, (reason) => log.error({ reason }, 'the record ends here; the sessions go on'));
  } catch (error) {
    throw new CliError((error as Error).message);
  }
  const write = (line: RecordLine) => appender.line(formatLine(line));
  write({ type: 'record', version: 1, program: VERSION, time: wallClock() });
  return {
    makeSession: (settings, parts) => new RecordedSession(settings, parts, write),
    close: () => appender.close(),
  };
}
