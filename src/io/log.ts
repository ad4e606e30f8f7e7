/** The log: one JSON line an event, or a readable line where a person watches. Levels are pino's. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const logFormats = ['json', 'pretty'] as const;

/** Writes to standard error, so that standard output stays for what a command prints. */
export function makeLogger(level: string, format: (typeof logFormats)[number]): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(options, pretty);
}

const pretty: DestinationStream = {
  write(line: string): void {
    const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const details = Object.entries(fields).map(
      ([k, v]) => `${k}=${typeof v === 'string' ? quote(v) : JSON.stringify(v)}`,
    );
    const name = pino.levels.labels[level as number] ?? '';
    process.stderr.write(
      `${String(time).slice(11, 23)} ${name.padEnd(5)} ${msg}${details.length ? `  ${details.join(' ')}` : ''}\n`,
    );
  },
};

const quote = (text: string): string => (/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text));
