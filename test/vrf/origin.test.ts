/** What was before a change that another one takes the place of. */
import { expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from '../../src/vrf/mark.ts';
import { asItWas } from '../../src/vrf/origin.ts';
import type { LinkState, RouteState, Snapshot } from '../../src/vrf/state.ts';

const link = (name: string, more: Partial<LinkState> = {}): readonly [string, LinkState] => [
  name,
  { name, kind: 'ethernet', mtu: 1500, up: true, master: null, alias: '', ...more },
];
const route = (to: string, protocol: number, priority = 0): RouteState => ({
  ...{ destination: prefix(to), table: 254, type: 'unicast', protocol, priority, hops: [] },
});
const has = (text: string) => [{ address: address(text), length: 24 }];

it('is what the first change found, with what only the second one looks at, and without what the first one made', () => {
  const origin: Snapshot = {
    links: new Map([link('eth0')]),
    addresses: new Map([['eth0', has('192.0.2.1')]]),
    neighbours: new Map([['eth0', [{ address: address('192.0.2.7') }]]]),
    nextHops: [{ id: 1, device: 'eth0' }],
    routes: [route('203.0.113.0/24', 3)],
    rules: [],
    sysctls: new Map([['net/ipv4/conf/eth0/forwarding', '0']]),
  };
  const have: Snapshot = {
    links: new Map([link('eth0', { mtu: 1400, master: 'red' }), link('red', { alias: OWN_ALIAS }), link('eth1')]),
    addresses: new Map([
      ['eth0', has('192.0.2.9')],
      ['red', has('10.0.0.1')],
      ['eth1', has('198.51.100.1')],
    ]),
    neighbours: new Map([
      ['red', [{ address: address('10.0.0.2') }]],
      ['eth1', [{ address: address('198.51.100.7') }]],
    ]),
    nextHops: [
      { id: 1, device: 'eth1' },
      { id: 2, device: 'eth1' },
    ],
    routes: [route('203.0.113.0/24', 4), route('10.5.0.0/16', OWN_PROTOCOL), route('198.18.0.0/15', 3)],
    rules: [{ family: 4, priority: 998, flags: 0, protocol: OWN_PROTOCOL, action: 'table', table: 254, l3mdev: false }],
    sysctls: new Map([
      ['net/ipv4/conf/eth0/forwarding', '1'],
      ['net/ipv4/conf/eth1/forwarding', '0'],
    ]),
  };
  expect(asItWas(origin, have)).toEqual({
    links: new Map([link('eth1'), link('eth0')]),
    addresses: new Map([
      ['eth1', has('198.51.100.1')],
      ['eth0', has('192.0.2.1')],
    ]),
    neighbours: new Map([
      ['eth1', [{ address: address('198.51.100.7') }]],
      ['eth0', [{ address: address('192.0.2.7') }]],
    ]),
    nextHops: [
      { id: 1, device: 'eth0' },
      { id: 2, device: 'eth1' },
    ],
    routes: [route('203.0.113.0/24', 3), route('198.18.0.0/15', 3)],
    rules: [],
    sysctls: new Map([
      ['net/ipv4/conf/eth0/forwarding', '0'],
      ['net/ipv4/conf/eth1/forwarding', '0'],
    ]),
  });
});
