/**
 * Policies come, change and go at random, on a machine that does what a kernel does beside what it is told: each of them comes
 * into force, a change that is taken back leaves no trace, and without policies everything is as it was.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reach } from '../../src/daemon/network/apply.ts';
import type { Kernel, Scope } from '../../src/daemon/network/kernel.ts';
import { touched, wholeScope } from '../../src/daemon/network/scope.ts';
import { networkGoal, speakerWish, type Wish } from '../../src/intent/network.ts';
import { type Address, address } from '../../src/lib/address.ts';
import { contains, prefix, prefixOf } from '../../src/lib/prefix.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { type Baseline, noBaseline, prune, remember } from '../../src/vrf/baseline.ts';
import { complete, type Goal, isStaticRoute } from '../../src/vrf/goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from '../../src/vrf/mark.ts';
import { nextStage } from '../../src/vrf/plan.ts';
import { ruleKey } from '../../src/vrf/rules.ts';
import {
  type AddressState,
  addressKey,
  type LinkState,
  type RouteState,
  routeKey,
  routeValue,
  type Snapshot,
} from '../../src/vrf/state.ts';
import { describeStep, type Step } from '../../src/vrf/step.ts';
import { restorationOf, targetOf } from '../../src/vrf/target.ts';

const STATIC = 4;
const KERNEL = 2;
const PERMANENT = 0x80;

const eth = (name: string): LinkState => ({ name, kind: 'ethernet', mtu: 1500, up: true, master: null, alias: '' });
const has = (text: string, length: number): AddressState => {
  const found = address(text);
  return { address: found, length, ...(found.family === 6 && { flags: PERMANENT }) };
};
const via = (to: string, gateway: string, device: string, table = 254): RouteState => ({
  destination: prefix(to),
  table,
  type: 'unicast',
  protocol: STATIC,
  hops: [{ gateway: address(gateway), device }],
});
const sysctlsOf = (name: string) =>
  [
    [`net/ipv4/conf/${name}/forwarding`, '0'],
    [`net/ipv4/conf/${name}/rp_filter`, '1'],
    [`net/ipv6/conf/${name}/forwarding`, '0'],
  ] as const;

/** A machine with three interfaces. */
class Machine {
  links = new Map(['eth0', 'eth1', 'eth2'].map((name) => [name, eth(name)]));
  addresses = new Map<string, AddressState[]>([
    ['eth0', [has('10.0.0.5', 24)]],
    ['eth1', [has('192.0.2.5', 24), has('192.0.2.6', 24), has('2001:db8:1::5', 64)]],
    ['eth2', [has('198.51.100.5', 24)]],
  ]);
  routes: RouteState[] = [
    via('0.0.0.0/0', '10.0.0.1', 'eth0'),
    via('203.0.113.0/24', '192.0.2.1', 'eth1'),
    via('203.0.113.0/25', '192.0.2.1', 'eth1', 77),
    via('2001:db8:9::/48', '2001:db8:1::1', 'eth1'),
    via('172.16.0.0/12', '198.51.100.1', 'eth2'),
  ];
  rules: Rule[] = [
    {
      family: 4,
      priority: 500,
      to: prefix('10.9.0.0/16'),
      action: 'table',
      table: 77,
      protocol: STATIC,
    } as unknown as Rule,
  ];
  sysctls = new Map<string, string>([...this.links.keys()].flatMap(sysctlsOf));
  private hadVrf = false;
  /** Steps that are taken before it breaks. */
  left = Number.POSITIVE_INFINITY;

  read({ links, tables }: Scope): Snapshot {
    const matters = (route: RouteState) =>
      tables === 'all' || tables.includes(route.table) || route.hops.some(({ device = '' }) => links.includes(device));
    return {
      links: new Map(this.links),
      addresses: new Map([...this.addresses].map(([name, all]) => [name, [...all]])),
      routes: this.routes.filter(
        (route) => route.protocol === OWN_PROTOCOL || (isStaticRoute(route) && matters(route)),
      ),
      rules: [...this.rules],
      sysctls: new Map(this.sysctls),
    };
  }

  /** Everything, to be compared: order says nothing. */
  get shown() {
    return {
      links: [...this.links.values()].map((link) => JSON.stringify(link)).sort(),
      addresses: [...this.addresses]
        .flatMap(([name, all]) => all.map((a) => `${name} ${addressKey(a)} ${a.protocol ?? ''}`))
        .sort(),
      routes: this.routes.map((route) => `${routeKey(route)} ${route.protocol} ${routeValue(route)}`).sort(),
      rules: this.rules.map((rule) => `${ruleKey(rule)} ${rule.protocol}`).sort(),
      sysctls: [...this.sysctls].map(([path, value]) => `${path} ${value}`).sort(),
    };
  }

  take(step: Step): void {
    if (this.left-- <= 0) throw new Broken();
    const fail = (why: string): never => {
      throw new Error(`${describeStep(step)}: ${why}`);
    };
    switch (step.do) {
      case 'makeLink': {
        const { kind, vlan } = step.link;
        if (this.links.has(step.name)) fail('EEXIST');
        const base = vlan && (this.links.get(vlan.base) ?? fail('no base'));
        const mtu = kind === 'vrf' ? 65_575 : (base?.mtu ?? 1500);
        this.links.set(step.name, {
          ...step.link,
          ...{ name: step.name, mtu, up: false, master: null, alias: OWN_ALIAS },
        });
        for (const [path, value] of sysctlsOf(step.name)) this.sysctls.set(path, value);
        if (kind !== 'vrf' || this.hadVrf) return;
        this.hadVrf = true;
        for (const family of [4, 6] as const)
          this.rules.push({
            family,
            priority: 1000,
            l3mdev: true,
            action: 'table',
            protocol: KERNEL,
          } as unknown as Rule);
        return;
      }
      case 'deleteLink':
        if (!this.links.has(step.name)) fail('ENODEV');
        return this.deleteLink(step.name);
      case 'setLink': {
        const { mtu, master, up } = step.to;
        const link = this.links.get(step.name) ?? fail('ENODEV');
        const base = link.vlan && this.links.get(link.vlan.base);
        if (mtu !== undefined && base !== undefined && mtu > base.mtu) fail('ERANGE');
        if (mtu !== undefined) {
          this.change(step.name, { mtu });
          for (const one of this.links.values())
            if (one.vlan?.base === step.name && one.mtu > mtu) this.change(one.name, { mtu });
        }
        if (master !== undefined) {
          if (master !== null && !this.links.has(master)) fail('no such master');
          this.enslave(step.name, master);
        }
        if (up === true && base !== undefined && !base.up) fail('ENETDOWN');
        if (up !== undefined) this.set(step.name, up);
        return;
      }
      case 'addAddress': {
        const all = this.addresses.get(step.name) ?? [];
        if (!this.links.has(step.name)) fail('ENODEV');
        const there = all.find((a) => addressKey(a) === addressKey(step.address));
        // What is ours is given back.
        if (there !== undefined && (there.protocol !== OWN_PROTOCOL || step.address.protocol === OWN_PROTOCOL))
          fail('EEXIST');
        const permanent = step.address.address.family === 6 ? { flags: PERMANENT } : {};
        this.addresses.set(step.name, [...all.filter((a) => a !== there), { ...step.address, ...permanent }]);
        return;
      }
      case 'deleteAddress': {
        const all = this.addresses.get(step.name) ?? [];
        const gone = all.find((a) => addressKey(a) === addressKey(step.address));
        if (gone === undefined) return;
        const net = prefixOf(gone.address, gone.length);
        const first = all.find((a) => a.address.family === 4 && a.length === gone.length && contains(net, a.address));
        // With the first of a subnet go the others.
        const kept = all.filter(
          (a) =>
            a !== gone &&
            !(first === gone && gone.address.family === 4 && a.length === gone.length && contains(net, a.address)),
        );
        this.addresses.set(step.name, kept);
        if (gone.address.family === 4 && !kept.some((a) => a.address.family === 4)) this.flush(step.name, [4]);
        return;
      }
      case 'addRoute':
      case 'replaceRoute': {
        const { route } = step;
        for (const { device = '', gateway } of route.hops) {
          if (this.links.get(device)?.up !== true) fail('ENETDOWN');
          if (gateway !== undefined && !this.isOn(device, gateway)) fail('ENETUNREACH');
        }
        const same = this.routes.findIndex((other) => routeKey(other) === routeKey(route));
        if (step.do === 'addRoute' && same >= 0) fail('EEXIST');
        if (same >= 0) this.routes[same] = route;
        else this.routes.push(route);
        return;
      }
      case 'deleteRoute': {
        const text = (route: RouteState) => `${routeKey(route)} ${routeValue(route)}`;
        const at = this.routes.findIndex((other) => text(other) === text(step.route));
        if (at < 0) fail('ESRCH');
        this.routes.splice(at, 1);
        return;
      }
      case 'addRule':
        this.rules.push({ ...step.rule, protocol: step.protocol } as unknown as Rule);
        return;
      case 'deleteRule': {
        const at = this.rules.findIndex(
          (rule) => ruleKey(rule) === ruleKey(step.rule) && rule.protocol === step.rule.protocol,
        );
        if (at < 0) fail('ENOENT');
        this.rules.splice(at, 1);
        return;
      }
      case 'sysctl':
        this.sysctls.set(step.path, step.value);
        return;
      default:
        fail('not part of this machine');
    }
  }

  private isOn(device: string, gateway: Address): boolean {
    return (this.addresses.get(device) ?? []).some((a) => contains(prefixOf(a.address, a.length), gateway));
  }

  private change(name: string, to: Partial<LinkState>): void {
    this.links.set(name, { ...this.links.get(name)!, ...to });
  }

  /** VLANs follow the link below. */
  private set(name: string, up: boolean): void {
    this.change(name, { up });
    if (!up) {
      this.flush(name, [4, 6]);
      this.forget(name);
    }
    for (const one of this.links.values()) if (one.vlan?.base === name && one.up !== up) this.set(one.name, up);
  }

  private enslave(name: string, master: string | null): void {
    const kindOf = (of: string | null) => (of === null ? undefined : this.links.get(of)?.kind);
    const before = this.links.get(name)!.master;
    this.change(name, { master });
    if (kindOf(before) !== 'vrf' && kindOf(master) !== 'vrf') return;
    this.flush(name, [4, 6]);
    this.forget(name);
  }

  private deleteLink(name: string): void {
    for (const one of [...this.links.values()]) {
      if (one.master === name) this.enslave(one.name, null);
      if (one.vlan?.base === name) this.deleteLink(one.name);
    }
    this.flush(name, [4, 6]);
    this.addresses.delete(name);
    this.links.delete(name);
    for (const [path] of sysctlsOf(name)) this.sysctls.delete(path);
  }

  /** Routes go without a word. */
  private flush(name: string, families: readonly number[]): void {
    this.routes = this.routes.filter(
      ({ hops, destination }) => !families.includes(destination.family) || !hops.some(({ device }) => device === name),
    );
  }

  /** IPv6 addresses go with a link that goes down, or into another VRF. */
  private forget(name: string): void {
    const all = this.addresses.get(name);
    if (all !== undefined)
      this.addresses.set(
        name,
        all.filter(({ address: { family } }) => family === 4),
      );
  }
}

class Broken extends Error {}

const maybe = <T>(...values: readonly T[]) => fc.constantFrom<T | undefined>(undefined, ...values);
const given = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value });
const hosts = (...texts: readonly (readonly [string, number])[]) => ({
  enabled: true,
  addresses: texts.map(([text, length]) => ({ address: address(text), length })),
});

const interfaces = fc
  .record({
    red: maybe<readonly string[]>([], ['eth1'], ['eth1', 'eth2'], ['eth1.10']),
    redTable: fc.constantFrom(2, 4),
    blue: maybe<readonly string[]>([], ['eth2']),
    vlan: maybe(10, 20),
    eth1: maybe(hosts(['192.0.2.5', 24]), hosts(['192.0.2.9', 24]), hosts(['192.0.2.7', 24], ['10.7.0.1', 16])),
    mtu: maybe(1400, 9000),
    vlanMtu: maybe(1300, 1500),
    down: fc.nat(9).map((n) => n === 0),
  })
  .map(({ red, redTable, blue, vlan, eth1, mtu, vlanMtu, down }) => {
    const withVlan = vlan !== undefined || red?.includes('eth1.10') === true;
    const names = red?.includes('eth2') ? blue?.filter((name) => name !== 'eth2') : blue;
    return [
      ...(red ? [{ name: 'red', type: 'vrf', state: 'up', table: redTable, ports: red }] : []),
      ...(names ? [{ name: 'blue', type: 'vrf', state: 'up', table: 3, ports: names }] : []),
      ...(withVlan
        ? [
            {
              name: 'eth1.10',
              type: 'vlan',
              state: 'up',
              vlan: { base: 'eth1', id: vlan ?? 10, protocol: 0x8100 },
              ...given('mtu', mtu === undefined || vlanMtu === undefined ? undefined : Math.min(mtu, vlanMtu)),
              ipv4: hosts(['10.10.0.1', 24]),
            },
          ]
        : []),
      ...(eth1 || mtu
        ? [{ name: 'eth1', type: 'ethernet', state: 'up', ...given('ipv4', eth1), ...given('mtu', mtu) }]
        : []),
      ...(down && !red?.includes('eth2') && !names?.includes('eth2')
        ? [{ name: 'eth2', type: 'ethernet', state: 'down' }]
        : []),
    ].map((one, index) => ({ ...one, index }));
  });
const wish: fc.Arbitrary<Wish> = fc
  .record({
    interfaces,
    routes: fc.subarray([
      { destination: prefix('203.0.113.0/24'), table: 254, interface: 'eth0', gateway: address('10.0.0.1') },
      { destination: prefix('192.88.99.0/24'), table: 2, interface: 'eth0', gateway: address('10.0.0.1') },
      { destination: prefix('192.88.99.0/24'), table: 254, type: 'blackhole' as const },
    ]),
    absent: maybe({ index: 0, destination: prefix('172.16.0.0/12') }, { index: 0, interface: 'eth1' }),
    rules: fc.subarray([
      { index: 0, family: 4 as const, priority: 998, to: prefix('10.96.0.0/12'), table: 254 },
      { index: 1, family: 4 as const, priority: 600, from: prefix('192.0.2.0/24'), table: 77 },
    ]),
    absentRule: maybe({ index: 0, family: 4 as const, priority: 500 }),
  })
  .map(({ interfaces: all, routes, absent, rules, absentRule }) => ({
    ...{ name: 'p', interfaces: all, rules },
    routes: routes.map((route, index) => ({ ...route, index })),
    absentRoutes: absent ? [absent] : [],
    absentRules: absentRule ? [absentRule] : [],
  })) as fc.Arbitrary<Wish>;

const settings = speakerWish({
  vrfSysctls: true,
  interfaces: [],
  rollbackMs: 0,
  probe: { gateway: false, sessions: false },
});

/** What a transaction does, without its journal. */
class Changes {
  readonly machine = new Machine();
  private baseline: Baseline = noBaseline;
  private goal: Goal = complete(networkGoal([]));

  /** @param breaksAfter so many steps; then everything is taken back */
  change(wishes: readonly Wish[], breaksAfter: number | undefined): void {
    const { machine } = this;
    const kernel = machine as unknown as Kernel;
    const goal = complete(networkGoal(wishes));
    const before = this.baseline;
    const have = machine.read({ ...wholeScope(goal, before), tables: 'all' });
    const baseline = remember(before, goal, have);
    const origin = touched(have, goal, baseline);
    const scope = wholeScope(goal, baseline);
    const whole = { ...scope, links: [...new Set([...scope.links, ...wholeScope(this.goal, before).links])] };
    machine.left = breaksAfter ?? Number.POSITIVE_INFINITY;
    try {
      reach(
        kernel,
        whole,
        (now) => targetOf(goal, baseline, now, origin),
        () => false,
      );
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      machine.left = Number.POSITIVE_INFINITY;
      const back = { ...whole, tables: 'all' } as const;
      reach(
        kernel,
        back,
        (now) => restorationOf(origin, touched(now, goal, baseline)),
        () => false,
      );
      // And what is still in force is put right where that was not enough.
      reach(
        kernel,
        wholeScope(this.goal, before),
        (now) => targetOf(this.goal, before, now),
        () => false,
      );
      return;
    }
    machine.left = Number.POSITIVE_INFINITY;
    this.baseline = prune(baseline, goal);
    this.goal = goal;
  }

  /** The first step that is still to be taken. */
  get due(): string | undefined {
    const { machine, goal, baseline } = this;
    const have = machine.read(wholeScope(goal, baseline));
    const step = nextStage(targetOf(goal, baseline, have), have, () => false)?.steps[0];
    return step && describeStep(step);
  }
}

it('comes to what is wanted, back from what failed, and at last to what was', () => {
  const property = fc.property(
    fc.array(fc.record({ wish: fc.option(wish, { freq: 5 }), breaksAfter: maybe(0, 1, 2, 3, 5, 8, 13) }), {
      minLength: 1,
      maxLength: 6,
    }),
    (changes) => {
      const world = new Changes();
      const first = world.machine.shown;
      for (const { wish: one, breaksAfter } of changes) {
        const { shown } = world.machine;
        const wishes = [settings, ...(one ? [one] : [])];
        world.change(wishes, breaksAfter);
        if (breaksAfter !== undefined && world.due !== undefined) expect(world.machine.shown).toEqual(shown);
        expect(world.due).toBeUndefined();
      }
      world.change([], undefined);
      expect(world.machine.shown).toEqual(first);
    },
  );
  fc.assert(property, { numRuns: 200 });
});
