/**
 * Where the routes of a VRF go: one family of its table. Beside its own it may have those of VRFs that it imports from: its
 * own come first, then those of each in order, so that an import takes nothing from anybody.
 *
 *   LocRib of each VRF ─ decided ─► which of them has it? ─► Ways ─► Routes
 */
import type { AddressFamily } from '../../bgp/const.ts';
import { type LocRib, NO_SELECTION } from '../../bgp/locrib.ts';
import type { Rib } from '../../bgp/rib.ts';
import { NO_HOPS } from '../../vrf/hopset.ts';
import type { Routes } from '../../vrf/routes.ts';
import { type Surroundings, Ways } from './ways.ts';

/** A VRF whose routes go there. */
export interface Origin extends Surroundings {
  readonly rib: Rib;
  readonly locRib: LocRib;
  /** Tells `decided` and `forget` of a target from now on, or no longer. */
  join(target: Target): void;
  part(target: Target): void;
}

interface Source {
  readonly origin: Origin;
  readonly ways: Ways;
}

/** A prefix of a source, by their numbers. */
interface Position {
  source: number;
  prefix: number;
}

export class Target {
  readonly family: AddressFamily;
  readonly routes: Routes;
  private sources: readonly Source[] = [];
  /** Its routes are not wanted any more, which is still to be said of each. */
  private leaving: readonly Source[] = [];
  /** All prefixes are gone through from here on, because something has changed for all of them; undefined when that is done. */
  private at: Position | undefined;
  /** Those before were passed before the latest reason: the pass comes round to them. */
  private again: Position | undefined;
  /** It has come round, and ends here. */
  private end: Position | undefined;

  /** @param origins the VRF itself, and those that it imports from */
  constructor(family: AddressFamily, routes: Routes, origins: readonly Origin[]) {
    this.family = family;
    this.routes = routes;
    this.setOrigins(origins);
  }

  setOrigins(origins: readonly Origin[]): void {
    const known = [...this.sources, ...this.leaving];
    this.sources = origins.map((origin) => known.find((s) => s.origin === origin) ?? this.begin(origin));
    this.leaving = known.filter((source) => !this.sources.includes(source));
    this.at = undefined;
    this.pass();
  }

  /** Something else was chosen for a prefix of an origin. */
  decided(origin: Origin, prefix: number, selection: number): void {
    const { sources } = this;
    if (sources.length > 1 || sources[0]!.origin !== origin) this.choose(origin, prefix);
    else this.want(origin, prefix, selection === NO_SELECTION ? NO_HOPS : sources[0]!.ways.retain(selection));
  }

  /** The next hop of an origin with this id is no more. */
  forget(origin: Origin, nextHop: number): void {
    for (const source of this.all()) if (source.origin === origin) source.ways.forget(nextHop);
  }

  /** Next hops may be reached by other ways. */
  waysChanged(): void {
    let isStale = false;
    for (const { ways } of this.all()) {
      if (!ways.isStale) continue;
      ways.clear();
      isStale = true;
    }
    if (isStale) this.pass();
  }

  /** Goes on telling what is wanted of every prefix, of `budget` at most. True while there are more. */
  fill(budget: number): boolean {
    const all = this.all();
    for (let n = 0; n < budget && this.at !== undefined; n++) {
      const { at, end } = this;
      const source = all[at.source];
      if (source === undefined) this.comeRound();
      else if (end !== undefined && (at.source > end.source || (at.source === end.source && at.prefix >= end.prefix)))
        this.finish();
      else if (at.prefix >= source.origin.rib[this.family].prefixes.limit)
        this.at = { source: at.source + 1, prefix: 0 };
      else this.review(source, at.prefix++, at.source >= this.sources.length);
    }
    return this.at !== undefined;
  }

  /** Nothing is wanted there any more. */
  close(): void {
    for (const source of this.all()) this.quit(source);
    this.routes.clear();
  }

  private all(): readonly Source[] {
    return this.leaving.length === 0 ? this.sources : [...this.sources, ...this.leaving];
  }

  private begin(origin: Origin): Source {
    origin.join(this);
    return { origin, ways: new Ways(origin.locRib, this.routes.sets, origin) };
  }

  private quit({ origin, ways }: Source): void {
    ways.clear();
    origin.part(this);
  }

  /** Something has changed for all prefixes. Not from the start: reasons may come faster than a pass is done. */
  private pass(): void {
    this.again = this.at && { ...this.at };
    this.at ??= { source: 0, prefix: 0 };
    this.end = undefined;
  }

  private comeRound(): void {
    if (this.again === undefined) return this.finish();
    this.end = this.again;
    this.again = undefined;
    this.at = { source: 0, prefix: 0 };
  }

  private finish(): void {
    this.at = undefined;
    for (const source of this.leaving) this.quit(source);
    this.leaving = [];
  }

  /** What was left may be another's now, or nobody's. */
  private review({ origin }: Source, prefix: number, isLeaving: boolean): void {
    if (!origin.rib[this.family].prefixes.has(prefix)) return;
    const chosen = origin.locRib.selection(this.family, prefix) !== NO_SELECTION;
    if (chosen || isLeaving) this.choose(origin, prefix);
  }

  /** The first that knows a way to a prefix of this origin has it. */
  private choose(origin: Origin, prefix: number): void {
    const { family } = this;
    const { prefixes } = origin.rib[family];
    let set = NO_HOPS;
    for (const { origin: other, ways } of this.sources) {
      const id = other === origin ? prefix : other.rib[family].prefixes.findSame(prefixes, prefix);
      const selection = id < 0 ? NO_SELECTION : other.locRib.selection(family, id);
      if (selection !== NO_SELECTION) set = ways.retain(selection);
      if (set !== NO_HOPS) break;
    }
    this.want(origin, prefix, set);
  }

  /** Takes over the reference to the hop set. */
  private want(origin: Origin, prefix: number, set: number): void {
    const { routes } = this;
    const { prefixes } = origin.rib[this.family];
    const w0 = prefixes.word(prefix, 0);
    const length = prefixes.lengthOf(prefix);
    if (this.family === 'ipv4') routes.want(w0, 0, 0, 0, length, set);
    else routes.want(w0, prefixes.word(prefix, 1), prefixes.word(prefix, 2), prefixes.word(prefix, 3), length, set);
    routes.sets.release(set);
  }
}
