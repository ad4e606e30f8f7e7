/**
 * The peer's call that comes during idle hold. RFC 4271 §8.2.2 refuses it; but many speakers then wait for minutes
 * before they call again, though the hold may be over in a moment. So the call waits instead, unanswered: the damping
 * lasts exactly as long, and a peer that only ever calls us is back when it ends.
 */
import { MAX_MESSAGE_OCTETS } from './const.ts';
import type { LocalAddresses } from './export.ts';

export class Call {
  readonly connection: number;
  readonly local: LocalAddresses;
  private said = new Uint8Array(0);

  constructor(connection: number, local: LocalAddresses) {
    this.connection = connection;
    this.local = local;
  }

  /** What the peer has said so far. */
  get octets(): Uint8Array {
    return this.said;
  }

  /** Keeps a copy; false when it is more than a peer says before it is answered, which is its OPEN. */
  keep(bytes: Uint8Array): boolean {
    const length = this.said.length + bytes.length;
    if (length > MAX_MESSAGE_OCTETS) return false;
    const said = new Uint8Array(length);
    said.set(this.said);
    said.set(bytes, this.said.length);
    this.said = said;
    return true;
  }
}
