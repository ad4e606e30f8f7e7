/** What a change may touch: what is written down of how it was. */
import { describe, expect, it } from 'vitest';
import { touched } from '../../../src/daemon/network/scope.ts';
import { goalOf } from '../../../src/daemon/network/wishes.ts';
import type { Wish } from '../../../src/intent/network.ts';
import { formatPrefix, prefix } from '../../../src/lib/prefix.ts';
import type { Rule } from '../../../src/netlink/rule.ts';
import { noBaseline } from '../../../src/vrf/baseline.ts';
import { OWN_PROTOCOL } from '../../../src/vrf/mark.ts';
import type { RouteState, Snapshot } from '../../../src/vrf/state.ts';

const rule = (to: string, protocol = 3): Rule => ({
  ...{ family: 4, priority: 900, action: 'table', table: 9, protocol, flags: 0, to: prefix(to) },
});
const route = (to: string, device: string, protocol = 3): RouteState => ({
  ...{ destination: prefix(to), table: 254, type: 'unicast', protocol, hops: [{ device }] },
});
const policy: Wish = {
  name: 'one',
  interfaces: [{ name: 'eth1', index: 0, state: 'up', mtu: 1400 }],
  routes: [{ index: 0, destination: prefix('10.1.0.0/16'), table: 254, interface: 'eth1' }],
  absentRoutes: [{ index: 1, destination: prefix('10.2.0.0/16') }],
  rules: [],
  absentRules: [{ index: 0, to: prefix('10.1.0.0/16') }],
};
const goal = goalOf(new Map([['one', policy]]));
const link = (name: string) =>
  [name, { name, kind: 'ethernet', mtu: 1500, up: true, master: null, alias: '' }] as const;
const have: Snapshot = {
  links: new Map(['eth1', 'eth2'].map(link)),
  addresses: new Map([
    ['eth1', []],
    ['eth2', []],
  ]),
  routes: [
    route('10.1.0.0/16', 'eth2'),
    route('10.2.0.0/16', 'eth2'),
    route('10.3.0.0/16', 'eth1'),
    route('10.4.0.0/16', 'eth2'),
    route('10.5.0.0/16', 'eth2', OWN_PROTOCOL),
    route('10.6.0.0/16', 'eth1', 186),
  ],
  rules: [rule('10.1.0.0/16'), rule('10.2.0.0/16'), rule('10.3.0.0/16', OWN_PROTOCOL), rule('10.4.0.0/16')],
  sysctls: new Map(),
};

describe('what a change may touch', () => {
  const found = touched(have, goal, { ...noBaseline, rules: [rule('10.4.0.0/16')] });

  it('is its links, what is by them, in the place of its routes, or to be absent, and ours', () => {
    expect([...found.links.keys()]).toEqual(['eth1']);
    expect([...found.addresses.keys()]).toEqual(['eth1']);
    expect(found.routes.map(({ destination }) => formatPrefix(destination))).toEqual([
      ...['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '10.5.0.0/16'],
    ]);
  });

  it('are those rules of others that it takes away, or that an earlier one did', () => {
    expect(found.rules.map(({ to }) => formatPrefix(to!))).toEqual(['10.1.0.0/16', '10.3.0.0/16', '10.4.0.0/16']);
  });
});
