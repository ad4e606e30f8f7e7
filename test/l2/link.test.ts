import { describe, expect, it } from 'vitest';
import { type Link, portOf } from '../../src/l2/link.ts';

const mac = 0x02005e100001;
const link: Link = {
  ...{ index: 3, name: 'eth0', mac, up: true, running: true, broadcast: true, multicast: true },
  ...{ noArp: false, loopback: false },
};
const port = { index: 3, name: 'eth0', mac, running: true, arp: true, ndp: true };

describe('interfaces that answer', () => {
  it('are Ethernet, and members of a VRF as well', () => {
    expect(portOf(link, [])).toEqual(port);
    expect(portOf({ ...link, masterKind: 'vrf' }, [])).toEqual(port);
  });

  it.each(['bridge', 'bond', 'team', 'ovs-system'])('are not members of a %s, whose frames come in there', (kind) => {
    expect(portOf({ ...link, masterKind: kind }, [])).toBe('enslaved');
  });

  it('are none that are excluded by name, loopbacks, without ARP, or no Ethernet', () => {
    expect(portOf(link, [/^docker/, /^eth0$/])).toBe('excluded');
    expect(portOf(link, [/^eth$/])).toEqual(port);
    expect(portOf({ ...link, loopback: true }, [])).toBe('loopback');
    expect(portOf({ ...link, noArp: true }, [])).toBe('noArp');
    const { mac: _, ...bare } = link;
    expect(portOf(bare, [])).toBe('notEthernet');
  });

  it('stay while they are down or have no carrier, as not running', () => {
    expect(portOf({ ...link, up: false }, [])).toEqual({ ...port, running: false });
    expect(portOf({ ...link, running: false }, [])).toEqual({ ...port, running: false });
  });

  it('answer ARP where there is a broadcast, and neighbour discovery where there is multicast', () => {
    expect(portOf({ ...link, broadcast: false }, [])).toEqual({ ...port, arp: false });
    expect(portOf({ ...link, multicast: false }, [])).toEqual({ ...port, ndp: false });
  });

  it('answer no neighbour discovery where the link is too small for IPv6', () => {
    expect(portOf({ ...link, mtu: 1279 }, [])).toEqual({ ...port, ndp: false });
    expect(portOf({ ...link, mtu: 1280 }, [])).toEqual(port);
  });
});
