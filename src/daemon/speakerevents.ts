import type { AddressFamily } from '../bgp/const.ts';
import type { State } from '../bgp/fsm.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { Update } from '../bgp/update.ts';
import type { Ends } from '../io/tcp.ts';
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Peer } from './peer.ts';

/** What a speaker reports as it happens. */
export interface SpeakerEvents {
  state?(peer: Peer, from: State, to: State, reason: string): void;
  /** After `state` told that the session is Established; it may have ended again already. */
  established?(peer: Peer, agreement: Agreement): void;
  /** Before the RIB takes it. The update holds views: nothing of it may be kept. */
  update?(peer: Peer, update: Update): void;
  /** The peer has sent more prefixes than it may; once until it has fewer again. */
  limit?(peer: Peer, prefixes: number, limit: number): void;
  /** A peer one hop away gives a next hop that is on no link of ours (RFC 4271 §6.3); once as long as that is so. */
  offLink?(peer: Peer, nextHop: Address): void;
  /** A path is passed over: the peer has sent as many to this prefix as are kept (RFC 7911). */
  tooManyPaths?(peer: Peer, prefix: Prefix): void;
  /** A mark of a route refresh that counts for nothing: the peer has yet to mark the end of its table (RFC 7313 §4). */
  early?(peer: Peer, family: AddressFamily): void;
  /** Something the operator must see to; sessions that do not depend on it go on. */
  problem?(text: string): void;
  /** A caller that is no peer: the peer it is from now on, started, or undefined to turn it away. */
  caller?(ends: Ends): Peer | undefined;
  /** Nobody answers a dial, for another reason than before; the session goes on dialling. */
  unanswered?(peer: Peer, reason: string): void;
  /** A peer that was to restart did not come back in time: nothing of it is kept any more. */
  forgotten?(peer: Peer): void;
  /** The peers there are, or the settings of one, have changed. */
  peers?(): void;
  /** Whether a session may begin that waits for BFD. Default yes. */
  permits?(peer: Peer): boolean;
  /** A caller that is no peer, or one too many of a peer, was turned away before any state was built. */
  stranger?(ends: Ends): void;
}
