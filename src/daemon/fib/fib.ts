/**
 * The kernel's routing tables as the daemon sees them: which of our routes are in them, and by which of the others next
 * hops are reached.
 *
 *   Instance ─ want ─► Routes ─► Programmer ─► kernel
 *   kernel ─ events, census ─► Reach (ways to next hops) ─► Instance · Routes (what is there) ─► Programmer
 *
 * No route is changed in a table before all that is there was read once: leftovers of the process before this one stay in
 * use until `sweep`.
 */
import { monotonicMs } from '../../io/clock.ts';
import type { EventSocket, RequestSocket } from '../../io/netlink.ts';
import { SLICE_MS } from '../../io/turn.ts';
import type { Address } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import { Client } from '../../netlink/client.ts';
import { Group, RouteTable } from '../../netlink/const.ts';
import type { Link } from '../../netlink/link.ts';
import { type Event, Monitor } from '../../netlink/monitor.ts';
import type { Route } from '../../netlink/route.ts';
import { Reach, type Way } from '../../vrf/reach.ts';
import type { Routes } from '../../vrf/routes.ts';
import { Auditor, type Extent } from './auditor.ts';
import { both, routesAt, type TableRoutes } from './pair.ts';
import { type FibParts, realParts } from './parts.ts';
import { type Place, samePlace } from './places.ts';
import { Programmer } from './programmer.ts';

export interface FibSettings {
  readonly install: boolean;
  readonly protocol: number;
  readonly metric: number;
  readonly mtu?: number;
  readonly resolveViaDefault: boolean;
}

export interface FibEvents {
  /** Ways to next hops may be others. */
  waysChanged(): void;
  /** `routes` may give others, or some where it gave none. */
  tablesChanged(): void;
  /** Routes will be put here for the first time; or nothing of earlier processes is there any more. */
  place(place: Place): void;
  leftPlace(place: Place): void;
  /** The kernel refuses routes, and for now no more are tried if `paused`. */
  refused(error: string, paused: boolean): void;
  accepted(): void;
  /** What is in the kernel was read. */
  audited(): void;
  /** Every change that was wanted is carried out, or refused. */
  idle(): void;
}

/** When links change, many do. */
const RETRY_MS = 100;
/** How long the kernel may take for the last changes at the end. */
const STOP_MS = 15_000;

export class Fib {
  readonly programmer: Programmer;
  private readonly events: FibEvents;
  private readonly batchSocket: RequestSocket;
  private readonly querySocket: RequestSocket;
  private readonly eventSocket: EventSocket;
  private readonly client: Client;
  private readonly monitor: Monitor;
  readonly auditor: Auditor;
  private readonly reach: Reach;
  private settings: FibSettings;
  private readonly tables = new Map<number, TableRoutes>();
  /** Places of earlier processes that nobody has use for so far. */
  private readonly abandoned = new Map<Place, TableRoutes>();
  /** What is in the kernel was read once. */
  private hasRead = false;
  private retiring = false;
  private swept = false;
  private retryTimer: NodeJS.Timeout | undefined;

  /**
   * Throws where this system cannot be asked, `SystemError` or `Error`.
   * @param places where earlier processes may have left routes
   */
  constructor(settings: FibSettings, places: readonly Place[], events: FibEvents, parts: FibParts = realParts) {
    this.settings = settings;
    this.events = events;
    if (settings.install) for (const place of places) this.abandoned.set(place, routesAt(place));
    this.reach = new Reach({ protocol: settings.protocol, viaDefault: settings.resolveViaDefault });
    this.batchSocket = parts.request();
    this.querySocket = parts.request();
    this.client = new Client(this.querySocket);
    this.auditor = new Auditor(this.client, {
      filter: (extent) => (extent === 'all' || this.abandoned.size > 0 ? {} : { protocol: this.settings.protocol }),
      begun: (extent) => this.auditBegun(extent),
      link: (link) => this.reach.toldLink(link),
      route: (extent, route) => {
        if (extent === 'all') this.reach.told(route);
        for (const routes of this.routesOf(route)) routes.seen(route);
      },
      ended: (extent, complete) => this.auditEnded(extent, complete),
    });
    const groups = [Group.link, Group.route4, Group.route6];
    this.eventSocket = parts.events(groups, this.batchSocket.portId, () => this.read());
    this.monitor = new Monitor(this.eventSocket);
    this.programmer = new Programmer(this.batchSocket, {
      refused: (error, paused) => events.refused(error, paused),
      accepted: () => events.accepted(),
      done: () => this.batchDone(),
      idle: () => events.idle(),
    });
    this.auditor.want('all');
  }

  /** Other settings: where they say something else of routes, these are taken out, then put back. */
  configure(settings: FibSettings): void {
    const before = this.settings;
    if (equal(before, settings)) return;
    this.settings = settings;
    this.reach.set({ protocol: settings.protocol, viaDefault: settings.resolveViaDefault });
    this.events.waysChanged();
    if (equal({ ...before, resolveViaDefault: true }, { ...settings, resolveViaDefault: true })) return;
    this.retiring = true;
    for (const pair of this.tables.values()) for (const routes of both(pair)) routes.clear();
    this.events.tablesChanged();
    this.kick();
    this.retire();
  }

  /** The number of a VRF's table; undefined while there is no such device. */
  tableOf(vrf: string | undefined): number | undefined {
    if (vrf === undefined) return RouteTable.main;
    for (const { name, info } of this.reach.allLinks) if (name === vrf && info?.kind === 'vrf') return info.table;
    return undefined;
  }

  /** The index of a device. */
  linkOf(device: string): number | undefined {
    for (const { name, index } of this.reach.allLinks) if (name === device) return index;
    return undefined;
  }

  nameOf(link: number): string | undefined {
    for (const { name, index } of this.reach.allLinks) if (index === link) return name;
    return undefined;
  }

  /** The link is there, up, and has a carrier. */
  isUsable(link: number): boolean {
    return this.reach.isUsable(link);
  }

  /** The way to an address from a table: before all routes were read, nobody knows any. */
  resolve(table: number, address: Address): Way | undefined {
    return this.reach.resolve(table, address);
  }

  /** Our routes in a table; undefined while none are to be put there. After changes to them, call `kick`. */
  routes(table: number): TableRoutes | undefined {
    if (!this.settings.install || !this.hasRead || this.retiring) return undefined;
    let found = this.tables.get(table);
    if (found === undefined) {
      const { protocol, metric, mtu } = this.settings;
      const place = { table, protocol, metric };
      for (const known of this.abandoned.keys()) if (samePlace(known, place)) this.abandon(known);
      this.events.place(place);
      found = routesAt(place, mtu);
      if (this.swept) for (const routes of both(found)) routes.sweep();
      this.tables.set(table, found);
      this.auditor.want('ours');
    }
    return found;
  }

  /** Every table that has some. */
  get all(): ReadonlyMap<number, TableRoutes> {
    return this.tables;
  }

  kick(): void {
    this.programmer.kick();
  }

  /** As `kick`, at once. */
  flush(): void {
    this.programmer.flush();
  }

  /** Everybody who may want a route has said so: what is left of earlier processes goes. */
  sweep(): void {
    this.swept = true;
    for (const routes of this.eachRoutes()) routes.sweep();
    this.leave();
    this.kick();
  }

  /** Ends all of it; `keep`: what is installed stays. Resolves when that is done, or the kernel takes too long. */
  async stop(keep: boolean): Promise<void> {
    clearTimeout(this.retryTimer);
    this.eventSocket.close();
    this.auditor.stop();
    if (!keep) {
      for (const routes of this.eachRoutes()) routes.clear();
      await this.programmer.settled(STOP_MS);
    }
    await this.programmer.close();
    this.batchSocket.close();
    this.querySocket.close();
  }

  private *eachRoutes(): Generator<Routes> {
    for (const pair of this.tables.values()) yield* both(pair);
    for (const pair of this.abandoned.values()) yield* both(pair);
  }

  /** What the kernel tells, a slice of it: the socket calls again while there is more. */
  private read(): void {
    const until = monotonicMs() + SLICE_MS;
    const news = { ways: false, tables: false };
    for (let events = this.monitor.read(); events !== undefined; events = this.monitor.read()) {
      for (const event of events) this.hear(event, news);
      if (monotonicMs() > until) break;
    }
    if (news.tables) this.events.tablesChanged();
    if (news.ways) {
      this.events.waysChanged();
      this.retryTimer ??= setTimeout(() => {
        this.retryTimer = undefined;
        this.programmer.retry();
      }, RETRY_MS);
    }
    this.kick();
    this.doubts();
  }

  private hear(event: Event, news: { ways: boolean; tables: boolean }): void {
    if (event.type === 'overrun' || event.type === 'malformed') this.auditor.want('all');
    else if (event.kind === 'link') {
      const before = this.reach.isUsable(event.value.index);
      if (this.reach.heardLink(event.type, event.value)) news.ways = true;
      if (event.value.info?.kind === 'vrf') news.tables = true;
      // The kernel has dropped IPv4 routes over it without a word.
      if (before && !this.reach.isUsable(event.value.index) && this.uses(event.value)) this.auditor.want('ours');
    } else if (event.kind === 'route') {
      if (this.reach.heard(event.type, event.value)) news.ways = true;
      for (const routes of this.routesOf(event.value)) routes.heard(event.type, event.value);
    }
  }

  private auditBegun(extent: Extent): void {
    if (extent === 'all') this.reach.beginRead();
    for (const routes of this.eachRoutes()) routes.beginAudit();
  }

  private auditEnded(extent: Extent, complete: boolean): void {
    if (extent === 'all') this.reach.endRead(complete);
    for (const routes of this.eachRoutes()) {
      routes.endAudit(complete);
      if (complete && routes.isAudited) this.programmer.add(routes);
    }
    if (extent === 'all' && complete) {
      this.hasRead = true;
      this.events.tablesChanged();
      this.events.waysChanged();
    }
    this.events.audited();
    this.kick();
    this.doubts();
  }

  private batchDone(): void {
    this.doubts();
    this.retire();
    if (this.swept) this.leave();
  }

  /** Places of earlier processes in which nothing is any more. */
  private leave(): void {
    for (const [place, pair] of this.abandoned) if (both(pair).every((routes) => routes.isEmpty)) this.abandon(place);
  }

  private abandon(place: Place): void {
    for (const routes of both(this.abandoned.get(place)!)) this.programmer.delete(routes);
    this.abandoned.delete(place);
    this.events.leftPlace(place);
  }

  private doubts(): void {
    for (const routes of this.eachRoutes()) if (routes.auditNeeded) this.auditor.want('ours');
  }

  /** Routes under other settings than those in force have gone: now those in force count. */
  private retire(): void {
    const pairs = [...this.tables.values()];
    if (!this.retiring || pairs.some((pair) => both(pair).some((routes) => !routes.isEmpty))) return;
    for (const pair of pairs) for (const routes of both(pair)) this.programmer.delete(routes);
    this.tables.clear();
    this.retiring = false;
    this.events.tablesChanged();
  }

  private *routesOf({ table, destination: { family } }: Route): Generator<Routes> {
    for (const routes of this.eachRoutes())
      if (routes.settings.table === table && routes.settings.family === family) yield routes;
  }

  private uses({ index }: Link): boolean {
    for (const routes of this.eachRoutes()) if (routes.sets.uses(index)) return true;
    return false;
  }
}
