import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Announcer } from '../../src/l2/announcer.ts';
import { eth0, eth1, hostIp, request, rules, snapshot, solicitation, vip, vip6, Wire } from '../support/layer2.ts';

const burst = (name: string) => [
  `${name} gratuitous request ${vip}`,
  `${name} gratuitous reply ${vip}`,
  `${name} unsolicited ${vip6}`,
];
const quiet = 100_000;

describe('an announced address', () => {
  it('is answered for on its interfaces, announced five times, and left alone afterwards', () => {
    const wire = new Wire();
    expect(wire.apply(snapshot([eth0], [vip, vip6]))).toEqual(burst('eth0'));
    expect(wire.run(1099)).toEqual([]);
    expect(wire.run(1101)).toEqual(burst('eth0'));
    expect(wire.run(quiet)).toEqual([...burst('eth0'), ...burst('eth0'), ...burst('eth0')]);
    expect(wire.announcer.nextDueMs()).toBeUndefined();
    expect(wire.receive(eth0, request(vip))).toEqual([`eth0 reply ${vip} to host`]);
    expect(wire.receive(eth0, request(vip, { senderIp: 0 }))).toEqual([`eth0 reply ${vip} to host`]);
    expect(wire.receive(eth0, solicitation(vip6))).toEqual([`eth0 advertisement ${vip6} to host`]);
  });

  it('is nothing to interfaces that it is not announced on', () => {
    const wire = new Wire();
    expect(wire.apply(snapshot([eth0, eth1], [`${vip}@eth1,eth9`, `${vip6}@eth0`]))).toEqual([
      `eth0 unsolicited ${vip6}`,
      ...burst('eth1').slice(0, 2),
    ]);
    wire.run(quiet);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.receive(eth1, solicitation(vip6))).toEqual([]);
    expect(wire.receive(eth1, request('192.0.2.201'))).toEqual([]);
    expect(wire.drops()).toEqual({ eth0: { notMatchInterface: 1 }, eth1: { notMatchInterface: 1, announceIP: 1 } });
  });

  it('is announced where a pattern matches the name of an interface', () => {
    const wire = new Wire();
    expect(wire.apply(snapshot([eth0, eth1], [`${vip}@eth9,/1$/`]))).toEqual(burst('eth1').slice(0, 2));
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.receive(eth1, request(vip))).toEqual([`eth1 reply ${vip} to host`]);
  });

  it('is given up by a snapshot that does not have it, whatever that is numbered', () => {
    const wire = new Wire();
    const s = snapshot([eth0], [vip]);
    wire.apply(s);
    wire.apply({ ...s, addresses: [] });
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.drops()).toEqual({ eth0: { announceIP: 1 } });
  });

  it('is given up at once, and nothing is sent for it any more', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip, vip6]));
    wire.run(500);
    expect(wire.apply(snapshot([eth0], [vip6]))).toEqual([]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.run(quiet)).toEqual(Array.from({ length: 4 }, () => `eth0 unsolicited ${vip6}`));
    expect(wire.apply(snapshot([eth0], [vip, vip6]))).toEqual(burst('eth0').slice(0, 2));
  });

  it('is not announced again by a snapshot that says the same, unless its epoch is another', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip]));
    wire.run(quiet);
    expect(wire.apply(snapshot([eth0], [vip]))).toEqual([]);
    const again = snapshot([eth0], [vip]);
    const next = again.addresses.map((announced) => ({ ...announced, epoch: 1 }));
    expect(wire.apply({ ...again, addresses: next })).toHaveLength(2);
    expect(wire.run(2 * quiet)).toHaveLength(8);
  });

  it('needs ARP or multicast on the interface', () => {
    const wire = new Wire();
    expect(
      wire.apply(
        snapshot(
          [
            { ...eth0, arp: false },
            { ...eth1, ndp: false },
          ],
          [vip, vip6],
        ),
      ),
    ).toEqual([`eth0 unsolicited ${vip6}`, ...burst('eth1').slice(0, 2)]);
  });
});

describe('an interface', () => {
  it('that appears gets everything, and one that goes leaves nothing behind', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip, vip6]));
    wire.run(quiet);
    expect(wire.apply(snapshot([eth0, eth1], [vip, vip6]))).toEqual(burst('eth1'));
    expect(wire.receive(eth1, request(vip))).toHaveLength(1);
    expect(wire.apply(snapshot([eth0], [vip, vip6]))).toEqual([]);
    expect(wire.receive(eth1, request(vip))).toEqual([]);
    expect(wire.run(2 * quiet)).toEqual([]);
  });

  it('without a carrier is silent, and announces everything when the carrier returns', () => {
    const wire = new Wire();
    const down = { ...eth0, running: false };
    wire.apply(snapshot([eth0], [vip, vip6]));
    wire.run(2000);
    expect(wire.apply(snapshot([down], [vip, vip6]))).toEqual([]);
    expect(wire.receive(eth0, request(vip))).toEqual([]);
    expect(wire.run(20_000)).toEqual([]);
    expect(wire.apply(snapshot([eth0], [vip, vip6]))).toEqual(burst('eth0'));
    expect(wire.run(quiet)).toHaveLength(12);
  });

  it('that has no carrier yet waits for it', () => {
    const wire = new Wire();
    expect(wire.apply(snapshot([{ ...eth0, running: false }], [vip]))).toEqual([]);
    expect(wire.apply(snapshot([eth0], [vip]))).toHaveLength(2);
  });

  it('with another hardware address announces everything from that, and answers with it', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip, vip6]));
    wire.run(quiet);
    const changed = { ...eth0, mac: 0x02005e1000aa };
    expect(wire.apply(snapshot([changed], [vip, vip6]))).toEqual(burst('eth0'));
    expect(wire.receive(eth0, request(vip, { destination: eth0.mac }))).toEqual([]);
    expect(wire.receive(eth0, request(vip, { destination: changed.mac }))).toHaveLength(1);
    expect([...wire.announcer.held()].map((state) => state.arp.mac)).toEqual([changed.mac]);
  });

  it('behind another port of a switch announces everything again, once', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0, eth1], [vip, vip6]));
    wire.run(quiet);
    expect(wire.apply(snapshot([{ ...eth0, moves: 1 }, eth1], [vip, vip6]))).toEqual(burst('eth0'));
    wire.run(2 * quiet);
    expect(wire.apply(snapshot([{ ...eth0, moves: 1 }, eth1], [vip, vip6]))).toEqual([]);
    expect(wire.apply(snapshot([{ ...eth0, moves: 2 }, eth1], [vip, vip6]))).toEqual(burst('eth0'));
  });

  it('wants filters and groups that follow the addresses, and are the same object while those stay', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0, eth1], [vip, `${vip6}@eth1`]));
    const wants = () => [...wire.announcer.held()].map((state) => state.wants());
    const [zero, one] = wants();
    expect(zero).toEqual({ ranges4: [[0xc00002c8, 0xc00002c8]], ranges6: [], groups: new Map() });
    expect([...one!.groups.keys()]).toEqual([0x3333ff0000c8]);
    wire.apply(snapshot([eth0, eth1], [vip, `${vip6}@eth1`]));
    expect(wants()[0]).toBe(zero);
    expect(wants()[1]).toBe(one);
    wire.apply(snapshot([eth0, eth1], [vip, vip6]));
    expect([...wants()[0]!.groups.keys()]).toEqual([0x3333ff0000c8]);
    expect(wants()[1]).toBe(one);
  });
});

it('announcements of many interfaces leave in turns, so that questions are answered in between', () => {
  const ports = Array.from({ length: 200 }, (_, i) => ({ ...eth0, index: 10 + i, name: `veth${i}` }));
  const addresses = Array.from({ length: 50 }, (_, i) => `10.0.0.${i}`);
  const turns: number[] = [];
  let sent = 0;
  const announcer = new Announcer({
    send: () => {
      sent++;
      return true;
    },
    report: () => {},
  });
  announcer.apply(snapshot(ports, addresses), 0);
  // All of the first round, with ten microseconds for a turn.
  for (let nowMs = 0; announcer.nextDueMs()! < 1000; nowMs += 0.01) {
    const before = sent;
    announcer.tick(nowMs);
    if (sent > before) turns.push(sent - before);
  }
  expect(sent).toBe(2 * 200 * 50);
  expect(Math.max(...turns)).toBeLessThanOrEqual(2 * 200);
});

describe('counters', () => {
  it('are those of MetalLB, per address over all interfaces, of addresses with news', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0, eth1], [vip, vip6]));
    wire.receive(eth0, request(vip));
    wire.receive(eth1, request(vip));
    wire.receive(eth0, solicitation(vip6));
    expect(wire.announcer.takeCounters()).toMatchObject([
      { ip: vip, requests: 2, responses: 2, gratuitous: 4, claims: 0 },
      { ip: vip6, requests: 1, responses: 1, gratuitous: 2, claims: 0 },
    ]);
    expect(wire.announcer.takeCounters()).toEqual([]);
    wire.full = true;
    wire.receive(eth0, request(vip));
    expect(wire.announcer.takeCounters()).toMatchObject([
      { ip: vip, requests: 3, responses: 2, gratuitous: 4, claims: 0 },
    ]);
  });

  it('tell when the first announcement left, anew for another epoch, and nothing of one that did not leave', () => {
    const wire = new Wire();
    const first = () => wire.announcer.takeCounters().map(({ firstMs }) => firstMs);
    wire.full = true;
    wire.apply(snapshot([eth0, eth1], [vip]));
    expect(first()).toEqual([undefined]);
    wire.full = false;
    wire.run(wire.nowMs + 1_100);
    const leftMs = wire.nowMs;
    expect(first()).toEqual([leftMs]);
    wire.run(wire.nowMs + 10_000);
    expect(first()).toEqual([leftMs]);
    const again = snapshot([eth0, eth1], [vip]);
    wire.apply({ ...again, addresses: again.addresses.map((each) => ({ ...each, epoch: 1 })) });
    expect(first()).toEqual([wire.nowMs]);
    wire.apply(snapshot([eth0], []));
    wire.run(wire.nowMs + 100);
    wire.apply(snapshot([eth0], [vip]));
    expect(first()).toEqual([wire.nowMs]);
  });

  it('count what is not answered by reason, damaged frames too', () => {
    const wire = new Wire();
    wire.apply(snapshot([eth0], [vip, vip6]));
    wire.take();
    wire.receive(eth0, request(vip, { operation: 2 }));
    wire.receive(eth0, request(vip).subarray(0, 41));
    wire.receive(eth0, solicitation(vip6).with(57, 0));
    wire.receive(eth0, solicitation(vip6).with(21, 64));
    expect(wire.take()).toEqual([]);
    expect(wire.drops()).toEqual({ eth0: { arpReply: 1, truncated: 1, checksum: 1, hopLimit: 1 } });
    expect(wire.drops()).toEqual({});
  });
});

it('nothing is ever sent for an address or on an interface that the latest snapshot does not have', () => {
  const ports = [eth0, eth1, { ...eth0, running: false }, { ...eth1, mac: 0x02005e100099 }];
  const addresses = [vip, vip6, `${vip}@eth0`, `${vip6}@eth1`, hostIp, '2001:db8:1::c8'];
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({
            ports: fc.uniqueArray(fc.constantFrom(...ports), { selector: (port) => port.index }),
            addresses: fc.uniqueArray(fc.constantFrom(...addresses), { selector: (text) => text.split('@')[0]! }),
          }),
          fc.record({ port: fc.constantFrom(eth0, eth1), target: fc.constantFrom(vip, hostIp, '192.0.2.201') }),
          fc.record({ port: fc.constantFrom(eth0, eth1), solicited: fc.constantFrom(vip6, '2001:db8:1::c8') }),
          fc.record({ waitMs: fc.integer({ min: 1, max: 3000 }) }),
        ),
        { maxLength: 40 },
      ),
      (events) => {
        const wire = new Wire();
        let allowed = new Set<string>();
        for (const event of events) {
          let lines: string[];
          if ('ports' in event) {
            allowed = new Set(
              event.ports
                .filter((port) => port.running)
                .flatMap(({ name }) =>
                  event.addresses
                    .map((text) => text.split('@'))
                    .filter(([, on]) => on === undefined || on === name)
                    .map(([ip]) => `${name} ${ip}`),
                ),
            );
            lines = wire.apply(snapshot(event.ports, event.addresses, { rules: { ...rules, conflict: 'yield' } }));
          } else if ('target' in event) lines = wire.receive(event.port, request(event.target));
          else if ('solicited' in event) lines = wire.receive(event.port, solicitation(event.solicited));
          else lines = wire.run(wire.nowMs + event.waitMs);
          for (const line of lines) {
            const [name, ...rest] = line.split(' ');
            const ip = rest.find((word) => /[.:]/.test(word));
            expect(allowed).toContain(`${name} ${ip}`);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
