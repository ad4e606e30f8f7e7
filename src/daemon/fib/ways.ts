/**
 * Where what was chosen leads: from the paths of a selection to the next hops of a route in one table. Most selections
 * have one path, and most paths one of a few next hops, so that is kept.
 */
import type { LocRib } from '../../bgp/locrib.ts';
import type { Path } from '../../bgp/selection.ts';
import { type Address, isLinkLocal } from '../../lib/address.ts';
import { toHex } from '../../lib/bytes.ts';
import { grown } from '../../lib/room.ts';
import type { Hop } from '../../netlink/hop.ts';
import type { HopSets } from '../../vrf/hopset.ts';
import type { Way } from '../../vrf/reach.ts';

export interface Surroundings {
  resolve(address: Address): Way | undefined;
  /** The link on which a peer's link-local next hops are; undefined while it cannot be used. */
  linkOf(peer: number): number | undefined;
}

/** The most that the kernel takes. */
const MAX_WEIGHT = 256;
const MAX_HOPS = 256;

export class Ways {
  private readonly locRib: LocRib;
  private readonly sets: HopSets;
  private readonly around: Surroundings;
  /** By next hop: 1 + the hop set of a route with this one alone, or 0. Each holds a reference. */
  private known = new Uint32Array(64);
  /** By next hop what was asked, and the answer as text: of a link-local one for each peer, of others for all at once. */
  private readonly asked = new Map<number, Map<number, Asked>>();

  constructor(locRib: LocRib, sets: HopSets, around: Surroundings) {
    this.locRib = locRib;
    this.sets = sets;
    this.around = around;
  }

  /** The hop set of a selection, with one reference more; NO_HOPS when it leads nowhere. */
  retain(selection: number): number {
    const { locRib, sets } = this;
    const sole = locRib.selections.sole(selection);
    const nextHop = sole < 0 ? -1 : locRib.nextHopOf(sole);
    if (nextHop < 0 || locRib.nextHops.isLinkLocal(nextHop))
      return sets.retain(this.hopsOf(locRib.selections.paths(selection)));
    if (nextHop >= this.known.length) this.known = grown(this.known, Math.ceil(1.5 * nextHop) + 1);
    let set = this.known[nextHop]! - 1;
    if (set < 0) {
      set = sets.retain(this.hopsOf(locRib.selections.paths(selection)));
      this.known[nextHop] = set + 1;
    }
    sets.share(set);
    return set;
  }

  /** Some next hop leads elsewhere than it did when it was asked for. */
  get isStale(): boolean {
    for (const asked of this.asked.values())
      for (const { ask, answer } of asked.values()) if (textOf(ask()) !== answer) return true;
    return false;
  }

  /** Next hops lead elsewhere from now on. */
  clear(): void {
    this.asked.clear();
    for (let nextHop = 0; nextHop < this.known.length; nextHop++) this.forget(nextHop);
  }

  /** The next hop with this id is no more. */
  forget(nextHop: number): void {
    this.asked.delete(nextHop);
    const set = nextHop < this.known.length ? this.known[nextHop]! - 1 : -1;
    if (set < 0) return;
    this.known[nextHop] = 0;
    this.sets.release(set);
  }

  private hopsOf(paths: readonly Path[]): Hop[] {
    const shares = new Map<string, { readonly hop: Hop; share: number }>();
    for (const path of paths) {
      const hops = this.hopsOfPath(path);
      for (const hop of hops) {
        // Two paths may lead through one gateway, which then gets what both would.
        const key = `${hop.gateway ? toHex(hop.gateway.bytes) : ''}%${hop.link}`;
        const share = (path.weight * (hop.weight ?? 1)) / hops.reduce((n, h) => n + (h.weight ?? 1), 0);
        const same = shares.get(key);
        if (same) same.share += share;
        else shares.set(key, { hop, share });
      }
    }
    const all = [...shares.values()].slice(0, MAX_HOPS);
    const weights = inRatio(all.map(({ share }) => share));
    return all.map(({ hop: { gateway, link, flags } }, i) => ({
      ...(gateway && { gateway }),
      ...(link !== undefined && { link }),
      ...(flags !== undefined && { flags }),
      ...(all.length > 1 && weights[i]! > 1 && { weight: weights[i]! }),
    }));
  }

  private hopsOfPath({ peer, attributes }: Path): readonly Hop[] {
    const { locRib, around } = this;
    const nextHop = locRib.nextHopOf(attributes);
    if (nextHop < 0) return [];
    const address = locRib.nextHops.address(nextHop);
    if (!isLinkLocal(address)) return this.ask(nextHop, ANYBODY, () => around.resolve(address)?.hops ?? []);
    return this.ask(nextHop, peer, () => {
      const link = around.linkOf(peer);
      return link === undefined ? [] : [{ gateway: address, link }];
    });
  }

  private ask(nextHop: number, peer: number, ask: () => readonly Hop[]): readonly Hop[] {
    const hops = ask();
    const known = this.asked.get(nextHop) ?? new Map<number, Asked>();
    this.asked.set(nextHop, known);
    if (!known.has(peer)) known.set(peer, { ask, answer: textOf(hops) });
    return hops;
  }
}

interface Asked {
  readonly ask: () => readonly Hop[];
  readonly answer: string;
}

/** In the place of a peer's number. */
const ANYBODY = -1;

const textOf = (hops: readonly Hop[]): string =>
  hops
    .map(({ gateway, link, weight, flags }) => [gateway && toHex(gateway.bytes), link, weight, flags].join())
    .join(' ');

/** Whole numbers, 1..256, in about these ratios; as small as can be where the ratios are exact. */
export function inRatio(shares: readonly number[]): number[] {
  const least = Math.min(...shares);
  const most = Math.max(...shares);
  for (let n = 1; (n * most) / least <= MAX_WEIGHT && n <= 60; n++) {
    const scaled = shares.map((share) => (n * share) / least);
    if (scaled.every((v) => Math.abs(v - Math.round(v)) < 1e-6)) return scaled.map(Math.round);
  }
  return shares.map((share) => Math.max(1, Math.round((MAX_WEIGHT * share) / most)));
}
