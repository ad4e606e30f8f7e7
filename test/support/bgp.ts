/** What the tests of the BGP codec share: contexts, damaged octets, and arbitrary values. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Capability } from '../../src/bgp/capability.ts';
import { type Context, DEFAULT_CONTEXT } from '../../src/bgp/context.ts';
import { BgpError, type Notification } from '../../src/bgp/errors.ts';
import type { AsSegment, PathAttributes } from '../../src/bgp/path.ts';
import { addressFrom } from '../../src/lib/address.ts';

export const contextOf = (changes: Partial<Context> = {}): Context => ({ ...DEFAULT_CONTEXT, ...changes });

/** The NOTIFICATION that `run` ends the session with. Fails unless it throws a `BgpError`. */
export function faultOf(run: () => unknown): Notification {
  try {
    run();
  } catch (error) {
    if (error instanceof BgpError) return error.notification;
    throw error;
  }
  throw new Error('expected a BgpError');
}

/** Runs `decode`, which may refuse with a `BgpError` and with nothing else. True when it accepted. */
export function tolerates(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(BgpError);
    return false;
  }
}

/** `bytes` cut before each of its offsets, in a buffer of exactly that size. */
export const truncations = (bytes: Uint8Array): Uint8Array[] =>
  Array.from(bytes, (_, length) => bytes.slice(0, length));

/** `bytes` with each of its bits flipped in turn, those before `from` excepted. */
export function* flips(bytes: Uint8Array, from = 0): Generator<Uint8Array> {
  for (let bit = 8 * from; bit < 8 * bytes.length; bit++) {
    const copy = bytes.slice();
    copy[bit >> 3] = copy[bit >> 3]! ^ (0x80 >> (bit & 7));
    yield copy;
  }
}

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const some = { minLength: 1, maxLength: 6 };

/** AS numbers on both sides of 65536; the reserved 0 and 23456 mean something else on the wire. */
export const asn = fc
  .oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x10000, max: 0xffffffff }))
  .filter((n) => n !== 23456);

const segment = (type: AsSegment['type'], number = asn): fc.Arbitrary<AsSegment> =>
  fc.record({ type: fc.constant(type), asns: fc.array(number, { minLength: 1, maxLength: 4 }) });

/** A path as a router would send it: confederation segments, of two-octet numbers, in front if anywhere. */
export const asPath = (confed: boolean): fc.Arbitrary<AsSegment[]> => {
  const small = fc.integer({ min: 64512, max: 65534 });
  const inside = fc.array(fc.oneof(segment('confedSequence', small), segment('confedSet', small)), { maxLength: 2 });
  const outside = fc.array(fc.oneof(segment('sequence'), segment('set')), { maxLength: 4 });
  return fc.tuple(confed ? inside : fc.constant([]), outside).map(([a, b]) => [...a, ...b]);
};

const host4 = octets(4).map((b) => {
  b[0] = 1 + (b[0]! % 126);
  return addressFrom(b);
});

const host6 = (first: number, second: number) =>
  octets(16).map((b) => {
    b[0] = first;
    b[1] = second;
    return addressFrom(b);
  });

export const nextHop4 = fc.record({ nextHop: host4 });
export const nextHop6 = fc.oneof(
  fc.record({ nextHop: host6(0x20, 0x01) }),
  fc.record({ nextHop: host6(0xfe, 0x80) }),
  fc.record({ nextHop: host6(0x20, 0x01), linkLocalNextHop: host6(0xfe, 0x80) }),
);

const known = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 25, 26, 32, 35]);

/** Attributes that survive a session of this kind unchanged. */
export function pathAttributes(
  nextHop: fc.Arbitrary<Pick<PathAttributes, 'nextHop' | 'linkLocalNextHop'>>,
  internal: boolean,
): fc.Arbitrary<PathAttributes> {
  const both = {
    origin: fc.constantFrom('igp', 'egp', 'incomplete'),
    asPath: asPath(internal),
    med: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true),
    aggregator: fc.record({ asn, address: u32 }),
    communities: fc.array(u32, some),
    extendedCommunities: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), some),
    ipv6ExtendedCommunities: fc.array(octets(20), some),
    largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32), { ...some, selector: String }),
    originatorId: u32,
    clusterList: fc.array(u32, some),
    aigp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    otc: u32,
    unknown: fc
      .uniqueArray(
        fc.record({
          code: u8.filter((c) => !known.has(c)),
          flags: fc.constant(0xe0),
          value: fc.uint8Array({ maxLength: 300 }),
        }),
        { minLength: 1, maxLength: 3, selector: (u) => u.code },
      )
      .map((list) => list.sort((a, b) => a.code - b.code)),
  };
  const { localPref, originatorId, clusterList, ...external } = both;
  const shape = internal ? { ...both, localPref, originatorId, clusterList } : external;
  const requiredKeys = internal ? ['origin', 'asPath', 'localPref'] : ['origin', 'asPath'];
  return fc
    .tuple(fc.record(shape, { requiredKeys } as fc.RecordConstraints<keyof typeof shape>), nextHop)
    .map(([a, b]) => ({ ...a, ...b }) as PathAttributes);
}

const family = { afi: u16, safi: u8 };
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => !/\p{Cc}/u.test(s));

export const capability: fc.Arbitrary<Capability> = fc.oneof<fc.Arbitrary<Capability>[]>(
  fc.record({ type: fc.constant('multiprotocol'), ...family }),
  fc.record({ type: fc.constantFrom('routeRefresh', 'enhancedRefresh', 'extendedMessage') }),
  fc.record({ type: fc.constant('fourOctetAs'), asn: u32 }),
  fc.record({
    type: fc.constant('extendedNextHop'),
    entries: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('gracefulRestart'),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTimeSec: fc.nat(0xfff),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean() }), { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('longLivedGracefulRestart'),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean(), staleTimeSec: fc.nat(0xffffff) }), {
      maxLength: 4,
    }),
  }),
  fc.record({
    type: fc.constant('addPath'),
    entries: fc.array(
      fc.record({ ...family, send: fc.boolean(), receive: fc.boolean() }).filter((e) => e.send || e.receive),
      { maxLength: 4 },
    ),
  }),
  fc.record({ type: fc.constant('role'), role: u8 }),
  fc.record({ type: fc.constant('fqdn'), hostname: name, domain: name }),
  fc.record({
    type: fc.constant('unknown'),
    code: fc.integer({ min: 128, max: 255 }),
    value: fc.uint8Array({ maxLength: 40 }),
  }),
);
