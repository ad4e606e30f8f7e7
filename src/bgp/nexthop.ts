/** The next hops of received routes as small integers, each with its distance from here. */
import { type Address, addressFrom, isLinkLocal } from '../lib/address.ts';
import { Column } from '../lib/column.ts';
import { PrefixTable } from '../lib/table.ts';

/**
 * The IGP metric of the way to a next hop (RFC 4271 §9.1.2.2 e), 0..4294967294, or undefined when there is none. It
 * must not change between two calls unless `stir` is called.
 */
export type Resolve = (nextHop: Address) => number | undefined;

/** Whether a next hop that can be reached is on a link of ours. It must not change either. */
export type OnLink = (nextHop: Address) => boolean;

/** The distance of what cannot be reached. */
export const UNREACHABLE = 0xffffffff;

/** What is told of a next hop: whether it is on a link, and if not, whether somebody was told. */
const Place = { onLink: 0, offLink: 1, offLinkTold: 2 } as const;

/** Ids of both families are one range: even for IPv4, odd for IPv6. */
export class NextHops {
  private readonly resolve: Resolve;
  private readonly onLink: OnLink;
  private readonly ipv4 = new PrefixTable(4, 8);
  private readonly ipv6 = new PrefixTable(6, 8);
  /** By id. */
  private readonly distances = new Column(Uint32Array);
  private readonly references = new Column(Uint32Array);
  private readonly places = new Column(Uint8Array);
  /** Where `refresh` is, or -1. */
  private refreshAt = -1;
  private differs = false;
  /** Told of every id that nobody has any more, before it is given to another address. */
  forgotten: ((id: number) => void) | undefined;

  constructor(resolve: Resolve, onLink: OnLink = () => true) {
    this.resolve = resolve;
    this.onLink = onLink;
  }

  get size(): number {
    return this.ipv4.size + this.ipv6.size;
  }

  /** The id of an address of four octets, or of sixteen, with one reference more. */
  retain(bytes: Uint8Array, at: number, octets: 4 | 16): number {
    const v4 = octets === 4;
    const table = v4 ? this.ipv4 : this.ipv6;
    const before = table.size;
    const inner = v4
      ? table.insert(word(bytes, at), 0, 0, 0, 32)
      : table.insert(word(bytes, at), word(bytes, at + 4), word(bytes, at + 8), word(bytes, at + 12), 128);
    const id = 2 * inner + (v4 ? 0 : 1);
    this.distances.room(id);
    this.references.room(id);
    this.places.room(id);
    if (table.size > before) {
      this.references.set(id, 0);
      this.places.set(id, Place.onLink);
      this.measure(id);
    }
    this.references.set(id, this.references.get(id) + 1);
    return id;
  }

  release(id: number): void {
    const left = this.references.get(id) - 1;
    this.references.set(id, left);
    if (left > 0) return;
    this.forgotten?.(id);
    (isV4(id) ? this.ipv4 : this.ipv6).remove(id >> 1);
  }

  address(id: number): Address {
    const prefix = (isV4(id) ? this.ipv4 : this.ipv6).prefix(id >> 1);
    return addressFrom(prefix.bytes);
  }

  /** The IGP metric, or UNREACHABLE. */
  distance(id: number): number {
    return this.distances.get(id);
  }

  /** It can be reached, but not on a link of ours. */
  isOffLink(id: number): boolean {
    return this.places.get(id) !== Place.onLink;
  }

  /** For a next hop off link: true for the first who asks since it is so. */
  tellOffLink(id: number): boolean {
    const first = this.places.get(id) === Place.offLink;
    this.places.set(id, Place.offLinkTold);
    return first;
  }

  /** The address is one on every link, so that only the peer tells which router it is. */
  isLinkLocal(id: number): boolean {
    return !isV4(id) && (this.ipv6.word(id >> 1, 0) & 0xffc00000) >>> 0 === 0xfe800000;
  }

  /** The ways have changed: `refresh` asks again. */
  stir(): void {
    this.refreshAt = 0;
  }

  get isStirred(): boolean {
    return this.refreshAt >= 0;
  }

  /** After `stir`: asks for `budget` next hops at most. Call while `isStirred`; true once all are asked and some differ. */
  refresh(budget: number): boolean {
    const end = 2 * Math.max(this.ipv4.limit, this.ipv6.limit);
    const to = Math.min(this.refreshAt + budget, end);
    for (let id = this.refreshAt; id < to; id++) {
      if (!(isV4(id) ? this.ipv4 : this.ipv6).has(id >> 1)) continue;
      if (this.measure(id)) this.differs = true;
    }
    this.refreshAt = to === end ? -1 : to;
    if (to < end || !this.differs) return false;
    this.differs = false;
    return true;
  }

  /** Asks for the way to a next hop. Returns whether it is another than before. */
  private measure(id: number): boolean {
    const address = this.address(id);
    const distance = this.measured(address);
    const onLink = distance === UNREACHABLE || isLinkLocal(address) || this.onLink(address);
    const differs = distance !== this.distances.get(id) || onLink === this.isOffLink(id);
    this.distances.set(id, distance);
    if (onLink === this.isOffLink(id)) this.places.set(id, onLink ? Place.onLink : Place.offLink);
    return differs;
  }

  private measured(address: Address): number {
    // RFC 2545 §3: on the link that the session is on.
    if (isLinkLocal(address)) return 0;
    const metric = this.resolve(address);
    if (metric === undefined) return UNREACHABLE;
    if (!Number.isInteger(metric) || metric < 0 || metric >= UNREACHABLE)
      throw new RangeError(`${metric} is no metric`);
    return metric;
  }
}

const isV4 = (id: number): boolean => (id & 1) === 0;

const word = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
