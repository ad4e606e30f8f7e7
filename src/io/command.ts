/** A command of the user's, run by the shell. */
import { spawn } from 'node:child_process';

/** How much of what it prints is told when it fails, characters. */
const MAX_TEXT = 200;

/**
 * Runs `text` for at most `timeoutMs`, and whatever it started with it.
 * @returns undefined when it succeeded, or else why not, on one line
 */
export function runCommand(text: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // In a process group of its own, so that its children end with it.
    const child = spawn('/bin/sh', ['-c', text], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        if (said.length < MAX_TEXT) said += chunk.toString('utf8');
      });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const line = said.trim().replace(/\s+/g, ' ').slice(0, MAX_TEXT);
      const how = late ? `took longer than ${timeoutMs} ms` : `ended with ${signal ?? code}`;
      resolve(code === 0 ? undefined : `${how}${line === '' ? '' : `: ${line}`}`);
    });
  });
}
