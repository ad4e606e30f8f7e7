/** The log: one JSON line an event, or a readable line where a person watches. Levels are pino's. */
import { type Logger, pino } from 'pino';
import { Sink } from './sink.ts';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const logFormats = ['json', 'pretty'] as const;

/** Writes to standard error, so that standard output stays for what a command prints. */
export function makeLogger(level: string, format: (typeof logFormats)[number]): Logger {
  const text = format === 'json' ? (line: string) => line : readable;
  const sink = new Sink(2, (lines) =>
    text(
      `${JSON.stringify({ level: WARN, time: new Date().toISOString(), lines, msg: 'lines of the log were lost' })}\n`,
    ),
  );
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, {
    write: (line: string) => sink.write(text(line)),
    flush: (done: () => void) => sink.flush(done),
  } as { write(line: string): void });
}

const WARN = 40;
/** How long the end of the process waits for the log, ms. */
const FLUSH_MS = 1_000;

/** Resolves when the log is written, as far as somebody takes it. */
export const flushed = (log: Logger): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, FLUSH_MS);
    log.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });

function readable(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(fields).map(
    ([k, v]) => `${k}=${typeof v === 'string' ? quote(v) : JSON.stringify(v)}`,
  );
  const name = pino.levels.labels[level as number] ?? '';
  return `${String(time).slice(11, 23)} ${name.padEnd(5)} ${msg}${details.length ? `  ${details.join(' ')}` : ''}\n`;
}

const quote = (text: string): string => (/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text));
