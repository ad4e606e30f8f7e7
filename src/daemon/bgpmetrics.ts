/** Metrics of BGP sessions: MetalLB's, by `ADDRESS:PORT` of the peer; frr-k8s', by its address, where it has documents; ours. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { MessageType } from '../bgp/const.ts';
import type { MessageCounts } from '../bgp/counters.ts';
import { formatAddress } from '../lib/address.ts';
import type { Peer } from './peer.ts';
import type { MissingPeer } from './roster.ts';
import type { Speaker } from './speaker.ts';

/** Whose name a metric has, what follows in it, its help and its value. */
type Row = readonly [
  who: 'both' | 'metallb' | 'frrk8s' | 'waypost',
  name: string,
  help: string,
  of: (p: Peer) => number,
];

const gauges: readonly Row[] = [
  ['both', 'session_up', 'The BGP session is Established.', (p) => (p.session.state === 'Established' ? 1 : 0)],
  ['both', 'announced_prefixes_total', 'Prefixes to advertise to the peer.', (p) => sent(p, 'desired')],
  [
    'metallb',
    'pending_prefixes_total',
    'Prefixes to advertise to the peer that are not sent yet.',
    (p) => sent(p, 'pending'),
  ],
  ['frrk8s', 'received_prefixes_total', 'Prefixes received from the peer.', (p) => heard(p, 'received')],
  ['waypost', 'advertised_prefixes', 'Prefixes advertised to the peer.', (p) => sent(p, 'advertised')],
  ['waypost', 'received_prefixes', 'Prefixes received from the peer.', (p) => heard(p, 'received')],
  ['waypost', 'accepted_prefixes', 'Prefixes received from the peer that may be used.', (p) => heard(p, 'accepted')],
];
const counters: readonly Row[] = [
  ['waypost', 'flaps_total', 'Times that the session left Established.', (p) => p.session.flaps],
  ['both', 'updates_total', 'UPDATEs sent.', (p) => p.session.messages.sent.update],
  ['both', 'opens_sent', 'OPENs sent.', (p) => p.session.sent.open],
  ['both', 'opens_received', 'OPENs received.', (p) => p.session.received.open],
  ['both', 'notifications_sent', 'NOTIFICATIONs sent.', (p) => p.session.sent.notification],
  ['both', 'updates_total_received', 'UPDATEs received.', (p) => p.session.received.update],
  ['both', 'keepalives_sent', 'KEEPALIVEs sent.', (p) => p.session.sent.keepalive],
  ['both', 'keepalives_received', 'KEEPALIVEs received.', (p) => p.session.received.keepalive],
  ['both', 'route_refresh_sent', 'ROUTE-REFRESHes sent.', (p) => p.session.messages.sent.routeRefresh],
  ['both', 'total_sent', 'Messages sent.', (p) => total(p.session.messages.sent)],
  ['both', 'total_received', 'Messages received.', (p) => total(p.session.received)],
];

/**
 * @param missing peers that have no session yet: alerts go by a value, and silence is none
 * @param frr whether documents of frr-k8s are in use: its metrics have values only then
 */
export function addBgpMetrics(
  registry: Registry,
  speaker: Speaker,
  missing: () => readonly MissingPeer[],
  frr: () => boolean,
): void {
  const registers = [registry];
  const labelNames = ['peer', 'vrf'] as const;
  for (const [rows, counted] of [
    [gauges, false],
    [counters, true],
  ] as const)
    for (const [who, name, help, of] of rows)
      for (const prefix of who === 'both' ? (['metallb', 'frrk8s'] as const) : [who]) {
        const each = (set: (labels: { peer: string; vrf: string }, value: number) => void) => {
          if (prefix === 'frrk8s' && !frr()) return;
          const label = prefix === 'frrk8s' ? addressOf : endpointOf;
          for (const peer of speaker.all.values())
            set({ peer: label(peer.settings), vrf: peer.settings.vrf ?? '' }, of(peer));
          if (name !== 'session_up') return;
          for (const { settings } of missing()) set({ peer: label(settings), vrf: settings.vrf ?? '' }, 0);
        };
        const said = { name: `${prefix}_bgp_${name}`, help, labelNames, registers };
        if (counted)
          new Counter({
            ...said,
            collect() {
              this.reset();
              each((labels, value) => this.inc(labels, value));
            },
          });
        else
          new Gauge({
            ...said,
            collect() {
              this.reset();
              each((labels, value) => this.set(labels, value));
            },
          });
      }
}

type Named = Pick<MissingPeer['settings'], 'address' | 'interface' | 'name' | 'port'>;

/** Of a peer that is looked for on a link, the interface. */
const addressOf = ({ address, interface: link, name }: Named): string =>
  address ? formatAddress(address) : (link ?? name);

/** As MetalLB's native mode labels peers. */
const endpointOf = (peer: Named): string =>
  `${peer.address?.family === 6 ? `[${addressOf(peer)}]` : addressOf(peer)}:${peer.port}`;

const bothFamilies = (count: (family: 'ipv4' | 'ipv6') => number): number => count('ipv4') + count('ipv6');
const sent = (p: Peer, what: 'desired' | 'pending' | 'advertised'): number =>
  bothFamilies((family) => p.session.out.counts(family)[what]);
const heard = (p: Peer, what: 'received' | 'accepted'): number => bothFamilies((family) => p.counts(family)[what]);
const total = (counts: MessageCounts): number =>
  (Object.keys(MessageType) as (keyof typeof MessageType)[]).reduce((sum, name) => sum + counts[name], 0);
