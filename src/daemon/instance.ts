/**
 * The routes of one VRF: what its sessions brought, what of it may be used, what was chosen, and where that goes.
 *
 *   UPDATE ─► Rib ─► Intake (may it be used?) ─► LocRib ─► Target: Routes of the VRF's table, and of those that import
 *
 * Everything but taking in is done by `work`, in slices.
 */
import type { AddressFamily } from '../bgp/const.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { AttributeTable } from '../bgp/intern.ts';
import { LocRib, NO_SELECTION } from '../bgp/locrib.ts';
import type { MultipathOptions } from '../bgp/multipath.ts';
import { Rib } from '../bgp/rib.ts';
import { isSingleHop } from '../bgp/settings.ts';
import { monotonicMs } from '../io/clock.ts';
import { SLICE_MS } from '../io/turn.ts';
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Way } from '../vrf/reach.ts';
import type { Fib } from './fib/fib.ts';
import { type Origin, Target } from './fib/target.ts';
import { Intake } from './intake.ts';
import type { Peer } from './peer.ts';
import type { SpeakerEvents } from './speakerevents.ts';

const families = ['ipv4', 'ipv6'] as const satisfies readonly AddressFamily[];

/** Routes looked at, and prefixes decided on, between two looks at the clock: a millisecond of each, or ten at first. */
const SLICE_ROUTES = 2_500;
const SLICE_PREFIXES = 500;

/** Where routes go, and what is known of the ways there. */
export type Tables = Pick<Fib, 'tableOf' | 'routes' | 'resolve' | 'linkOf' | 'isUsable' | 'advance' | 'flush'>;

export type InstanceEvents = Pick<SpeakerEvents, 'offLink' | 'tooManyPaths'>;

export class Instance implements Origin {
  readonly vrf: string | undefined;
  readonly rib: Rib;
  readonly intake: Intake;
  readonly locRib: LocRib;
  private fib: Tables | undefined;
  private readonly changed: () => void;
  private readonly peers = new Map<number, Peer>();
  /** Other VRFs whose routes are wanted in this one's table too. */
  private imports: readonly Instance[] = [];
  private targets: Readonly<Record<AddressFamily, Target>> | undefined;
  /** Where routes of this VRF go: its own targets, and those of VRFs that import from it. */
  private readonly outlets: Record<AddressFamily, readonly Target[]> = { ipv4: [], ipv6: [] };
  /** The number of the VRF's table; undefined while there is none. */
  table: number | undefined;

  /**
   * @param fib where routes go; undefined: nowhere, and every next hop counts as reached
   * @param changed called when there is something for `work`
   * @param events told what of a peer's routes is not used that it may not know of
   */
  constructor(
    vrf: string | undefined,
    attributes: AttributeTable,
    fib: Tables | undefined,
    changed: () => void,
    events: InstanceEvents = {},
  ) {
    this.vrf = vrf;
    this.fib = fib;
    this.changed = changed;
    this.intake = new Intake(vrf, attributes, changed);
    this.rib = new Rib(attributes, this.intake.admission.accept);
    this.intake.admission.attach(this.rib);
    this.locRib = new LocRib(
      this.rib,
      (nextHop) => this.distance(nextHop),
      {},
      (nextHop) => this.resolve(nextHop)?.onLink ?? true,
    );
    this.report(events);
    this.locRib.nextHops.forgotten = (id) => {
      for (const family of families) for (const target of this.outlets[family]) target.forget(this, id);
    };
    this.bind();
  }

  private report(events: InstanceEvents): void {
    this.locRib.offLink = (slot, nextHop) => {
      const peer = this.peers.get(slot);
      if (peer) events.offLink?.(peer, this.locRib.nextHops.address(nextHop));
    };
    for (const family of families) {
      const routes = this.rib[family];
      routes.tooManyPaths = (slot, prefix) => {
        const peer = this.peers.get(slot);
        if (peer) events.tooManyPaths?.(peer, routes.prefixes.prefix(prefix));
      };
    }
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

  /** VRFs whose routes are wanted in this one's table too, in the order in which they count; never this one. */
  setImports(imports: readonly Instance[]): void {
    if (imports.length === this.imports.length && imports.every((each, i) => each === this.imports[i])) return;
    this.imports = imports;
    if (this.targets) for (const family of families) this.targets[family].setOrigins([this, ...imports]);
    this.changed();
  }

  /** Whose route to a prefix is wanted in this one's table, if it is an import. */
  originOf(p: Prefix): Instance | undefined {
    if (this.imports.length === 0) return undefined;
    const family = p.family === 4 ? 'ipv4' : 'ipv6';
    const origin = [this, ...this.imports].find(({ rib, locRib }) => {
      const prefix = rib[family].prefixes.lookup(p);
      return prefix >= 0 && locRib.selection(family, prefix) !== NO_SELECTION;
    });
    return origin === this ? undefined : origin;
  }

  /** The peer's session is up: what it is may count in decisions. */
  established(peer: Peer, { context: { internal }, peerRouterId }: Agreement): void {
    const { settings, slot } = peer;
    this.peers.set(slot, peer);
    const singleHop = !internal && isSingleHop(settings);
    this.locRib.setPeer(slot, { internal, routerId: peerRouterId, address: settings.address, singleHop });
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
    if (this.targets) for (const family of families) this.targets[family].waysChanged();
    this.changed();
  }

  /** The table may be another, or its routes are to be made anew. */
  bind(): void {
    const { fib } = this;
    this.table = fib?.tableOf(this.vrf);
    const found = this.table === undefined ? undefined : fib?.routes(this.table);
    if (this.targets?.ipv4.routes === found?.ipv4) return;
    if (this.targets) for (const family of families) this.targets[family].close();
    const origins = [this, ...this.imports];
    this.targets = found && {
      ipv4: new Target('ipv4', found.ipv4, origins),
      ipv6: new Target('ipv6', found.ipv6, origins),
    };
    this.locRib.nextHopsChanged();
    this.changed();
  }

  /** A slice of what is to be done. True while there is more. */
  work(): boolean {
    const until = monotonicMs() + SLICE_MS;
    let more = this.step();
    while (more && monotonicMs() < until) more = this.step();
    if (this.outlets.ipv4.length > 0) this.fib?.flush();
    return more;
  }

  private step(): boolean {
    const reviewing = this.intake.admission.review(SLICE_ROUTES);
    const sweeping = this.rib.sweep(SLICE_ROUTES);
    const deciding = this.locRib.work(SLICE_PREFIXES, this.decided);
    const { targets } = this;
    const filling = targets !== undefined && families.map((family) => targets[family].fill(SLICE_ROUTES)).some(Boolean);
    if (this.outlets.ipv4.length > 0) this.fib?.advance();
    return reviewing || sweeping || deciding || filling;
  }

  private readonly decided = (family: AddressFamily, prefix: number, _before: number, after: number): void => {
    const targets = this.outlets[family];
    for (let i = 0; i < targets.length; i++) targets[i]!.decided(this, prefix, after);
  };

  private distance(nextHop: Address): number | undefined {
    if (this.fib === undefined) return 0;
    return this.resolve(nextHop)?.metric;
  }

  join(target: Target): void {
    this.outlets[target.family] = [...this.outlets[target.family], target];
  }

  part(target: Target): void {
    this.outlets[target.family] = this.outlets[target.family].filter((other) => other !== target);
  }

  /** The way to a next hop from this VRF. */
  resolve(address: Address): Way | undefined {
    return this.table === undefined ? undefined : this.fib?.resolve(this.table, address);
  }

  /** Where a peer's link-local next hops are: the link that its session is bound to, or the one that it is reached over. */
  linkOf(slot: number): number | undefined {
    const settings = this.peers.get(slot)?.settings;
    const { fib } = this;
    if (settings === undefined || fib === undefined) return undefined;
    const link =
      settings.interface === undefined ? this.resolve(settings.address)?.hops[0]?.link : fib.linkOf(settings.interface);
    return link !== undefined && fib.isUsable(link) ? link : undefined;
  }
}
