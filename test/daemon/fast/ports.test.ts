import { expect, it } from 'vitest';
import { portsOf } from '../../../src/daemon/fast/ports.ts';
import { macBytes } from '../../../src/lib/mac.ts';
import { type Link, LinkFlag } from '../../../src/netlink/link.ts';

const { up, broadcast, multicast, lowerUp, loopback, noArp } = LinkFlag;
const flags = up | broadcast | multicast | lowerUp;
const link = (index: number, name: string, changes: Partial<Link> = {}): Link => ({
  ...{ index, name, type: 1, flags, changed: 0, address: macBytes(0x02005e100000 + index) },
  ...changes,
});
const port = (index: number, name: string, running = true) => ({
  ...{ index, name, mac: 0x02005e100000 + index, running, arp: true, ndp: true },
});

it('takes the interfaces that answer out of the links, and says why the others do not', () => {
  const links = [
    link(1, 'lo', { type: 772, flags: flags | loopback, address: new Uint8Array(6) }),
    link(2, 'eth0'),
    link(3, 'eth1', { master: 10 }),
    link(4, 'eth2', { master: 11 }),
    link(5, 'eth3', { master: 99 }),
    link(6, 'eth4', { flags: flags & ~lowerUp, master: 0 }),
    link(7, 'wg0', { type: 65534, address: new Uint8Array(0) }),
    link(8, 'docker0'),
    link(9, 'eth5', { mtu: 576 }),
    link(10, 'br0', { info: { kind: 'bridge' } }),
    link(11, 'red', { info: { kind: 'vrf', table: 100 }, flags: flags | noArp }),
  ];
  const { ports, macs, ineligible } = portsOf(links, [/^docker/]);
  expect(ports).toEqual([
    port(2, 'eth0'),
    port(4, 'eth2'),
    port(6, 'eth4', false),
    { ...port(9, 'eth5'), ndp: false },
    port(10, 'br0'),
  ]);
  expect(macs).toEqual([2, 3, 4, 5, 6, 8, 9, 10, 11].map((index) => 0x02005e100000 + index));
  expect(Object.fromEntries(ineligible)).toEqual({
    ...{ lo: 'loopback', eth1: 'enslaved', eth3: 'enslaved', wg0: 'notEthernet', docker0: 'excluded', red: 'noArp' },
  });
});
