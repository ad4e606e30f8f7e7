/**
 * Where the routes of a table lead. Most of a table's routes lead to the same few places, so each list of next hops
 * exists once, has a small integer id, and brings the messages that make a prefix lead there.
 */
import type { Family } from '../lib/address.ts';
import { toHex } from '../lib/bytes.ts';
import { grown } from '../lib/room.ts';
import { type RouteShape, type RouteTemplate, routeTemplate } from '../netlink/batch.ts';
import { type Hop, HopFlag } from '../netlink/hop.ts';

/** What all routes of a table share. */
export interface RouteSettings {
  readonly family: Family;
  readonly table: number;
  /** RTPROT_*: who made the route, by which ours are told from others'. */
  readonly protocol: number;
  /** The lowest wins; 0 for the kernel's default, which is 0 for IPv4 and 1024 for IPv6. */
  readonly metric: number;
  /** Of packets that take these routes, octets; absent: the link's. */
  readonly mtu?: number;
}

/** No next hops: no route. Ids count from 1. */
export const NO_HOPS = 0;

/** Of a route that is there, and none of our making. */
export const UNKNOWN_HOPS: readonly Hop[] = [{ link: -1 }];

const IP6_DEFAULT_METRIC = 1024;
/** What the kernel makes of anything above (fib_convert_metrics in net/ipv4). */
const MAX_MTU = 65_520;

/** The metric that the routes of a table have in the kernel. */
export const metricOf = ({ metric, family }: RouteSettings): number =>
  metric === 0 && family === 6 ? IP6_DEFAULT_METRIC : metric;

export class HopSets {
  readonly deletion: RouteTemplate;
  private readonly settings: RouteSettings;
  /** Octets, 0 for that of the link. */
  private readonly mtu: number;
  private readonly ids = new Map<string, number>();
  /** By id. */
  private readonly keys: (string | undefined)[] = [undefined];
  private readonly lists: (readonly Hop[])[] = [[]];
  private readonly additions: (RouteTemplate | undefined)[] = [undefined];
  private readonly replacements: (RouteTemplate | undefined)[] = [undefined];
  private counts = new Uint32Array(16);
  private readonly free: number[] = [];

  constructor(settings: RouteSettings) {
    this.settings = settings;
    this.mtu = Math.min(settings.mtu ?? 0, MAX_MTU);
    this.deletion = routeTemplate('delete', settings.family, this.shape([]));
  }

  /** Lists that somebody uses. */
  get size(): number {
    return this.ids.size;
  }

  /**
   * The id of a list, whatever its order, with one reference more; of an empty one NO_HOPS.
   * @param mtu octets, 0 for that of the link; absent: as it is to be
   */
  retain(hops: readonly Hop[], mtu = this.mtu): number {
    if (hops.length === 0) return NO_HOPS;
    const sorted = hops.length === 1 ? hops : hops.map((hop) => [text(hop), hop] as const).sort(byText);
    const list = hops.length === 1 ? hops : (sorted as (readonly [string, Hop])[]).map(([, hop]) => hop);
    const key = `${mtu} ${list.map(text).join(' ')}`;
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.free.pop() ?? this.lists.length;
      this.ids.set(key, id);
      this.keys[id] = key;
      this.lists[id] = list;
      this.additions[id] = undefined;
      this.replacements[id] = undefined;
      if (id >= this.counts.length) this.counts = grown(this.counts, 2 * id);
    }
    this.share(id);
    return id;
  }

  /** One reference more. */
  share(id: number): void {
    if (id !== NO_HOPS) this.counts[id] = this.counts[id]! + 1;
  }

  release(id: number): void {
    if (id === NO_HOPS) return;
    const left = this.counts[id]! - 1;
    this.counts[id] = left;
    if (left > 0) return;
    this.ids.delete(this.keys[id]!);
    this.lists[id] = [];
    this.free.push(id);
  }

  hops(id: number): readonly Hop[] {
    return this.lists[id]!;
  }

  /** Some list leads over this link. */
  uses(link: number): boolean {
    return this.lists.some((hops) => hops.some((hop) => hop.link === link));
  }

  addition(id: number): RouteTemplate {
    this.additions[id] ??= routeTemplate('add', this.settings.family, this.shape(this.lists[id]!));
    return this.additions[id];
  }

  replacement(id: number): RouteTemplate {
    this.replacements[id] ??= routeTemplate('replace', this.settings.family, this.shape(this.lists[id]!));
    return this.replacements[id];
  }

  private shape(hops: readonly Hop[]): RouteShape {
    const { mtu, settings } = this;
    const { table, protocol } = settings;
    const metric = metricOf(settings);
    return {
      table,
      protocol,
      hops,
      ...(metric !== 0 && { priority: metric }),
      ...(mtu !== 0 && hops.length > 0 && { metrics: { mtu } }),
    };
  }
}

const byText = ([a]: readonly [string, Hop], [b]: readonly [string, Hop]): number => (a < b ? -1 : a > b ? 1 : 0);

/** What tells two next hops apart: the kernel reports more in the flags than was asked for. */
function text({ gateway, link = 0, weight = 1, flags = 0 }: Hop): string {
  const onLink = (flags & HopFlag.onLink) !== 0 ? '!' : '';
  return `${gateway === undefined ? '' : toHex(gateway.bytes)}%${link}*${weight}${onLink}`;
}
