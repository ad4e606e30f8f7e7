/** Whether another node has an address is asked before it is taken, where addresses are to stay where they are. */
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { encodeNeighbor, unsolicitedAdvertisement } from '../../src/ndp/neighbor.ts';
import { claim, eth0, host, request, rules, snapshot, solicitation, vip, vip6, Wire } from '../support/layer2.ts';

const sticky = { ...rules, stickiness: true };
const low = 0x02005e100001;
const high = 0x02005e1000ff;
const burst4 = [`eth0 gratuitous request ${vip}`, `eth0 gratuitous reply ${vip}`];
const answer6 = (mac: number) => encodeNeighbor(unsolicitedAdvertisement(mac, address(vip6)));

function start(addresses: readonly string[] = [vip]): Wire {
  const wire = new Wire();
  const lines = [...wire.apply(snapshot([eth0], addresses, { rules: sticky })), ...wire.run(20)];
  expect(lines).toEqual(addresses.map((ip) => `eth0 probe ${ip}`));
  return wire;
}
/** Until the first announcement, or for so long. */
const silence = 1_000;

describe('before an address is taken over', () => {
  it('it is asked for three times, and answered for only when nobody has answered', () => {
    const wire = start([vip, vip6]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.receive(eth0, solicitation(vip6))).toEqual([]);
    const lines = wire.run(silence);
    const probes = [`eth0 probe ${vip}`, `eth0 probe ${vip6}`];
    expect(lines).toEqual([...probes, ...probes, ...burst4, `eth0 unsolicited ${vip6}`]);
    expect(wire.receive(eth0, request(vip))).toEqual([`eth0 reply ${vip} to host`]);
    expect(wire.reports).toEqual([]);
  });

  it.each<[string, string, Uint8Array, string[]]>([
    ['IPv4', vip, claim(vip, host), burst4],
    ['IPv6', vip6, answer6(host), [`eth0 unsolicited ${vip6}`]],
  ])('an answer leaves it to whoever has it, until that falls silent: %s', (_, ip, answer, burst) => {
    const wire = start([ip]);
    for (let turn = 0; turn < 20; turn++) {
      expect(wire.receive(eth0, answer)).toEqual([]);
      expect(wire.run(wire.nowMs + 3_100)).toEqual([`eth0 probe ${ip}`]);
    }
    expect(wire.stages()).toEqual([`eth0 ${ip} defer`]);
    expect(wire.announcer.takeCounters().find((row) => row.ip === ip)?.claims ?? 0).toBe(0);
    const lines = wire.run(wire.nowMs + silence);
    expect(lines.slice(0, 2)).toEqual([`eth0 probe ${ip}`, `eth0 probe ${ip}`]);
    expect(lines.slice(2)).toEqual(burst);
    expect(wire.stages()).toEqual([`eth0 ${ip} end`, `eth0 ${ip} resume`]);
  });

  it('and of two that ask at once the one with the lower hardware address goes first', () => {
    const probe = (mac: number) => request(vip, { senderIp: 0, senderMac: mac, source: mac });
    const yields = start();
    yields.receive(eth0, probe(low));
    expect(yields.stages()).toEqual([`eth0 ${vip} defer`]);
    const goes = start();
    goes.receive(eth0, probe(high));
    expect(goes.run(silence)).toEqual([`eth0 probe ${vip}`, `eth0 probe ${vip}`, ...burst4]);
    const six = start([vip6]);
    six.receive(eth0, solicitation(vip6, { from: address('::'), source: low, message: ask6 }));
    expect(six.stages()).toEqual([`eth0 ${vip6} defer`]);
  });
});
const ask6 = { type: 'solicitation', target: address(vip6) } as const;

it('an address that is held is answered for when it is asked for, as it must be for others to defer', () => {
  const wire = start();
  wire.run(silence);
  expect(wire.receive(eth0, request(vip, { senderIp: 0, senderMac: low, source: low }))).toHaveLength(1);
  expect(wire.stages()).toEqual([]);
});

it('after a time without a carrier another node may have it, so it is asked for again', () => {
  const wire = start();
  wire.run(20_000);
  expect(wire.apply(snapshot([{ ...eth0, running: false }], [vip], { rules: sticky }))).toEqual([]);
  wire.run(30_000);
  expect(wire.apply(snapshot([eth0], [vip], { rules: sticky }))).toEqual([`eth0 probe ${vip}`]);
  expect(wire.receive(eth0, request(vip))).toEqual([]);
  wire.receive(eth0, claim(vip, host));
  expect(wire.stages()).toEqual([`eth0 ${vip} defer`]);
});

describe('when nodes that did not hear each other do again, and each has the address', () => {
  const taken = (): Wire => {
    const wire = start();
    wire.run(20_000);
    return wire;
  };
  const renewed = (rules = sticky) => snapshot([eth0], [vip], { rules, renewals: 1 });

  it('each is silent and asks; the one with the lower hardware address has it from then on', () => {
    const wire = taken();
    expect(wire.apply(renewed())).toEqual([`eth0 probe ${vip}`]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    wire.receive(eth0, request(vip, { senderIp: 0, senderMac: high, source: high }));
    expect(wire.run(wire.nowMs + silence)).toEqual([`eth0 probe ${vip}`, `eth0 probe ${vip}`, ...burst4]);
    const other = taken();
    other.apply(renewed());
    other.receive(eth0, request(vip, { senderIp: 0, senderMac: low, source: low }));
    expect(other.stages()).toEqual([`eth0 ${vip} defer`]);
  });

  it('one that asks while the other answers leaves it to that', () => {
    const wire = taken();
    wire.apply(renewed());
    wire.receive(eth0, claim(vip, high));
    expect(wire.stages()).toEqual([`eth0 ${vip} defer`]);
  });

  it('a claim that stood is over with the question, and asks no second time', () => {
    const wire = taken();
    wire.receive(eth0, claim(vip, host));
    expect(wire.stages()).toEqual([`eth0 ${vip} begin`]);
    wire.apply(renewed());
    expect(wire.stages()).toEqual([`eth0 ${vip} end`]);
    wire.run(wire.nowMs + silence);
    wire.run(wire.nowMs + 20_000);
    expect(wire.apply(renewed())).toEqual([]);
    expect(wire.receive(eth0, request(vip))).toHaveLength(1);
  });

  it('without stickiness the one that is chosen announces it anew', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip]));
    wire.run(20_000);
    expect(wire.apply(renewed(rules))).toEqual(burst4);
  });
});

it('what is given up while it is asked for is over, and nothing more is sent for it', () => {
  const wire = start();
  wire.receive(eth0, claim(vip, host));
  expect(wire.apply(snapshot([eth0], [], { rules: sticky }))).toEqual([]);
  expect(wire.run(60_000)).toEqual([]);
  expect(wire.stages()).toEqual([`eth0 ${vip} defer`, `eth0 ${vip} end`]);
});

it('questions leave in groups, not all at once', () => {
  const addresses = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const wire = new Wire();
  const first = wire.apply(snapshot([eth0], addresses, { rules: sticky }));
  expect(first.length).toBeLessThan(300);
  const rest = wire.run(300);
  expect(new Set([...first, ...rest]).size).toBe(1000);
});
