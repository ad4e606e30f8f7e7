/**
 * Connection collisions (RFC 4271 §6.8): two speakers that dial each other end up with two connections, and must
 * agree on which of them to close without asking.
 */

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
