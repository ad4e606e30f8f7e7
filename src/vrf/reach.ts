/**
 * The way to a next hop (RFC 4271 §5.1.3): by the routes of the kernel that are not ours, and by links that are up.
 *
 * The longest prefix decides. What is on a link is reached there; what is behind a gateway is reached by that gateway,
 * which the kernel has found already, so that one step is enough. A next hop never is reached by what BGP brought: that
 * would come and go with itself.
 */
import { type Address, bitsOf } from '../lib/address.ts';
import { formatPrefix, prefixOf } from '../lib/prefix.ts';
import { Protocol, RouteTable } from '../netlink/const.ts';
import { type Hop, HopFlag } from '../netlink/hop.ts';
import { isRunning, isSetUp, type Link } from '../netlink/link.ts';
import { type Route, RouteFlag } from '../netlink/route.ts';
import { build, drop, goesWith, put, remainder, type Tables, tableOf } from './waytable.ts';

export interface Way {
  /** Where packets go first: one of these, each with a link. */
  readonly hops: readonly Hop[];
  /** 0 on a link of ours, else the metric of the route to it. */
  readonly metric: number;
  /** It is in a subnet of a link of ours, even where a more specific route leads there by a gateway. */
  readonly onLink: boolean;
}

export interface ReachSettings {
  /** Routes with this protocol are ours: none of them leads to a next hop. */
  readonly protocol: number;
  /** A default route will do. */
  readonly viaDefault: boolean;
}

/** Types of routes that say something of a next hop. */
const telling: ReadonlySet<unknown> = new Set(['unicast', 'local', 'blackhole', 'unreachable', 'prohibit', 'throw']);

/** Routes that the kernel makes of addresses and router advertisements. */
const sideBySide: ReadonlySet<number> = new Set([Protocol.kernel, Protocol.ra]);

export class Reach {
  private settings: ReachSettings;
  private tables: Tables = new Map();
  private links = new Map<number, Link>();
  private reading:
    | {
        readonly tables: Tables;
        readonly links: Map<number, Link>;
        readonly touched: Set<string>;
        /** Of routes that are yet to be told, what has gone of them. */
        readonly gone: Map<string, Route>;
        /** Links that went meanwhile. */
        readonly absent: Set<number>;
        /** Those that were down together, at each time when one was set down: what the kernel drops then it does not tell. */
        readonly downs: ReadonlySet<number>[];
      }
    | undefined;

  constructor(settings: ReachSettings) {
    this.settings = settings;
  }

  set(settings: ReachSettings): void {
    this.settings = settings;
  }

  /** A link is there, or is no more. Returns whether that may make a difference to somebody. */
  heardLink(type: 'new' | 'del', link: Link): boolean {
    const before = this.links.get(link.index);
    const now = type === 'new' ? link : undefined;
    // Also in what is being read, where its links were read at once and routes still are.
    const { links: known, tables: all } = this;
    for (const { links, tables } of [{ links: known, tables: all }, ...(this.reading ? [this.reading] : [])]) {
      const was = links.has(link.index);
      if (now === undefined) links.delete(link.index);
      else links.set(link.index, now);
      if (was && isDown(now)) drop(tables, (index) => isDown(links.get(index)));
    }
    if (isDown(now) && this.reading) {
      const { links, absent, downs } = this.reading;
      if (now === undefined) absent.add(link.index);
      downs.push(new Set([...absent, ...[...links.values()].filter(isDown).map(({ index }) => index)]));
    }
    return isUp(before) !== isUp(now) || before?.master !== now?.master;
  }

  /** Begins to read all routes and links anew: `told` for each of them, then `endRead`. What was known counts until then. */
  beginRead(): void {
    this.reading = {
      tables: new Map(),
      links: new Map(),
      touched: new Set(),
      gone: new Map(),
      absent: new Set(),
      downs: [],
    };
  }

  told(route: Route): void {
    const { reading } = this;
    const key = this.keyOf(route);
    // What was heard of meanwhile is newer than this answer.
    if (reading === undefined || key === undefined || reading.touched.has(`${route.table} ${key}`)) return;
    // What is there again since was heard of.
    if (reading.downs.some((down) => goesWith(route, (index) => down.has(index)))) return;
    const { routes } = tableOf(reading.tables, route.table);
    const gone = reading.gone.get(`${route.table} ${key}`);
    const left = gone === undefined ? route : remainder(route, gone);
    // Of several with one prefix and metric the kernel takes the first.
    if (left !== undefined && !routes.has(key)) routes.set(key, left);
  }

  toldLink(link: Link): void {
    this.reading?.links.set(link.index, link);
  }

  /** Everything was read; or not everything: then what was known stays. */
  endRead(complete: boolean): void {
    const { reading } = this;
    this.reading = undefined;
    if (!complete || reading === undefined) return;
    this.tables = reading.tables;
    this.links = reading.links;
    // What went with a link meanwhile may have been told before that.
    drop(this.tables, (index) => isDown(this.links.get(index)));
  }

  get allLinks(): Iterable<Link> {
    return this.links.values();
  }

  /** A route is there, or is no more. Returns whether that may make a difference to somebody. */
  heard(type: 'new' | 'del', route: Route): boolean {
    const key = this.keyOf(route);
    if (key === undefined) return false;
    if (this.reading) this.note(this.reading, type, key, route);
    return put(tableOf(this.tables, route.table), type, key, route);
  }

  /** In what is being read. */
  private note(
    { tables, touched, gone }: NonNullable<Reach['reading']>,
    type: 'new' | 'del',
    key: string,
    route: Route,
  ): void {
    const name = `${route.table} ${key}`;
    const table = tableOf(tables, route.table);
    if (type === 'new' || table.routes.has(key)) {
      touched.add(name);
      put(table, type, key, route);
    } else gone.set(name, { ...route, hops: [...(gone.get(name)?.hops ?? []), ...route.hops] });
  }

  /** The way to an address from a routing table; undefined when there is none, or when it is an address of ours. */
  resolve(table: number, address: Address): Way | undefined {
    // Addresses of the default VRF are in a table of their own, those of another in its own.
    if (table === RouteTable.main && this.longest(RouteTable.local, address)?.[0]?.type === 'local') return undefined;
    const routes = this.longest(table, address);
    if (routes === undefined) return undefined;
    if (routes[0]!.destination.length === 0 && !this.settings.viaDefault) return undefined;
    for (const route of routes) {
      if (route.type !== 'unicast') return undefined;
      const hops = route.hops.flatMap((hop) => this.onward(hop, address));
      const direct = route.hops.every(({ gateway }) => gateway === undefined);
      if (hops.length === 0) continue;
      const metric = direct ? 0 : Math.min(route.priority ?? 0, MAX_METRIC);
      return { hops, metric, onLink: direct || this.isOnLink(table, address) };
    }
    return undefined;
  }

  /**
   * A route to a subnet that holds the address has no gateway. Such come of addresses, but of router advertisements too: a
   * host's own address may be all that its prefix length covers.
   */
  private isOnLink(table: number, address: Address): boolean {
    const least = this.settings.viaDefault ? 0 : 1;
    let length: number = bitsOf(address.family);
    while (length >= least) {
      const routes = this.longest(table, address, length);
      if (routes === undefined) return false;
      length = routes[0]!.destination.length;
      if (length >= least && routes.some((route) => this.isDirect(route))) return true;
      length--;
    }
    return false;
  }

  private isDirect({ type, hops }: Route): boolean {
    const direct = ({ gateway, link }: Hop) => gateway === undefined && link !== undefined && this.isUsable(link);
    return type === 'unicast' && hops.length > 0 && hops.every(direct);
  }

  /** Some route leads where a next-hop object says, which may change without a word of the route. */
  get usesObjects(): boolean {
    for (const { routes } of this.tables.values())
      for (const { nextHop } of routes.values()) if (nextHop !== undefined) return true;
    return false;
  }

  /** The link is up and has a carrier. */
  isUsable(link: number): boolean {
    return isUp(this.links.get(link));
  }

  private onward({ gateway, link, flags = 0 }: Hop, address: Address): Hop[] {
    if (link === undefined || !this.isUsable(link)) return [];
    const onLink = (flags & HopFlag.onLink) !== 0 ? { flags: HopFlag.onLink } : undefined;
    return [{ gateway: gateway ?? address, link, ...onLink }];
  }

  /** The routes to the longest prefix that holds the address, of those that have `length` bits at most. */
  private longest(number: number, address: Address, length?: number): readonly Route[] | undefined {
    const table = this.tables.get(number);
    if (table === undefined) return undefined;
    table.tries ??= build(table.routes.values());
    const found = table.tries[address.family].lookup(prefixOf(address), length);
    return table.tries.lists[found];
  }

  /** What tells a route from others of its table; undefined for one that says nothing of next hops. */
  private keyOf(route: Route): string | undefined {
    const { destination, protocol, type, flags, tos, source, hops, priority = 0 } = route;
    if (protocol === this.settings.protocol || !telling.has(type) || (flags & RouteFlag.cloned) !== 0) return undefined;
    if ((tos ?? 0) !== 0 || source !== undefined) return undefined;
    // What the kernel makes itself is never replaced: one subnet on two links, and two routers on one, are two routes.
    const { gateway, link } = (sideBySide.has(protocol) ? hops[0] : undefined) ?? {};
    const by = link === undefined ? '' : ` ${link} ${gateway?.bytes ?? ''}`;
    return `${formatPrefix(destination)} ${priority}${type === 'local' ? ' local' : ''}${by}`;
  }
}

const MAX_METRIC = 0xffff_fffe;

const isUp = (link: Link | undefined): boolean => link !== undefined && isRunning(link);

const isDown = (link: Link | undefined): boolean => link === undefined || !isSetUp(link);
