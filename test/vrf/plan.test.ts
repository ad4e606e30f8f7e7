/** From how a network is to how it is to be, without a kernel: a world of plain data that does what steps say. */
import { describe, expect, it } from 'vitest';
import { networkGoal, type Wish } from '../../src/intent/network.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { noBaseline, prune, remember } from '../../src/vrf/baseline.ts';
import { complete, type Goal, obstacles } from '../../src/vrf/goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL, UNREACHABLE_METRIC } from '../../src/vrf/mark.ts';
import { nextStage } from '../../src/vrf/plan.ts';
import type { LinkState, RouteState, Snapshot } from '../../src/vrf/state.ts';
import { describeStep } from '../../src/vrf/step.ts';
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

  it('is made anew where its table is another, and left alone where it is not ours', () => {
    expect(words(steps(wanted, world([eth('eth1'), vrf('red', 3)])))).toEqual(['release', 'link delete red']);
    expect(words(steps(goal({}), world([vrf('theirs', 3, 'somebody')])))).toEqual([undefined]);
    const found = obstacles(wanted, world([eth('eth1'), vrf('red', 3, '')]), ({ alias }) => alias === OWN_ALIAS);
    expect([...found]).toEqual([['p', 'red exists with table 3, not 2, and was not made by waypost']]);
  });
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
