/** Metrics of learned routes, under `waypost_route_`. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RouteCounts } from '../vrf/routes.ts';
import { latencyBuckets } from './fib/programmer.ts';
import type { Learned } from './learned.ts';

const states = {
  wanted: 'wanted',
  installed: 'installed',
  queued: 'queued',
  conflicts: 'conflict',
  failed: 'failed',
  leftovers: 'leftover',
} as const satisfies Record<keyof RouteCounts, string>;

export function registerRouteMetrics(registry: Registry, learned: Learned): void {
  const registers = [registry];
  new Gauge({
    name: 'waypost_routes',
    help: 'Routes by table, family and state: wanted is what should be there, installed what is.',
    labelNames: ['table', 'family', 'state'],
    registers,
    collect() {
      this.reset();
      for (const [table, pair] of learned.fib?.all ?? [])
        for (const family of ['ipv4', 'ipv6'] as const)
          for (const [field, state] of Object.entries(states))
            this.set({ table: `${table}`, family, state }, pair[family].counts[field as keyof RouteCounts]);
    },
  });
  new Counter({
    name: 'waypost_route_changes_total',
    help: 'Changes of routes that the kernel has carried out.',
    registers,
    collect() {
      this.reset();
      this.inc(learned.fib?.programmer.changes ?? 0);
    },
  });
  new Counter({
    name: 'waypost_route_errors_total',
    help: 'Changes of routes that the kernel has refused, by reason.',
    labelNames: ['error'],
    registers,
    collect() {
      this.reset();
      for (const [error, n] of learned.fib?.programmer.refusals ?? []) this.inc({ error }, n);
    },
  });
  new Counter({
    name: 'waypost_route_audits_total',
    help: 'Times that all routes of the kernel were read, because something may have been missed.',
    registers,
    collect() {
      this.reset();
      this.inc(learned.fib?.auditor.made ?? 0);
    },
  });
}

/** A histogram whose counts are kept elsewhere, which the library has no notion of. */
export function* latencyText({ fib }: Learned): Generator<string> {
  if (fib === undefined) return;
  const name = 'waypost_route_programming_seconds';
  const { latency, latencySum } = fib.programmer;
  let text = `# HELP ${name} How long a change waited at most until the kernel had carried it out.\n# TYPE ${name} histogram\n`;
  let n = 0;
  for (const [i, bound] of [...latencyBuckets, Number.POSITIVE_INFINITY].entries()) {
    n += latency[i]!;
    text += `${name}_bucket{le="${bound === Number.POSITIVE_INFINITY ? '+Inf' : bound}"} ${n}\n`;
  }
  yield `${text}${name}_sum ${latencySum}\n${name}_count ${n}\n`;
}
