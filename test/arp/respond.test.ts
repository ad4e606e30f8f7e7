import { describe, expect, it } from 'vitest';
import type { ArpPacket } from '../../src/arp/packet.ts';
import { type ArpReason, respondArp, type Standing } from '../../src/arp/respond.ts';
import { BROADCAST_MAC } from '../../src/lib/mac.ts';

const here = 0x02005e100001;
const asker = 0x02005e100002;
const third = 0x02005e100003;
const vip = 0xc00002c8;
const request: ArpPacket = {
  ...{ destination: BROADCAST_MAC, source: asker, operation: 1 },
  ...{ senderMac: asker, senderIp: 0xc0000209, targetMac: 0, targetIp: vip },
};
const respond = (change: Partial<ArpPacket>, standing: Standing = 'here') =>
  respondArp({ ...request, ...change }, { mac: here, standing: (ip) => (ip === vip ? standing : 'none') });

describe('ARP requests', () => {
  it.each<[string, Partial<ArpPacket>]>([
    ['broadcast', {}],
    ['unicast to this interface', { destination: here }],
    ['of a probe, from 0.0.0.0', { senderIp: 0 }],
    ['from a host that has the same address on another link', { senderIp: 0x0a000001 }],
    ['that names its target, whichever it takes it for', { targetMac: third }],
  ])('are answered: %s', (_, change) => {
    const asked = { ...request, ...change };
    expect(respond(change)).toEqual({
      ...{ destination: asker, source: here, operation: 2 },
      ...{ senderMac: here, senderIp: vip, targetMac: asker, targetIp: asked.senderIp },
    });
  });

  it('are answered to the one that the packet names, not to who passed it on', () => {
    expect(respond({ source: third })).toMatchObject({ destination: asker, targetMac: asker });
  });

  it.each<[ArpReason, Partial<ArpPacket>, Standing?]>([
    ['arpReply', { operation: 2 }],
    ['arpReply', { operation: 3 }],
    ['arpReply', { operation: 0 }],
    ['ethernetDestination', { destination: third }],
    ['ethernetDestination', { destination: 0x01005e000001 }],
    ['announceIP', { targetIp: vip + 1 }],
    ['announceIP', {}, 'none'],
    ['notMatchInterface', {}, 'elsewhere'],
    ['yielded', {}, 'yielded'],
    ['gratuitous', { senderIp: vip }],
    ['senderMac', { senderMac: BROADCAST_MAC }],
    ['senderMac', { senderMac: 0x01005e000001 }],
    ['senderMac', { senderMac: 0 }],
  ])('%s: %o', (reason, change, standing) => {
    expect(respond(change, standing)).toBe(reason);
  });

  it('give the first reason of many, in this order', () => {
    // Each row has everything wrong that the rows below it have.
    const wrong: [ArpReason, Partial<ArpPacket>][] = [
      ['arpReply', { operation: 2 }],
      ['ethernetDestination', { destination: third }],
      ['announceIP', { targetIp: vip + 1 }],
      ['gratuitous', { senderIp: vip }],
      ['senderMac', { senderMac: 0 }],
    ];
    for (let first = 0; first < wrong.length; first++) {
      const changes: Partial<ArpPacket> = Object.assign({}, ...wrong.slice(first).map(([, change]) => change));
      expect(respond(changes)).toBe(wrong[first]![0]);
    }
  });
});
