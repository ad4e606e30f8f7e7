/** Requests, octet for octet as iproute2 sends them for the command in the fixture's first line. */
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { Client } from '../../src/netlink/client.ts';
import { HopFlag } from '../../src/netlink/hop.ts';
import { AddressFlag } from '../../src/netlink/ifaddr.ts';
import type { Op } from '../../src/netlink/kinds.ts';
import { NeighbourFlag, NeighbourState } from '../../src/netlink/neighbour.ts';
import type { RouteSpec } from '../../src/netlink/route.ts';
import { RuleFlag } from '../../src/netlink/rule.ts';
import { golden } from '../support/hex.ts';

/** Links v1, v0, d0 of the machine that the fixtures come from; `red` is a VRF. */
const [v1, v0, d0, red] = [11, 12, 15, 13];
const via9 = { gateway: address('192.0.2.9'), link: v0 };
const bgp = 186;

type Request = Op | { readonly lookup: RouteSpec };

const rows = golden<Request>('netlink/request', {
  'link-add-veth': {
    verb: 'add',
    kind: 'link',
    value: {
      name: 'v0',
      mtu: 1400,
      address: fromHex('020000000001'),
      info: { kind: 'veth', peer: { name: 'v1' } },
    },
  },
  'link-set-up-alias': { verb: 'set', kind: 'link', value: { index: v0, up: true, alias: 'uplink' } },
  'link-add-vrf': { verb: 'add', kind: 'link', value: { name: 'red', info: { kind: 'vrf', table: 1001 } } },
  'link-set-master': { verb: 'set', kind: 'link', value: { index: v0, master: red } },
  'link-set-nomaster': { verb: 'set', kind: 'link', value: { index: v0, master: 0 } },
  'link-add-vlan': {
    verb: 'add',
    kind: 'link',
    value: {
      name: 'v0.5',
      parent: v0,
      info: { kind: 'vlan', protocol: 0x88a8, id: 5, flags: { flags: 2, mask: 2 } },
    },
  },
  'link-add-dummy': { verb: 'add', kind: 'link', value: { name: 'd0', info: { kind: 'dummy' } } },
  'link-add-macvlan': {
    verb: 'add',
    kind: 'link',
    value: { name: 'm0', parent: v1, info: { kind: 'macvlan', mode: 'bridge' } },
  },
  'link-add-bridge': {
    verb: 'add',
    kind: 'link',
    value: { name: 'b0', info: { kind: 'bridge', stp: true, vlanFiltering: true, vlanDefaultPvid: 0 } },
  },
  'link-delete': { verb: 'delete', kind: 'link', value: { index: d0 } },

  'address-add-4': {
    verb: 'add',
    kind: 'address',
    value: { link: v0, address: address('192.0.2.1'), length: 24, flags: AddressFlag.noPrefixRoute },
  },
  'address-add-6': {
    verb: 'add',
    kind: 'address',
    value: { link: v0, address: address('2001:db8::1'), length: 64, flags: AddressFlag.noDad },
  },
  'address-add-peer': {
    verb: 'add',
    kind: 'address',
    value: { link: v1, address: address('198.51.100.1'), peer: address('198.51.100.2'), length: 32 },
  },
  'address-replace-lifetimes': {
    verb: 'replace',
    kind: 'address',
    value: {
      link: v0,
      address: address('2001:db8::2'),
      length: 64,
      lifetimes: { validSec: 600, preferredSec: 300 },
    },
  },
  'address-delete': {
    verb: 'delete',
    kind: 'address',
    value: { link: v0, address: address('192.0.2.1'), length: 24 },
  },

  'route-add-whole': {
    verb: 'add',
    kind: 'route',
    value: {
      destination: prefix('10.1.0.0/16'),
      table: 1000,
      protocol: bgp,
      priority: 20,
      preferredSource: address('192.0.2.1'),
      metrics: { mtu: 1300, advmss: 1200 },
      hops: [via9],
    },
  },
  'route-add-via6': {
    verb: 'add',
    kind: 'route',
    value: {
      destination: prefix('10.2.0.0/16'),
      protocol: bgp,
      hops: [{ gateway: address('fe80::1'), link: v0 }],
    },
  },
  'route-add-multipath': {
    verb: 'add',
    kind: 'route',
    value: {
      destination: prefix('10.3.0.0/16'),
      protocol: bgp,
      hops: [
        { ...via9, weight: 3 },
        { gateway: address('fe80::1'), link: v0, flags: HopFlag.onLink },
      ],
    },
  },
  'route-add-default': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('0.0.0.0/0'), protocol: 4, hops: [via9] },
  },
  'route-add-link': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('10.4.0.0/16'), protocol: 4, hops: [{ link: v0 }] },
  },
  'route-add-blackhole': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('10.5.0.0/16'), type: 'blackhole', protocol: bgp },
  },
  'route-add-unreachable6': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('2001:db8:5::/48'), type: 'unreachable', protocol: bgp, priority: 4278198272 },
  },
  'route-replace-6': {
    verb: 'replace',
    kind: 'route',
    value: {
      destination: prefix('2001:db8:6::/48'),
      priority: 10,
      preference: 'high',
      protocol: bgp,
      hops: [{ gateway: address('fe80::9'), link: v0 }],
    },
  },
  'route-append': {
    verb: 'append',
    kind: 'route',
    value: { destination: prefix('10.5.0.0/16'), type: 'prohibit', protocol: bgp, priority: 5 },
  },
  'route-add-expires': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('2001:db8:7::/48'), protocol: 9, expiresSec: 600, hops: [{ link: v0 }] },
  },
  'route-add-multipath6': {
    verb: 'add',
    kind: 'route',
    value: {
      destination: prefix('2001:db8:8::/48'),
      protocol: bgp,
      hops: [
        { gateway: address('fe80::9'), link: v0, weight: 2 },
        { gateway: address('fe80::a'), link: v0, weight: 1 },
      ],
    },
  },
  'route-add-nexthop': {
    verb: 'add',
    kind: 'route',
    value: { destination: prefix('10.6.0.0/16'), protocol: bgp, nextHop: 8 },
  },
  'route-delete': { verb: 'delete', kind: 'route', value: { destination: prefix('10.4.0.0/16') } },
  'route-get': {
    lookup: { destination: prefix('10.3.0.1'), packet: { source: address('192.0.2.1'), mark: 5, uid: 0 } },
  },
  'route-get-6': {
    lookup: {
      destination: prefix('2001:db8:6::1'),
      packet: { output: v0, ipProtocol: 6, sourcePort: 1000, destinationPort: 179 },
    },
  },

  'nexthop-add': {
    verb: 'add',
    kind: 'nextHop',
    value: { id: 7, ...via9, protocol: bgp, flags: HopFlag.onLink },
  },
  'nexthop-add-6': { verb: 'add', kind: 'nextHop', value: { id: 9, gateway: address('fe80::9'), link: v0 } },
  'nexthop-add-blackhole': { verb: 'add', kind: 'nextHop', value: { id: 10, family: 4, blackhole: true } },
  'nexthop-add-group': {
    verb: 'add',
    kind: 'nextHop',
    value: { id: 8, group: [{ id: 7, weight: 3 }], protocol: bgp },
  },
  'nexthop-replace': {
    verb: 'replace',
    kind: 'nextHop',
    value: { id: 7, gateway: address('192.0.2.8'), link: v0 },
  },
  'nexthop-delete': { verb: 'delete', kind: 'nextHop', value: { id: 10 } },

  'rule-add': {
    verb: 'add',
    kind: 'rule',
    value: {
      family: 4,
      priority: 100,
      from: prefix('10.0.0.0/8'),
      to: prefix('192.0.2.0/24'),
      input: 'v0',
      mark: 1,
      mask: 0xff,
      table: 1000,
      protocol: bgp,
    },
  },
  'rule-add-l3mdev': {
    verb: 'add',
    kind: 'rule',
    value: { family: 4, priority: 1000, l3mdev: true, protocol: bgp },
  },
  'rule-add-6': {
    verb: 'add',
    kind: 'rule',
    value: {
      family: 6,
      priority: 101,
      from: prefix('2001:db8::/32'),
      output: 'v0',
      table: 1000,
      suppressPrefixLength: 0,
    },
  },
  'rule-add-ports': {
    verb: 'add',
    kind: 'rule',
    value: {
      family: 4,
      priority: 102,
      to: prefix('192.0.2.0/24'),
      uids: { first: 0, last: 1000 },
      ipProtocol: 6,
      sourcePorts: { first: 1000, last: 2000 },
      destinationPorts: { first: 179, last: 179 },
      table: 200,
    },
  },
  'rule-add-blackhole': {
    verb: 'add',
    kind: 'rule',
    value: { family: 4, priority: 103, action: 'blackhole', from: prefix('10.9.0.0/16') },
  },
  'rule-add-goto': {
    verb: 'add',
    kind: 'rule',
    value: {
      family: 4,
      priority: 104,
      from: prefix('10.0.0.0/8'),
      action: 'goto',
      target: 200,
      flags: RuleFlag.invert,
    },
  },
  'rule-delete': { verb: 'delete', kind: 'rule', value: { family: 4, priority: 103 } },

  'neighbour-add': {
    verb: 'add',
    kind: 'neighbour',
    value: { link: v0, address: address('192.0.2.7'), octets: fromHex('020000000007'), protocol: bgp },
  },
  'neighbour-replace-6': {
    verb: 'replace',
    kind: 'neighbour',
    value: {
      link: v0,
      address: address('fe80::9'),
      octets: fromHex('020000000009'),
      state: NeighbourState.reachable,
      flags: NeighbourFlag.router,
    },
  },
  // iproute2 says `permanent` of these two as well, which means nothing there.
  'neighbour-add-proxy': {
    verb: 'add',
    kind: 'neighbour',
    value: {
      link: v0,
      address: address('192.0.2.200'),
      flags: NeighbourFlag.proxy,
      state: NeighbourState.permanent,
    },
  },
  'neighbour-delete': {
    verb: 'delete',
    kind: 'neighbour',
    value: { link: v0, address: address('192.0.2.7'), state: NeighbourState.permanent },
  },
});

describe('requests', () => {
  it.each(rows)('%s', (_name, bytes, what) => {
    let sent = '';
    const client = new Client({
      portId: 1,
      send: (octets) => {
        sent += toHex(octets);
      },
      receive: () => undefined,
    });
    if ('lookup' in what) expect(() => client.get('route', what.lookup)).toThrow('no answer');
    else client.apply([what]);
    expect(sent).toBe(toHex(bytes));
  });
});
