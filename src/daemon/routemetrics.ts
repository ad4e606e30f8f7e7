/** Metrics of learned routes, under `waypost_route_`. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { unreadable } from '../netlink/unreadable.ts';
import type { RouteCounts } from '../vrf/routestore.ts';
import { latencyBuckets } from './fib/programmer.ts';
import { Durations } from './histogram.ts';
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
    name: 'waypost_route_audits_failed_total',
    help: 'Of those, the ones that did not read all of them and were made again.',
    registers,
    collect() {
      this.reset();
      this.inc(learned.fib?.auditor.incomplete ?? 0);
    },
  });
  new Gauge({
    name: 'waypost_route_unread',
    help: "The kernel's routes cannot be read, so that none is installed, or put right.",
    registers,
    collect() {
      this.set(learned.problem === undefined ? 0 : 1);
    },
  });
  new Counter({
    name: 'waypost_kernel_unreadable_total',
    help: 'Messages of the kernel about an object that could not be read and was passed over, by what it is.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const [kind, messages] of unreadable.counts) this.inc({ kind }, messages);
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

/** Also while no routes go to the kernel: alerts ask for metrics that there are. */
export function* latencyText({ fib, failover }: Learned): Generator<string> {
  const latency = fib?.programmer.latency ?? new Durations(latencyBuckets);
  const programming = 'How long a change waited at most until the kernel had carried it out.';
  yield latency.text('waypost_route_programming_seconds', programming);
  const over = 'From the end of a session until the kernel had none of its routes any more, or others in their place.';
  yield failover.text('waypost_failover_seconds', over);
}
