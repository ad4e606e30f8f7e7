import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  authenticationName,
  type ControlPacket,
  Diagnostic,
  decodeControl,
  diagnosticName,
  encodeControl,
  MAX_PACKET_OCTETS,
  states,
} from '../../src/bfd/packet.ts';
import { equalBytes } from '../../src/lib/bytes.ts';
import { flips, truncations } from '../support/bgp.ts';
import { golden, parseHex } from '../support/hex.ts';

const A = 0x5f3a91c7;
const B = 0x80000001;
const MAX = 0xffff_ffff;

const plain: ControlPacket = {
  ...{ diagnostic: 0, state: 'Down', poll: false, final: false, controlPlaneIndependent: false, demand: false },
  ...{ detectMult: 3, myDiscriminator: A, yourDiscriminator: 0 },
  ...{ desiredMinTxUs: 1_000_000, requiredMinRxUs: 300_000, requiredMinEchoRxUs: 0 },
};
const up: ControlPacket = { ...plain, state: 'Up', yourDiscriminator: B, desiredMinTxUs: 300_000 };
const theirs = { myDiscriminator: B, yourDiscriminator: A };

const rows = golden<ControlPacket>('bfd', {
  down: plain,
  init: { ...plain, ...theirs, state: 'Init', requiredMinEchoRxUs: 50_000 },
  up,
  'up-poll': {
    ...{ ...up, poll: true, controlPlaneIndependent: true, detectMult: 5 },
    ...{ desiredMinTxUs: 50_000, requiredMinRxUs: 50_000 },
  },
  'up-final': { ...up, ...theirs, final: true, requiredMinEchoRxUs: 50_000 },
  'up-demand': { ...up, ...theirs, demand: true },
  'down-expired': { ...plain, diagnostic: Diagnostic.controlDetectionTimeExpired },
  admindown: {
    ...{ ...plain, state: 'AdminDown', diagnostic: Diagnostic.administrativelyDown },
    ...{ detectMult: 255, yourDiscriminator: B },
  },
  extremes: {
    ...{ diagnostic: 31, state: 'AdminDown', poll: true, final: true, controlPlaneIndependent: true, demand: true },
    ...{ detectMult: 255, myDiscriminator: MAX, yourDiscriminator: MAX },
    ...{ desiredMinTxUs: MAX, requiredMinRxUs: MAX, requiredMinEchoRxUs: MAX },
  },
  password: {
    ...{ ...plain, ...theirs, yourDiscriminator: 0, requiredMinRxUs: 1_000_000 },
    authentication: parseHex('01 09 01 736563726574'),
  },
  sha1: {
    ...{ ...up, ...theirs },
    authentication: parseHex('05 1c 02 00 00001001 a9993e364706816aba3e 25717850c26c9cd0d89d'),
  },
  trailer: up,
});

/** The octets that Length counts. */
const whole = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes[3]);

describe('control packets', () => {
  it.each(rows)('%s: octets to packet', (_, bytes, packet) => {
    expect(decodeControl(bytes)).toEqual(packet);
  });

  it.each(rows)('%s: packet to octets', (_, bytes, packet) => {
    expect(encodeControl(packet)).toEqual(whole(bytes));
    const buffer = new Uint8Array(64).fill(0xee);
    expect(encodeControl(packet, buffer)).toEqual(whole(bytes));
    expect(buffer.subarray(bytes[3]).every((octet) => octet === 0xee)).toBe(true);
  });

  it.each(rows)('%s: cut anywhere it is truncated', (_, bytes) => {
    const cut = truncations(whole(bytes));
    expect(cut).toHaveLength(bytes[3]!);
    for (const piece of cut) expect(decodeControl(piece)).toBe('truncated');
  });

  it.each(rows)('%s: with any bit flipped it is another packet, or refused for what it is', (_, bytes, packet) => {
    for (const flipped of flips(whole(bytes))) {
      const result = decodeControl(flipped);
      const at = flipped.findIndex((octet, i) => octet !== bytes[i]);
      const bit = flipped[at]! ^ bytes[at]!;
      if (at === 0 && bit >= 0x20) expect(result).toBe('version');
      else if (at === 1 && bit === 0x01) expect(result).toBe('multipoint');
      else if (at === 1 && bit === 0x04 && packet.authentication === undefined) expect(result).toBe('length');
      else if (at === 3 && flipped[3]! > bytes[3]!) expect(result).toBe('truncated');
      else if (at === 3 && flipped[3]! < (packet.authentication ? 26 : 24)) expect(result).toBe('length');
      else expect(result).not.toEqual(packet);
    }
  });

  it('are copied: the buffer they came in may be used again', () => {
    const bytes = encodeControl({ ...plain, authentication: Uint8Array.of(4, 3, 9) });
    const packet = decodeControl(bytes);
    bytes.fill(0);
    expect(packet).toMatchObject({ authentication: Uint8Array.of(4, 3, 9) });
  });

  it('come back from any octets as they were', () => {
    const octets = fc.uint8Array({ minLength: 0, maxLength: 64, size: 'max' });
    let taken = 0;
    fc.assert(
      fc.property(octets, fc.integer({ min: 0, max: 70 }), fc.boolean(), (bytes, length, tame) => {
        if (tame && bytes.length > 3) bytes.set([0x20 | (bytes[0]! & 0x1f), bytes[1]! & 0xfe, bytes[2]!, length]);
        const packet = decodeControl(bytes);
        if (typeof packet === 'string') return;
        taken++;
        const again = encodeControl(packet);
        // Without authentication, octets behind the fixed part are nobody's.
        if (packet.authentication) expect(again).toEqual(whole(bytes));
        else expect(decodeControl(again)).toEqual(packet);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('are not made where they do not fit', () => {
    expect(() => encodeControl(plain, new Uint8Array(23))).toThrow('overflow');
    const most = { ...plain, authentication: new Uint8Array(MAX_PACKET_OCTETS - 24) };
    expect(decodeControl(encodeControl(most))).toEqual(most);
    const longer = { ...plain, authentication: new Uint8Array(MAX_PACKET_OCTETS - 23) };
    expect(() => encodeControl(longer, new Uint8Array(1000))).toThrow('overflow');
  });
});

describe('of several faults the first counts', () => {
  /** Each breaks one rule, in the order of RFC 5880 §6.8.6. */
  const faults: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['version', (b) => b.with(0, 0x40)],
    ['length', (b) => b.with(3, 23)],
    ['truncated', (b) => b.with(3, 27)],
    ['detectMult', (b) => b.with(2, 0)],
    ['multipoint', (b) => b.with(1, b[1]! | 1)],
    ['myDiscriminator', (b) => Uint8Array.from(b, (octet, i) => (i >= 4 && i < 8 ? 0 : octet))],
  ];
  const good = encodeControl({ ...up, authentication: Uint8Array.of(1, 2) });

  it.each(faults.map(([reason], i) => [reason, i] as const))('%s', (reason, i) => {
    expect(decodeControl(good)).not.toBeTypeOf('string');
    // This and every later one; of the two about Length there can be one only.
    const all = faults.slice(i).filter(([other]) => !(reason === 'length' && other === 'truncated'));
    expect(decodeControl(all.reduceRight((bytes, [, spoil]) => spoil(bytes), good))).toBe(reason);
  });

  it('Length is held against what a packet with authentication has', () => {
    expect(decodeControl(good.with(3, 25))).toBe('length');
    expect(decodeControl(good.with(3, 25).with(1, 0xc0))).not.toBeTypeOf('string');
  });
});

describe('names', () => {
  it('stand at their numbers', () => {
    expect(states).toEqual(['AdminDown', 'Down', 'Init', 'Up']);
    expect([0, 1, 3, 7, 9, 10, 31].map(diagnosticName)).toEqual([
      ...['none', 'controlDetectionTimeExpired', 'neighborSignaledSessionDown', 'administrativelyDown'],
      ...['misconnectivityDefect', 'diagnostic 10', 'diagnostic 31'],
    ]);
    const sections = [0, 1, 2, 3, 4, 5, 6].map((type) => authenticationName(Uint8Array.of(type, 2)));
    expect(sections).toEqual([
      ...['authentication 0', 'simplePassword', 'keyedMd5', 'meticulousKeyedMd5'],
      ...['keyedSha1', 'meticulousKeyedSha1', 'authentication 6'],
    ]);
    expect(equalBytes(encodeControl(plain).subarray(0, 2), Uint8Array.of(0x20, 0x40))).toBe(true);
  });
});
