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
import { SLICE_MS } from '../../io/turn.ts';
import type { Address } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import { Client } from '../../netlink/client.ts';
import { Group, Protocol, RouteTable } from '../../netlink/const.ts';
import { type Event, Monitor } from '../../netlink/monitor.ts';
import { Reach, type Way } from '../../vrf/reach.ts';
import type { Routes } from '../../vrf/routes.ts';
import { Auditor, type Extent } from './auditor.ts';
import type { FibEvents, FibSettings } from './events.ts';
import { Holdings } from './holdings.ts';
import type { TableRoutes } from './pair.ts';
import { type Events, type FibParts, type Requests, realParts } from './parts.ts';
import type { Place } from './places.ts';
import { Programmer } from './programmer.ts';

/** When links change, many do. */
const RETRY_MS = 100;
/** How long the kernel may take for the last changes at the end. */
const STOP_MS = 15_000;

export class Fib {
  readonly programmer: Programmer;
  private readonly events: FibEvents;
  private readonly batchSocket: Requests;
  private readonly querySocket: Requests;
  private readonly eventSocket: Events;
  private readonly client: Client;
  private readonly monitor: Monitor;
  readonly auditor: Auditor;
  private readonly reach: Reach;
  private settings: FibSettings;
  private readonly holdings: Holdings;
  /** What is in the kernel was read once. */
  private hasRead = false;
  private stopping = false;
  /** Those of which it was told that others make such. */
  private readonly contested = new WeakSet<Routes>();
  private retryTimer: NodeJS.Timeout | undefined;

  /**
   * Throws where this system cannot be asked, `SystemError` or `Error`.
   * @param places where earlier processes may have left routes
   */
  constructor(settings: FibSettings, places: readonly Place[], events: FibEvents, parts: FibParts = realParts) {
    this.settings = settings;
    this.events = events;
    this.holdings = new Holdings(places, settings.mtu, {
      place: (place) => events.place(place),
      leftPlace: (place) => {
        events.leftPlace(place);
        // They may have been in the way of routes with another protocol, and what we delete ourselves is not heard of.
        if (!this.stopping) this.auditor.want('all');
      },
      forgotten: (routes) => this.programmer.delete(routes),
    });
    this.reach = new Reach({ protocol: settings.protocol, viaDefault: settings.resolveViaDefault });
    this.batchSocket = parts.request();
    this.querySocket = parts.request();
    this.client = new Client(this.querySocket);
    this.auditor = new Auditor(this.client, {
      filter: (extent) => (extent === 'all' ? {} : this.holdings.filter),
      begun: (extent) => this.auditBegun(extent),
      link: (link) => this.reach.toldLink(link),
      route: (extent, route) => {
        if (extent === 'all') this.reach.told(route);
        for (const routes of this.holdings.about(route)) routes.seen(route);
      },
      ended: (extent, complete) => this.auditEnded(extent, complete),
      problem: (problem) => events.unread(problem),
    });
    const groups = [Group.link, Group.route4, Group.route6, Group.nextHop];
    this.eventSocket = parts.events(groups, this.batchSocket.portId, () => this.read());
    this.monitor = new Monitor(this.eventSocket);
    this.programmer = new Programmer(this.batchSocket, {
      refused: (error, paused) => events.refused(error, paused),
      accepted: () => events.accepted(),
      done: () => {
        this.doubts();
        this.tidy();
      },
      idle: () => {
        this.tidy();
        events.idle();
      },
    });
    this.auditor.want('all');
  }

  /** Other settings: where they say something else of routes, these are taken out, then put back. */
  configure(settings: FibSettings): void {
    const before = this.settings;
    if (equal(before, settings)) return;
    this.settings = settings;
    this.reach.set({ protocol: settings.protocol, viaDefault: settings.resolveViaDefault });
    // Which routes say something of next hops is another question then.
    if (before.protocol !== settings.protocol) this.auditor.want('all');
    this.events.waysChanged();
    if (equal({ ...before, resolveViaDefault: true }, { ...settings, resolveViaDefault: true })) return;
    this.holdings.retire();
    this.events.tablesChanged();
    this.kick();
    this.tidy();
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
    const { holdings } = this;
    if (!this.settings.install || !this.hasRead || holdings.retiring || this.stopping) return undefined;
    const known = holdings.tables.get(table);
    if (known !== undefined) return known;
    const { protocol, metric, mtu } = this.settings;
    this.auditor.want('ours');
    return holdings.open({ table, protocol, metric }, mtu);
  }

  /** Every table that has some. */
  get all(): ReadonlyMap<number, TableRoutes> {
    return this.holdings.tables;
  }

  kick(): void {
    this.programmer.kick();
  }

  /** As `kick`, at once. */
  flush(): void {
    this.programmer.flush();
  }

  /** Changes are being made, and more will come soon. */
  advance(): void {
    this.programmer.advance();
  }

  /** Everybody who may want a route has said so: what is left of earlier processes goes. */
  sweep(): void {
    this.holdings.sweep();
    this.kick();
  }

  /** Ends all of it; `keep`: what is installed stays. Resolves when that is done, or the kernel takes too long. */
  async stop(keep: boolean): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retryTimer);
    this.eventSocket.close();
    if (!keep) await this.clear(monotonicMs() + STOP_MS);
    this.auditor.stop();
    await this.programmer.close();
    this.batchSocket.close();
    this.querySocket.close();
  }

  /** Nothing of ours is to be left, of earlier processes either. What nobody has read, or is sure of, is read again. */
  private async clear(until: number): Promise<void> {
    for (const routes of this.holdings.all()) routes.clear();
    this.programmer.insist();
    while (!this.holdings.isClear && monotonicMs() < until) {
      if (!(await this.programmer.settled(until - monotonicMs()))) return;
      if (!this.holdings.isClear) this.auditor.want('ours');
      await this.auditor.settled(until - monotonicMs());
    }
  }

  /** What the kernel tells, a slice of it: the socket calls again while there is more. */
  private read(): void {
    const until = monotonicMs() + SLICE_MS;
    const news = { ways: false, tables: false, objects: false };
    for (let events = this.monitor.read(); events !== undefined; events = this.monitor.read()) {
      for (const event of events) this.hear(event, news);
      if (monotonicMs() > until) break;
    }
    if (news.objects && this.reach.usesObjects) this.lookAgain('all');
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

  private hear(event: Event, news: { ways: boolean; tables: boolean; objects: boolean }): void {
    if (event.type === 'overrun' || event.type === 'malformed') this.lookAgain('all');
    else if (event.kind === 'nextHop') news.objects = true;
    else if (event.kind === 'link') {
      if (this.reach.heardLink(event.type, event.value)) news.ways = true;
      if (event.value.info?.kind === 'vrf') news.tables = true;
      // The kernel has dropped IPv4 routes over it without a word.
      if (!this.reach.isUsable(event.value.index)) this.suspect(event.value.index);
    } else if (event.kind === 'route') {
      if (this.reach.heard(event.type, event.value)) news.ways = true;
      for (const routes of this.holdings.about(event.value)) routes.heard(event.type, event.value);
      // An address has gone, and with the last one of a link all IPv4 routes over it, of which the kernel does not tell.
      const { protocol, destination, hops } = event.value;
      if (event.type === 'del' && protocol === Protocol.kernel && destination.family === 4)
        for (const { link } of hops) this.suspect(link);
    }
  }

  /** Routes over this link may have gone. */
  private suspect(link: number | undefined): void {
    // Of those that are just being read, some may have been before that.
    const mine = link !== undefined && (this.auditor.isReading || this.holdings.use(link));
    if (mine) this.lookAgain('ours');
  }

  private lookAgain(extent: Extent): void {
    for (const routes of this.holdings.all()) routes.suspect();
    this.auditor.want(extent);
  }

  private auditBegun(extent: Extent): void {
    if (extent === 'all') this.reach.beginRead();
    for (const routes of this.holdings.all()) routes.beginAudit();
  }

  private auditEnded(extent: Extent, complete: boolean): void {
    if (extent === 'all') this.reach.endRead(complete);
    for (const routes of this.holdings.all()) {
      routes.endAudit(complete);
      if (complete && routes.isAudited) this.programmer.add(routes);
    }
    if (extent === 'all' && complete) {
      this.hasRead = true;
      this.events.tablesChanged();
      this.events.waysChanged();
    }
    this.events.audited();
    // What was in the way of some may have gone unheard.
    if (extent === 'all' && complete) this.programmer.retry();
    this.kick();
    this.doubts();
  }

  private tidy(): void {
    if (this.holdings.tidy()) this.events.tablesChanged();
  }

  private doubts(): void {
    for (const routes of this.holdings.all()) {
      if (routes.auditNeeded) this.auditor.want('ours');
      if (routes.isContested && !this.contested.has(routes)) this.events.contested(routes.settings);
      if (routes.isContested) this.contested.add(routes);
    }
  }
}
