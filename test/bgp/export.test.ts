import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressFamily } from '../../src/bgp/const.ts';
import { exportRoute, type LocalAddresses, prepend } from '../../src/bgp/export.ts';
import type { AsSegment, PathAttributes } from '../../src/bgp/path.ts';
import type { Role } from '../../src/bgp/settings.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { asPath, contextOf } from '../support/bgp.ts';

const bare: PathAttributes = { origin: 'igp', asPath: [] };
const external = contextOf();
const internal = contextOf({ internal: true });
const over4: LocalAddresses = {
  transport: address('192.0.2.1'),
  ipv4: address('192.0.2.1'),
  ipv6: address('2001:db8::1'),
  linkLocal: address('fe80::1'),
};
const over6 = { ...over4, transport: address('2001:db8::1') };
const overLink = { ...over4, transport: address('fe80::1') };

const nextHops = (r: PathAttributes | undefined) =>
  r && [r.nextHop, r.linkLocalNextHop].filter((a) => a !== undefined).map(formatAddress);

describe('a next hop that is configured', () => {
  const configured = { ipv4: address('192.0.2.9'), ipv6: address('2001:db8::9') };
  const told = (family: AddressFamily, local: LocalAddresses, route = bare) =>
    nextHops(exportRoute(route, family, external, 65001, local, undefined, configured));

  it('stands in for our address', () => {
    expect(told('ipv4', over4)).toEqual(['192.0.2.9']);
    expect(told('ipv6', over4)).toEqual(['2001:db8::9']);
    expect(told('ipv6', overLink)).toEqual(['2001:db8::9']);
  });

  it('leaves a next hop of the route alone', () => {
    expect(told('ipv4', over4, { ...bare, nextHop: address('192.0.2.7') })).toEqual(['192.0.2.7']);
  });

  it('may be there for one family only', () => {
    const only = { ipv4: address('192.0.2.9') };
    const route = exportRoute(bare, 'ipv6', external, 65001, over6, undefined, only);
    expect(nextHops(route)).toEqual(['2001:db8::1']);
  });
});

describe('the next hop', () => {
  const extended = contextOf({ extendedNextHop: true });
  it.each<[string, AddressFamily, LocalAddresses, typeof external, string[] | undefined]>([
    ['an IPv4 session: our end of it', 'ipv4', over4, external, ['192.0.2.1']],
    ['an IPv4 session, for IPv6: the global address beside it', 'ipv6', over4, external, ['2001:db8::1']],
    [
      'an IPv4 session, for IPv6, where only a link-local address is beside it',
      'ipv6',
      { transport: address('192.0.2.1'), linkLocal: address('fe80::1') },
      external,
      ['fe80::1'],
    ],
    ['an IPv4 session, for IPv6, without any', 'ipv6', { transport: address('192.0.2.1') }, external, undefined],
    ['an IPv6 session: our end of it', 'ipv6', over6, external, ['2001:db8::1']],
    ['an IPv6 session, for IPv4: the address beside it', 'ipv4', over6, external, ['192.0.2.1']],
    ['an IPv6 session, for IPv4, as RFC 8950 has it', 'ipv4', over6, extended, ['2001:db8::1']],
    ['an IPv6 session, for IPv4, without either', 'ipv4', { transport: address('2001:db8::1') }, external, undefined],
    [
      'a link-local session: the global address, and the link-local one',
      'ipv6',
      overLink,
      external,
      ['2001:db8::1', 'fe80::1'],
    ],
    [
      'a link-local session without a global address',
      'ipv6',
      { transport: address('fe80::1'), linkLocal: address('fe80::1') },
      external,
      ['fe80::1'],
    ],
    [
      'a link-local session, for IPv4, as RFC 8950 has it',
      'ipv4',
      { transport: address('fe80::1'), linkLocal: address('fe80::1') },
      extended,
      ['fe80::1'],
    ],
  ])('is ourselves, over %s', (_, family, local, context, expected) => {
    expect(nextHops(exportRoute(bare, family, context, 65001, local))).toEqual(expected);
  });

  it.each<[string, AddressFamily, string, typeof external, string[] | undefined]>([
    ['IPv4 for IPv4', 'ipv4', '198.51.100.9', external, ['198.51.100.9']],
    ['IPv6 for IPv6', 'ipv6', '2001:db8::9', external, ['2001:db8::9']],
    ['IPv6 for IPv4, as RFC 8950 has it', 'ipv4', '2001:db8::9', extended, ['2001:db8::9']],
    ['IPv6 for IPv4, without it', 'ipv4', '2001:db8::9', external, undefined],
    ['IPv4 for IPv6', 'ipv6', '198.51.100.9', extended, undefined],
  ])('that a route names is kept where it can be said: %s', (_, family, nextHop, context, expected) => {
    const route = { ...bare, nextHop: address(nextHop) };
    expect(nextHops(exportRoute(route, family, context, 65001, over4))).toEqual(expected);
  });

  it('has a link-local companion of a route’s own only where both ends share the link (RFC 2545 §3)', () => {
    const route = { ...bare, nextHop: address('2001:db8::9'), linkLocalNextHop: address('fe80::9') };
    expect(nextHops(exportRoute(route, 'ipv6', external, 65001, overLink))).toEqual(['2001:db8::9', 'fe80::9']);
    expect(nextHops(exportRoute(route, 'ipv6', external, 65001, over6))).toEqual(['2001:db8::9']);
  });
});

describe('the path', () => {
  it('begins with our AS towards other ASes, and is left alone inside', () => {
    const route = { ...bare, asPath: [{ type: 'sequence', asns: [1, 2] }] as const };
    expect(exportRoute(route, 'ipv4', external, 65001, over4)?.asPath).toEqual([
      { type: 'sequence', asns: [65001, 1, 2] },
    ]);
    expect(exportRoute(route, 'ipv4', internal, 65001, over4)?.asPath).toEqual(route.asPath);
    expect(exportRoute(bare, 'ipv4', external, 65001, over4)?.asPath).toEqual([{ type: 'sequence', asns: [65001] }]);
    expect(exportRoute(bare, 'ipv4', internal, 65001, over4)?.asPath).toEqual([]);
  });

  it('has our AS once more for each that a template asks for, towards other ASes only', () => {
    const route = { ...bare, prepend: 2 };
    const outside = exportRoute(route, 'ipv4', external, 65001, over4)!;
    expect(outside.asPath).toEqual([{ type: 'sequence', asns: [65001, 65001, 65001] }]);
    const inside = exportRoute(route, 'ipv4', internal, 65001, over4)!;
    expect(inside.asPath).toEqual([]);
    for (const out of [outside, inside]) expect(out).not.toHaveProperty('prepend');
  });

  it('has the bandwidth that a template asks for, which leaves our AS as its transitive twin alone', () => {
    const route = { ...bare, bandwidthMbit: 300, extendedCommunities: [1n] };
    const said = (context: typeof internal, asn = 65001) =>
      exportRoute(route, 'ipv4', context, asn, over4)!.extendedCommunities!.map((c) =>
        c.toString(16).padStart(16, '0'),
      );
    // 37.5 million octets a second.
    expect(said(internal)).toEqual(['0000000000000001', '4004fde94c0f0d18']);
    expect(said(external)).toEqual(['0000000000000001', '0004fde94c0f0d18']);
    expect(said(external, 4_200_000_000)[1]).toBe('00045ba04c0f0d18');
    expect(exportRoute(route, 'ipv4', external, 65001, over4)).not.toHaveProperty('bandwidthMbit');
    expect(exportRoute(bare, 'ipv4', external, 65001, over4)).not.toHaveProperty('extendedCommunities');
  });

  it.each<[string, AsSegment[], AsSegment[]]>([
    [
      'a set',
      [{ type: 'set', asns: [7, 8] }],
      [
        { type: 'sequence', asns: [5, 5] },
        { type: 'set', asns: [7, 8] },
      ],
    ],
    [
      'a sequence with room for one',
      [{ type: 'sequence', asns: new Array(254).fill(9) }],
      [
        { type: 'sequence', asns: [5, 5] },
        { type: 'sequence', asns: new Array(254).fill(9) },
      ],
    ],
    [
      'a sequence with room for both',
      [{ type: 'sequence', asns: new Array(253).fill(9) }],
      [{ type: 'sequence', asns: [5, 5, ...new Array(253).fill(9)] }],
    ],
  ])('is prepended to %s', (_, path, expected) => {
    expect(prepend(path, 5, 2)).toEqual(expected);
  });

  it('only ever grows in front, and no segment beyond 255', () => {
    const flat = (path: readonly AsSegment[]) => path.flatMap((s) => s.asns);
    fc.assert(
      fc.property(asPath(false), fc.integer({ min: 1, max: 10 }), (path, times) => {
        const before = structuredClone(path);
        const after = prepend(path, 65001, times);
        expect(flat(after)).toEqual([...new Array(times).fill(65001), ...flat(path)]);
        expect(after.every((s) => s.asns.length <= 255)).toBe(true);
        expect(path).toEqual(before);
      }),
    );
  });
});

describe('LOCAL_PREF', () => {
  it('is always there inside, 100 unless the route has its own, and never outside', () => {
    expect(exportRoute(bare, 'ipv4', internal, 65001, over4)?.localPref).toBe(100);
    expect(exportRoute({ ...bare, localPref: 0 }, 'ipv4', internal, 65001, over4)?.localPref).toBe(0);
    expect(exportRoute({ ...bare, localPref: 7 }, 'ipv4', external, 65001, over4)).not.toHaveProperty('localPref');
  });
});

it('everything else is passed on, and the route itself is not touched', () => {
  const route: PathAttributes = Object.freeze({
    ...bare,
    med: 3,
    communities: [1, 2],
    largeCommunities: [[1, 2, 3]] as const,
    extendedCommunities: [4n],
  });
  const { nextHop: _, asPath: __, ...rest } = exportRoute(route, 'ipv4', external, 65001, over4)!;
  const { asPath: ___, ...given } = route;
  expect(rest).toEqual(given);
});

describe('OTC on export (RFC 9234 §5)', () => {
  const own = (role?: Role) => exportRoute(bare, 'ipv4', external, 65001, over4, role);
  const theirs = (role?: Role) => exportRoute({ ...bare, otc: 9 }, 'ipv4', external, 65001, over4, role);

  it.each(['provider', 'routeServer', 'peer'] as const)(
    'is added towards whoever may not pass it up: we are %s',
    (role) => {
      expect(own(role)?.otc).toBe(65001);
    },
  );

  it.each(['customer', 'routeServerClient', undefined] as const)('is not added otherwise: we are %s', (role) => {
    expect(own(role)).not.toHaveProperty('otc');
  });

  it.each(['customer', 'routeServerClient', 'peer'] as const)('keeps a route below: we are %s', (role) => {
    expect(theirs(role)).toBeUndefined();
  });

  it.each(['provider', 'routeServer', undefined] as const)('goes on as it came: we are %s', (role) => {
    expect(theirs(role)?.otc).toBe(9);
  });

  it('is none of iBGP', () => {
    expect(exportRoute(bare, 'ipv4', internal, 65001, over4, 'provider')).not.toHaveProperty('otc');
  });
});
