/**
 * Network namespaces for tests. Each is named after the process that made it, so that whatever a killed test run
 * leaves behind (namespaces, what still runs in them, folders) is found by the next one and removed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, type Outcome, outcome, type RunOptions, run, waitFor } from './process.ts';

const stem = 'waypost-test';
let made = 0;

/** Tells a process from a later one that got its number: its start, in clock ticks since boot (proc(5)). */
function startTicks(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const owner = `${stem}-${process.pid}-${startTicks('self')}`;

/** Removes what test processes that no longer exist have left behind. Gives the names removed. */
export function sweep(): string[] {
  const removed: string[] = [];
  const abandoned = (name: string) => {
    const match = new RegExp(`^${stem}-(\\d+)-(\\d+)-`).exec(name);
    return match !== null && startTicks(Number(match[1])) !== match[2];
  };
  for (const name of namespaces().filter(abandoned)) {
    remove(name);
    removed.push(name);
  }
  for (const name of readdirSync(tmpdir()).filter(abandoned)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return []; // no namespace was ever made here
  }
}

/** Kills what runs in the namespace, then deletes it; its interfaces go with it. */
function remove(name: string): void {
  if (!namespaces().includes(name)) return;
  const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of pids.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
  execFileSync('ip', ['netns', 'del', name]);
}

/** A network namespace with its loopback up. IPv6 addresses in it are usable at once (no duplicate address detection). */
export class Namespace {
  readonly name: string;
  readonly #daemons: Daemon[] = [];
  readonly #folders: string[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  static async create(label: string): Promise<Namespace> {
    if (made === 0) {
      sweep();
      process.on('exit', () => {
        for (const name of namespaces().filter((n) => n.startsWith(`${owner}-`))) remove(name);
      });
    }
    const namespace = new Namespace(`${owner}-${made++}-${label}`);
    await run(['ip', 'netns', 'add', namespace.name]);
    const nodad = '/proc/sys/net/ipv6/conf/default/accept_dad';
    await namespace.run(['sh', '-c', `echo 0 > ${nodad}; ip link set lo up`]);
    return namespace;
  }

  /** The command line that runs `argv` inside. */
  command(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...argv];
  }

  run(argv: readonly string[], options?: RunOptions): Promise<string> {
    return run(this.command(argv), options);
  }

  outcome(argv: readonly string[], options?: RunOptions): Promise<Outcome> {
    return outcome(this.command(argv), options);
  }

  /** Starts a long-running process; the namespace ends it when it is closed. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Daemon {
    const daemon = new Daemon(this.command(argv), { env: { ...process.env, ...env } });
    this.#daemons.push(daemon);
    return daemon;
  }

  /** A new folder for configuration files and sockets, removed with the namespace. Short: it must fit a socket's path. */
  folder(label: string): string {
    const path = mkdtempSync(join(tmpdir(), `${owner}-${label}-`));
    this.#folders.push(path);
    return path;
  }

  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop('SIGKILL')));
    remove(this.name);
    for (const path of this.#folders) rmSync(path, { recursive: true, force: true });
  }
}

/** One end of a veth pair: the interface's name there and its addresses with prefix length, IPv4 and IPv6. */
export interface End {
  readonly namespace: Namespace;
  readonly device: string;
  readonly addresses: readonly string[];
}

/** Joins two namespaces by a veth pair, up, running and addressed at both ends. */
export async function link(a: End, b: End): Promise<void> {
  await run(
    // biome-ignore format: the words of one command
    ['ip', 'link', 'add', a.device, 'netns', a.namespace.name, 'type', 'veth', 'peer', 'name', b.device, 'netns', b.namespace.name],
  );
  await Promise.all(
    [a, b].map(({ namespace, device, addresses }) =>
      run(['ip', '-n', namespace.name, '-batch', '-'], {
        input: [
          ...addresses.map((address) => `address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
          `link set ${device} up`,
          '',
        ].join('\n'),
      }),
    ),
  );
  // Packets flow at once, but for up to a second the kernel says that the interface is not running, and tools that ask
  // for the addresses of running interfaces do not see it.
  for (const { namespace, device } of [a, b])
    await waitFor(`${device} runs`, async () =>
      (await run(['ip', '-n', namespace.name, 'link', 'show', 'dev', device])).includes('state UP'),
    );
}
