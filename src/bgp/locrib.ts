/**
 * The Loc-RIB (RFC 4271 §3.2): what the decision process chose for each prefix of a Rib, and what of it changed.
 *
 *   Rib.drain ─► decision, multipath ─► Selections ─► changed: (family, prefix, before, after) ─► kernel
 *
 * Everything is done in `work`, in slices. A consumer that cannot keep up calls it less often: changes wait in the
 * Rib as prefixes, each once, whatever happens to it meanwhile.
 */
import { Column } from '../lib/column.ts';
import { equal } from '../lib/diff.ts';
import type { AddressFamily } from './const.ts';
import { Decision, type DecisionOptions, type Exclusion, type Loss } from './decision.ts';
import { AttributeKeys, Key } from './keys.ts';
import { checkMultipath, Multipath, type MultipathOptions } from './multipath.ts';
import { NextHops, type OnLink, type Resolve } from './nexthop.ts';
import type { Rib } from './rib.ts';
import type { RouteTable } from './routes.ts';
import { Selections } from './selection.ts';
import { type PeerStanding, Standings } from './standing.ts';

/** No selection: there is no usable route. */
export const NO_SELECTION = -1;

/**
 * Takes a change: ids of `Selections` or NO_SELECTION, never the same twice in one call. `before` is valid until it
 * returns. With `after` NO_SELECTION the prefix's id may be another's from then on. It must not throw.
 */
export type Changed = (family: AddressFamily, prefix: number, before: number, after: number) => void;

export interface LocRibOptions {
  readonly decision?: DecisionOptions;
  readonly multipath?: MultipathOptions;
}

/** A route in the words of `show`: `best`, `multipath` or why neither. */
export interface Verdict {
  readonly route: number;
  readonly verdict: 'best' | 'multipath' | Loss | Exclusion;
}

/** What was chosen in one family, and the pass over all its prefixes that may be under way. */
interface Chosen {
  /** Selection id + 1 by prefix id. */
  readonly ids: Column;
  /** Where the pass is, or -1. */
  at: number;
  /** Ids below this were passed before the latest reason to pass: it comes round to them. */
  again: number;
  /** The pass has come round, and ends here. */
  end: number;
}

const noneChosen = (): Chosen => ({ ids: new Column(Uint32Array), at: -1, again: 0, end: Number.POSITIVE_INFINITY });

export class LocRib {
  readonly selections: Selections;
  readonly nextHops: NextHops;
  private readonly rib: Rib;
  private readonly keys: AttributeKeys;
  private readonly standings = new Standings();
  private readonly decision: Decision;
  private readonly multipath: Multipath;
  private readonly chosen: Readonly<Record<AddressFamily, Chosen>> = {
    ipv4: noneChosen(),
    ipv6: noneChosen(),
  };
  private changed: Changed = () => {};
  private budget = 0;
  private readonly visit = (routes: RouteTable, prefix: number): void => {
    this.budget--;
    this.decide(routes, prefix);
  };

  /** Only one may drain a Rib. Throws `RangeError` for a multipath limit that cannot be. */
  constructor(rib: Rib, resolve: Resolve, options: LocRibOptions = {}, onLink?: OnLink) {
    this.rib = rib;
    this.nextHops = new NextHops(resolve, onLink);
    this.keys = new AttributeKeys(rib.attributes, this.nextHops);
    this.decision = new Decision(this.keys, this.standings, options.decision);
    this.multipath = new Multipath(this.decision, options.multipath);
    this.selections = new Selections(rib.attributes);
  }

  /** Is told of a peer whose next hop, an id in `nextHops`, is on no link of ours: once as long as that is so. */
  set offLink(offLink: (peer: number, nextHop: number) => void) {
    this.decision.offLink = offLink;
  }

  /** Must be told of a peer before the next `work` after its first route; later calls take effect on all its routes. */
  setPeer(peer: number, standing: PeerStanding): void {
    const before = this.standings.get(peer);
    if (before !== undefined && equal(before, standing)) return;
    this.standings.set(peer, standing);
    if (before !== undefined) this.reconsider();
  }

  /** After `Rib.withdrawPeer`: the number may be another peer's from now on. */
  removePeer(peer: number): void {
    this.standings.delete(peer);
  }

  /**
   * The peer's stale routes of the family are past the restart time (RFC 9494 §4.3), or are so no more: also when its
   * session ends again and `Rib.markStale` makes others stale, in time before that.
   */
  setLongLived(peer: number, family: AddressFamily, longLived: boolean): void {
    if (this.standings.setLongLived(peer, family, longLived)) this.reconsider(family);
  }

  /** Throws `RangeError` for a multipath limit that cannot be, and changes nothing then. */
  setOptions({ decision = {}, multipath = {} }: LocRibOptions): void {
    checkMultipath(multipath);
    if (equal(decision, this.decision.options) && equal(multipath, this.multipath.options)) return;
    this.decision.options = decision;
    this.multipath.options = multipath;
    this.reconsider();
  }

  /** What `resolve` and `onLink` say may have changed. */
  nextHopsChanged(): void {
    this.nextHops.stir();
  }

  /** Decides again on every prefix, of one family or of both. */
  reconsider(family?: AddressFamily): void {
    for (const f of ['ipv4', 'ipv6'] as const) {
      if (family !== undefined && family !== f) continue;
      const chosen = this.chosen[f];
      // Not from the start: reasons that come faster than a pass is done would keep it from the far end for ever.
      chosen.again = Math.max(0, chosen.at);
      chosen.at = chosen.again;
      chosen.end = Number.POSITIVE_INFINITY;
    }
  }

  /** Decides on `budget` prefixes at most and tells `changed` what came of it. True while there is more to do. */
  work(budget: number, changed: Changed): boolean {
    this.changed = changed;
    this.budget = budget;
    if (this.nextHops.isStirred) {
      // Half, so that news from peers are not held up.
      const share = Math.ceil(budget / 2);
      this.budget -= share;
      if (this.nextHops.refresh(share)) this.reconsider();
    }
    const more = this.budget > 0 ? this.rib.drain(this.budget, this.visit) : true;
    this.pass('ipv4');
    this.pass('ipv6');
    return more || this.nextHops.isStirred || this.chosen.ipv4.at >= 0 || this.chosen.ipv6.at >= 0;
  }

  /** The id in `nextHops` of a set's next hop; -1 for a set without one. */
  nextHopOf(attributes: number): number {
    return this.keys.words.get(this.keys.at(attributes) + Key.nextHop) - 1;
  }

  /** The selection of a prefix, or NO_SELECTION. */
  selection(family: AddressFamily, prefix: number): number {
    const { ids } = this.chosen[family];
    return prefix < ids.capacity ? ids.get(prefix) - 1 : NO_SELECTION;
  }

  /** Every route to a prefix and what became of it, as decided anew. */
  explain(family: AddressFamily, prefix: number): Verdict[] {
    const routes = this.rib[family];
    this.multipath.select(routes, prefix);
    const [best, ...others] = this.multipath.routes.subarray(0, this.multipath.count);
    return this.decision.explain(routes, prefix).map(({ route, reason }): Verdict => {
      if (route === best) return { route, verdict: 'best' };
      return { route, verdict: reason === undefined || others.includes(route) ? 'multipath' : reason };
    });
  }

  /** Gives back what it keeps of the attribute sets; nothing may be asked of it afterwards. */
  close(): void {
    for (const { ids } of Object.values(this.chosen)) {
      for (let prefix = 0; prefix < ids.capacity; prefix++)
        if (ids.get(prefix) !== 0) this.selections.release(ids.get(prefix) - 1);
      ids.clear();
    }
    this.keys.close();
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const { ipv4, ipv6 } = this.chosen;
    return ipv4.ids.byteLength + ipv6.ids.byteLength + this.selections.byteLength + this.keys.byteLength;
  }

  /** Goes on with the pass over all prefixes. */
  private pass(family: AddressFamily): void {
    const routes = this.rib[family];
    const chosen = this.chosen[family];
    for (; chosen.at >= 0 && this.budget > 0; this.budget--) {
      if (chosen.at < Math.min(chosen.end, routes.prefixes.limit)) {
        const prefix = chosen.at++;
        if (routes.prefixes.has(prefix)) this.decide(routes, prefix);
      } else if (chosen.again > 0) {
        chosen.at = 0;
        chosen.end = chosen.again;
        chosen.again = 0;
      } else chosen.at = -1;
    }
  }

  private decide(routes: RouteTable, prefix: number): void {
    const chosen = this.chosen[routes.family];
    chosen.ids.room(prefix);
    const before = chosen.ids.get(prefix) - 1;
    const after = this.choose(routes, prefix);
    if (before !== NO_SELECTION && before === after) {
      this.selections.release(after);
      return;
    }
    if (before === after) return;
    chosen.ids.set(prefix, after + 1);
    this.changed(routes.family, prefix, before, after);
    if (before !== NO_SELECTION) this.selections.release(before);
  }

  private choose(routes: RouteTable, prefix: number): number {
    const { multipath, selections } = this;
    const count = multipath.select(routes, prefix);
    if (count === 0) return NO_SELECTION;
    selections.begin();
    for (let i = 0; i < count; i++) {
      const route = multipath.routes[i]!;
      selections.push(routes.peerOf(route), routes.attributesOf(route), multipath.weights[i]!);
    }
    return selections.finish();
  }
}
