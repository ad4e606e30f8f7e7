/**
 * The tables in which routes of ours are, or may be: those in use, and places where earlier processes have put some. When
 * routes are to be made otherwise, those that are there go first.
 */
import type { Route, RouteFilter } from '../../netlink/route.ts';
import type { Routes } from '../../vrf/routes.ts';
import { both, routesAt, type TableRoutes } from './pair.ts';
import { type Place, samePlace } from './places.ts';

export interface HoldingsEvents {
  /** Routes will be put here for the first time; or nothing of earlier processes is there any more. */
  place(place: Place): void;
  leftPlace(place: Place): void;
  /** Nothing of these routes is there or wanted any more. */
  forgotten(routes: Routes): void;
}

export class Holdings {
  /** Those in use are of earlier settings, and none are made until they are empty. */
  retiring = false;
  private readonly events: HoldingsEvents;
  private readonly used = new Map<number, TableRoutes>();
  /** Places of earlier processes that nobody has use for so far. */
  private readonly abandoned = new Map<Place, TableRoutes>();
  private swept = false;

  /** @param places where earlier processes may have left routes. @param mtu that those in force have */
  constructor(places: readonly Place[], mtu: number | undefined, events: HoldingsEvents) {
    this.events = events;
    for (const place of places) this.abandoned.set(place, routesAt(place, mtu));
  }

  /** Those in use, by the number of their table. */
  get tables(): ReadonlyMap<number, TableRoutes> {
    return this.used;
  }

  *all(): Generator<Routes> {
    for (const pair of this.used.values()) yield* both(pair);
    for (const pair of this.abandoned.values()) yield* both(pair);
  }

  /** Nothing is there, and that is certain. */
  get isClear(): boolean {
    for (const routes of this.all()) if (!routes.isAudited || routes.auditNeeded || !routes.isEmpty) return false;
    return true;
  }

  /** Those in whose place a route of the kernel may be. */
  *about({ table, destination: { family } }: Route): Generator<Routes> {
    for (const routes of this.all())
      if (routes.settings.table === table && routes.settings.family === family) yield routes;
  }

  /** Some of them lead over this link. */
  use(link: number): boolean {
    for (const routes of this.all()) if (routes.sets.uses(link)) return true;
    return false;
  }

  /** What lets all of them through; those of nobody else where that can be said. */
  get filter(): RouteFilter {
    const protocols = new Set([...this.all()].map(({ settings }) => settings.protocol));
    return protocols.size === 1 ? { protocol: [...protocols][0]! } : {};
  }

  /** Takes a table into use. */
  open(place: Place, mtu: number | undefined): TableRoutes {
    this.events.place(place);
    const pair = this.reclaim(place, mtu) ?? routesAt(place, mtu);
    if (this.swept) for (const routes of both(pair)) routes.sweep();
    this.used.set(place.table, pair);
    return pair;
  }

  /** Leftovers go. */
  sweep(): void {
    this.swept = true;
    for (const routes of this.all()) routes.sweep();
  }

  /** Those in use are to be made otherwise. */
  retire(): void {
    this.retiring = true;
    for (const pair of this.used.values()) for (const routes of both(pair)) routes.clear();
  }

  /**
   * Forgets what is empty, and not wanted any more.
   * @returns whether the last of those that retired have gone
   */
  tidy(): boolean {
    if (this.swept)
      for (const [place, pair] of this.abandoned) {
        if (!isLeft(pair)) continue;
        this.abandon(place);
        this.events.leftPlace(place);
      }
    const pairs = [...this.used.values()];
    if (!this.retiring || !pairs.every(isLeft)) return false;
    for (const pair of pairs) for (const routes of both(pair)) this.events.forgotten(routes);
    this.used.clear();
    this.retiring = false;
    return true;
  }

  /** What is known of a place of earlier processes that is used again, and of which some may just be changing. */
  private reclaim(place: Place, mtu: number | undefined): TableRoutes | undefined {
    for (const [known, pair] of this.abandoned) {
      if (!samePlace(known, place)) continue;
      if (pair.ipv4.settings.mtu !== mtu) this.abandon(known);
      else if (this.abandoned.delete(known)) return pair;
    }
    return undefined;
  }

  private abandon(place: Place): void {
    for (const routes of both(this.abandoned.get(place)!)) this.events.forgotten(routes);
    this.abandoned.delete(place);
  }
}

/** Nothing of ours is there or wanted. Of what nobody has read so far, that cannot be said. */
const isLeft = (pair: TableRoutes): boolean => both(pair).every((routes) => routes.isAudited && routes.isEmpty);
