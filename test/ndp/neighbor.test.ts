import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { type Mac, parseMac } from '../../src/lib/mac.ts';
import {
  decodeNeighbor,
  encodeNeighbor,
  groupMac,
  type NeighborFault,
  type NeighborFrame,
  neighborProbe,
  solicitedNode,
  unsolicitedAdvertisement,
} from '../../src/ndp/neighbor.ts';
import { flips, truncations } from '../support/bgp.ts';
import { golden, hexFiles } from '../support/hex.ts';

const mac = (text: string): Mac => parseMac(text)!;
const here = mac('02:00:5e:10:00:01');
const other = mac('02:00:5e:10:00:02');
const vip = address('2001:db8::c8');
const asker = address('2001:db8::9');
const group = address('ff02::1:ff00:c8');
const flags = { router: false, solicited: false, override: false };

const rows = golden<NeighborFrame>('ndp/neighbor', {
  solicitation: {
    ...{ destination: mac('33:33:ff:00:00:c8'), source: other, from: asker, to: group },
    message: { type: 'solicitation', target: vip, sourceLinkLayer: other },
  },
  'solicitation-unicast': {
    ...{ destination: here, source: other, from: asker, to: vip },
    message: { type: 'solicitation', target: vip },
  },
  'solicitation-probe': neighborProbe(other, vip),
  advertisement: {
    ...{ destination: other, source: here, from: vip, to: asker },
    message: { type: 'advertisement', ...flags, solicited: true, target: vip, targetLinkLayer: here },
  },
  'advertisement-unsolicited': unsolicitedAdvertisement(here, vip),
  'advertisement-router': {
    ...{ destination: other, source: here, from: vip, to: address('fe80::9') },
    message: { type: 'advertisement', router: true, solicited: true, override: true, target: vip },
  },
});

const files = hexFiles('ndp/neighbor');
/** A fixture with octets replaced, its checksum put right or left as it was. */
function changed(name: string, changes: Readonly<Record<number, number>>, sum = true): Uint8Array {
  const bytes = files.get(name)!.slice();
  for (const [at, octet] of Object.entries(changes)) bytes[Number(at)] = octet;
  if (sum) {
    bytes.set([0, 0], 56);
    let total = bytes.length - 54 + 58;
    for (let i = 22; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    bytes.set([(~total >> 8) & 0xff, ~total & 0xff], 56);
  }
  return bytes;
}

describe('neighbour discovery frames', () => {
  it.each(rows)('%s: octets to message', (_, bytes, frame) => {
    expect(decodeNeighbor(bytes)).toEqual(frame);
    const padded = new Uint8Array(bytes.length + 9).fill(0xee);
    padded.set(bytes);
    expect(decodeNeighbor(padded)).toEqual(frame);
  });

  it.each(rows)('%s: message to octets', (_, bytes, frame) => {
    expect(encodeNeighbor(frame)).toEqual(bytes);
    // A buffer that was used before leaves no trace.
    expect(encodeNeighbor(frame, new Uint8Array(128).fill(0xee))).toEqual(bytes);
  });

  it.each(rows)('%s: cut anywhere it is truncated', (_, bytes) => {
    for (const piece of truncations(bytes)) expect(decodeNeighbor(piece)).toBe('truncated');
  });

  it.each(rows)('%s: a flipped bit behind the Ethernet header is never overlooked', (_, bytes) => {
    const unprotected = new Set([14, 15, 16, 17]); // version, traffic class, flow label
    for (const flipped of flips(bytes, 14)) {
      const at = flipped.findIndex((octet, i) => octet !== bytes[i]);
      const result = decodeNeighbor(flipped);
      if (!unprotected.has(at)) expect(typeof result, `octet ${at}`).toBe('string');
    }
  });

  it.each<[NeighborFault, string, Readonly<Record<number, number>>]>([
    ['etherType', 'solicitation', { 12: 8 }],
    ['version', 'solicitation', { 14: 0x40 }],
    ['nextHeader', 'solicitation', { 20: 44 }],
    ['messageType', 'solicitation', { 54: 134 }],
    ['hopLimit', 'solicitation', { 21: 254 }],
    ['code', 'solicitation', { 55: 1 }],
    ['target', 'solicitation', { 62: 0xff }],
    ['option', 'solicitation', { 79: 0 }],
    ['option', 'solicitation', { 79: 2 }],
    ['sourceLinkLayer', 'solicitation', Object.fromEntries(Array.from({ length: 16 }, (_, i) => [22 + i, 0]))],
    ['destination', 'solicitation-probe', { 50: 0xfe }],
    ['destination', 'advertisement-unsolicited', { 58: 0x40 }],
    ['target', 'advertisement', { 62: 0xff }],
    ['option', 'advertisement', { 79: 0 }],
  ])('%s: %s with %o', (fault, name, changes) => {
    expect(decodeNeighbor(changed(name, changes))).toBe(fault);
  });

  it('with a wrong checksum are refused, and the helper of these tests makes right ones', () => {
    expect(decodeNeighbor(changed('solicitation', { 56: 0, 57: 0 }, false))).toBe('checksum');
    expect(decodeNeighbor(changed('solicitation', {}))).toEqual(rows.find(([name]) => name === 'solicitation')![2]);
  });

  it('shorter than their fixed part are refused', () => {
    const bytes = files.get('solicitation-unicast')!.slice(0, -1);
    bytes[19] = 23;
    expect(decodeNeighbor(bytes)).toBe('length');
  });

  it('throw nothing, whatever the octets', () => {
    fc.assert(
      fc.property(fc.constantFrom(...files.values()), fc.array(fc.tuple(fc.nat(85), fc.nat(255))), (bytes, changes) => {
        const damaged = bytes.slice();
        for (const [at, octet] of changes) if (at < damaged.length) damaged[at] = octet;
        const frame = decodeNeighbor(damaged);
        if (typeof frame === 'string') return;
        expect(decodeNeighbor(encodeNeighbor(frame))).toEqual(frame);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('solicited-node groups', () => {
  it.each([
    ['2001:db8::c8', 'ff02::1:ff00:c8', '33:33:ff:00:00:c8'],
    ['fe80::200:5eff:fe10:1', 'ff02::1:ff10:1', '33:33:ff:10:00:01'],
    ['2001:db8:aaaa::12:3456:789a', 'ff02::1:ff56:789a', '33:33:ff:56:78:9a'],
  ])('%s', (target, expected, ethernet) => {
    expect(solicitedNode(address(target))).toEqual(address(expected));
    expect(groupMac(solicitedNode(address(target)))).toBe(mac(ethernet));
  });
});
