/** Metrics of BFD: MetalLB's, as its FRR exporter has them, and frr-k8s', by address of the peer and VRF; and how late packets left. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { formatAddress } from '../lib/address.ts';
import type { Bfd, BfdSession } from './bfd.ts';
import { lateText } from './latemetrics.ts';

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

export const bfdLateText = ({ late }: Bfd): string =>
  late === undefined
    ? ''
    : lateText('waypost_bfd_transmit_late', 'How long after they were due BFD packets were sent.', late);
