import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canCarry, decodeAttributes, encodeAttributes } from '../../src/bgp/attr.ts';
import type { Context } from '../../src/bgp/context.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { contextOf, flips, nextHop4, nextHop6, pathAttributes, tolerates, truncations } from '../support/bgp.ts';
import { golden } from '../support/hex.ts';

const internal = contextOf({ internal: true });
const bare: PathAttributes = { origin: 'igp', asPath: [], nextHop: address('192.0.2.1'), localPref: 100 };
const decode = (bytes: Uint8Array, context: Context, nlri = false) =>
  decodeAttributes(bytes, 0, bytes.length, context, nlri);

const rows = golden<Partial<PathAttributes>>('bgp/attribute', {
  origin: { origin: 'incomplete' },
  'as-path': {
    asPath: [
      { type: 'sequence', asns: [65001, 70000] },
      { type: 'set', asns: [64496, 64497] },
    ],
  },
  'as-path-empty': { asPath: [] },
  'as-path-confed': {
    asPath: [
      { type: 'confedSequence', asns: [65300, 65301] },
      { type: 'confedSet', asns: [65302] },
      { type: 'sequence', asns: [64496, 64497] },
    ],
  },
  'next-hop': { nextHop: address('192.0.2.1') },
  med: { med: 4294967294 },
  'local-pref': { localPref: 200 },
  'atomic-aggregate': { atomicAggregate: true },
  aggregator: { aggregator: { asn: 70000, address: 0xc00002fe } },
  communities: { communities: [0xffffff01, 0xfbf00064] },
  'communities-extended': { communities: Array.from({ length: 64 }, (_, i) => 0xfbf00000 + i) },
  'originator-id': { originatorId: 0xc6336401 },
  'cluster-list': { clusterList: [0xc6336402, 0xc6336403] },
  'extended-communities': { extendedCommunities: [0x0002_fbf0_0000_0064n, 0x4300_0000_0000_0001n] },
  'ipv6-extended-communities': {
    ipv6ExtendedCommunities: [fromHex('0002 20010db8000000000000000000000001 0007')],
  },
  aigp: { aigp: 0x1_0000_0002n },
  'large-communities': {
    largeCommunities: [
      [64496, 1, 4294967295],
      [70000, 2, 3],
    ],
  },
  otc: { otc: 64496 },
  unknown: { unknown: [{ code: 99, flags: 0xe0, value: Uint8Array.of(1, 2, 3) }] },
});

/** The octets of one attribute in a block of them. */
function attributeOf(block: Uint8Array, code: number): string {
  for (let at = 0; at < block.length; ) {
    const long = (block[at]! & 0x10) !== 0;
    const length = long ? (block[at + 2]! << 8) | block[at + 3]! : block[at + 2]!;
    const end = at + (long ? 4 : 3) + length;
    if (block[at + 1] === code) return toHex(block.subarray(at, end));
    at = end;
  }
  return '';
}

describe('attributes', () => {
  it.each(rows)('%s, both ways', (_name, bytes, value) => {
    const written = encodeAttributes({ ...bare, ...value }, 'ipv4', internal).block!;
    expect(attributeOf(written, bytes[1]!)).toBe(toHex(bytes));
    expect(decode(written, internal, true)).toEqual({
      attributes: { ...bare, ...value },
      reach: undefined,
      unreach: undefined,
      faults: [],
    });
    const needed = encodeAttributes(bare, 'ipv4', internal).block!;
    const others = [1, 2, 3, 5].filter((code) => code !== bytes[1]).map((code) => attributeOf(needed, code));
    const block = fromHex(others.join('') + toHex(bytes));
    expect(decode(block, internal, true)).toMatchObject({ attributes: { ...bare, ...value }, faults: [] });
  });

  it.each(rows)('%s: cut or damaged, it is a fault or reads as something', (_name, bytes) => {
    for (const cut of truncations(bytes)) {
      tolerates(() => decode(cut, internal));
      tolerates(() => decode(cut, contextOf({ fourOctetAs: false })));
    }
    for (const flipped of flips(bytes)) tolerates(() => decode(flipped, internal, true));
  });

  it('stand in ascending order of their codes', () => {
    fc.assert(
      fc.property(pathAttributes(nextHop4, true), (attributes) => {
        const { block } = encodeAttributes(attributes, 'ipv4', contextOf({ internal: true, fourOctetAs: false }));
        const codes: number[] = [];
        for (let code = 0; code < 256; code++) if (attributeOf(block!, code) !== '') codes.push(code);
        let rebuilt = '';
        for (const code of codes) rebuilt += attributeOf(block!, code);
        expect(rebuilt).toBe(toHex(block!));
      }),
    );
  });

  const sessions: [string, Partial<Context>][] = [
    ['internal', { internal: true }],
    ['external', {}],
    ['internal, two-octet', { internal: true, fourOctetAs: false }],
    ['external, two-octet', { fourOctetAs: false }],
  ];

  it.each(sessions)('%s: decode ∘ encode is the identity, NEXT_HOP', (_name, changes) => {
    const context = contextOf(changes);
    fc.assert(
      fc.property(pathAttributes(nextHop4, context.internal), (attributes) => {
        const { block, nextHop } = encodeAttributes(attributes, 'ipv4', context);
        expect(nextHop).toBeUndefined();
        expect(decode(block!, context, true)).toMatchObject({ attributes, faults: [] });
        expect(decode(block!, context, true).attributes).toEqual(attributes);
      }),
    );
  });

  it.each(sessions)('%s: decode ∘ encode is the identity, next hop in MP_REACH', (_name, changes) => {
    const context = contextOf(changes);
    fc.assert(
      fc.property(pathAttributes(nextHop6, context.internal), (attributes) => {
        const { block, nextHop } = encodeAttributes(attributes, 'ipv6', context);
        const head = `900e00${(5 + nextHop!.length).toString(16).padStart(2, '0')}000201`;
        const length = nextHop!.length.toString(16);
        const whole = fromHex(`${head}${length}${toHex(nextHop!)}00${toHex(block!)}`);
        expect(decode(whole, context)).toEqual({
          attributes,
          reach: { family: 'ipv6', addPath: false, bytes: whole, start: 9 + nextHop!.length, end: 9 + nextHop!.length },
          unreach: undefined,
          faults: [],
        });
      }),
    );
  });

  it('keep LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST inside the AS', () => {
    const a: PathAttributes = { ...bare, originatorId: 1, clusterList: [2] };
    const outside = encodeAttributes(a, 'ipv4', contextOf()).block!;
    expect([5, 9, 10].map((code) => attributeOf(outside, code))).toEqual(['', '', '']);
    expect(decode(outside, contextOf(), true).attributes).toEqual({
      origin: 'igp',
      asPath: [],
      nextHop: address('192.0.2.1'),
    });
  });

  it('to a two-octet peer carry AS_TRANS, and the whole numbers beside it (RFC 6793 §4.2.2)', () => {
    const old = contextOf({ internal: true, fourOctetAs: false });
    const a: PathAttributes = {
      ...bare,
      asPath: [
        { type: 'confedSequence', asns: [65300] },
        { type: 'sequence', asns: [64496, 70000] },
      ],
      aggregator: { asn: 70000, address: 1 },
    };
    const block = encodeAttributes(a, 'ipv4', old).block!;
    expect(attributeOf(block, 2)).toBe('40020a' + '0301ff14' + '0202fbf05ba0');
    expect(attributeOf(block, 7)).toBe('c007065ba000000001');
    expect(attributeOf(block, 17)).toBe('c0110a' + '02020000fbf000011170');
    expect(attributeOf(block, 18)).toBe('c012080001117000000001');
    const small: PathAttributes = {
      ...bare,
      asPath: [{ type: 'sequence', asns: [1, 65535] }],
      aggregator: { asn: 2, address: 1 },
    };
    const plain = encodeAttributes(small, 'ipv4', old).block!;
    expect([17, 18].map((code) => attributeOf(plain, code))).toEqual(['', '']);
  });

  it.each<[string, string, Partial<PathAttributes>]>([
    // AS_PATH, AGGREGATOR, AS4_PATH, AS4_AGGREGATOR (RFC 6793 §4.2.3)
    [
      'both were translated',
      '400206 02025ba00002 c007065ba000000001 c0110a 02020001117000000002 c012080001117000000001',
      { asPath: [{ type: 'sequence', asns: [70000, 2] }], aggregator: { asn: 70000, address: 1 } },
    ],
    [
      'an old speaker aggregated anew: both AS4 attributes are stale',
      '400206 02025ba00002 c00706000900000001 c0110a 02020001117000000002 c012080001117000000001',
      { asPath: [{ type: 'sequence', asns: [23456, 2] }], aggregator: { asn: 9, address: 1 } },
    ],
    [
      'AS4_AGGREGATOR without AGGREGATOR says nothing',
      '400206 02025ba00002 c0110a 02020001117000000002 c012080001117000000001',
      { asPath: [{ type: 'sequence', asns: [70000, 2] }] },
    ],
    [
      'AS4_PATH alone, with an aggregator that fits',
      '400206 02025ba00002 c00706000900000001 c0110a 02020001117000000002',
      { asPath: [{ type: 'sequence', asns: [70000, 2] }], aggregator: { asn: 9, address: 1 } },
    ],
    [
      'confederation segments do not belong in AS4_PATH',
      '400206 02025ba00002 c01110 03010000ff14 02020001117000000002',
      { asPath: [{ type: 'sequence', asns: [70000, 2] }] },
    ],
  ])('from a two-octet peer: %s', (_name, hex, want) => {
    const block = fromHex(`40010100 400304c0000201 ${hex}`);
    expect(decode(block, contextOf({ fourOctetAs: false }), true)).toMatchObject({ faults: [] });
    expect(decode(block, contextOf({ fourOctetAs: false }), true).attributes).toEqual({
      origin: 'igp',
      nextHop: address('192.0.2.1'),
      ...want,
    });
  });

  it('without a row are passed on when transitive, marked partial', () => {
    const block = fromHex('40010100 400200 400304c0000201 c0630101 80640102 d0650001 03');
    const { attributes, faults } = decode(block, contextOf(), true);
    expect(faults).toEqual([]);
    expect(attributes!.unknown).toEqual([
      { code: 99, flags: 0xc0, value: Uint8Array.of(1) },
      { code: 101, flags: 0xc0, value: Uint8Array.of(3) },
    ]);
    expect(toHex(encodeAttributes(attributes!, 'ipv4', contextOf()).block!)).toBe(
      '40010100400200400304c0000201e0630101e0650103',
    );
  });

  it('take the first metric of AIGP and pass over other TLVs', () => {
    const block = fromHex(
      '40010100 400200 400304c0000201 801a1a 020004ff 01000b0000000000000005 01000b0000000000000006',
    );
    expect(decode(block, contextOf(), true)).toMatchObject({ attributes: { aigp: 5n }, faults: [] });
  });

  it('drop repeated large communities (RFC 8092)', () => {
    const one = '000000010000000200000003';
    const block = fromHex(`40010100 400200 400304c0000201 c02024 ${one} 000000010000000200000004 ${one}`);
    expect(decode(block, contextOf(), true).attributes!.largeCommunities).toEqual([
      [1, 2, 3],
      [1, 2, 4],
    ]);
  });

  it('leave out lists without items, whose length would be malformed', () => {
    const a: PathAttributes = {
      ...bare,
      communities: [],
      clusterList: [],
      largeCommunities: [],
      extendedCommunities: [],
    };
    expect(toHex(encodeAttributes(a, 'ipv4', internal).block!)).toBe(
      toHex(encodeAttributes(bare, 'ipv4', internal).block!),
    );
  });

  it('that no message can hold have no octets', () => {
    const communities = Array.from({ length: 20_000 }, (_, i) => i);
    expect(encodeAttributes({ ...bare, communities }, 'ipv4', internal).block).toBeUndefined();
    // The next caller finds everything in order.
    expect(encodeAttributes(bare, 'ipv4', internal).block).toBeDefined();
  });

  it('need a next hop that the family can have (RFC 8950)', () => {
    const six: PathAttributes = { ...bare, nextHop: address('2001:db8::1') };
    const { nextHop: _, ...none } = bare;
    const extended = contextOf({ extendedNextHop: true });
    expect(canCarry(bare, 'ipv4', contextOf())).toBe(true);
    expect(canCarry(bare, 'ipv6', extended)).toBe(false);
    expect(canCarry(six, 'ipv6', contextOf())).toBe(true);
    expect(canCarry(six, 'ipv4', contextOf())).toBe(false);
    expect(canCarry(six, 'ipv4', extended)).toBe(true);
    expect(canCarry(none, 'ipv4', contextOf())).toBe(false);
    expect(() => encodeAttributes(six, 'ipv4', contextOf())).toThrow(RangeError);
    expect(encodeAttributes(six, 'ipv4', extended).nextHop).toEqual(six.nextHop!.bytes);
  });
});
