import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import type { Link } from '../../src/netlink/link.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { type Links, meets, type Packet, ruleText, tableText, vrfOf } from '../../src/vrf/match.ts';

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  ...{ index, name, type: 1, flags: 0, changed: 0 },
  ...more,
});
const links: Links = new Map(
  [
    link(1, 'lo'),
    link(2, 'eth0'),
    link(3, 'red', { info: { kind: 'vrf', table: 10 } }),
    link(4, 'ens4', { master: 3 }),
    link(5, 'br0', { info: { kind: 'bridge' } }),
    link(6, 'port', { master: 5 }),
  ].map((each) => [each.index, each]),
);
const rule = (priority: number, more: Partial<Rule> = {}): Rule => ({
  ...{ family: 4, priority, action: 'table', table: 254, protocol: 2, flags: 0 },
  ...more,
});
const packet = (more: Partial<Packet> = {}): Packet => ({
  source: address('198.51.100.7'),
  destination: address('10.244.0.5'),
  mark: 0,
  ...more,
});
const usual = [
  rule(32766),
  rule(0, { table: 255 }),
  rule(998, { to: prefix('10.244.0.0/16') }),
  rule(1000, { table: 0, l3mdev: true }),
];
const met = (p: Packet, rules: readonly Rule[] = usual) =>
  meets(p, rules, links).map(({ rule: { priority }, table }) => [priority, table]);

describe('the rules that a packet meets', () => {
  it('come in the order of their priorities', () => {
    expect(met(packet())).toEqual([
      [0, 255],
      [998, 254],
      [32766, 254],
    ]);
  });

  it('are those of its VRF too, when it comes in by an interface of one, or is confined to it', () => {
    const elsewhere = { destination: address('192.0.2.1') };
    expect(met(packet({ ...elsewhere, input: 4 }))).toContainEqual([1000, 10]);
    expect(met(packet({ ...elsewhere, output: 3 }))).toContainEqual([1000, 10]);
    expect(met(packet({ ...elsewhere, input: 2 }))).not.toContainEqual([1000, 10]);
    expect(met(packet({ ...elsewhere, input: 6 }))).not.toContainEqual([1000, 10]);
  });

  it.each<[string, Partial<Rule>, Partial<Packet>, Partial<Packet>]>([
    ['source', { from: prefix('198.51.100.0/24') }, {}, { source: address('192.0.2.1') }],
    ['destination', { to: prefix('10.244.0.5/32') }, {}, { destination: address('10.244.0.6') }],
    ['interface', { input: 'eth0' }, { input: 2 }, { input: 4 }],
    ['VRF as the interface', { input: 'red' }, { input: 4 }, { input: 2 }],
    ['loopback, for what is made here', { input: 'lo' }, {}, { input: 2 }],
    ['socket', { output: 'red' }, { output: 3 }, {}],
    ['mark', { mark: 0x10, mask: 0xf0 }, { mark: 0x15 }, { mark: 0x25 }],
    ['whole mark', { mark: 0x10 }, { mark: 0x10 }, { mark: 0x11 }],
    ['inverted source', { from: prefix('192.0.2.0/24'), flags: 2 }, {}, { source: address('192.0.2.1') }],
    ['family', { family: 4 }, {}, { destination: address('fd00::1'), source: address('fd00::2') }],
  ])('are selected by the %s', (_, more, yes, no) => {
    expect(met(packet(yes), [rule(7, more)])).toEqual([[7, 254]]);
    expect(met(packet(no), [rule(7, more)])).toEqual([]);
  });

  it('leave out those about ports and protocols, and end with those that refuse', () => {
    expect(met(packet(), [rule(1, { ipProtocol: 6 }), rule(2, { sourcePorts: { first: 1, last: 9 } })])).toEqual([]);
    expect(met(packet(), [rule(3, { action: 'unreachable', table: 0 })])).toEqual([[3, undefined]]);
  });
});

describe('words', () => {
  it('for rules are those of ip rule', () => {
    expect(ruleText(usual[2]!, links)).toBe('from all to 10.244.0.0/16 lookup main');
    expect(ruleText(rule(5000, { from: prefix('10.244.0.5/32'), table: 10 }), links)).toBe(
      'from 10.244.0.5 lookup 10 (VRF red)',
    );
    expect(ruleText(usual[3]!, links)).toBe('from all lookup the table of the VRF');
    expect(ruleText(rule(1, { mark: 16, input: 'eth0', flags: 2 }), links)).toBe(
      'not from all fwmark 0x10 iif eth0 lookup main',
    );
    expect(ruleText(rule(1, { action: 'prohibit', table: 0 }), links)).toBe('from all prohibit');
  });

  it('for tables are their VRF or their name', () => {
    expect([10, 254, 255, 77].map((table) => tableText(table, links))).toEqual(['10 (VRF red)', 'main', 'local', '77']);
  });

  it('for VRFs are those of members and of the VRF itself', () => {
    expect([3, 4, 2, 6, undefined].map((index) => vrfOf(index, links)?.name)).toEqual([
      'red',
      'red',
      undefined,
      undefined,
      undefined,
    ]);
  });
});
