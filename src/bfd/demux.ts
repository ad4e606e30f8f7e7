/** Which session a packet is for (RFC 5880 §6.3, RFC 5881 §3, RFC 5883 §4), and discriminators to tell sessions by. */
import { type Address, formatAddress } from '../lib/address.ts';
import type { ControlPacket, DropReason } from './packet.ts';

/** How a packet came, or a session's are to come. */
export interface Path {
  readonly hops: 'single' | 'multi';
  /** Address of the peer. */
  readonly peer: Address;
  /** Index of the interface that a link-local peer is on, else 0. */
  readonly scope: number;
  /** VRF or interface that the sockets are confined to; empty for none. A session takes nothing from another one's. */
  readonly device: string;
}

interface Entry<S> {
  readonly path: Path;
  readonly session: S;
}

const place = ({ hops, device }: Path): string => `${hops} ${device}`;
const nameOf = (path: Path): string => `${place(path)} ${formatAddress(path.peer)} ${path.scope}`;

export class Demux<S> {
  private readonly byDiscriminator = new Map<number, Entry<S>>();
  private readonly byPath = new Map<string, Entry<S>>();

  /** Throws `RangeError` when there is a session on this path already, or with this discriminator, or when that is 0. */
  add(discriminator: number, path: Path, session: S): void {
    const name = nameOf(path);
    if (discriminator === 0) throw new RangeError('0 is no discriminator (RFC 5880 §6.8.1)');
    if (this.byDiscriminator.has(discriminator)) throw new RangeError(`discriminator ${discriminator} is in use`);
    if (this.byPath.has(name)) throw new RangeError(`there is a session with ${name} already`);
    const entry = { path, session };
    this.byDiscriminator.set(discriminator, entry);
    this.byPath.set(name, entry);
  }

  remove(discriminator: number): void {
    const entry = this.byDiscriminator.get(discriminator);
    if (entry === undefined) return;
    this.byDiscriminator.delete(discriminator);
    this.byPath.delete(nameOf(entry.path));
  }

  /**
   * The session, or why the packet goes to none: RFC 5880 §6.8.6 from the seventh rule on. A discriminator finds its
   * session wherever the peer sends from, but only among packets that came by the same port and into the same VRF: else
   * the multihop port would be a way around the TTL that single-hop sessions ask for.
   */
  select(packet: ControlPacket, path: Path): S | DropReason {
    const { yourDiscriminator, state } = packet;
    let entry: Entry<S> | undefined;
    if (yourDiscriminator !== 0) {
      entry = this.byDiscriminator.get(yourDiscriminator);
      if (entry === undefined || place(entry.path) !== place(path)) return 'yourDiscriminator';
    } else {
      if (state !== 'Down' && state !== 'AdminDown') return 'state';
      entry = this.byPath.get(nameOf(path));
      if (entry === undefined) return 'noSession';
    }
    return packet.authentication === undefined ? entry.session : 'authentication';
  }

  /** The session on this path, whatever a packet says. */
  at(path: Path): S | undefined {
    return this.byPath.get(nameOf(path))?.session;
  }

  /**
   * A discriminator that no session here has: never 0, and not to be guessed (RFC 5880 §6.8.1).
   * @param random in [0, 1), each time another one
   */
  newDiscriminator(random: () => number): number {
    for (;;) {
      const discriminator = Math.floor(random() * 0x1_0000_0000);
      if (discriminator !== 0 && !this.byDiscriminator.has(discriminator)) return discriminator;
    }
  }
}
