/** The process as its surroundings see it: signals, and standard input line by line. */
import { createInterface } from 'node:readline';

/**
 * Calls `onLine` for each line of standard input as it comes, and `onEnd` when there will be no more. The function it
 * returns gives the input up: as long as its writer keeps it open, the process would not end.
 */
export function readLines(onLine: (line: string) => void, onEnd: () => void = () => {}): () => void {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', onLine);
  lines.on('close', onEnd);
  return () => {
    lines.close();
    process.stdin.destroy();
  };
}

/** A line on standard error. That nobody reads it is no reason to stop. */
export function complain(text: string): void {
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  process.stderr.write(`waypost: ${text}\n`);
}

/** Whoever reads our output may stop when they have seen enough (`| head`): that is no failure. A full disk behind it is. */
export function endQuietlyWithoutReader(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
    complain(`standard output cannot be written: ${message}`);
    process.exit(1);
  });
}

export const onSignal = (signal: 'SIGHUP', handler: () => void): void => {
  process.on(signal, handler);
};

/** Calls `handler` at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onInterrupt(handler: () => void): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
      handler();
    });
}

/** Writes to standard output; resolves when the octets are the caller's again. */
export const writeAll = (bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    if (bytes.length === 0) resolve();
    else process.stdout.write(bytes, () => resolve());
  });
