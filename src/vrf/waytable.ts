/** Routes of the kernel by table, as far as they say something of next hops: put, taken and dropped as the kernel does. */
import { equal } from '../lib/diff.ts';
import { formatPrefix } from '../lib/prefix.ts';
import { PrefixTrie } from '../lib/trie.ts';
import type { Hop } from '../netlink/hop.ts';
import type { Route } from '../netlink/route.ts';

export interface Table {
  /** By what tells one from another. */
  readonly routes: Map<string, Route>;
  /** Built when it is asked: prefixes by number, the routes to each in the order of their metrics. */
  tries: { readonly 4: PrefixTrie; readonly 6: PrefixTrie; readonly lists: readonly (readonly Route[])[] } | undefined;
}

export type Tables = Map<number, Table>;

export function tableOf(tables: Tables, number: number): Table {
  let table = tables.get(number);
  if (table === undefined) {
    table = { routes: new Map(), tries: undefined };
    tables.set(number, table);
  }
  return table;
}

/** Links were set down: the kernel drops the IPv4 routes over them alone, but for our addresses, and tells nobody. */
export function drop(tables: Tables, isDown: (link: number) => boolean): void {
  for (const table of tables.values()) {
    for (const [key, route] of table.routes) {
      if (!goesWith(route, isDown)) continue;
      table.routes.delete(key);
      table.tries = undefined;
    }
  }
}

export const goesWith = ({ destination, hops, type }: Route, isDown: (link: number) => boolean): boolean =>
  destination.family === 4 &&
  type !== 'local' &&
  hops.length > 0 &&
  hops.every(({ link }) => link !== undefined && isDown(link));

/** Returns whether it is news. */
export function put(table: Table, type: 'new' | 'del', key: string, route: Route): boolean {
  const known = table.routes.get(key);
  if (type === 'del' && known === undefined) return false;
  const now = type === 'new' ? route : remainder(known!, route);
  if (now === undefined) table.routes.delete(key);
  else table.routes.set(key, now);
  table.tries = undefined;
  return true;
}

/**
 * What is left of a route: of one of IPv6 with several next hops the kernel tells when one of them goes, and IPv4 may have
 * several routes with one prefix and metric.
 */
export function remainder(known: Route, gone: Route): Route | undefined {
  // What an object stands for may have changed without a word.
  if (known.nextHop !== undefined || gone.nextHop !== undefined) return undefined;
  const hops = known.hops.filter((hop) => !gone.hops.some((other) => sameHop(hop, other)));
  return hops.length > 0 ? { ...known, hops } : undefined;
}

const sameHop = (a: Hop, b: Hop): boolean => a.link === b.link && equal(a.gateway, b.gateway);

export function build(routes: Iterable<Route>): NonNullable<Table['tries']> {
  const byPrefix = new Map<string, Route[]>();
  for (const route of routes) {
    const key = formatPrefix(route.destination);
    const known = byPrefix.get(key);
    if (known === undefined) byPrefix.set(key, [route]);
    else known.push(route);
  }
  const tries = { 4: new PrefixTrie(4), 6: new PrefixTrie(6) };
  const lists = [...byPrefix.values()];
  for (const [i, list] of lists.entries()) {
    list.sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    const { destination } = list[0]!;
    tries[destination.family].set(destination, i);
  }
  return { ...tries, lists };
}
