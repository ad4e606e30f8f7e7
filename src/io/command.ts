/** A command of the user's, run by the shell. */
import { spawn } from 'node:child_process';

/** How much of what it prints is told when it fails, characters. */
const MAX_TEXT = 200;
/** How long the last it printed may take to arrive, ms: whoever it left behind may hold its output open for ever. */
const LAST_WORDS_MS = 200;

/**
 * Runs `text` until it ends or `signal` does, which ends it and whatever it started.
 * @returns undefined when it succeeded, or else why not, on one line
 */
export function runCommand(text: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    // In a process group of its own, so that its children end with it.
    const child = spawn('/bin/sh', ['-c', text], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    // None where no descriptor is left for them.
    const streams = [child.stdout, child.stderr].filter((stream) => stream !== undefined);
    let said = '';
    for (const stream of streams)
      stream.on('data', (chunk: Buffer) => {
        if (said.length < MAX_TEXT) said += chunk.toString('utf8');
      });
    let timer: NodeJS.Timeout | undefined;
    const end = (failed: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      for (const stream of streams) stream.destroy();
      child.unref();
      resolve(failed);
    };
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    const abort = () => {
      killGroup();
      end('was given up');
    };
    signal.addEventListener('abort', abort);
    const outcome = (code: number | null, by: NodeJS.Signals | null) => {
      const line = said.trim().replace(/\s+/g, ' ').slice(0, MAX_TEXT);
      end(code === 0 ? undefined : `ended with ${by ?? code}${line === '' ? '' : `: ${line}`}`);
    };
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, by) => {
      killGroup();
      timer = setTimeout(outcome, LAST_WORDS_MS, code, by);
    });
    child.on('close', outcome);
  });
}
