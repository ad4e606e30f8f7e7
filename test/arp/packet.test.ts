import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArpPacket, arpProbe, decodeArp, encodeArp, gratuitousArp } from '../../src/arp/packet.ts';
import { address, toU32 } from '../../src/lib/address.ts';
import { BROADCAST_MAC, type Mac, parseMac } from '../../src/lib/mac.ts';
import { flips, truncations } from '../support/bgp.ts';
import { golden } from '../support/hex.ts';

const mac = (text: string): Mac => parseMac(text)!;
const ip = (text: string): number => toU32(address(text).bytes);
const here = mac('02:00:5e:10:00:01');
const other = mac('02:00:5e:10:00:02');
const vip = ip('192.0.2.200');
const asker = ip('192.0.2.9');

const request: ArpPacket = {
  ...{ destination: BROADCAST_MAC, source: other, operation: 1 },
  ...{ senderMac: other, senderIp: asker, targetMac: 0, targetIp: vip },
};
const [gratuitousRequest, gratuitousReply] = gratuitousArp(here, vip);

const rows = golden<ArpPacket>('arp', {
  request,
  'request-padded': request,
  'request-unicast': { ...request, destination: here },
  reply: {
    ...{ destination: other, source: here, operation: 2 },
    ...{ senderMac: here, senderIp: vip, targetMac: other, targetIp: asker },
  },
  'gratuitous-request': gratuitousRequest,
  'gratuitous-reply': gratuitousReply,
  probe: arpProbe(here, vip),
});

describe('ARP frames', () => {
  it.each(rows)('%s: octets to packet', (_, bytes, packet) => {
    expect(decodeArp(bytes)).toEqual(packet);
  });

  it.each(rows)('%s: packet to octets', (_, bytes, packet) => {
    // A driver pads, not the encoder.
    expect(encodeArp(packet)).toEqual(bytes.subarray(0, 42));
    const buffer = new Uint8Array(64).fill(0xee);
    expect(encodeArp(packet, buffer)).toEqual(bytes.subarray(0, 42));
    expect(buffer.subarray(42).every((octet) => octet === 0xee)).toBe(true);
  });

  it.each(rows)('%s: cut anywhere in the packet it is truncated', (_, bytes) => {
    const cut = truncations(bytes.slice(0, 42));
    expect(cut).toHaveLength(42);
    for (const piece of cut) expect(decodeArp(piece)).toBe('truncated');
  });

  it.each(rows)('%s: with any bit flipped it is another packet, or refused for what it is', (_, bytes, packet) => {
    const faults = new Set<string>();
    for (const flipped of flips(bytes.slice(0, 42))) {
      const result = decodeArp(flipped);
      if (typeof result === 'string') faults.add(result);
      else expect(result).not.toEqual(packet);
    }
    expect(faults).toEqual(new Set(['etherType', 'hardwareType', 'protocolType', 'addressLength']));
  });

  it('come back from any octets as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 64 }), (bytes) => {
        const frame = bytes.slice();
        if (frame.length >= 20) frame.set([0x08, 0x06, 0, 1, 8, 0, 6, 4], 12);
        const packet = decodeArp(frame);
        if (typeof packet === 'string') expect(frame.length).toBeLessThan(42);
        else expect(encodeArp(packet)).toEqual(frame.subarray(0, 42));
      }),
    );
  });
});
