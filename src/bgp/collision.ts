/**
 * Connection collisions (RFC 4271 §6.8): two speakers that dial each other end up with two connections, and must
 * agree on which of them to close without asking.
 *
 * The RFC's rule alone loses both now and then. Its two exceptions race: "Established stays" on one side, while on
 * the other the same connection is still in OpenConfirm and is closed for the identifier's sake. So the speaker with
 * the lower identifier closes nothing that the other may already take for Established: it leaves the OPEN of the
 * connection that should win unanswered until the other has closed one of the two, as the RFC obliges it to.
 */
import { Cease, ErrorCode, type Notification } from './errors.ts';
import type { State } from './fsm.ts';

/** Who opened a connection. */
export type Initiator = 'local' | 'remote';

/** A speaker as collisions see it. */
export interface Contender {
  /** BGP identifier, unsigned. */
  readonly routerId: number;
  readonly asn: number;
}

/**
 * Whose connection stays: that of the speaker with the higher BGP identifier or, where the identifiers are equal
 * (allowed between different ASes), with the higher AS number (RFC 6286 §2.3).
 */
export function survivor(local: Contender, remote: Contender): Initiator {
  if (local.routerId !== remote.routerId) return local.routerId > remote.routerId ? 'local' : 'remote';
  return local.asn > remote.asn ? 'local' : 'remote';
}

/**
 * What to do on a valid OPEN: `proceed` to OpenConfirm; `yield`, closing this connection; `replace`, closing the
 * other and going on with this one; or `wait` until the peer has closed one of them.
 */
export type Verdict = 'proceed' | 'yield' | 'replace' | 'wait';

/** @param opener who opened the connection on which the OPEN came; `other` is the one beside it */
export function judge(
  opener: Initiator,
  other: { readonly initiator: Initiator; readonly state: State },
  keep: Initiator,
): Verdict {
  if (other.state !== 'OpenConfirm' && other.state !== 'Established') return 'proceed';
  // Who calls twice has given the first call up.
  if (opener === other.initiator) return other.state === 'Established' ? 'yield' : 'replace';
  // The peer has not been told anything on this one that could make it Established there.
  if (opener !== keep) return 'yield';
  if (keep === 'remote') return 'wait';
  return other.state === 'Established' ? 'yield' : 'replace';
}

/** One is Established: true when the other must be closed now, false when the peer may yet prefer the other. */
export const settles = (established: Initiator, other: Initiator, keep: Initiator): boolean =>
  established === other || established === keep || keep === 'local';

/** The peer, or we, closed a connection in favour of another. */
export const isCollision = (n: Notification): boolean =>
  n.code === ErrorCode.cease && n.subcode === Cease.connectionCollision;
