import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { OverflowError, TruncatedError } from '../../src/lib/bytes.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { MalformedError } from '../../src/netlink/errors.ts';
import { HostWriter } from '../../src/netlink/host.ts';
import { codecs, type Kind } from '../../src/netlink/kinds.ts';
import { LinkEvent } from '../../src/netlink/link.ts';
import { anyValue, decodeBody, encodeBody } from '../support/netlink.ts';

const kinds = Object.keys(codecs) as Kind[];

describe('objects', () => {
  it.each(kinds)('%s: what is written is read again', (kind) => {
    fc.assert(
      fc.property(anyValue[kind] as fc.Arbitrary<never>, (value) => {
        const bytes = encodeBody(kind, value);
        expect(bytes.length % 4).toBe(0);
        expect(decodeBody(kind, bytes)).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  it.each(kinds)('%s: octets that mean nothing are refused, or skipped', (kind) => {
    fc.assert(
      fc.property(anyValue[kind] as fc.Arbitrary<never>, fc.infiniteStream(fc.nat()), (value, numbers) => {
        const bytes = encodeBody(kind, value);
        for (let n = 0; n < 5; n++) bytes[numbers.next().value % bytes.length] = numbers.next().value;
        try {
          decodeBody(kind, bytes.subarray(0, numbers.next().value % (bytes.length + 1)));
        } catch (error) {
          if (!(error instanceof MalformedError || error instanceof TruncatedError)) throw error;
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each(kinds)('%s: attributes of the future are skipped', (kind) => {
    fc.assert(
      fc.property(anyValue[kind] as fc.Arbitrary<never>, (value) => {
        const w = new HostWriter(1 << 16);
        w.put8s(encodeBody(kind, value))
          .h16(4 + 5)
          .h16(0x3ffe)
          .zeros(8)
          .h16(4)
          .h16(0x8000 | 0x3ffd);
        expect(decodeBody(kind, w.finish())).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });
});

it('why a notification of a link came is read, and never written', () => {
  const link = { index: 7, type: 1, flags: 0, changed: 0, name: 'bond0' };
  const w = new HostWriter(256);
  w.put8s(encodeBody('link', link)).h16(8).h16(44).h32(LinkEvent.notifyPeers);
  expect(decodeBody('link', w.finish())).toEqual({ ...link, event: 4 });
  expect(encodeBody('link', { ...link, event: 4 } as never)).toEqual(encodeBody('link', link));
});

describe('what cannot be said is refused', () => {
  const refuse = (kind: Kind, value: unknown, message: RegExp | typeof OverflowError) =>
    expect(() => encodeBody(kind, value as never)).toThrow(message);
  const four = address('192.0.2.1');
  const six = address('2001:db8::1');
  const net = prefix('10.0.0.0/8');

  it('numbers that do not fit', () => {
    refuse('route', { destination: net, protocol: 256 }, /256 does not fit/);
    refuse('route', { destination: net, table: 2 ** 32 }, /does not fit/);
    refuse('route', { destination: net, priority: -1 }, /does not fit/);
    refuse('route', { destination: net, priority: 1.5 }, /does not fit/);
    refuse('route', { destination: net, hops: [{ link: 1, weight: 257 }, { link: 2 }] }, /256 does not fit/);
    refuse('route', { destination: net, hops: [{ link: 1, weight: 0 }, { link: 2 }] }, /does not fit/);
    refuse('nextHop', { id: 1, group: [{ id: 2, weight: 0 }] }, /weight/);
    refuse('nextHop', { id: 1, group: [{ id: 2, weight: 65537 }] }, /does not fit/);
    refuse('link', { index: 2 ** 31 }, /signed/);
  });

  it('families that do not go together', () => {
    refuse('route', { destination: net, preferredSource: six }, /mixed/);
    refuse('route', { destination: prefix('2001:db8::/32'), hops: [{ gateway: four, link: 1 }] }, /no IPv4 next hop/);
    refuse('address', { link: 1, address: four, length: 24, peer: six }, /mixed/);
    refuse('rule', { family: 6, from: net }, /mixed/);
    refuse('nextHop', { id: 1, family: 6, gateway: four }, /another family/);
  });

  it('names that are none', () => {
    refuse('link', { name: 'a\0b' }, /zero octet/);
    refuse('route', { destination: net, type: 'black' }, /black is none of/);
    refuse('rule', { family: 4, l3mdev: true, table: 5 }, /no table of its own/);
  });

  it('lookups that are not for an address, or not lookups', () => {
    const lookup = (destination: string) => () =>
      codecs.route.encode(new HostWriter(100), { destination: prefix(destination) }, 'get');
    expect(lookup('10.0.0.0/8')).toThrow(/goes to an address/);
    expect(lookup('10.0.0.1')).not.toThrow();
    refuse('route', { destination: net, packet: { mark: 1 } }, /looked up/);
  });

  it('attributes of more than 65,535 octets', () => {
    const group = Array.from({ length: 8192 }, (_, id) => ({ id, weight: 1 }));
    const w = new HostWriter(1 << 20);
    expect(() => codecs.nextHop.encode(w, { id: 1, group }, 'add')).toThrow(OverflowError);
  });
});
