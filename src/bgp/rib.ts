/**
 * The Adj-RIB-In of every peer (RFC 4271 §3.2) in one structure, so that the candidates for a prefix lie together.
 *
 *   UPDATE ─ decodeUpdate ─► apply ─► RouteTable, one a family ─► drain: changed prefixes ─► decision process
 *
 * Nothing here takes long however many routes there are: a session that ends only begins a new generation of its
 * peer, and the owner calls `sweep` and `drain` with budgets while they return true. It keeps no Loc-RIB: that is a
 * function of the routes to a prefix, and its keeper indexes by the same prefix ids.
 */
import type { AddressFamily } from './const.ts';
import type { AttributeTable } from './intern.ts';
import { hasCommunity } from './keys.ts';
import { forEachNlri, type NlriVisitor } from './nlri.ts';
import { type Accept, RouteTable } from './routes.ts';
import type { RouteCounts } from './source.ts';
import type { Update } from './update.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const satisfies readonly AddressFamily[];

export class Rib {
  readonly attributes: AttributeTable;
  readonly ipv4: RouteTable;
  readonly ipv6: RouteTable;
  /** Arguments of the visitors below, which exist once: a closure a run would be garbage on the hottest path. */
  private peer = 0;
  private set = 0;
  private readonly announce: Readonly<Record<AddressFamily, NlriVisitor>>;
  private readonly withdraw: Readonly<Record<AddressFamily, NlriVisitor>>;

  /** Attribute ids in updates are those of `attributes`. Without `accept`, every route may be used. */
  constructor(attributes: AttributeTable, accept?: Accept) {
    const ipv4 = new RouteTable('ipv4', attributes, accept);
    const ipv6 = new RouteTable('ipv6', attributes, accept);
    this.attributes = attributes;
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
    this.announce = {
      ipv4: (w0, _1, _2, _3, length, pathId) => ipv4.announce(this.peer, w0, 0, 0, 0, length, pathId, this.set),
      ipv6: (w0, w1, w2, w3, length, pathId) => ipv6.announce(this.peer, w0, w1, w2, w3, length, pathId, this.set),
    };
    this.withdraw = {
      ipv4: (w0, _1, _2, _3, length, pathId) => ipv4.withdraw(this.peer, w0, 0, 0, 0, length, pathId),
      ipv6: (w0, w1, w2, w3, length, pathId) => ipv6.withdraw(this.peer, w0, w1, w2, w3, length, pathId),
    };
  }

  /**
   * Takes in what an UPDATE of `peer` (0..65535) says. A prefix both withdrawn and reached is reached (RFC 4271 §4.3).
   * End-of-RIB marks are the caller's: they end stale routes only where a restart was under way.
   */
  apply(peer: number, update: Update): void {
    this.peer = peer;
    const { reach, unreach } = update;
    // The withdrawals may take away the last route with a set that this UPDATE uses again.
    for (let i = 0; i < reach.length; i++) this.attributes.retain(reach[i]!.attributes);
    for (let i = 0; i < unreach.length; i++) forEachNlri(unreach[i]!, this.withdraw[unreach[i]!.family]);
    for (let i = 0; i < reach.length; i++) {
      const run = reach[i]!;
      this.set = run.attributes;
      forEachNlri(run, this.announce[run.family]);
    }
    for (let i = 0; i < reach.length; i++) this.attributes.release(reach[i]!.attributes);
  }

  /** The session with `peer` is over: none of its routes counts from now on. `sweep` frees them. */
  withdrawPeer(peer: number): void {
    for (const family of FAMILIES) this[family].beginGeneration(peer, 'none');
  }

  /** As `withdrawPeer`, for one family. */
  withdrawFamily(peer: number, family: AddressFamily): void {
    this[family].beginGeneration(peer, 'none');
  }

  /** The session is over, but the routes stay in use until `sweepStale` or a second call (RFC 4724 §4.2). */
  markStale(peer: number, family: AddressFamily): void {
    this[family].beginGeneration(peer, 'fresh');
  }

  /** As `markStale`, but what was stale stays so, too (RFC 9494 §4.2). */
  addStale(peer: number, family: AddressFamily): void {
    this[family].beginGeneration(peer, 'all');
  }

  /** Routes not sent again since `markStale` do not count from now on. `sweep` frees them. */
  sweepStale(peer: number, family: AddressFamily): void {
    this[family].endStale(peer);
  }

  /** Removes those stale routes of `peer` that carry this community. */
  dropStale(peer: number, family: AddressFamily, community: number): void {
    const routes = this[family];
    let last = -1;
    let carries = false;
    for (const route of this.forPeer(peer, family)) {
      if (!routes.isStale(route)) continue;
      const set = routes.attributesOf(route);
      // They come in runs.
      if (set !== last) carries = hasCommunity(this.attributes.view(set), community);
      last = set;
      if (carries) routes.remove(route);
    }
  }

  /** Frees routes that no longer count, looking at `budget` routes at most; their prefixes turn up in `drain`. True while some are left. */
  sweep(budget: number): boolean {
    return this.ipv4.sweep(budget) || this.ipv6.sweep(budget);
  }

  /** Shows changed prefixes to `visit`, `budget` of them at most; see `RouteTable.drain`. True while some are left. */
  drain(budget: number, visit: (routes: RouteTable, prefix: number) => void): boolean {
    const { ipv4, ipv6 } = this;
    let left = budget;
    const more = ipv4.drain(left, (prefix) => {
      left--;
      visit(ipv4, prefix);
    });
    return more || ipv6.drain(left, (prefix) => visit(ipv6, prefix));
  }

  /** The ids of the routes of `peer`, in no order. Routes that come or go meanwhile may or may not be among them. */
  *forPeer(peer: number, family: AddressFamily): Generator<number, void> {
    const routes = this[family];
    for (let route = routes.nextOf(peer); route >= 0; route = routes.nextOf(peer, route + 1)) yield route;
  }

  counts(peer: number, family: AddressFamily): RouteCounts {
    return this[family].counts(peer);
  }

  /** Octets held, attribute sets included, for measurements. */
  get byteLength(): number {
    return this.ipv4.byteLength + this.ipv6.byteLength + this.attributes.byteLength;
  }
}
