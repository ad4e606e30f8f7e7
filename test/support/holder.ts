/** Other processes that take something for themselves (holder.mjs). */
import { fileURLToPath } from 'node:url';
import { type Holder, isHeld, type Lock } from '../../src/io/lock.ts';
import { Daemon, waitFor } from './process.ts';

const script = fileURLToPath(new URL('./holder.mjs', import.meta.url));
const running: Daemon[] = [];

export interface Said {
  /** Its own, as it sees it. */
  readonly pid: number;
  readonly has: boolean;
  /** Who has it, where it has not. */
  readonly holder: Holder;
  kill(): Promise<unknown>;
}

/** A process that tries to take a folder or a name. `wrapper`: words of a command that starts it. */
export async function holder(what: 'folder' | 'name', which: string, wrapper: readonly string[] = []): Promise<Said> {
  const process = new Daemon([...wrapper, 'node', script, what, which]);
  running.push(process);
  const line = await waitFor('it says what came of it', () => process.stdout.endsWith('\n') && process.stdout, {
    alive: () => process.running,
    log: () => process.output,
  });
  return { ...JSON.parse(line), kill: () => process.stop('SIGKILL') };
}

export async function endHolders(): Promise<void> {
  await Promise.all(running.splice(0).map((process) => process.stop('SIGKILL')));
}

export function taken(result: Lock | Holder): Lock {
  if (isHeld(result)) throw new Error(`process ${result.pid} has it`);
  return result;
}
