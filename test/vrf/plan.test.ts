/** From how a network is to how it is to be, without a kernel: a world of plain data that does what steps say. */
import { describe, expect, it } from 'vitest';
import { requestOf } from '../../src/daemon/network/request.ts';
import { touched } from '../../src/daemon/network/scope.ts';
import { networkGoal, type Wish } from '../../src/intent/network.ts';
import { address } from '../../src/lib/address.ts';
import { parseMac } from '../../src/lib/mac.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { noBaseline, prune, remember } from '../../src/vrf/baseline.ts';
import { complete, type Goal, obstacles } from '../../src/vrf/goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL, UNREACHABLE_METRIC } from '../../src/vrf/mark.ts';
import { nextStage, waitingIn } from '../../src/vrf/plan.ts';
import {
  type AddressState,
  type LinkState,
  type NextHopState,
  type RouteState,
  routeKey,
  type Snapshot,
} from '../../src/vrf/state.ts';
import { describeStep, type Step } from '../../src/vrf/step.ts';
import { restorationOf, targetOf } from '../../src/vrf/target.ts';

const eth = (name: string, more: Partial<LinkState> = {}): LinkState => ({
  name,
  kind: 'ethernet',
  mtu: 1500,
  up: true,
  master: null,
  alias: '',
  ...more,
});
const vrf = (name: string, table: number, alias = OWN_ALIAS): LinkState =>
  eth(name, { kind: 'vrf', table, alias, mtu: 65575 });
const route = (to: string, more: Partial<RouteState>): RouteState => ({
  destination: prefix(to),
  table: 254,
  type: 'unicast',
  protocol: 3,
  hops: [],
  ...more,
});
const world = (links: readonly LinkState[], more: Partial<Snapshot> = {}): Snapshot => ({
  links: new Map(links.map((link) => [link.name, link])),
  addresses: new Map(),
  routes: [],
  rules: [],
  sysctls: new Map(),
  ...more,
});
const wish = (more: Partial<Wish>): Wish => ({
  name: 'p',
  interfaces: [],
  routes: [],
  absentRoutes: [],
  rules: [],
  absentRules: [],
  ...more,
});
const goal = (more: Partial<Wish>): Goal => complete(networkGoal([wish(more)]));
const red = { name: 'red', index: 0, type: 'vrf', state: 'up', table: 2, ports: ['eth1'] } as const;
const steps = (wanted: Goal, have: Snapshot, baseline = noBaseline, before?: Snapshot) =>
  nextStage(targetOf(wanted, baseline, have, before), have, () => false);
const words = (stage: ReturnType<typeof steps>) => [stage?.name, ...(stage?.steps ?? []).map(describeStep)];

const via = { gateway: address('192.0.2.2'), device: 'eth1' };
const ends = ['0.0.0.0/0', '::/0'].map((to) =>
  route(to, { table: 2, type: 'unreachable', priority: UNREACHABLE_METRIC, protocol: OWN_PROTOCOL }),
);

describe('a VRF', () => {
  const before = world([eth('eth1'), eth('eth2')], {
    addresses: new Map([['eth1', [{ address: address('2001:db8::1'), length: 64, flags: 0x80 }]]]),
    routes: [route('203.0.113.0/24', { hops: [via] }), route('198.51.100.0/24', { hops: [via], protocol: 186 })],
  });
  const wanted = goal({ interfaces: [red] });
  const baseline = remember(noBaseline, wanted, before);

  it('is made, and its table ends, before anything is in it', () => {
    expect(words(steps(wanted, before, baseline, before))).toEqual([
      'make',
      'link add red type vrf table 2',
      'route add unreachable 0.0.0.0/0 table 2 metric 4278198272',
      'route add unreachable ::/0 table 2 metric 4278198272',
    ]);
  });

  it('has nothing of IPv6 where the kernel has none', () => {
    expect(words(steps(wanted, { ...before, ipv6: false }, baseline, before))).toEqual([
      'make',
      'link add red type vrf table 2',
      'route add unreachable 0.0.0.0/0 table 2 metric 4278198272',
    ]);
    const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], { routes: ends.slice(0, 1), ipv6: false });
    expect(
      words(steps(goal({ interfaces: [{ ...red, ports: [] }] }), { ...inside, links: world([vrf('red', 2)]).links })),
    ).toEqual(['rules', 'rule add 1000: from all lookup [l3mdev-table]']);
  });

  it('is up before a link goes into it', () => {
    const made = world([eth('eth1'), { ...vrf('red', 2), up: false }], {
      ...before,
      links: new Map(),
      routes: [...before.routes, ...ends],
    });
    const have = { ...made, links: world([eth('eth1'), { ...vrf('red', 2), up: false }]).links };
    expect(words(steps(wanted, have, baseline, before))).toEqual([
      'set',
      'link set red up',
      'link set eth1 master red',
    ]);
  });

  it('gets back what the kernel dropped: addresses, then static routes in its own table, then its rules', () => {
    const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], { routes: ends });
    expect(words(steps(wanted, inside, baseline, before))).toEqual([
      'addresses',
      'address add 2001:db8::1/64 dev eth1',
    ]);
    const addressed = { ...inside, addresses: before.addresses };
    expect(words(steps(wanted, addressed, baseline, before))).toEqual([
      'routes',
      'route add 203.0.113.0/24 via 192.0.2.2 dev eth1 table 2',
    ]);
    const routed = {
      ...addressed,
      routes: [...ends, route('203.0.113.0/24', { table: 2, hops: [via], protocol: OWN_PROTOCOL })],
    };
    expect(words(steps(wanted, routed, baseline, before))).toEqual([
      'rules',
      'rule add 1000: from all lookup [l3mdev-table]',
      'rule add 1000: from all lookup [l3mdev-table]',
    ]);
  });

  it('goes with its ports put out first, and their routes come back to the main table', () => {
    const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)]);
    const none = goal({});
    expect(words(steps(none, inside, baseline, inside))).toEqual([
      'release',
      'link set eth1 nomaster',
      'link delete red',
    ]);
    expect(words(steps(none, world([eth('eth1')]), baseline, inside))).toEqual([
      'routes',
      'route add 203.0.113.0/24 via 192.0.2.2 dev eth1 table 254',
    ]);
    expect(prune(baseline, none)).toEqual({ ...noBaseline });
  });

  it('lets nothing through to other tables while it goes', () => {
    const out = route('0.0.0.0/0', { table: 2, hops: [via], protocol: OWN_PROTOCOL });
    const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], { routes: [out, ...ends] });
    const none = goal({});
    expect(words(steps(none, inside, baseline, inside))).toEqual([
      'remove',
      'route delete 0.0.0.0/0 via 192.0.2.2 dev eth1 table 2',
    ]);
    expect(steps(none, { ...inside, routes: ends }, baseline, inside)?.name).toBe('release');
    const gone = world([eth('eth1')], { routes: ends });
    expect(words(steps(none, gone, baseline, inside)).map((text) => text?.replace(/ metric.*/, ''))).toEqual([
      'remove',
      'route delete unreachable 0.0.0.0/0 table 2',
      'route delete unreachable ::/0 table 2',
    ]);
    // That of somebody else stays, without ours.
    const theirs = world([vrf('red', 2, '')], { routes: ends });
    expect(steps(none, theirs)?.name).toBe('remove');
  });

  it('is made anew where its table is another, and left alone where it is not ours', () => {
    expect(words(steps(wanted, world([eth('eth1'), vrf('red', 3)])))).toEqual(['release', 'link delete red']);
    expect(words(steps(goal({}), world([vrf('theirs', 3, 'somebody')])))).toEqual([undefined]);
    const found = obstacles(wanted, world([eth('eth1'), vrf('red', 3, '')]), ({ alias }) => alias === OWN_ALIAS);
    expect([...found]).toEqual([['p', 'red exists with table 3, not 2, and was not made by waypost']]);
  });
});

const has = (text: string, length: number, more: Partial<AddressState> = {}): AddressState => ({
  address: address(text),
  length,
  flags: 0x80,
  ...more,
});
const own = { protocol: OWN_PROTOCOL };

describe('addresses', () => {
  const dummy = { name: 'd0', index: 0, type: 'dummy', state: 'up' } as const;
  const d0 = eth('d0', { kind: 'dummy', alias: OWN_ALIAS });

  it('that a policy no longer says anything of go from a link that was made for it', () => {
    const have = world([d0], { addresses: new Map([['d0', [has('10.0.0.1', 24, own)]]]) });
    const wanted = goal({ interfaces: [dummy] });
    expect(words(steps(wanted, have, noBaseline, have))).toEqual(['remove', 'address delete 10.0.0.1/24 dev d0']);
    expect(words(steps(wanted, world([d0]), noBaseline, have))).toEqual([undefined]);
  });

  it('that are link-local and that somebody set are kept, and put back; those of the kernel are its own', () => {
    const mac = parseMac('02:00:00:00:00:01')!;
    const eth1 = eth('eth1', { mac });
    const before = world([eth1, vrf('red', 2)], {
      addresses: new Map([
        [
          'eth1',
          [
            has('fe80::1', 64),
            has('fe80::ff:fe00:1', 64),
            has('fe80::abcd', 64, { protocol: 2 }),
            has('fe80::ef01', 64, { flags: 0x880 }),
          ],
        ],
      ]),
    });
    const list = { enabled: true, addresses: [{ address: address('2001:db8::1'), length: 64 }] };
    for (const ipv6 of [undefined, list]) {
      const wanted = goal({
        interfaces: [red, { name: 'eth1', index: 1, state: 'up', ...(ipv6 && { ipv6 }) }],
      });
      const baseline = remember(noBaseline, wanted, before);
      const inside = world([{ ...eth1, master: 'red' }, vrf('red', 2)], { routes: ends });
      expect(words(steps(wanted, inside, baseline, before))).toEqual([
        'addresses',
        ...(ipv6 === undefined ? [] : ['address add 2001:db8::1/64 dev eth1']),
        'address add fe80::1/64 dev eth1',
      ]);
      const settings = new Map([['net/ipv6/conf/eth1/disable_ipv6', { value: '1' }]]);
      const off = targetOf({ ...wanted, sysctls: settings }, baseline, inside, before);
      expect(off.keep.get('eth1')).toEqual([]);
    }
  });

  it('of the loopback itself, and of Services on it, are on no list and stay', () => {
    const lo = eth('lo', { kind: 'loopback' });
    const there = [
      has('127.0.0.1', 8),
      has('::1', 128),
      has('203.0.113.7', 32, { protocol: 186 }),
      has('10.9.9.9', 32),
    ];
    const have = world([lo], { addresses: new Map([['lo', there]]) });
    const list = (text: string, length: number) => ({ enabled: true, addresses: [{ address: address(text), length }] });
    const [ipv4, ipv6] = [list('10.0.0.1', 32), list('2001:db8::1', 128)];
    const wanted = goal({ interfaces: [{ name: 'lo', index: 0, type: 'loopback', state: 'up', ipv4, ipv6 }] });
    const baseline = remember(noBaseline, wanted, have);
    expect(words(steps(wanted, have, baseline, have))).toEqual(['remove', 'address delete 10.9.9.9/32 dev lo']);
    expect(baseline.links.get('lo')?.ipv4).toEqual([has('10.9.9.9', 32)]);
  });

  it('of a policy that are link-local outlive another change that is taken back', () => {
    const addresses = new Map([['eth1', [has('fe80::1', 64, own)]]]);
    const before = world([eth('eth1')], { addresses });
    expect(words(nextStage(restorationOf(before, before), before, () => false))).toEqual([undefined]);
  });

  it('that take the place of others bring no route of others down', () => {
    const before = world([eth('eth1')], {
      addresses: new Map([['eth1', [has('192.0.2.1', 24)]]]),
      routes: [
        route('0.0.0.0/0', { hops: [via] }),
        route('198.51.100.0/24', { hops: [via], protocol: 186 }),
        route('203.0.113.0/24', { hops: [{ ...via, device: 'eth2' }] }),
      ],
    });
    const list = { enabled: true, addresses: [{ address: address('192.0.2.3'), length: 24 }] };
    const wanted = goal({ interfaces: [{ name: 'eth1', index: 0, state: 'up', ipv4: list }] });
    const baseline = remember(noBaseline, wanted, before);
    const now = world([eth('eth1')], { addresses: new Map([['eth1', [has('192.0.2.3', 24, own)]]]) });
    expect(words(steps(wanted, now, baseline, before))).toEqual([
      'routes',
      'route add 0.0.0.0/0 via 192.0.2.2 dev eth1 table 254',
    ]);
    expect(remember(noBaseline, wanted, now).links.get('eth1')?.ipv4).toEqual([]);
    // Nor do they come back where the link is to be down, or gone somewhere else.
    const down = goal({ interfaces: [{ name: 'eth1', index: 0, state: 'down', ipv4: list }] });
    expect(targetOf(down, baseline, now, before).restore).toEqual([]);
    const moved = goal({ interfaces: [{ name: 'eth1', index: 0, state: 'up', ipv4: list, controller: 'red' }, red] });
    const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], { addresses: now.addresses, routes: ends });
    expect(targetOf(moved, remember(noBaseline, moved, before), inside, before).restore).toEqual([]);
  });
});

it('a link is up and has its MTU before those above it, whatever the order in the document', () => {
  const [base, above] = [eth('eth1', { up: false }), { base: 'eth1', id: 7, protocol: 0x8100 }];
  const vlan = eth('eth1.7', { kind: 'vlan', vlan: above, alias: OWN_ALIAS, up: false });
  const big = { index: 0, state: 'up', mtu: 9000 } as const;
  const wanted = goal({
    interfaces: [
      { ...big, name: 'eth1.7', type: 'vlan', vlan: above },
      { ...big, name: 'eth1', type: 'ethernet' },
    ],
  });
  expect(words(steps(wanted, world([vlan, base])))).toEqual([
    'set',
    'link set eth1 mtu 9000 up',
    'link set eth1.7 mtu 9000 up',
  ]);
});

it('neighbours that somebody set for good are put back where the kernel forgot them', () => {
  const neighbours = new Map([['eth1', [{ address: address('192.0.2.7'), octets: Uint8Array.of(2, 0, 0, 0, 0, 7) }]]]);
  const before = world([eth('eth1'), vrf('red', 2)], { neighbours, routes: ends });
  const wanted = goal({ interfaces: [red] });
  const baseline = remember(noBaseline, wanted, before);
  const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], { routes: ends });
  expect(words(steps(wanted, inside, baseline, before))).toEqual(['neighbours', 'neighbour add 192.0.2.7 dev eth1']);
  expect(words(nextStage(restorationOf(before, inside), { ...inside, links: before.links }, () => false))).toEqual([
    'neighbours',
    'neighbour add 192.0.2.7 dev eth1',
  ]);
  expect(steps(wanted, { ...inside, neighbours }, baseline, before)?.name).toBe('rules');
});

it('so are addresses that somebody answers for, which are others than neighbours with the same', () => {
  const own = { address: address('192.0.2.7'), octets: Uint8Array.of(2, 0, 0, 0, 0, 7) };
  const proxy = { address: address('192.0.2.7'), flags: 8 };
  const before = world([eth('eth1'), vrf('red', 2)], { neighbours: new Map([['eth1', [own, proxy]]]), routes: ends });
  const wanted = goal({ interfaces: [red] });
  const baseline = remember(noBaseline, wanted, before);
  const inside = world([eth('eth1', { master: 'red' }), vrf('red', 2)], {
    neighbours: new Map([['eth1', [own]]]),
    routes: ends,
  });
  const stage = steps(wanted, inside, baseline, before);
  expect(words(stage)).toEqual(['neighbours', 'neighbour add proxy 192.0.2.7 dev eth1']);
  // Permanent, as `ip` makes them: else it would go with the carrier.
  expect(requestOf(stage!.steps[0] as Exclude<Step, { do: 'sysctl' }>, () => 7)).toMatchObject({
    kind: 'neighbour',
    value: { link: 7, flags: 8, state: 0x80 },
  });
});

it('a route by two links that go into a VRF follows them once', () => {
  const both = [via, { gateway: address('198.51.100.2'), device: 'eth2' }];
  const before = world([eth('eth1'), eth('eth2')], { routes: [route('203.0.113.0/24', { hops: both })] });
  const wanted = goal({ interfaces: [{ ...red, ports: ['eth1', 'eth2'] }] });
  const inside = world([eth('eth1', { master: 'red' }), eth('eth2', { master: 'red' }), vrf('red', 2)], {
    routes: ends,
  });
  expect(words(steps(wanted, inside, remember(noBaseline, wanted, before), before))).toEqual([
    'routes',
    'route add 203.0.113.0/24 via 192.0.2.2 dev eth1 via 198.51.100.2 dev eth2 table 2',
  ]);
  // Nor is it put back before both are.
  const baseline = remember(noBaseline, wanted, before);
  const one = goal({ interfaces: [red] });
  const half = world([eth('eth1', { master: 'red' }), eth('eth2'), vrf('red', 2)], { routes: ends });
  expect(targetOf(one, baseline, half, half).restore).toEqual([]);
  expect(targetOf(goal({}), baseline, before, before).restore).toContainEqual(before.routes[0]);
});

describe('next-hop objects of links that change VRFs', () => {
  const hop = (id: number, more: Partial<NextHopState> = {}): NextHopState => ({
    id,
    family: 4,
    gateway: address('192.0.2.2'),
    device: 'eth1',
    protocol: 3,
    ...more,
  });
  const group = (id: number, ...ids: readonly number[]): NextHopState => ({
    id,
    group: ids.map((member) => ({ id: member, weight: 1 })),
    groupType: 0,
    protocol: 3,
  });
  const other = hop(2, { device: 'eth2' });
  const all = [hop(1), other, hop(3, { protocol: 11 }), group(10, 1, 2), group(11, 2), group(12, 1)];
  const routes = [
    route('203.0.113.0/24', { nextHop: 10, hops: [via] }),
    route('198.51.100.0/24', { nextHop: 12, hops: [via] }),
  ];
  const before = world([eth('eth1'), eth('eth2')], { nextHops: all, routes });
  const wanted = goal({ interfaces: [red] });
  const baseline = remember(noBaseline, wanted, before);
  const concerned = touched(before, wanted, baseline);
  /** What the kernel leaves of them. */
  const inside = (more: Partial<Snapshot> = {}, link: Partial<LinkState> = {}) =>
    world([eth('eth1', { master: 'red', ...link }), eth('eth2'), vrf('red', 2)], {
      nextHops: [other, group(10, 2), group(11, 2)],
      routes: ends,
      ...more,
    });

  it('are remembered, with the groups that they are in; those that a daemon looks after are not', () => {
    expect(concerned.nextHops?.map(({ id }) => id)).toEqual([1, 10, 12]);
  });

  it('are put back, then the groups that lost them, then the routes', () => {
    const stage = (have: Snapshot) => words(steps(wanted, have, baseline, concerned));
    expect(stage(inside())).toEqual(['nextHops', 'nexthop add id 1 via 192.0.2.2 dev eth1']);
    const first = [hop(1), other, group(10, 2), group(11, 2)];
    expect(stage(inside({ nextHops: first }))).toEqual([
      'nextHops',
      'nexthop replace id 10 group 1,1/2,1',
      'nexthop add id 12 group 1,1',
    ]);
    const whole = [hop(1), other, group(10, 1, 2), group(11, 2), group(12, 1)];
    expect(stage(inside({ nextHops: whole }))).toEqual([
      'routes',
      'route add 203.0.113.0/24 via 192.0.2.2 dev eth1 table 2',
      'route add 198.51.100.0/24 via 192.0.2.2 dev eth1 table 2',
    ]);
    expect(words(nextStage(restorationOf(concerned, inside()), inside(), () => false))[0]).toBe('release');
    const out = { ...inside({ routes: [] }), links: before.links };
    expect(words(nextStage(restorationOf(concerned, out), out, () => false))).toEqual([
      'nextHops',
      'nexthop add id 1 via 192.0.2.2 dev eth1',
    ]);
  });

  it('wait for a carrier, and routes for them', () => {
    const have = inside({}, { dark: true });
    expect(words(steps(wanted, have, baseline, concerned))).toEqual([
      'routes',
      'route add 203.0.113.0/24 via 192.0.2.2 dev eth1 table 2',
    ]);
    const waiting = waitingIn(targetOf(wanted, baseline, have, concerned), have);
    expect(waiting).toEqual([
      { reason: 'nexthop add id 1 via 192.0.2.2 dev eth1: eth1 has no carrier', optional: true },
    ]);
  });

  it('whose numbers others have taken meanwhile stay as those have them', () => {
    const taken = [hop(1, { gateway: address('192.0.2.9') }), other, group(10, 2, 5), group(11, 2), hop(12)];
    expect(words(steps(wanted, inside({ nextHops: taken }), baseline, concerned))[0]).toBe('routes');
  });
});

describe('what cannot be yet', () => {
  const ours = ({ alias }: LinkState) => alias === OWN_ALIAS;
  const one = { index: 0, destination: prefix('10.0.0.0/8'), table: 254, gateway: address('192.0.2.2') };

  it('is a route by a link that does not exist, and that nothing makes', () => {
    const wanted = goal({ routes: [{ ...one, interface: 'eth9' }] });
    const reason = 'eth9, by which a route leaves, does not exist';
    expect([...obstacles(wanted, world([eth('eth1')]), ours)]).toEqual([['p', reason]]);
    expect([...obstacles(wanted, world([eth('eth9')]), ours)]).toEqual([]);
    // Nor is it sent by any other link once that one has gone.
    expect(words(steps(wanted, world([eth('eth1')])))).toEqual([undefined]);
    const made = goal({ routes: [{ ...one, interface: 'red' }], interfaces: [red] });
    expect([...obstacles(made, world([eth('eth1')]), ours)]).toEqual([]);
  });

  it('is a VLAN that somebody made with another tag', () => {
    const vlan = { base: 'eth1', id: 7, protocol: 0x8100 };
    const wanted = goal({ interfaces: [{ name: 'v', index: 0, type: 'vlan', state: 'up', vlan }] });
    const there = (id: number) => world([eth('eth1'), eth('v', { kind: 'vlan', vlan: { ...vlan, id } })]);
    expect([...obstacles(wanted, there(8), ours)]).toEqual([
      ['p', 'v exists with id 8 on eth1, and was not made by waypost'],
    ]);
    expect([...obstacles(wanted, there(7), ours)]).toEqual([]);
  });
});

it('a route waits until its IPv6 source is verified', () => {
  const source = address('2001:db8::1');
  const one = { index: 0, destination: prefix('2001:db8:9::/48'), table: 254, interface: 'eth1', source };
  const wanted = goal({ routes: [one] });
  const have = (flags: number) =>
    world([eth('eth1')], { addresses: new Map([['eth1', [has('2001:db8::1', 64, { flags })]]]) });
  const text = 'route add 2001:db8:9::/48 dev eth1 table 254';
  const left = (now: Snapshot) => waitingIn(targetOf(wanted, noBaseline, now), now);
  const unverified = [{ reason: `${text}: its source address is not verified`, optional: false }];
  expect([words(steps(wanted, have(0xc0))), left(have(0xc0))]).toEqual([[undefined], unverified]);
  expect([words(steps(wanted, have(0x80))), left(have(0x80))]).toEqual([['routes', text], []]);
  const there = { ...have(0xc0), routes: wanted.routes };
  expect([words(steps(wanted, there)), left(there)]).toEqual([[undefined], []]);
});

it('IPv6 makes 1024 of metric 0, and of none', () => {
  const six = (priority?: number) => route('2001:db8::/32', priority === undefined ? {} : { priority });
  expect(new Set([six(), six(0), six(1024)].map(routeKey)).size).toBe(1);
  expect(new Set([route('10.0.0.0/8', {}), route('10.0.0.0/8', { priority: 1024 })].map(routeKey)).size).toBe(2);
});

describe('taking back', () => {
  it('makes again what was ours, and takes away what is new', () => {
    const before = world([eth('eth1', { master: 'red' }), vrf('red', 2)]);
    const now = world([eth('eth1', { master: 'blue' }), vrf('blue', 3)]);
    const back = (have: Snapshot) => words(nextStage(restorationOf(before, have), have, () => false));
    expect(back(now)).toEqual(['release', 'link set eth1 nomaster', 'link delete blue']);
    expect(back(world([eth('eth1')]))).toEqual(['make', 'link add red type vrf table 2']);
    expect(back(before)).toEqual([undefined]);
  });
});

describe('sysctls', () => {
  const settings = { vrfSysctls: true, interfaces: [] };
  const wanted = complete(networkGoal([{ ...wish({}), name: '', settings }, wish({ interfaces: [red] })]));
  const have = (all: string, own: string) =>
    world([eth('eth1', { master: 'red' }), vrf('red', 2)], {
      routes: ends,
      rules: ([4, 6] as const).map((family) => ({
        family,
        priority: 1000,
        l3mdev: true,
        action: 'table',
        table: 0,
        protocol: 2,
        flags: 0,
      })),
      sysctls: new Map([
        ['net/ipv4/conf/all/rp_filter', all],
        ['net/ipv4/conf/eth1/rp_filter', own],
        ['net/ipv4/conf/eth1/forwarding', '1'],
      ]),
    });

  it.each([
    ['0', '0', undefined],
    ['0', '1', 'sysctl net.ipv4.conf.eth1.rp_filter=2'],
    ['1', '0', 'sysctl net.ipv4.conf.eth1.rp_filter=2'],
    ['1', '2', undefined],
    ['2', '0', undefined],
    ['2', '1', undefined],
  ])('rp_filter becomes loose where it is strict in effect: all %s, own %s', (all, own, step) => {
    expect(steps(wanted, have(all, own))?.steps.map(describeStep)[0]).toBe(step);
  });
});

it('routes to one destination with the same metric are one with several next hops', () => {
  const one = { index: 0, destination: prefix('10.0.0.0/8'), table: 254, interface: 'eth1' };
  const wanted = goal({
    routes: [
      { ...one, gateway: address('192.0.2.2') },
      { ...one, index: 1, gateway: address('192.0.2.3'), weight: 3 },
    ],
  });
  expect(wanted.routes).toMatchObject([
    { hops: [{ device: 'eth1' }, { device: 'eth1', weight: 3 }], protocol: OWN_PROTOCOL },
  ]);
  expect(words(steps(wanted, world([eth('eth1')])))).toEqual([
    'routes',
    'route add 10.0.0.0/8 via 192.0.2.2 dev eth1 via 192.0.2.3 dev eth1 table 254',
  ]);
  // The same of somebody else does the work, and one that differs makes room and is remembered.
  const theirs = { ...wanted.routes[0]!, protocol: 3 };
  expect(words(steps(wanted, world([eth('eth1')], { routes: [theirs] })))).toEqual([undefined]);
  const other = route('10.0.0.0/8', { hops: [via] });
  expect(steps(wanted, world([eth('eth1')], { routes: [other] }))?.steps[0]?.do).toBe('replaceRoute');
  expect(remember(noBaseline, wanted, world([eth('eth1')], { routes: [other] })).routes).toEqual([other]);
});
