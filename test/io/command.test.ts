import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/io/command.ts';
import { waitFor } from '../support/process.ts';

const never = new AbortController().signal;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'command-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Whoever nobody waits for is there still, and does nothing. */
function runs(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid.trim()}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command', () => {
  it('that succeeds says nothing; one that fails, how it ended and what it said', async () => {
    expect(await runCommand('echo fine', never)).toBeUndefined();
    expect(await runCommand('echo no; echo luck >&2; exit 3', never)).toMatch(/^ended with 3: (no luck|luck no)$/);
    expect(await runCommand('kill -9 $$', never)).toBe('ended with SIGKILL');
    expect(await runCommand('yes word | head -c 100000; exit 1', never)).toMatch(/^ended with 1: (word ?){30,40}$/);
  });

  it('that has ended is not waited for any longer, whoever it left behind', async () => {
    const file = join(folder, 'left');
    const failed = await runCommand(`sleep 1000 & echo $! >${file}; exit 4`, never);
    expect(failed).toBe('ended with 4');
    await waitFor('its child has ended', () => !runs(readFileSync(file, 'utf8')));
    // Who leaves its group too cannot be found, and may hold the output open for ever.
    const daemon = `setsid sh -c 'echo $$ >${file}.2; exec sleep 1000' &`;
    expect(await runCommand(`${daemon} until [ -s ${file}.2 ]; do sleep 0.05; done; exit 5`, never)).toBe(
      'ended with 5',
    );
    process.kill(Number(readFileSync(`${file}.2`, 'utf8')), 'SIGKILL');
  });

  it('ends when it is given up, and so does what it started', async () => {
    const given = new AbortController();
    const file = join(folder, 'given');
    const running = runCommand(`sleep 1000 & echo $$ $! >${file}; wait`, given.signal);
    const pids = await waitFor('it runs', () => {
      try {
        return readFileSync(file, 'utf8').trim().split(' ').length === 2 && readFileSync(file, 'utf8').split(' ');
      } catch {
        return false;
      }
    });
    expect(pids.every(runs)).toBe(true);
    given.abort();
    expect(await running).toBe('was given up');
    await waitFor('both have ended', () => !pids.some(runs));
  });
});
