/**
 * Documents that describe one session must agree on it. What FRRConfigurations leave out has a default that counts
 * (frr-k8s internal/controller/merge.go, neighborsAreCompatible); what they leave out beside a BGPPeer is as it has it.
 */
import { formatAddress } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import type { NeighborDraft } from '../frr/draft.ts';
import { familiesOf } from '../frr/neighbor.ts';
import type { Peer } from '../model.ts';
import { placeOf, type Report } from '../report.ts';
import type { Found } from './nodes.ts';

/** What frr-k8s has where a neighbour gives none, seconds. */
export const frrDefaults = { port: 179, holdTimeSec: 180, keepaliveTimeSec: 60, connectTimeSec: 60 } as const;

/** One field of a session, in both kinds of documents. */
interface Field {
  /** Names of the fields. */
  readonly frr: string;
  readonly peer: string;
  readonly what: string;
  /** What the document says, undefined for nothing. */
  given(neighbor: NeighborDraft): unknown;
  of(peer: Peer): unknown;
  /** What counts where a document says nothing, beside another FRRConfiguration. */
  readonly fallback?: unknown;
  readonly secret?: boolean;
}

const fields: readonly Field[] = [
  { frr: 'asn', peer: 'peerASN', what: 'AS numbers', given: (n) => n.peerAsn, of: (p) => p.peerAsn },
  { frr: 'port', peer: 'peerPort', what: 'ports', given: (n) => n.port, of: (p) => p.port, fallback: frrDefaults.port },
  {
    frr: 'sourceaddress',
    peer: 'sourceAddress',
    what: 'source addresses',
    given: (n) => n.sourceInterface ?? (n.sourceAddress && formatAddress(n.sourceAddress)),
    of: (p) => p.sourceInterface ?? (p.sourceAddress && formatAddress(p.sourceAddress)),
  },
  {
    frr: 'password',
    peer: 'password',
    what: 'passwords',
    given: (n) => n.password,
    of: (p) => p.password,
    secret: true,
  },
  {
    frr: 'ebgpMultiHop',
    peer: 'ebgpMultiHop',
    what: 'values of ebgpMultiHop',
    given: (n) => n.ebgpMultiHop,
    of: (p) => p.ebgpMultiHop,
    fallback: false,
  },
  {
    frr: 'dualStackAddressFamily',
    peer: 'dualStackAddressFamily',
    what: 'address families',
    given: (n) => n.dualStackAddressFamily,
    of: (p) => p.dualStackAddressFamily,
    fallback: false,
  },
  {
    frr: 'holdTime',
    peer: 'holdTime',
    what: 'hold times',
    given: (n) => n.holdTimeSec,
    of: (p) => p.holdTimeSec,
    fallback: frrDefaults.holdTimeSec,
  },
  {
    frr: 'keepaliveTime',
    peer: 'keepaliveTime',
    what: 'keepalive times',
    given: (n) => n.keepaliveTimeSec,
    of: (p) => p.keepaliveTimeSec,
    fallback: frrDefaults.keepaliveTimeSec,
  },
  {
    frr: 'connectTime',
    peer: 'connectTime',
    what: 'connect times',
    given: (n) => n.connectTimeSec,
    of: (p) => p.connectTimeSec,
    fallback: frrDefaults.connectTimeSec,
  },
  { frr: 'localASN', peer: 'localASN', what: 'local AS numbers', given: (n) => n.localAsn, of: (p) => p.localAsn },
  {
    frr: 'bfdProfile',
    peer: 'bfdProfile',
    what: 'BFD profiles',
    given: (n) => n.bfdProfile,
    of: (p) => p.bfdProfile,
  },
];

/** Complains about each field in which a neighbour of one FRRConfiguration differs from that of another. */
export function checkNeighbors(first: Found<NeighborDraft>, second: Found<NeighborDraft>, report: Report): void {
  for (const field of fields) {
    const [its, mine] = [field.given(first.value), field.given(second.value)];
    // One profile may be missing, as there is no other default than none.
    if (field.frr === 'bfdProfile' && (its === undefined || mine === undefined)) continue;
    if (field.frr === 'dualStackAddressFamily' && equal(familiesOf(first.value), familiesOf(second.value))) continue;
    if (equal(its ?? field.fallback, mine ?? field.fallback)) continue;
    const path = [...second.value.path, field.frr];
    const other = `FRRConfiguration/${first.document.meta.name} (${placeOf(first.document, [...first.value.path, field.frr])})`;
    const hint = its === undefined || mine === undefined ? 'all documents of a session must repeat it' : undefined;
    report.error(second.document, path, difference(field, mine ?? field.fallback, its ?? field.fallback, other), hint);
  }
}

/** Complains about each field that a neighbour gives otherwise than the BGPPeer of the same session. */
export function checkPeer(neighbor: Found<NeighborDraft>, peer: Found<Peer>, report: Report): void {
  for (const field of fields) {
    const [mine, its] = [field.given(neighbor.value), field.of(peer.value)];
    if (mine === undefined || its === undefined || equal(mine, its)) continue;
    const other = `${peer.document.meta.kind}/${peer.document.meta.name} (${placeOf(peer.document, ['spec', field.peer])})`;
    report.error(
      neighbor.document,
      [...neighbor.value.path, field.frr],
      `${difference(field, mine, its, other)}, which is the same session`,
      field.frr === 'asn' ? undefined : 'leave it out to have what the other says',
    );
  }
}

const difference = ({ what, secret }: Field, mine: unknown, its: unknown, other: string): string =>
  secret
    ? `multiple ${what}: another one in ${other}`
    : `multiple ${what}: ${shown(mine)} here, ${shown(its)} in ${other}`;

const shown = (value: unknown): string => (value === undefined ? 'none' : String(value));
