/** What the kernel tells, message by message; and the same messages cut, and with every bit turned over. */
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { fromHex, TruncatedError } from '../../src/lib/bytes.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { type Ack, decodeAck, errorOf } from '../../src/netlink/ack.ts';
import type { Codec } from '../../src/netlink/codec.ts';
import { MessageType } from '../../src/netlink/const.ts';
import { MalformedError } from '../../src/netlink/errors.ts';
import { HopFlag } from '../../src/netlink/hop.ts';
import { AddressFlag } from '../../src/netlink/ifaddr.ts';
import { codecs, kindOf, type Values } from '../../src/netlink/kinds.ts';
import { LinkFlag } from '../../src/netlink/link.ts';
import { decodeMessages } from '../../src/netlink/message.ts';
import { decodeEvents } from '../../src/netlink/monitor.ts';
import { NeighbourFlag, NeighbourState } from '../../src/netlink/neighbour.ts';
import { RouteFlag } from '../../src/netlink/route.ts';
import { RuleFlag } from '../../src/netlink/rule.ts';
import { Unreadable } from '../../src/netlink/unreadable.ts';
import { golden } from '../support/hex.ts';

const [v1, v0, d0, red] = [11, 12, 18, 13];
const bgp = 186;
const { up, broadcast, running, multicast, lowerUp } = LinkFlag;
const working = up | broadcast | running | multicast | lowerUp;
const forever = { preferredSec: 0xffff_ffff, validSec: 0xffff_ffff };
const ethernet = { type: 1, changed: 0, group: 0, mtu: 1500, carrier: true, carrierUps: 0 };
const universe = { scope: 'universe', flags: 0 } as const;
const via9 = { gateway: address('192.0.2.9'), link: v0 };
const dead = { users: 0, lastUsedTicks: 0, expiresTicks: 0, error: 0 };

type Meaning = { [K in keyof Values]: { [L in K]: Values[L] } }[keyof Values] | { ack: Ack };

const rows = golden<Meaning>('netlink/answer', {
  'link-vrf': {
    link: {
      ...ethernet,
      index: red,
      name: 'red',
      flags: up | running | lowerUp | LinkFlag.noArp | LinkFlag.master,
      mtu: 65575,
      operState: 'up',
      address: fromHex('020000000102'),
      info: { kind: 'vrf', table: 1001 },
    },
  },
  'link-vlan': {
    link: {
      ...ethernet,
      index: 14,
      name: 'v0.5',
      carrierUps: 1,
      flags: working,
      mtu: 1400,
      operState: 'up',
      address: fromHex('020000000001'),
      parent: v0,
      info: { kind: 'vlan', protocol: 0x88a8, id: 5, flags: { flags: 3, mask: 0xffff_ffff } },
    },
  },
  'link-enslaved': {
    link: {
      ...ethernet,
      index: d0,
      name: 'd0',
      flags: up | broadcast | running | LinkFlag.noArp | lowerUp,
      operState: 'unknown',
      master: red,
      address: fromHex('020000000103'),
      info: { kind: 'dummy' },
      enslaved: { kind: 'vrf', table: 1001 },
    },
  },
  'link-veth': {
    link: {
      ...ethernet,
      index: v0,
      name: 'v0',
      carrierUps: 1,
      flags: working,
      mtu: 1400,
      operState: 'up',
      alias: 'uplink',
      address: fromHex('020000000001'),
      parent: v1,
      info: { kind: 'veth' },
    },
  },
  'link-macvlan': {
    link: {
      ...ethernet,
      index: 16,
      name: 'm0',
      carrierUps: 1,
      flags: broadcast | multicast,
      operState: 'down',
      address: fromHex('020000000104'),
      parent: v1,
      info: { kind: 'macvlan', mode: 'bridge' },
    },
  },
  'link-bridge': {
    link: {
      ...ethernet,
      index: 17,
      name: 'b0',
      flags: broadcast | multicast,
      operState: 'down',
      carrier: false,
      address: fromHex('020000000105'),
      info: { kind: 'bridge', stp: true, vlanFiltering: true, vlanDefaultPvid: 0 },
    },
  },
  'link-other': {
    link: {
      ...ethernet,
      index: 2,
      name: 'bond0',
      flags: broadcast | multicast | LinkFlag.master,
      operState: 'down',
      carrier: false,
      address: fromHex('020000000106'),
      info: { kind: 'other', name: 'bond' },
    },
  },

  'address-peer': {
    address: {
      link: v1,
      address: address('198.51.100.1'),
      peer: address('198.51.100.2'),
      length: 32,
      flags: AddressFlag.permanent,
      scope: 'universe',
      label: 'v1',
      lifetimes: forever,
    },
  },
  'address-6': {
    address: {
      link: v0,
      address: address('2001:db8::1'),
      length: 64,
      flags: AddressFlag.permanent | AddressFlag.noDad,
      scope: 'universe',
      lifetimes: forever,
    },
  },
  'address-loopback6': {
    address: {
      link: 1,
      address: address('::1'),
      length: 128,
      flags: AddressFlag.permanent,
      scope: 'host',
      protocol: 1,
      lifetimes: forever,
    },
  },
  'address-broadcast': {
    address: {
      link: d0,
      address: address('203.0.113.1'),
      length: 24,
      flags: AddressFlag.permanent,
      scope: 'universe',
      broadcast: address('203.0.113.255'),
      label: 'd0',
      lifetimes: forever,
    },
  },

  'route-whole': {
    route: {
      ...universe,
      destination: prefix('10.1.0.0/16'),
      type: 'unicast',
      table: 1000,
      protocol: bgp,
      priority: 20,
      preferredSource: address('192.0.2.1'),
      metrics: { mtu: 1300, advmss: 1200 },
      hops: [via9],
    },
  },
  'route-via6': {
    route: {
      ...universe,
      destination: prefix('10.2.0.0/16'),
      type: 'unicast',
      table: 254,
      protocol: bgp,
      hops: [{ gateway: address('fe80::1'), link: v0 }],
    },
  },
  'route-multipath': {
    route: {
      ...universe,
      destination: prefix('10.3.0.0/16'),
      type: 'unicast',
      table: 254,
      protocol: bgp,
      hops: [
        { ...via9, weight: 3 },
        { gateway: address('fe80::1'), link: v0, flags: HopFlag.onLink },
      ],
    },
  },
  'route-nexthop': {
    route: {
      ...universe,
      destination: prefix('10.6.0.0/16'),
      type: 'unicast',
      table: 254,
      protocol: bgp,
      nextHop: 8,
      hops: [{ gateway: address('192.0.2.8'), link: v0 }],
    },
  },
  'route-6': {
    route: {
      ...universe,
      destination: prefix('2001:db8:6::/48'),
      type: 'unicast',
      table: 254,
      protocol: bgp,
      priority: 10,
      preference: 'high',
      hops: [{ gateway: address('fe80::9'), link: v0 }],
      cacheInfo: dead,
    },
  },
  'route-multipath6': {
    route: {
      ...universe,
      destination: prefix('2001:db8:8::/48'),
      type: 'unicast',
      table: 254,
      protocol: bgp,
      priority: 1024,
      preference: 'medium',
      hops: [
        { gateway: address('fe80::9'), link: v0, weight: 2 },
        { gateway: address('fe80::a'), link: v0 },
      ],
      cacheInfo: dead,
    },
  },
  'route-expires': {
    route: {
      ...universe,
      destination: prefix('2001:db8:7::/48'),
      type: 'unicast',
      table: 254,
      protocol: 9,
      priority: 1024,
      preference: 'medium',
      hops: [{ link: v0 }],
      cacheInfo: { ...dead, expiresTicks: 59153 },
    },
  },
  'route-local': {
    route: {
      destination: prefix('127.0.0.0/8'),
      type: 'local',
      scope: 'host',
      flags: 0,
      table: 255,
      protocol: 2,
      preferredSource: address('127.0.0.1'),
      hops: [{ link: 1 }],
    },
  },
  'route-unreachable6': {
    route: {
      ...universe,
      destination: prefix('2001:db8:5::/48'),
      type: 'unreachable',
      table: 254,
      protocol: bgp,
      priority: 4278198272,
      preference: 'medium',
      hops: [{ link: 1 }],
      cacheInfo: dead,
    },
  },
  'route-cloned': {
    route: {
      destination: prefix('10.3.0.1/32'),
      type: 'unicast',
      scope: 'universe',
      flags: RouteFlag.cloned,
      table: 254,
      protocol: 0,
      preferredSource: address('192.0.2.1'),
      hops: [via9],
      cacheInfo: { ...dead, users: 2 },
    },
  },

  'rule-whole': {
    rule: {
      family: 4,
      priority: 100,
      from: prefix('10.0.0.0/8'),
      to: prefix('192.0.2.0/24'),
      input: 'v0',
      mark: 1,
      mask: 0xff,
      action: 'table',
      table: 1000,
      protocol: bgp,
      flags: 0,
    },
  },
  'rule-l3mdev': {
    rule: { family: 4, priority: 1000, l3mdev: true, action: 'table', table: 0, protocol: 2, flags: 0 },
  },
  'rule-ports': {
    rule: {
      family: 4,
      priority: 102,
      to: prefix('192.0.2.0/24'),
      uids: { first: 0, last: 1000 },
      ipProtocol: 6,
      sourcePorts: { first: 1000, last: 2000 },
      destinationPorts: { first: 179, last: 179 },
      action: 'table',
      table: 200,
      protocol: 0,
      flags: 0,
    },
  },
  'rule-goto': {
    rule: {
      family: 4,
      priority: 104,
      from: prefix('10.0.0.0/8'),
      action: 'goto',
      target: 200,
      table: 0,
      protocol: 0,
      flags: RuleFlag.invert | RuleFlag.unresolved,
    },
  },
  'rule-suppress': {
    rule: {
      family: 6,
      priority: 101,
      from: prefix('2001:db8::/32'),
      output: 'v0',
      suppressPrefixLength: 0,
      action: 'table',
      table: 1000,
      protocol: 0,
      flags: 0,
    },
  },

  'neighbour-permanent': {
    neighbour: {
      link: v0,
      address: address('192.0.2.7'),
      octets: fromHex('020000000007'),
      state: NeighbourState.permanent,
      flags: 0,
      type: 1,
      probes: 0,
      protocol: bgp,
    },
  },
  'neighbour-router': {
    neighbour: {
      link: v0,
      address: address('fe80::9'),
      octets: fromHex('020000000009'),
      state: NeighbourState.reachable,
      flags: NeighbourFlag.router,
      type: 1,
      probes: 0,
    },
  },
  'neighbour-proxy': {
    neighbour: {
      link: v0,
      address: address('192.0.2.200'),
      state: NeighbourState.none,
      flags: NeighbourFlag.proxy,
      type: 1,
    },
  },

  'nexthop-gateway': {
    nextHop: {
      id: 7,
      family: 4,
      gateway: address('192.0.2.8'),
      link: v0,
      scope: 'link',
      protocol: 0,
      flags: 0,
    },
  },
  'nexthop-group': {
    nextHop: {
      id: 8,
      group: [{ id: 7, weight: 3 }],
      groupType: 0,
      scope: 'universe',
      protocol: bgp,
      flags: 0,
    },
  },
  'nexthop-blackhole': {
    nextHop: { id: 10, family: 4, blackhole: true, scope: 'universe', protocol: 0, flags: 0 },
  },

  'error-text': { ack: { errno: 101, text: 'Nexthop has invalid gateway' } },
  'error-attribute': { ack: { errno: 34, text: 'Attribute failed policy validation', offset: 32 } },
  'error-nested': { ack: { errno: 22, text: 'Invalid VRF table id', offset: 56 } },
  'error-exists': { ack: { errno: 17 } },
  done: { ack: { errno: 0 } },
  'done-error': { ack: { errno: 2, text: 'ipv4: FIB table does not exist' } },
});

/** What the one message of a datagram means. */
function decode(bytes: Uint8Array): Meaning | undefined {
  const [message, ...rest] = decodeMessages(bytes);
  if (message === undefined || rest.length > 0) throw new Error('not one message');
  if (message.type === MessageType.error || message.type === MessageType.done) return { ack: decodeAck(message) };
  const found = kindOf(message.type);
  if (found === undefined) return undefined;
  const value = (codecs[found.kind] as Codec<unknown, never, never>).decode(message.body);
  return value === undefined ? undefined : ({ [found.kind]: value } as unknown as Meaning);
}

// Hundreds of thousands of errors are made here, whose stacks nobody reads.
Error.stackTraceLimit = 0;

/** Any bits that differ must make a value, nothing, or one of these. */
function tolerate(bytes: Uint8Array): 'value' | 'nothing' | 'error' {
  try {
    return decode(bytes) === undefined ? 'nothing' : 'value';
  } catch (error) {
    if (error instanceof MalformedError || error instanceof TruncatedError) return 'error';
    if ((error as Error).message === 'not one message') return 'error';
    throw error;
  }
}

describe('answers', () => {
  it.each(rows)('%s', (_name, bytes, meaning) => {
    expect(decode(bytes)).toEqual(meaning);
  });

  it.each(rows)('%s, cut at every octet', (_name, bytes) => {
    for (let n = 0; n < bytes.length; n++) {
      const cut = bytes.slice(0, n);
      // The monitor reports it instead.
      const [event] = decodeEvents(cut, new Unreadable());
      expect(event?.type).toBe(n === 0 ? undefined : 'malformed');
      // The message says that it is longer than it is.
      expect(tolerate(cut)).toBe('error');
      if (n < 16) continue;
      // It says how long it is: then attributes are missing, or end in the middle.
      new DataView(cut.buffer).setUint32(0, n, true);
      tolerate(cut);
    }
  });

  it.each(rows)('%s, with bits turned over', (_name, bytes) => {
    // Each of the first 256 octets' bits; of what is behind, mostly statistics, one an octet.
    for (let bit = 0; bit < bytes.length * 8; bit += bit < 2048 ? 1 : 9) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      tolerate(flipped);
    }
  });

  it('say which attribute was wrong', () => {
    // The requests that the kernel answered to, which it does not repeat (NETLINK_CAP_ACK).
    const tooLong = fromHex(
      `4c000000 10000506 01000000 00000000 00000000 00000000 00000000 00000000
       1c000300 6176657279766572796c6f6e676e616d656f666c696e6b00
       10001200 09000100 64756d6d79000000`,
    );
    const badTable = fromHex(
      `40000000 10000506 01000000 00000000 00000000 00000000 00000000 00000000
       07000300 78300000 18001200 07000100 76726600 0c000200 08000100 00000000`,
    );
    const acks = new Map(rows.map(([name, , meaning]) => [name, (meaning as { ack: Ack }).ack]));
    expect(errorOf(acks.get('error-attribute')!, 'link', tooLong)).toMatchObject({
      code: 'ERANGE',
      errno: 34,
      message: 'ERANGE: Attribute failed policy validation',
      attribute: 'IFLA_IFNAME',
    });
    expect(errorOf(acks.get('error-nested')!, 'link', badTable)).toMatchObject({
      code: 'EINVAL',
      attribute: 'IFLA_LINKINFO.IFLA_INFO_DATA',
    });
    expect(errorOf(acks.get('error-exists')!, 'route', tooLong)).toMatchObject({
      code: 'EEXIST',
      message: 'EEXIST',
      attribute: undefined,
    });
    expect(errorOf({ errno: 22, missing: 5 }, 'route', tooLong).attribute).toBe('RTA_GATEWAY');
    expect(errorOf({ errno: 22, missing: 2, missingIn: 40 }, 'link', badTable).attribute).toBe(
      'IFLA_LINKINFO.attribute 2',
    );
    expect(errorOf({ errno: 22, offset: 4000 }, 'link', badTable).attribute).toBeUndefined();
    expect(errorOf({ errno: 512 }, 'link', badTable).code).toBe('errno 512');
  });

  it('of other families than IPv4 and IPv6 are nothing', () => {
    const kinds = new Set<string>();
    for (const [, bytes, meaning] of rows) {
      if ('ack' in meaning) continue;
      const other = bytes.slice();
      // AF_BRIDGE: a port that leaves a bridge is an RTM_DELLINK.
      other[16] = 7;
      expect(decode(other)).toBeUndefined();
      kinds.add(Object.keys(meaning)[0]!);
    }
    expect(kinds.size).toBe(6);
  });
});
