/**
 * The ways to next hops as they follow from what is heard of a kernel that changes at random, with readings of all of it in
 * between: they are those that somebody finds who reads it in the end.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { address, formatAddress } from '../../src/lib/address.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import type { Hop } from '../../src/netlink/hop.ts';
import { type Link, LinkFlag } from '../../src/netlink/link.ts';
import type { Route } from '../../src/netlink/route.ts';
import { Reach } from '../../src/vrf/reach.ts';

const links = [1, 2, 3];
const tables = [254, 2];
const prefixes = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '::/0', '2001:db8::/32', '2001:db8:1::/48'];
const probes = ['10.1.2.3', '10.1.9.9', '10.9.9.9', '192.0.2.1', '2001:db8:1::1', '2001:db8:2::1', '2001:db9::1'].map(
  address,
);

const change = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('route' as const),
      table: fc.constantFrom(...tables),
      to: fc.constantFrom(...prefixes),
      priority: fc.constantFrom(10, 20),
      over: fc.subarray(links),
      gone: fc.boolean(),
      type: fc.constantFrom('unicast' as const, 'unicast' as const, 'unicast' as const, 'blackhole' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      link: fc.constantFrom(...links),
      state: fc.constantFrom<'up' | 'dark' | 'down' | 'absent'>('up', 'up', 'dark', 'down', 'down', 'absent'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tell' as const), count: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), complete: fc.boolean() }) },
);

const flags = { up: LinkFlag.up | LinkFlag.lowerUp, dark: LinkFlag.up, down: 0 } as const;
const keyOf = ({ table, destination, priority }: Route) => `${table} ${formatPrefix(destination)} ${priority}`;
const settings = { protocol: 186, viaDefault: true };

class Kernel {
  readonly links = new Map<number, Link>();
  readonly routes = new Map<string, Route>();
  readonly reach = new Reach(settings);
  private readonly removed = new Set<number>();
  private untold: Route[] | undefined;

  set(index: number, state: 'up' | 'dark' | 'down' | 'absent'): void {
    // An index is not given twice.
    if (this.removed.has(index)) return;
    if (state === 'absent') {
      this.removed.add(index);
      const link = this.links.get(index);
      if (link === undefined) return;
      this.links.delete(index);
      this.cut(index);
      this.reach.heardLink('del', link);
      return;
    }
    const link: Link = { index, type: 1, flags: flags[state], changed: 0, name: `e${index}` };
    this.links.set(index, link);
    this.reach.heardLink('new', link);
    if (state === 'down') this.cut(index);
  }

  put(table: number, to: string, priority: number, over: readonly number[], type: 'unicast' | 'blackhole'): void {
    const destination = prefix(to);
    const there = over.filter((index) => (this.links.get(index)?.flags ?? 0) !== 0);
    if (type === 'unicast' && there.length === 0) return;
    const gateway = (index: number) => address(destination.family === 4 ? `192.0.2.${index}` : `fe80::${index}`);
    const hops: Hop[] = type === 'unicast' ? there.map((link) => ({ gateway: gateway(link), link })) : [];
    const route: Route = { destination, table, priority, type, hops, protocol: 4, scope: 'universe', flags: 0 };
    this.routes.set(keyOf(route), route);
    this.reach.heard('new', route);
  }

  remove(table: number, to: string, priority: number): void {
    const key = `${table} ${to} ${priority}`;
    const route = this.routes.get(key);
    if (route === undefined) return;
    this.routes.delete(key);
    this.reach.heard('del', route);
  }

  begin(): void {
    if (this.untold !== undefined) return;
    this.reach.beginRead();
    for (const link of this.links.values()) this.reach.toldLink(link);
    this.untold = [...this.routes.values()];
  }

  /** As it is now, or was when the reading began: the kernel may tell either. */
  tell(count: number): void {
    for (const route of this.untold?.splice(0, count) ?? []) this.reach.told(route);
  }

  end(complete: boolean): void {
    if (this.untold === undefined) return;
    if (complete) this.tell(Number.POSITIVE_INFINITY);
    this.untold = undefined;
    this.reach.endRead(complete);
  }

  /** Routes over the link alone go, those of IPv4 untold; of IPv6 each next hop is told that goes. */
  private cut(index: number): void {
    for (const [key, route] of this.routes) {
      const gone = route.hops.filter(({ link }) => link === index);
      if (gone.length === 0) continue;
      const left = route.hops.filter(({ link }) => link !== index);
      const isFour = route.destination.family === 4;
      // Of IPv4 a next hop among others stays, and is not used.
      if (isFour && left.some(({ link }) => (this.links.get(link!)?.flags ?? 0) !== 0)) continue;
      if (isFour || left.length === 0) this.routes.delete(key);
      else this.routes.set(key, { ...route, hops: left });
      if (!isFour) this.reach.heard('del', { ...route, hops: gone });
    }
  }
}

const ways = (reach: Reach) =>
  tables.flatMap((table) =>
    probes.map((probe) => {
      const way = reach.resolve(table, probe);
      const hops = way?.hops.map(({ gateway, link }) => `${gateway && formatAddress(gateway)}%${link}`).sort();
      return `${table} ${formatAddress(probe)} ${way && [way.metric, way.onLink, ...hops!]}`;
    }),
  );

it('comes to what a reading finds', () => {
  const property = fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
    const kernel = new Kernel();
    for (const index of links) kernel.set(index, 'up');
    for (const one of changes) {
      if (one.do === 'link') kernel.set(one.link, one.state);
      else if (one.do === 'begin') kernel.begin();
      else if (one.do === 'tell') kernel.tell(one.count);
      else if (one.do === 'end') kernel.end(one.complete);
      else if (one.gone) kernel.remove(one.table, one.to, one.priority);
      else kernel.put(one.table, one.to, one.priority, one.over, one.type);
    }
    kernel.end(true);
    const fresh = new Reach(settings);
    fresh.beginRead();
    for (const link of kernel.links.values()) fresh.toldLink(link);
    for (const route of kernel.routes.values()) fresh.told(route);
    fresh.endRead(true);
    expect(ways(kernel.reach)).toEqual(ways(fresh));
  });
  fc.assert(property, { numRuns: 500 });
});
