/** What a capture held, in numbers: `waypost decode --summary`. */
import type { AddressFamily } from '../bgp/const.ts';
import { PrefixTable } from '../lib/table.ts';
import { isoTime } from './time.ts';

export type RouteEvent = 'announce' | 'withdraw';

export interface PeerCount {
  routes: number;
}

const perFamily = () => ({ ipv4: 0, ipv6: 0 });

export class Tally {
  private readonly messages = new Map<string, number>();
  private readonly routes = { announce: perFamily(), withdraw: perFamily() };
  private readonly peers = new Map<string, PeerCount>();
  private readonly prefixes: Readonly<Record<AddressFamily, PrefixTable>> | undefined;
  private firstMs = Number.POSITIVE_INFINITY;
  private lastMs = Number.NEGATIVE_INFINITY;
  errors = 0;
  faults = 0;
  /** Routes announced and withdrawn. */
  routed = 0;

  /** @param distinct count prefixes once each, which costs memory */
  constructor(distinct: boolean) {
    this.prefixes = distinct ? { ipv4: new PrefixTable(4), ipv6: new PrefixTable(6) } : undefined;
  }

  message(type: string): void {
    this.messages.set(type, (this.messages.get(type) ?? 0) + 1);
  }

  time(ms: number): void {
    if (ms < this.firstMs) this.firstMs = ms;
    if (ms > this.lastMs) this.lastMs = ms;
  }

  route(
    event: RouteEvent,
    family: AddressFamily,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
  ): void {
    this.routed++;
    this.routes[event][family]++;
    if (event === 'announce') this.prefixes?.[family].insert(w0, w1, w2, w3, length);
  }

  /** Where the routes of this peer are counted. */
  peer(name: string): PeerCount {
    let count = this.peers.get(name);
    if (count === undefined) {
      count = { routes: 0 };
      this.peers.set(name, count);
    }
    return count;
  }

  json() {
    const { prefixes, firstMs, lastMs } = this;
    const timed = lastMs >= firstMs && lastMs > 0;
    return {
      messages: Object.fromEntries([...this.messages].sort(([a], [b]) => (a < b ? -1 : 1))),
      announced: this.routes.announce,
      withdrawn: this.routes.withdraw,
      ...(prefixes && { prefixes: { ipv4: prefixes.ipv4.size, ipv6: prefixes.ipv6.size } }),
      ...(this.peers.size > 0 && {
        peers: [...this.peers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([peer, { routes }]) => ({ peer, routes })),
      }),
      ...(timed && { first: isoTime(firstMs), last: isoTime(lastMs) }),
      faults: this.faults,
      errors: this.errors,
    };
  }
}
