/** Drives the fast worker, in a process and a namespace of its own (see fast.mjs). */
import { fileURLToPath } from 'node:url';
import type { PortStatus, Report } from '../../src/daemon/fast/protocol.ts';
import type { ConflictRule } from '../../src/l2/conflict.ts';
import type { Namespace } from './netns.ts';
import { type Daemon, waitFor } from './process.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface Wanted {
  readonly addresses: readonly {
    readonly ip: string;
    readonly interfaces?: 'all' | readonly string[];
    readonly epoch?: number;
  }[];
  readonly rules?: { readonly conflict?: ConflictRule; readonly schedule?: object };
}

export class Fast {
  readonly daemon: Daemon;

  private constructor(daemon: Daemon) {
    this.daemon = daemon;
  }

  static async start(namespace: Namespace, wanted: Wanted): Promise<Fast> {
    const fast = new Fast(namespace.spawn(['node', path('fast.mjs')]));
    await fast.until('the worker is ready', () => fast.reports().some((report) => report.type === 'ready'));
    fast.want(wanted);
    await fast.until('a snapshot is applied', () => fast.ports().length > 0);
    return fast;
  }

  want(wanted: Wanted): void {
    this.order(wanted);
  }

  order(order: object): void {
    this.daemon.write(`${JSON.stringify(order)}\n`);
  }

  reports(): (Report | { readonly type: 'stopped' | 'failed' })[] {
    const text = this.daemon.stdout;
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }

  /** The number of the last snapshot that is in force. */
  applied(): number {
    return this.reports().findLast((report) => report.type === 'applied')?.number ?? 0;
  }

  ports(): readonly PortStatus[] {
    return this.reports().findLast((report) => report.type === 'applied')?.ports ?? [];
  }

  /** What was counted last for an interface, by reason. */
  drops(name: string): Readonly<Record<string, number>> {
    const rows = this.reports().flatMap((report) => (report.type === 'counters' ? report.drops : []));
    return rows.findLast((row) => row.interface === name)?.drops ?? {};
  }

  /** Memory of the whole process. */
  async residentMb(): Promise<number> {
    const told = () => this.daemon.stdout.match(/"residentMb":[\d.]+/g) ?? [];
    const before = told().length;
    this.order({ memory: true });
    await this.until('it tells its memory', () => told().length > before);
    return Number(told().at(-1)!.split(':')[1]);
  }

  until(what: string, probe: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<unknown> {
    return waitFor(what, probe, {
      timeoutMs,
      alive: () => this.daemon.running,
      log: () => this.daemon.output,
    });
  }
}

/** Runs the prober (see prober.mjs) in a namespace. */
export async function probe(
  namespace: Namespace,
  device: string,
  ...args: readonly (string | number)[]
): Promise<Record<string, number>> {
  const argv = ['node', path('prober.mjs'), device, ...args.map(String)];
  return JSON.parse(await namespace.run(argv, { timeoutMs: 60_000 }));
}
