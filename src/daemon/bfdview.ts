/** BFD sessions as `show bfd` prints them, in the shape that scripts rely on. */
import { diagnosticName } from '../bfd/packet.ts';
import { wallClockAt } from '../io/clock.ts';
import { formatAddress } from '../lib/address.ts';
import { prefixOf } from '../lib/prefix.ts';
import type { Bfd, BfdSession } from './bfd.ts';
import { chosen, type Filter, wanted } from './views.ts';

/** Sessions by peer, VRF and kind; undefined for what the filter leaves out. */
export function* bfdRows(bfd: Bfd, filter: Filter) {
  const rows = [...bfd.all].map((session) => (isWanted(session, filter) ? rowOf(session) : undefined));
  const key = (row: ReturnType<typeof rowOf> | undefined) => (row ? `${row.peer} ${row.vrf} ${row.hops}` : '');
  yield* rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function isWanted({ wanted: { peer: address, users, members, vrf } }: BfdSession, filter: Filter): boolean {
  const isChosen = chosen(filter);
  return wanted(prefixOf(address), filter) && [...users, ...members].some((name) => isChosen({ name, address, vrf }));
}

function rowOf({ wanted, view, problem, changedMs }: BfdSession) {
  const { settings } = wanted;
  const known = view !== undefined && view.remoteDiscriminator !== 0;
  return {
    peer: formatAddress(wanted.peer),
    vrf: wanted.vrf,
    interface: wanted.interface,
    hops: wanted.hops,
    localAddress: wanted.source ? formatAddress(wanted.source) : null,
    /** BGPPeers. */
    users: wanted.users,
    /** Nodes whose speakers are watched. */
    members: wanted.members,
    state: view?.state ?? 'Down',
    diag: diagnosticName(view?.diagnostic ?? 0),
    localDiscr: view?.localDiscriminator ?? 0,
    remoteDiscr: view?.remoteDiscriminator ?? 0,
    /** In force; 0 while there is no peer. */
    txIntervalMs: view?.txIntervalMs ?? 0,
    rxIntervalMs: view?.rxIntervalMs ?? 0,
    detectMs: view?.detectMs ?? 0,
    flaps: view?.counters.downs ?? 0,
    problem: problem ?? null,
    lastChange: changedMs === undefined ? null : wallClockAt(changedMs),
    configured: {
      transmitIntervalMs: settings.transmitIntervalMs,
      receiveIntervalMs: settings.receiveIntervalMs,
      detectMultiplier: settings.detectMultiplier,
      passive: settings.passive,
      minimumTtl: wanted.hops === 'multi' ? settings.minimumTtl : 255,
    },
    remote: known
      ? {
          state: view.remoteState,
          diag: diagnosticName(view.remoteDiagnostic),
          detectMultiplier: view.remoteDetectMult,
          minTxMs: view.remoteMinTxMs,
          minRxMs: view.remoteMinRxMs,
          demand: view.remoteDemand,
          controlPlaneIndependent: view.remoteIndependent,
        }
      : null,
    /** We send no more often than this, since we were late; 0 when we were not. */
    widenedMs: view?.widenedMs ?? 0,
    counters: {
      sent: view?.counters.sent ?? 0,
      received: view?.counters.received ?? 0,
      ups: view?.counters.ups ?? 0,
      downs: view?.counters.downs ?? 0,
      dropped: view?.counters.dropped ?? {},
      sendErrors: view?.counters.sendErrors ?? 0,
      lastSendError: view?.counters.lastSendError ?? '',
    },
  };
}

export type BfdViewRow = ReturnType<typeof rowOf>;
