/**
 * The routes of one VRF: what its sessions brought, what of it may be used, what was chosen, and where that goes.
 *
 *   UPDATE ─► Rib ─► Intake (may it be used?) ─► LocRib ─► Ways ─► Routes of the VRF's table
 *
 * Everything but taking in is done by `work`, in slices.
 */
import type { AddressFamily } from '../bgp/const.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { AttributeTable } from '../bgp/intern.ts';
import { LocRib, NO_SELECTION } from '../bgp/locrib.ts';
import type { MultipathOptions } from '../bgp/multipath.ts';
import { Rib } from '../bgp/rib.ts';
import { monotonicMs } from '../io/clock.ts';
import { SLICE_MS } from '../io/turn.ts';
import type { Address } from '../lib/address.ts';
import { NO_HOPS } from '../vrf/hopset.ts';
import type { Routes } from '../vrf/routes.ts';
import type { Fib } from './fib/fib.ts';
import { Ways } from './fib/ways.ts';
import { Intake } from './intake.ts';
import type { Peer } from './peer.ts';

const families = ['ipv4', 'ipv6'] as const satisfies readonly AddressFamily[];

/** Routes looked at, and prefixes decided on, between two looks at the clock: a millisecond of each, or ten at first. */
const SLICE_ROUTES = 2_500;
const SLICE_PREFIXES = 500;

/** Where routes go, and what is known of the ways there. */
export type Tables = Pick<Fib, 'tableOf' | 'routes' | 'resolve' | 'linkOf' | 'isUsable' | 'flush'>;

interface Target {
  readonly routes: Routes;
  readonly ways: Ways;
  /** All prefixes are gone through from here on, because something has changed for all of them; -1 when that is done. */
  at: number;
}

export class Instance {
  readonly vrf: string | undefined;
  readonly rib: Rib;
  readonly intake: Intake;
  readonly locRib: LocRib;
  private fib: Tables | undefined;
  private readonly changed: () => void;
  private readonly peers = new Map<number, Peer>();
  private targets: Readonly<Record<AddressFamily, Target>> | undefined;
  /** The number of the VRF's table; undefined while there is none. */
  table: number | undefined;

  /**
   * @param fib where routes go; undefined: nowhere, and every next hop counts as reached
   * @param changed called when there is something for `work`
   */
  constructor(vrf: string | undefined, attributes: AttributeTable, fib: Tables | undefined, changed: () => void) {
    this.vrf = vrf;
    this.fib = fib;
    this.changed = changed;
    this.intake = new Intake(vrf, attributes, changed);
    this.rib = new Rib(attributes, this.intake.admission.accept);
    this.intake.admission.attach(this.rib);
    this.locRib = new LocRib(this.rib, (nextHop) => this.distance(nextHop));
    this.locRib.nextHops.forgotten = (id) => {
      if (this.targets) for (const family of families) this.targets[family].ways.forget(id);
    };
    this.bind();
  }

  setFib(fib: Tables): void {
    this.fib = fib;
    this.bind();
    this.waysChanged();
  }

  setMultipath(multipath: MultipathOptions): void {
    this.locRib.setOptions({ multipath });
    this.changed();
  }

  /** The peer's session is up: what it is may count in decisions. */
  established(peer: Peer, { context: { internal }, peerRouterId }: Agreement): void {
    const { settings, slot } = peer;
    this.peers.set(slot, peer);
    this.locRib.setPeer(slot, { internal, routerId: peerRouterId, address: settings.address });
    this.changed();
  }

  /** The peer is gone, and its routes were withdrawn. */
  remove(peer: Peer): void {
    this.peers.delete(peer.slot);
    this.locRib.removePeer(peer.slot);
  }

  /** Next hops may be reached by other ways. */
  waysChanged(): void {
    this.locRib.nextHopsChanged();
    if (this.targets)
      for (const family of families) {
        const target = this.targets[family];
        if (!target.ways.isStale) continue;
        target.ways.clear();
        target.at = 0;
      }
    this.changed();
  }

  /** The table may be another, or its routes are to be made anew. */
  bind(): void {
    const { fib } = this;
    this.table = fib?.tableOf(this.vrf);
    const found = this.table === undefined ? undefined : fib?.routes(this.table);
    if (this.targets?.ipv4.routes === found?.ipv4) return;
    if (this.targets) for (const family of families) this.leave(this.targets[family]);
    const target = (routes: Routes): Target => ({
      routes,
      ways: new Ways(this.locRib, routes.sets, {
        resolve: (address) => fib!.resolve(this.table!, address),
        linkOf: (peer) => this.linkOf(peer),
      }),
      at: 0,
    });
    this.targets = found && { ipv4: target(found.ipv4), ipv6: target(found.ipv6) };
    this.locRib.nextHopsChanged();
    this.changed();
  }

  /** A slice of what is to be done. True while there is more. */
  work(): boolean {
    const until = monotonicMs() + SLICE_MS;
    let more = this.step();
    while (more && monotonicMs() < until) more = this.step();
    if (this.targets) this.fib?.flush();
    return more;
  }

  private step(): boolean {
    const reviewing = this.intake.admission.review(SLICE_ROUTES);
    const sweeping = this.rib.sweep(SLICE_ROUTES);
    const deciding = this.locRib.work(SLICE_PREFIXES, this.decided);
    const filling = this.targets !== undefined && families.map((family) => this.fill(family)).some(Boolean);
    return reviewing || sweeping || deciding || filling;
  }

  private readonly decided = (family: AddressFamily, prefix: number, _before: number, after: number): void => {
    if (this.targets) this.want(this.targets[family], family, prefix, after);
  };

  private want({ routes, ways }: Target, family: AddressFamily, prefix: number, selection: number): void {
    const { prefixes } = this.rib[family];
    const set = selection === NO_SELECTION ? NO_HOPS : ways.retain(selection);
    const w0 = prefixes.word(prefix, 0);
    const length = prefixes.lengthOf(prefix);
    if (family === 'ipv4') routes.want(w0, 0, 0, 0, length, set);
    else routes.want(w0, prefixes.word(prefix, 1), prefixes.word(prefix, 2), prefixes.word(prefix, 3), length, set);
    routes.sets.release(set);
  }

  /** Goes on telling what is wanted of every prefix. */
  private fill(family: AddressFamily): boolean {
    const target = this.targets![family];
    const { prefixes } = this.rib[family];
    for (let n = 0; n < SLICE_ROUTES && target.at >= 0; n++) {
      if (target.at >= prefixes.limit) target.at = -1;
      else {
        const prefix = target.at++;
        if (!prefixes.has(prefix)) continue;
        const selection = this.locRib.selection(family, prefix);
        if (selection !== NO_SELECTION) this.want(target, family, prefix, selection);
      }
    }
    return target.at >= 0;
  }

  /** Nothing of this VRF is wanted there any more. */
  private leave({ routes, ways }: Target): void {
    ways.clear();
    routes.clear();
  }

  private distance(nextHop: Address): number | undefined {
    if (this.fib === undefined) return 0;
    return this.table === undefined ? undefined : this.fib.resolve(this.table, nextHop)?.metric;
  }

  /** Where a peer's link-local next hops are: the link that its session is bound to, or the one that it is reached over. */
  private linkOf(slot: number): number | undefined {
    const settings = this.peers.get(slot)?.settings;
    const { fib } = this;
    if (settings === undefined || fib === undefined) return undefined;
    const link =
      settings.interface === undefined
        ? fib.resolve(this.table!, settings.address)?.hops[0]?.link
        : fib.linkOf(settings.interface);
    return link !== undefined && fib.isUsable(link) ? link : undefined;
  }
}
