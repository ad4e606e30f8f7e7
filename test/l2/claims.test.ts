import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { encodeNeighbor, unsolicitedAdvertisement } from '../../src/ndp/neighbor.ts';
import { claim, eth0, eth1, host, request, rules, snapshot, solicitation, vip, vip6, Wire } from '../support/layer2.ts';

const set = (conflict: 'report' | 'defend' | 'yield', ports = [eth0], addresses = [vip, vip6]): Wire => {
  const wire = new Wire();
  wire.apply(snapshot(ports, addresses, { rules: { ...rules, conflict } }));
  wire.run(10_000);
  return wire;
};
const advertisement = (mac: number) => encodeNeighbor(unsolicitedAdvertisement(mac, address(vip6)));

describe('another host that claims an announced address', () => {
  it.each<[string, (mac: number) => Uint8Array, string]>([
    ['by announcing it', (mac) => claim(vip, mac), vip],
    ['by asking from it', (mac) => request('192.0.2.7', { senderIp: 0xc00002c8, senderMac: mac, source: mac }), vip],
    ['by answering', (mac) => request('192.0.2.7', { operation: 2, senderIp: 0xc00002c8, senderMac: mac }), vip],
    ['by advertising it', advertisement, vip6],
    [
      'by soliciting from it',
      (mac) =>
        solicitation('2001:db8::7', {
          from: address(vip6),
          message: { type: 'solicitation', target: address('2001:db8::7'), sourceLinkLayer: mac },
        }),
      vip6,
    ],
  ])('is reported: %s', (_, frame, ip) => {
    const wire = set('report');
    wire.receive(eth0, frame(host));
    expect(wire.reports).toEqual([
      { type: 'conflict', ip, interface: 'eth0', mac: '02:00:5e:10:00:02', stage: 'begin' },
    ]);
    wire.receive(eth0, frame(host));
    expect(wire.announcer.takeCounters().find((row) => row.ip === ip)?.claims).toBe(2);
    wire.run(200_000);
    expect(wire.stages()).toEqual([`eth0 ${ip} begin`, `eth0 ${ip} end`]);
  });

  it('is not this node itself, on whatever interface it hears itself', () => {
    const wire = set('yield', [eth0, eth1]);
    const own = snapshot([eth0, eth1], [vip, vip6], { macs: [0x02005e1000ff], rules: { ...rules, conflict: 'yield' } });
    wire.apply(own);
    for (const mac of [eth0.mac, eth1.mac, 0x02005e1000ff])
      for (const frame of [claim(vip, mac), advertisement(mac)]) wire.receive(eth0, frame);
    expect(wire.reports).toEqual([]);
  });

  it('is no matter where the address is not announced', () => {
    const wire = set('yield', [eth0, eth1], [`${vip}@eth1`]);
    wire.receive(eth0, claim(vip));
    expect(wire.reports).toEqual([]);
  });

  it('only asks, when it probes: it is answered, and there is no conflict', () => {
    const wire = set('yield');
    expect(wire.receive(eth0, request(vip, { senderIp: 0 }))).toEqual([`eth0 reply ${vip} to host`]);
    expect(wire.reports).toEqual([]);
  });

  it('is told otherwise at most every ten seconds', () => {
    const wire = set('defend');
    const defence = [`eth0 gratuitous request ${vip}`, `eth0 gratuitous reply ${vip}`];
    expect(wire.receive(eth0, claim(vip))).toEqual(defence);
    for (let i = 0; i < 99; i++) {
      wire.run(wire.nowMs + 100);
      expect(wire.receive(eth0, claim(vip))).toEqual([]);
    }
    wire.run(wire.nowMs + 100);
    expect(wire.receive(eth0, claim(vip))).toEqual(defence);
    expect(wire.receive(eth0, advertisement(host))).toEqual([`eth0 unsolicited ${vip6}`]);
    expect(wire.receive(eth0, request(vip))).toEqual([`eth0 reply ${vip} to host`]);
  });

  it('with a lower address is yielded to on that interface, until it is gone', () => {
    const wire = set('yield', [eth0, eth1]);
    expect(wire.receive(eth0, claim(vip))).toEqual([]);
    expect(wire.stages()).toEqual([`eth0 ${vip} begin`, `eth0 ${vip} yield`]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.receive(eth1, request(vip))).toEqual([`eth1 reply ${vip} to host`]);
    // The claim is one of the two.
    expect(wire.drops()).toMatchObject({ eth0: { yielded: 2 } });
    expect(wire.run(wire.nowMs + 61_000)).toEqual([`eth0 probe ${vip}`]);
    expect(wire.run(wire.nowMs + 2_000)).toEqual([`eth0 gratuitous request ${vip}`, `eth0 gratuitous reply ${vip}`]);
    expect(wire.stages()).toEqual([`eth0 ${vip} end`, `eth0 ${vip} resume`]);
    expect(wire.receive(eth0, request(vip))).toEqual([`eth0 reply ${vip} to host`]);
  });

  it('is yielded to once, however two hosts quarrel over the address', () => {
    const wire = set('yield');
    for (let i = 0; i < 1000; i++) {
      wire.receive(eth0, claim(vip));
      wire.receive(eth0, claim(vip, 0x02005e1000ff));
    }
    expect(wire.stages()).toEqual([`eth0 ${vip} begin`, `eth0 ${vip} yield`]);
    expect(wire.announcer.takeCounters().find((row) => row.ip === vip)?.claims).toBe(2000);
  });

  it('keeps an IPv6 address for as long as it answers probes', () => {
    const wire = set('yield');
    wire.receive(eth0, advertisement(host));
    for (let round = 0; round < 3; round++) {
      expect(wire.run(wire.nowMs + 60_500)).toEqual([`eth0 probe ${vip6}`]);
      expect(wire.receive(eth0, advertisement(host))).toEqual([]);
    }
    expect(wire.stages()).toEqual([`eth0 ${vip6} begin`, `eth0 ${vip6} yield`]);
  });

  it('makes a burst end, and no snapshot begins another', () => {
    const wire = new Wire();
    const s = () => snapshot([eth0], [vip], { rules: { ...rules, conflict: 'yield' } });
    wire.apply(s());
    wire.receive(eth0, claim(vip));
    expect(wire.run(30_000)).toEqual([]);
    expect(wire.apply(s())).toEqual([]);
    const next = s();
    expect(wire.apply({ ...next, addresses: next.addresses.map((a) => ({ ...a, epoch: 7 })) })).toEqual([]);
    expect(wire.run(50_000)).toEqual([]);
  });

  it('stands under the name that the interface has now', () => {
    const wire = set('yield', [eth0, eth1]);
    wire.receive(eth0, claim(vip));
    wire.receive(eth1, claim(vip, 0x02005e1000ff));
    wire.stages();
    const [lan0, lan1] = [eth0, eth1].map((port, i) => ({ ...port, name: `lan${i}` }));
    wire.apply(snapshot([lan0!, lan1!], [vip], { rules: { ...rules, conflict: 'yield' } }));
    expect(wire.stages()).toEqual([`eth0 ${vip} end`, `lan0 ${vip} yield`, `eth1 ${vip} end`, `lan1 ${vip} begin`]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    wire.run(wire.nowMs + 63_000);
    expect(wire.stages().sort()).toEqual([`lan0 ${vip} end`, `lan0 ${vip} resume`, `lan1 ${vip} end`]);
  });

  it.each<[string, Parameters<typeof snapshot>]>([
    ['the address is given up', [[eth0], [vip6]]],
    ['the interface goes', [[eth1], [vip]]],
    ['the carrier goes', [[{ ...eth0, running: false }], [vip]]],
  ])('is forgotten when %s', (_, [ports, addresses]) => {
    const wire = set('yield');
    wire.receive(eth0, claim(vip));
    wire.stages();
    wire.apply(snapshot(ports, addresses));
    expect(wire.stages()).toEqual([`eth0 ${vip} end`]);
    wire.run(wire.nowMs + 100_000);
    expect(wire.stages()).toEqual([]);
    expect(wire.apply(snapshot([eth0], [vip])).filter((line) => line.startsWith('eth0'))).toHaveLength(2);
  });
});
