/** Metrics of BFD: MetalLB's, as its FRR exporter has them, and frr-k8s', by address of the peer and VRF; and how late packets left. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { lateBoundsMs } from '../bfd/late.ts';
import { formatAddress } from '../lib/address.ts';
import type { Bfd, BfdSession } from './bfd.ts';

const counters: readonly (readonly [name: string, help: string, value: (session: BfdSession) => number])[] = [
  ['control_packet_input', 'Control packets received.', ({ view }) => view?.counters.received ?? 0],
  ['control_packet_output', 'Control packets sent.', ({ view }) => view?.counters.sent ?? 0],
  ['echo_packet_input', 'Echo packets received: none, the function is not implemented.', () => 0],
  ['echo_packet_output', 'Echo packets sent: none, the function is not implemented.', () => 0],
  ['session_up_events', 'Times that the session became Up.', ({ view }) => view?.counters.ups ?? 0],
  ['session_down_events', 'Times that the session ceased to be Up.', ({ view }) => view?.counters.downs ?? 0],
  [
    'zebra_notifications',
    'Times that BGP was told: of the session coming up, and of its end.',
    ({ view }) => (view?.counters.ups ?? 0) + (view?.counters.downs ?? 0),
  ],
];

/** @param frr whether documents of frr-k8s are in use: its metrics have values only then */
export function addBfdMetrics(registry: Registry, bfd: Bfd, frr: () => boolean): void {
  const labelNames = ['peer', 'vrf'] as const;
  const labels = ({ wanted: { peer, vrf } }: BfdSession) => ({ peer: formatAddress(peer), vrf });
  for (const who of ['metallb', 'frrk8s']) {
    const sessions = () => (who === 'metallb' || frr() ? bfd.all : []);
    new Gauge({
      name: `${who}_bfd_session_up`,
      help: 'The BFD session is Up.',
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const session of sessions()) this.set(labels(session), session.view?.state === 'Up' ? 1 : 0);
      },
    });
    for (const [name, help, value] of counters)
      new Counter({
        name: `${who}_bfd_${name}`,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset();
          for (const session of sessions()) this.inc(labels(session), value(session));
        },
      });
  }
  new Gauge({
    name: 'waypost_bfd_widened_seconds',
    help: 'Packets leave no more often than this, since they were late; 0 when they were not.',
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const session of bfd.all) this.set(labels(session), (session.view?.widenedMs ?? 0) / 1000);
    },
  });
  new Counter({
    name: 'waypost_bfd_dropped_packets_total',
    help: 'Control packets not taken, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { view } of bfd.all) count(this, view?.counters.dropped ?? {});
      count(this, bfd.dropped);
    },
  });
}

function count(counter: Counter, dropped: Readonly<Record<string, number>>): void {
  for (const [reason, number] of Object.entries(dropped)) counter.inc({ reason }, number);
}

/** A histogram whose classes were counted elsewhere, in Prometheus' text format. */
export function lateText({ late }: Bfd): string {
  if (late === undefined) return '';
  const name = 'waypost_bfd_transmit_late_seconds';
  let text = `# HELP ${name} How long after they were due BFD packets were sent.\n# TYPE ${name} histogram\n`;
  let seen = 0;
  for (const [i, count] of late.counts.entries()) {
    seen += count;
    const bound = lateBoundsMs[i];
    text += `${name}_bucket{le="${bound === undefined ? '+Inf' : bound / 1000}"} ${seen}\n`;
  }
  text += `${name}_sum ${late.sumMs / 1000}\n${name}_count ${seen}\n`;
  const most = 'waypost_bfd_transmit_late_max_seconds';
  return `${text}# HELP ${most} The greatest lateness since the start.\n# TYPE ${most} gauge\n${most} ${late.maxMs / 1000}\n`;
}
