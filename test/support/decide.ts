/** Routes for the tests of the decision process, and the same decision made the slow way, as RFC 4271 words it. */
import * as fc from 'fast-check';
import { decodeInterned, encodeAttributes } from '../../src/bgp/attr.ts';
import { type AddressFamily, Community, HEADER_OCTETS } from '../../src/bgp/const.ts';
import type { DecisionOptions } from '../../src/bgp/decision.ts';
import type { AttributeTable } from '../../src/bgp/intern.ts';
import type { AsSegment, PathAttributes } from '../../src/bgp/path.ts';
import type { Rib } from '../../src/bgp/rib.ts';
import type { RouteTable } from '../../src/bgp/routes.ts';
import type { PeerStanding } from '../../src/bgp/standing.ts';
import { decodeUpdate, writeReach } from '../../src/bgp/update.ts';
import { type Address, address, formatAddress } from '../../src/lib/address.ts';
import { compareBytes, Writer } from '../../src/lib/bytes.ts';
import { type Prefix, prefix } from '../../src/lib/prefix.ts';
import { PrefixTable } from '../../src/lib/table.ts';
import { contextOf } from './bgp.ts';
import { runOf } from './nlri.ts';

export const sequence = (...asns: number[]): AsSegment[] => [{ type: 'sequence', asns }];

export const attributesOf = (changes: Partial<PathAttributes> = {}): PathAttributes => ({
  origin: 'igp',
  asPath: sequence(64601),
  nextHop: address('192.0.2.1'),
  ...changes,
});

/** The id of a set as an UPDATE brings it in; nobody has retained it. */
export function setOf(table: AttributeTable, a: PathAttributes, internal: boolean): number {
  const context = contextOf({ internal, extendedNextHop: true });
  const family: AddressFamily = a.nextHop?.family === 6 ? 'ipv6' : 'ipv4';
  const one = new PrefixTable(family === 'ipv4' ? 4 : 6);
  one.add(prefix(family === 'ipv4' ? '10.0.0.0/8' : '2001:db8::/32'));
  const w = new Writer(4096);
  const full = internal ? { localPref: 100, ...a } : a;
  if (writeReach(w, family, encodeAttributes(full, family, context), one, [0], 0, 1, context) !== 1)
    throw new Error('the attributes do not fit');
  const { reach, faults } = decodeUpdate(w.finish(), HEADER_OCTETS, w.at, context, table);
  if (faults.length > 0 || reach.length !== 1) throw new Error(`refused: ${faults[0]?.reason}`);
  return reach[0]!.attributes;
}

export function announce(rib: Rib, peer: number, p: Prefix, a: PathAttributes, internal: boolean, pathId = 0): void {
  const family: AddressFamily = p.family === 4 ? 'ipv4' : 'ipv6';
  const run = { ...runOf(family, [p], [pathId]), attributes: setOf(rib.attributes, a, internal) };
  rib.apply(peer, { reach: [run], unreach: [], endOfRib: undefined, faults: [] });
}

export function withdraw(rib: Rib, peer: number, p: Prefix, pathId = 0): void {
  const run = runOf(p.family === 4 ? 'ipv4' : 'ipv6', [p], [pathId]);
  rib.apply(peer, { reach: [], unreach: [run], endOfRib: undefined, faults: [] });
}

/** What the slow decision knows beside the routes. */
export interface World {
  readonly peers: readonly PeerStanding[];
  readonly longLived: (peer: number, family: AddressFamily) => boolean;
  readonly metric: (nextHop: Address) => number | undefined;
  readonly options: DecisionOptions;
}

interface Candidate {
  readonly route: number;
  readonly peer: number;
  readonly a: PathAttributes;
}

const least = <T>(list: readonly T[], value: (item: T) => number): T[] => {
  const low = Math.min(...list.map(value));
  return list.filter((item) => value(item) === low);
};

const hops = (a: PathAttributes): number =>
  a.asPath.reduce((n, s) => n + (s.type === 'sequence' ? s.asns.length : s.type === 'set' ? 1 : 0), 0);

export function neighbourOf(a: PathAttributes): number {
  const first = a.asPath.find((s) => s.type === 'sequence' || s.type === 'set');
  return first?.type === 'sequence' ? first.asns[0]! : 0;
}

/** The routes to a prefix in step with RFC 4271 §9.1.2.2: those as good as the best up to the IGP metric, and the best. */
export function decideSlowly(routes: RouteTable, id: number, world: World): { equal: number[]; best: number } {
  const { peers, options } = world;
  let left: Candidate[] = [];
  for (let route = routes.first(id); route >= 0; route = routes.next(route)) {
    const a = decodeInterned(attributesTable(routes).view(routes.attributesOf(route)));
    left.push({ route, peer: routes.peerOf(route), a });
  }
  const metric = ({ a }: Candidate) => (formatAddress(a.nextHop!).startsWith('fe80:') ? 0 : world.metric(a.nextHop!));
  left = left.filter((c) => routes.isAccepted(c.route) && metric(c) !== undefined);
  if (left.length === 0) return { equal: [], best: -1 };
  const lastResort = ({ route, peer, a }: Candidate) =>
    (a.communities ?? []).includes(Community.llgrStale) ||
    (routes.isStale(route) && world.longLived(peer, routes.family));
  left = least(left, (c) => (lastResort(c) ? 1 : 0));
  left = least(left, (c) => -(c.a.localPref ?? peers[c.peer]!.localPref ?? 100));
  left = least(left, (c) => hops(c.a));
  left = least(left, (c) => ['igp', 'egp', 'incomplete'].indexOf(c.a.origin));
  const med = (c: Candidate) => c.a.med ?? (options.missingMedWorst ? 0xffffffff : 0);
  left = left.filter(
    (c) => !left.some((d) => (options.alwaysCompareMed || neighbourOf(c.a) === neighbourOf(d.a)) && med(d) < med(c)),
  );
  left = least(left, (c) => (peers[c.peer]!.internal ? 1 : 0));
  left = least(left, (c) => metric(c)!);
  const equal = left.map((c) => c.route);
  left = least(left, (c) => c.a.originatorId ?? peers[c.peer]!.routerId);
  left = least(left, (c) => c.a.clusterList?.length ?? 0);
  const lowest = left.map((c) => peers[c.peer]!.address.bytes).reduce((x, y) => (compareBytes(x, y) <= 0 ? x : y));
  left = left.filter((c) => compareBytes(peers[c.peer]!.address.bytes, lowest) === 0);
  left = least(left, (c) => routes.pathIdOf(c.route));
  if (left.length !== 1) throw new Error('routes that nothing tells apart');
  return { equal, best: left[0]!.route };
}

/** The slow decision decodes what the fast one has in its keys. */
const tables = new WeakMap<RouteTable, AttributeTable>();
export function watchTables(rib: Rib): void {
  tables.set(rib.ipv4, rib.attributes);
  tables.set(rib.ipv6, rib.attributes);
}
const attributesTable = (routes: RouteTable): AttributeTable => {
  const table = tables.get(routes);
  if (table === undefined) throw new Error('watchTables first');
  return table;
};

/** Attributes from so few values that ties are common at every step. */
export const fewAttributes = (internal: boolean, family: 4 | 6 = 4): fc.Arbitrary<PathAttributes> => {
  const paths: AsSegment[][] = [
    sequence(64601),
    sequence(64601),
    sequence(64601),
    sequence(64602),
    sequence(64602),
    sequence(64602, 64700),
    [{ type: 'set', asns: [64601, 64602] }],
    [...sequence(64601), { type: 'set', asns: [64701, 64702] }],
  ];
  if (internal) paths.push([], [{ type: 'confedSequence', asns: [65001, 65002] }, ...sequence(64601)]);
  const nextHops = family === 4 ? ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] : ['2001:db8::1', 'fe80::1'];
  const maybe = <T>(...values: T[]) => fc.constantFrom(...Array<undefined>(6).fill(undefined), ...values);
  return fc
    .record({
      origin: fc.constantFrom('igp', 'igp', 'igp', 'igp', 'igp', 'egp', 'incomplete'),
      asPath: fc.constantFrom(...paths),
      nextHop: fc.constantFrom(...nextHops.map(address)),
      med: maybe(0, 5, 10),
      localPref: internal ? maybe(90, 100, 110) : fc.constant(undefined),
      originatorId: internal ? maybe(1, 2, 3) : fc.constant(undefined),
      clusterList: internal ? maybe([7], [7, 8]) : fc.constant(undefined),
      communities: maybe([Community.llgrStale], [0x10001]),
    })
    .map((a) => Object.fromEntries(Object.entries(a).filter(([, v]) => v !== undefined)) as unknown as PathAttributes);
};

export const peers: readonly PeerStanding[] = [
  { internal: false, routerId: 5, address: address('192.0.2.10') },
  { internal: false, routerId: 5, address: address('192.0.2.9') },
  { internal: false, routerId: 2, address: address('192.0.2.8') },
  { internal: true, routerId: 3, address: address('10.0.0.2') },
  { internal: true, routerId: 1, address: address('10.0.0.1') },
  { internal: false, routerId: 1, address: address('192.0.2.7'), localPref: 90 },
];
