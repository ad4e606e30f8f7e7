/** The rows of `show vrfs` on a node whose VRFs somebody else has made. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type Glance, seenLinks } from '../../../src/daemon/network/glance.ts';
import { Network } from '../../../src/daemon/network/network.ts';
import { vrfRows } from '../../../src/daemon/network/view.ts';
import type { Link } from '../../../src/netlink/link.ts';

const none = () => {
  throw new Error('nothing is wanted of the network');
};
const networkWith = (glance: () => Glance | undefined): Network =>
  new Network({
    log: pino({ level: 'silent' }),
    sessions: () => new Set(),
    isPeer: () => false,
    applied: () => {},
    happened: () => {},
    parts: { glance, kernel: none, store: none, watch: none },
  });

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  ...{ index, name, type: 1, flags: 0, changed: 0 },
  ...more,
});

test('they are shown, with their links and what holds for these, and nothing of ours is in it', () => {
  const links = seenLinks([
    link(1, 'lo'),
    link(2, 'eth1', { master: 3 }),
    link(3, 'red', { info: { kind: 'vrf', table: 1100 } }),
    link(4, 'eth0', { master: 5 }),
    link(5, 'br0', { alias: 'waypost' }),
  ]);
  const rule = { family: 4, priority: 1000, l3mdev: true, action: 'table', table: 0, protocol: 2, flags: 0 } as const;
  const sysctls = new Map([
    ['net/ipv4/conf/eth1/rp_filter', '2'],
    ['net/ipv4/conf/eth0/rp_filter', '1'],
    ['net/ipv4/tcp_l3mdev_accept', '0'],
  ]);
  expect([...vrfRows(networkWith(() => ({ links, rules: [rule], sysctls })))]).toEqual([
    {
      name: 'red',
      table: 1100,
      interfaces: ['eth1'],
      managed: false,
      rules: [{ family: 'ipv4', rule: expect.stringMatching(/^1000: .*l3mdev/), own: false }],
      sysctls: { 'net.ipv4.conf.eth1.rp_filter': '2', 'net.ipv4.tcp_l3mdev_accept': '0' },
      exists: true,
      policies: [],
      state: null,
      reason: null,
    },
  ]);
});

test('where the system cannot be asked there are none', () => {
  expect([...vrfRows(networkWith(() => undefined))]).toEqual([]);
});
