/** Who of the daemon hears what of its sessions. */
import { formatAddress } from '../lib/address.ts';
import type { Bfd } from './bfd.ts';
import type { Chronicle } from './chronicle.ts';
import type { Engine } from './engine.ts';
import type { Learned } from './learned.ts';
import type { Presence } from './presence.ts';
import type { SpeakerEvents } from './speakerevents.ts';

/** They are there by the time that anything happens. */
export interface Hearers {
  readonly chronicle: Chronicle;
  readonly engine: Pick<Engine, 'left' | 'call' | 'waitMs'>;
  readonly learned: Pick<Learned, 'lost'>;
  readonly presence: Pick<Presence, 'heard'>;
  readonly bfd: Pick<Bfd, 'permits'>;
  /** There are other peers than before. */
  watchPaths(): void;
}

export const hearing = (all: Hearers): SpeakerEvents => ({
  state: (peer, from, to, reason) => {
    all.chronicle.session(peer.name, from, to, reason);
    if (from === 'Established') all.learned.lost(peer);
    all.presence.heard(peer.settings, from, to, reason);
    if (from !== 'Idle' && (to === 'Idle' || to === 'Active')) all.engine.left(peer);
  },
  unanswered: (peer, reason) => all.chronicle.unanswered(peer.name, reason),
  forgotten: (peer) => all.engine.left(peer),
  limit: (peer, prefixes, limit) => all.chronicle.limit(peer, prefixes, limit),
  offLink: (peer, nextHop) => all.chronicle.offLink(peer, formatAddress(nextHop)),
  tooManyPaths: (peer, prefix) => all.chronicle.tooManyPaths(peer, prefix),
  early: (peer, family) => all.chronicle.early(peer, family),
  problem: (text) => all.chronicle.problem('error', text),
  caller: (ends) => all.engine.call(ends),
  peers: () => all.watchPaths(),
  permits: ({ name }) => all.bfd.permits(name),
  update: (peer, { faults }) => all.chronicle.faulty(peer, faults),
  stranger: (ends) => all.chronicle.stranger(formatAddress(ends.remote), all.engine.waitMs(ends)),
});
