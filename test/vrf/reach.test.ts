import { describe, expect, it } from 'vitest';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { type Hop, HopFlag } from '../../src/netlink/hop.ts';
import { type Link, LinkFlag } from '../../src/netlink/link.ts';
import type { Route } from '../../src/netlink/route.ts';
import { Reach } from '../../src/vrf/reach.ts';

const UP = LinkFlag.up | LinkFlag.lowerUp;
const link = (index: number, flags: number = UP): Link => ({ index, type: 1, flags, changed: 0, name: `e${index}` });
const route = (destination: string, hops: readonly Hop[], more: Partial<Route> = {}): Route => ({
  destination: prefix(destination),
  table: 254,
  protocol: 4,
  scope: 'universe',
  type: 'unicast',
  flags: 0,
  hops,
  ...more,
});
const on = (index: number): Hop => ({ link: index });
const via = (gateway: string, index: number): Hop => ({ gateway: address(gateway), link: index });

function reach(routes: readonly Route[], { viaDefault = true, links = [link(1), link(2)] } = {}): Reach {
  const r = new Reach({ protocol: 186, viaDefault });
  for (const each of links) r.heardLink('new', each);
  for (const each of routes) r.heard('new', each);
  return r;
}

const ways = (r: Reach, to: string, table = 254) => {
  const way = r.resolve(table, address(to));
  return way && [way.metric, ...way.hops.map((h) => `${formatAddress(h.gateway!)}%${h.link}`)];
};

describe('the way to a next hop', () => {
  it('on a link of ours is direct', () => {
    const r = reach([route('192.0.2.0/24', [on(1)]), route('2001:db8::/64', [on(2)], { priority: 256 })]);
    expect(ways(r, '192.0.2.9')).toEqual([0, '192.0.2.9%1']);
    expect(ways(r, '2001:db8::9')).toEqual([0, '2001:db8::9%2']);
    expect(ways(r, '198.51.100.1')).toBeUndefined();
  });

  it('behind a gateway is by the gateway, or by several', () => {
    const r = reach([
      route('192.0.2.0/24', [on(1)]),
      route('198.51.100.0/24', [via('192.0.2.1', 1)], { priority: 50 }),
      route('198.51.100.128/25', [via('192.0.2.2', 1), via('192.0.2.3', 2)], { priority: 60 }),
    ]);
    expect(ways(r, '198.51.100.1')).toEqual([50, '192.0.2.1%1']);
    expect(ways(r, '198.51.100.200')).toEqual([60, '192.0.2.2%1', '192.0.2.3%2']);
  });

  it('is by the lowest metric, and by another while that cannot be used', () => {
    const r = reach([
      route('198.51.100.0/24', [via('192.0.2.1', 1)], { priority: 10 }),
      route('198.51.100.0/24', [via('192.0.2.2', 2)], { priority: 20 }),
    ]);
    expect(ways(r, '198.51.100.1')).toEqual([10, '192.0.2.1%1']);
    expect(r.heardLink('new', link(1, LinkFlag.up))).toBe(true);
    expect(ways(r, '198.51.100.1')).toEqual([20, '192.0.2.2%2']);
    expect(r.heardLink('del', link(2))).toBe(true);
    expect(ways(r, '198.51.100.1')).toBeUndefined();
  });

  it('may be a default route, if that is wanted', () => {
    const defaults = [route('0.0.0.0/0', [via('192.0.2.1', 1)]), route('::/0', [via('fe80::1', 1)])];
    expect(ways(reach(defaults), '203.0.113.1')).toEqual([0, '192.0.2.1%1']);
    expect(ways(reach(defaults), '2001:db8::1')).toEqual([0, 'fe80::1%1']);
    expect(ways(reach(defaults, { viaDefault: false }), '203.0.113.1')).toBeUndefined();
  });

  it('never is one that BGP brought, nor one of another type of service, nor a cached one', () => {
    const r = reach([
      route('203.0.113.0/24', [via('192.0.2.1', 1)], { protocol: 186 }),
      route('203.0.113.0/24', [via('192.0.2.1', 1)], { tos: 8 }),
      route('203.0.113.1/32', [via('192.0.2.1', 1)], { flags: 0x200 }),
    ]);
    expect(ways(r, '203.0.113.1')).toBeUndefined();
  });

  it('is none to an address of ours, nor into a blackhole', () => {
    const r = reach([
      route('192.0.2.0/24', [on(1)]),
      route('192.0.2.1/32', [on(1)], { table: 255, type: 'local' }),
      route('203.0.113.0/24', [via('192.0.2.9', 1)]),
      route('203.0.113.0/25', [], { type: 'blackhole' }),
      route('10.0.0.0/8', [on(2)], { table: 7 }),
      route('10.0.0.1/32', [on(2)], { table: 7, type: 'local' }),
    ]);
    expect(ways(r, '192.0.2.1')).toBeUndefined();
    expect(ways(r, '203.0.113.1')).toBeUndefined();
    expect(ways(r, '203.0.113.129')).toEqual([0, '192.0.2.9%1']);
    expect(ways(r, '10.0.0.1', 7)).toBeUndefined();
    expect(ways(r, '10.0.0.2', 7)).toEqual([0, '10.0.0.2%2']);
    expect(ways(r, '10.0.0.2')).toBeUndefined();
  });

  it('is on a link where a subnet of ours holds the address, whatever a more specific route says', () => {
    const r = reach([
      route('192.0.2.0/24', [on(1)]),
      route('192.0.2.128/25', [via('192.0.2.1', 1)]),
      route('203.0.113.0/24', [via('192.0.2.1', 1)]),
      // The addresses of hosts with /128 are on the link that a router advertises.
      route('2001:db8::/64', [on(2)], { protocol: 9 }),
      route('2001:db8:1::/64', [on(3)]),
      route('2001:db8:1::7/128', [via('fe80::1', 2)]),
      route('0.0.0.0/0', [via('192.0.2.1', 1)]),
    ]);
    const isOnLink = (to: string) => r.resolve(254, address(to))?.onLink;
    expect(isOnLink('192.0.2.9')).toBe(true);
    expect(isOnLink('192.0.2.200')).toBe(true);
    expect(isOnLink('203.0.113.1')).toBe(false);
    expect(isOnLink('198.51.100.1')).toBe(false);
    expect(isOnLink('2001:db8::9')).toBe(true);
    // Nobody is reached there without that link.
    expect(isOnLink('2001:db8:1::7')).toBe(false);
    r.heardLink('new', link(3));
    expect(isOnLink('2001:db8:1::7')).toBe(true);
    r.heard('del', route('192.0.2.0/24', [on(1)]));
    expect(isOnLink('192.0.2.200')).toBe(false);
  });

  it('over a link without a gateway, for everything, is a link where default routes count', () => {
    const tunnel = [route('0.0.0.0/0', [on(1)]), route('198.51.100.0/24', [via('192.0.2.1', 2)])];
    const isOnLink = (viaDefault: boolean) =>
      reach(tunnel, { viaDefault }).resolve(254, address('198.51.100.1'))?.onLink;
    expect([isOnLink(true), isOnLink(false)]).toEqual([true, false]);
  });

  it('keeps what the kernel needs to be told of gateways that no address of ours is beside', () => {
    const r = reach([route('203.0.113.0/24', [{ ...via('10.0.0.1', 1), flags: HopFlag.onLink | HopFlag.linkDown }])]);
    expect(r.resolve(254, address('203.0.113.1'))?.hops).toEqual([{ ...via('10.0.0.1', 1), flags: HopFlag.onLink }]);
  });
});

describe('changes', () => {
  it('count, and are told apart from what makes no difference', () => {
    const r = reach([route('192.0.2.0/24', [on(1)])]);
    expect(r.heardLink('new', link(1))).toBe(false);
    expect(r.heard('new', route('10.0.0.0/8', [on(1)], { protocol: 186 }))).toBe(false);
    expect(r.heard('del', route('10.0.0.0/8', [on(1)]))).toBe(false);
    expect(r.heard('del', route('192.0.2.0/24', [on(1)]))).toBe(true);
    expect(ways(r, '192.0.2.9')).toBeUndefined();
  });

  it('one of several next hops goes, which is all that IPv6 tells: the others are the way', () => {
    const both = [via('fe80::1', 1), via('fe80::2', 2)];
    const r = reach([route('2001:db8::/32', both)]);
    expect(r.heard('del', route('2001:db8::/32', [via('fe80::1', 1)]))).toBe(true);
    expect(ways(r, '2001:db8::1')).toEqual([0, 'fe80::2%2']);
    expect(r.heard('del', route('2001:db8::/32', [via('fe80::2', 2)]))).toBe(true);
    expect(ways(r, '2001:db8::1')).toBeUndefined();
    r.heard('new', route('2001:db8::/32', both));
    r.heard('del', route('2001:db8::/32', both));
    expect(ways(r, '2001:db8::1')).toBeUndefined();
    // What a next-hop object stood for may have changed without a word.
    r.heard('new', route('2001:db8::/32', both, { nextHop: 7 }));
    r.heard('del', route('2001:db8::/32', [via('fe80::3', 1)], { nextHop: 7 }));
    expect(ways(r, '2001:db8::1')).toBeUndefined();
  });

  it('of two routes of IPv4 with one prefix and metric one goes: the other stays the way', () => {
    const [first, second] = [route('10.0.0.0/8', [via('192.0.2.1', 1)]), route('10.0.0.0/8', [via('192.0.2.2', 2)])];
    const r = reach([]);
    r.beginRead();
    for (const index of [1, 2]) r.toldLink(link(index));
    for (const each of [first, second]) r.told(each);
    r.endRead(true);
    expect(ways(r, '10.0.0.1')).toEqual([0, '192.0.2.1%1']);
    r.heard('del', second);
    expect(ways(r, '10.0.0.1')).toEqual([0, '192.0.2.1%1']);
    r.heard('del', first);
    expect(ways(r, '10.0.0.1')).toBeUndefined();
  });

  it('a link that is set down takes IPv4 routes along for good, which the kernel does not tell', () => {
    const r = reach([route('10.0.0.0/8', [via('192.0.2.1', 1)]), route('2001:db8::/32', [via('fe80::1', 1)])]);
    r.heardLink('new', link(1, 0));
    r.heardLink('new', link(1));
    expect(ways(r, '10.0.0.1')).toBeUndefined();
    expect(ways(r, '2001:db8::1')).toEqual([0, 'fe80::1%1']);
  });

  it('without a carrier they stay, and count again when it is back', () => {
    const r = reach([route('10.0.0.0/8', [via('192.0.2.1', 1)])]);
    r.heardLink('new', link(1, LinkFlag.up));
    expect(ways(r, '10.0.0.1')).toBeUndefined();
    r.heardLink('new', link(1));
    expect(ways(r, '10.0.0.1')).toEqual([0, '192.0.2.1%1']);
  });

  it('reading all anew replaces what was known, but not what was heard meanwhile', () => {
    const r = reach([route('10.0.0.0/8', [on(1)]), route('11.0.0.0/8', [on(1)])]);
    r.beginRead();
    r.toldLink(link(1));
    r.heard('del', route('12.0.0.0/8', [on(1)]));
    r.heard('new', route('13.0.0.0/8', [on(1)]));
    for (const each of ['10.0.0.0/8', '12.0.0.0/8']) r.told(route(each, [on(1)]));
    expect(ways(r, '11.0.0.1')).toBeDefined();
    r.endRead(true);
    expect(['10.0.0.1', '11.0.0.1', '12.0.0.1', '13.0.0.1'].map((to) => ways(r, to) !== undefined)).toEqual([
      true,
      false,
      false,
      true,
    ]);
    r.beginRead();
    r.endRead(false);
    expect(ways(r, '10.0.0.1')).toBeDefined();
  });
});

describe('what is heard while all is read', () => {
  const reading = (told: readonly Route[], heard: (r: Reach) => void, late: readonly Route[] = []): Reach => {
    const r = new Reach({ protocol: 186, viaDefault: true });
    r.beginRead();
    for (const each of [link(1), link(2)]) r.toldLink(each);
    for (const each of told) r.told(each);
    heard(r);
    for (const each of late) r.told(each);
    r.endRead(true);
    return r;
  };
  const both = [route('192.0.2.0/24', [on(1)]), route('192.0.2.0/23', [via('198.51.100.1', 2)])];

  it('of links counts: what is told of them is older', () => {
    expect(
      ways(
        reading(both, () => {}),
        '192.0.2.9',
      ),
    ).toEqual([0, '192.0.2.9%1']);
    for (const [told, late] of [
      [both, []],
      [[], both],
    ] as const)
      for (const type of ['new', 'del'] as const) {
        const r = reading(told, (reach) => reach.heardLink(type, link(1, 0)), late);
        expect(r.isUsable(1)).toBe(false);
        expect(ways(r, '192.0.2.9')).toEqual([0, '198.51.100.1%2']);
      }
    const r = reading([], (reach) =>
      reach.heardLink('new', { ...link(3), name: 'red', info: { kind: 'vrf', table: 100 } }),
    );
    expect([...r.allLinks].map(({ name }) => name)).toEqual(['e1', 'e2', 'red']);
  });
});

it('an address of ours stays one while its link is down', () => {
  const r = reach([
    route('0.0.0.0/0', [via('198.51.100.1', 2)]),
    route('192.0.2.1/32', [on(1)], { table: 255, type: 'local' }),
  ]);
  expect(ways(r, '192.0.2.1')).toBeUndefined();
  r.heardLink('new', link(1, 0));
  expect(ways(r, '192.0.2.1')).toBeUndefined();
});

it('one subnet on two links is two routes: one goes, and the other is the way', () => {
  const of = (index: number) => route('192.0.2.0/24', [on(index)], { protocol: 2, scope: 'link' });
  const router = (gateway: string) => route('::/0', [via(gateway, 1)], { protocol: 9, priority: 1024 });
  const r = reach([of(1), of(2), router('fe80::1'), router('fe80::2')]);
  expect(ways(r, '192.0.2.9')).toEqual([0, '192.0.2.9%1']);
  r.heard('del', of(1));
  r.heard('del', router('fe80::1'));
  expect(ways(r, '192.0.2.9')).toEqual([0, '192.0.2.9%2']);
  expect(ways(r, '2001:db8::1')).toEqual([1024, 'fe80::2%1']);
  r.heard('del', of(2));
  expect(ways(r, '192.0.2.9')).toBeUndefined();
});
