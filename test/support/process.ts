/** Child processes of a test: one-shot commands, daemons that end with their process group, and waiting that explains itself. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Outcome {
  /** Null when a signal ended the command. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  /** Milliseconds until SIGKILL; 30,000 when absent. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end and gives what it wrote, whatever its exit code. */
export async function outcome(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'pipe' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => {}); // a command may end without reading its input
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
  const [code] = (await once(child, 'close').finally(() => clearTimeout(timer))) as [number | null];
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Like `outcome`, but gives standard output alone and throws when the command fails. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await outcome(argv, options);
  if (code !== 0) throw new Error(`exit ${code}: ${argv.join(' ')}\n${stderr}${stdout}`);
  return stdout;
}

const live = new Set<Daemon>();
process.on('exit', () => {
  for (const daemon of live) daemon.signal('SIGKILL');
});

/** A long-running process, leader of its own process group: a signal to it reaches whatever it forked, and nothing else. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';
  #stdout = '';

  constructor(argv: readonly string[], options: SpawnOptions = {}) {
    this.#child = spawn(argv[0]!, argv.slice(1), { ...options, detached: true, stdio: 'pipe' });
    live.add(this);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#output += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#child.stdin?.on('error', () => {});
    this.#ended = once(this.#child, 'exit').catch((error: Error) => {
      this.#output += `${error.message}\n`;
    });
  }

  /** Standard output and standard error as they came. */
  get output(): string {
    return this.#output;
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Null while it runs and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // the whole group has gone
    }
  }

  /** Sends `signal` and waits for the end; SIGKILL for the group follows after `graceMs`, and for stragglers in any case. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5000): Promise<number | null> {
    if (this.running) {
      this.signal(signal);
      const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
      await this.#ended;
      clearTimeout(timer);
    }
    this.signal('SIGKILL');
    live.delete(this);
    return this.#child.exitCode;
  }
}

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** Between two probes; more where these take long themselves. 100 when absent. */
  readonly everyMs?: number;
  /** When it turns false there is nothing left to wait for. */
  readonly alive?: () => boolean;
  /** What to print beside the failure: the daemons' logs. */
  readonly log?: () => string;
}

/**
 * Polls until `probe` gives something other than false or undefined, and returns it. On timeout the error holds what was
 * awaited, the probe's own last error and the log.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | false | undefined> | T | false | undefined,
  options: WaitOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const deadline = Date.now() + timeoutMs;
  let last = '';
  for (;;) {
    const asked = performance.now();
    try {
      const value = await probe();
      if (value !== false && value !== undefined) return value;
    } catch (error) {
      last = (error as Error).message;
    }
    const late = Date.now() > deadline;
    if (late || options.alive?.() === false) {
      const log = options.log?.() ?? '';
      const reason = late ? `not within ${timeoutMs / 1000} s` : 'the process ended before';
      throw new Error(`${reason}: ${what}${last && `\n${last}`}${log && `\n--- log\n${log}`}`);
    }
    // Many probes start programs. On a busy machine these take long, and those who wait would keep it so by asking.
    const tookMs = performance.now() - asked;
    await sleep(Math.max(options.everyMs ?? 100, Math.min(3 * tookMs, 500)));
  }
}
