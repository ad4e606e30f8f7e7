/** What the decision process must know of each peer, by its number. */
import { type Address, compareAddresses } from '../lib/address.ts';
import { grown } from '../lib/room.ts';
import type { AddressFamily } from './const.ts';

export interface PeerStanding {
  readonly internal: boolean;
  /** Its BGP identifier. */
  readonly routerId: number;
  readonly address: Address;
  /** Of routes that come without LOCAL_PREF, as all from other ASes do; default 100. */
  readonly localPref?: number;
  /** An external peer one hop away: a next hop that it gives is itself, or on a link of ours (RFC 4271 §6.3). */
  readonly singleHop?: boolean;
}

/** RFC 4271 leaves it open; every implementation has this one. */
const DEFAULT_LOCAL_PREF = 100;
const Flag = { known: 1, internal: 2, longLivedIpv4: 4, longLivedIpv6: 8, singleHop: 16 } as const;

export class Standings {
  private flags = new Uint8Array(16);
  private routerIds = new Uint32Array(16);
  private localPrefs = new Uint32Array(16);
  private readonly standings: (PeerStanding | undefined)[] = [];

  set(peer: number, standing: PeerStanding): void {
    const { internal, routerId, localPref = DEFAULT_LOCAL_PREF, singleHop = false } = standing;
    if (peer >= this.flags.length) {
      const capacity = Math.max(peer + 1, this.flags.length * 2);
      this.flags = grown(this.flags, capacity);
      this.routerIds = grown(this.routerIds, capacity);
      this.localPrefs = grown(this.localPrefs, capacity);
    }
    const longLived = this.flags[peer]! & (Flag.longLivedIpv4 | Flag.longLivedIpv6);
    this.flags[peer] = longLived | Flag.known | (internal ? Flag.internal : 0) | (singleHop ? Flag.singleHop : 0);
    this.routerIds[peer] = routerId;
    this.localPrefs[peer] = localPref;
    this.standings[peer] = standing;
  }

  delete(peer: number): void {
    if (peer >= this.flags.length) return;
    this.flags[peer] = 0;
    this.standings[peer] = undefined;
  }

  get(peer: number): PeerStanding | undefined {
    return this.standings[peer];
  }

  /** Returns whether that is new. Throws `Error` for a peer without a standing. */
  setLongLived(peer: number, family: AddressFamily, longLived: boolean): boolean {
    this.require(peer);
    const flag = longLivedFlag(family);
    const before = this.flags[peer]!;
    this.flags[peer] = longLived ? before | flag : before & ~flag;
    return this.flags[peer] !== before;
  }

  /** Throws `Error` for a peer without a standing. */
  require(peer: number): void {
    if (((this.flags[peer] ?? 0) & Flag.known) === 0) throw new Error(`nobody said what peer ${peer} is`);
  }

  isLongLived(peer: number, family: AddressFamily): boolean {
    return (this.flags[peer]! & longLivedFlag(family)) !== 0;
  }

  isInternal(peer: number): boolean {
    return (this.flags[peer]! & Flag.internal) !== 0;
  }

  isSingleHop(peer: number): boolean {
    return (this.flags[peer]! & Flag.singleHop) !== 0;
  }

  hasAddress(peer: number, address: Address): boolean {
    return compareAddresses(this.standings[peer]!.address, address) === 0;
  }

  routerId(peer: number): number {
    return this.routerIds[peer]!;
  }

  localPref(peer: number): number {
    return this.localPrefs[peer]!;
  }

  /** By address, IPv4 first. A link-local address may be that of two peers, on different links: then by number. */
  compare(a: number, b: number): number {
    if (a === b) return 0;
    return compareAddresses(this.standings[a]!.address, this.standings[b]!.address) || a - b;
  }
}

const longLivedFlag = (family: AddressFamily): number => (family === 'ipv4' ? Flag.longLivedIpv4 : Flag.longLivedIpv6);
