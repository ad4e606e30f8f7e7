import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { fromHex } from '../../src/lib/bytes.ts';
import type { NdOptions, NdPacket } from '../../src/ndp/message.ts';
import { decodeRouter, encodeRouter, type RouterMessage } from '../../src/ndp/router.ts';
import { golden, hexFiles } from '../support/hex.ts';

const local = address('fe80::1');
const unspecified = address('::');
const packet = (bytes: Uint8Array, source = local, hopLimit: number | undefined = 255): NdPacket => ({
  source,
  hopLimit,
  bytes,
});

const advertisement = (options: NdOptions): RouterMessage => ({
  type: 'advertisement',
  currentHopLimit: 64,
  flags: 0,
  lifetimeSec: 30,
  reachableMs: 0,
  retransmitMs: 0,
  options,
});

const prefixBody = (flags: string, subnet: string) =>
  fromHex(`40 ${flags} 00278d00 00093a80 00000000 20010db8 ${subnet} 0000 0000000000000000`);

const messages = golden<{ message: RouterMessage; source?: string; without?: readonly [number, number] }>(
  'ndp/router',
  {
    solicitation: { message: { type: 'solicitation', options: { sourceLinkLayer: fromHex('463f94edc660') } } },
    'solicitation-unspecified': { message: { type: 'solicitation', options: {} }, source: '::' },
    advertisement: { message: advertisement({ sourceLinkLayer: fromHex('faa5b7dfb139') }) },
    'advertisement-options': {
      message: {
        type: 'advertisement',
        currentHopLimit: 64,
        flags: 0xc8,
        lifetimeSec: 1800,
        reachableMs: 30_000,
        retransmitMs: 1_000,
        options: {
          sourceLinkLayer: fromHex('020000000001'),
          mtu: 1500,
          prefixes: [prefixBody('c0', '0001'), prefixBody('80', '0002')],
        },
      },
      without: [64, 88],
    },
  },
);

describe.each(messages)('%s', (_, bytes, { message, source, without }) => {
  const from = source === undefined ? local : address(source);

  it('decodes', () => {
    expect(decodeRouter(packet(bytes, from))).toEqual(message);
  });

  it('encodes, but for the checksum and what was not understood', () => {
    const known = without ? [...bytes.slice(0, without[0]), ...bytes.slice(without[1])] : [...bytes];
    expect([...encodeRouter(message)]).toEqual(known.fill(0, 2, 4));
  });

  it('is only taken whole', () => {
    const fixed = message.type === 'solicitation' ? 8 : 16;
    // Options are all there may be, in any number: where one ends, so may the message.
    const ends = new Set([fixed]);
    for (let at = fixed; at < bytes.length; at += 8 * bytes[at + 1]!) ends.add(at);
    for (let length = 0; length < bytes.length; length++) {
      const got = decodeRouter(packet(bytes.slice(0, length), from));
      if (length === 0) expect(got).toBe('type');
      else if (length < fixed) expect(got).toBe('length');
      else if (!ends.has(length)) expect(got).toBe('option');
      else expect(got).toMatchObject({ type: message.type });
    }
  });
});

describe('what is dropped', () => {
  const solicitation = hexFiles('ndp/router').get('solicitation')!;
  const router = hexFiles('ndp/router').get('advertisement')!;
  const changed = (bytes: Uint8Array, at: number, octet: number) => bytes.with(at, octet);

  it.each([
    ['a neighbour solicitation', packet(changed(router, 0, 135)), 'type'],
    ['a solicitation that passed a router', packet(solicitation, local, 254), 'hopLimit'],
    ['an advertisement that passed a router', packet(router, local, 254), 'hopLimit'],
    ['a hop limit that is not known', { source: local, hopLimit: undefined, bytes: router }, 'hopLimit'],
    ['a solicitation with a code', packet(changed(solicitation, 1, 1)), 'code'],
    ['an advertisement with a code', packet(changed(router, 1, 1)), 'code'],
    ['an option of no length', packet(changed(router, 17, 0)), 'option'],
    ['an option past the end', packet(changed(router, 17, 2)), 'option'],
    ['an advertisement from a global address', packet(router, address('2001:db8::1')), 'source'],
    ['an advertisement from the unspecified address', packet(router, unspecified), 'source'],
    ['a link-layer address of the unspecified address', packet(solicitation, unspecified), 'sourceLinkLayer'],
  ] as const)('%s', (_, got, reason) => {
    expect(decodeRouter(got)).toBe(reason);
  });

  it('is not a solicitation from a global address', () => {
    expect(decodeRouter(packet(solicitation, address('2001:db8::1')))).toMatchObject({ type: 'solicitation' });
  });
});

describe('options', () => {
  const fixed = '8600 0000 40000000 00000000 00000000';
  const options = (hex: string) => {
    const message = decodeRouter(packet(fromHex(fixed + hex)));
    if (typeof message === 'string') throw new Error(message);
    return message.options;
  };

  it('count once, the first of a kind', () => {
    expect(options('0101 020000000001 0101 020000000002 0501 0000 000005dc 0501 0000 00002328')).toEqual({
      sourceLinkLayer: fromHex('020000000001'),
      mtu: 1500,
    });
  });

  it('are passed over where their size is not that of their kind', () => {
    expect(options(`0502 0000 000005dc ${'00'.repeat(8)} 0301 ${'00'.repeat(6)}`)).toEqual({});
  });

  it('keep link-layer addresses longer than those of Ethernet', () => {
    expect(options(`0103 ${'ab'.repeat(22)}`)).toEqual({ sourceLinkLayer: fromHex('ab'.repeat(22)) });
  });

  it('are copied: the buffer may be used again', () => {
    const bytes = fromHex(`${fixed} 0101 020000000001`);
    const message = decodeRouter(packet(bytes)) as RouterMessage;
    bytes.fill(0xff);
    expect(message.options.sourceLinkLayer).toEqual(fromHex('020000000001'));
  });

  it.each([
    ['a link-layer address that fills no units of eight', { sourceLinkLayer: new Uint8Array(7) }],
    ['one that its length cannot tell', { sourceLinkLayer: new Uint8Array(8 * 256 - 2) }],
    ['a prefix of another size', { prefixes: [new Uint8Array(22)] }],
  ])('are not written: %s', (_, wrong) => {
    expect(() => encodeRouter(advertisement(wrong), 4096)).toThrow(RangeError);
  });

  it('that do not fit are an error', () => {
    const prefixes = Array.from({ length: 39 }, () => new Uint8Array(30));
    expect(() => encodeRouter(advertisement({ prefixes }))).toThrow('overflow');
    expect(encodeRouter(advertisement({ prefixes: prefixes.slice(1) })).length).toBe(16 + 38 * 32);
  });
});

describe('properties', () => {
  const linkLayer = fc.integer({ min: 1, max: 3 }).chain((units) => {
    const octets = 8 * units - 2;
    return fc.uint8Array({ minLength: octets, maxLength: octets });
  });
  const anyOptions: fc.Arbitrary<NdOptions> = fc.record(
    {
      sourceLinkLayer: linkLayer,
      targetLinkLayer: linkLayer,
      mtu: fc.integer({ min: 0, max: 0xffff_ffff }),
      prefixes: fc.array(fc.uint8Array({ minLength: 30, maxLength: 30 }), { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: [] },
  );
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const anyMessage: fc.Arbitrary<RouterMessage> = fc.oneof(
    fc.record({ type: fc.constant('solicitation' as const), options: anyOptions }),
    fc.record({
      type: fc.constant('advertisement' as const),
      currentHopLimit: fc.integer({ min: 0, max: 255 }),
      flags: fc.integer({ min: 0, max: 255 }),
      lifetimeSec: fc.integer({ min: 0, max: 0xffff }),
      reachableMs: u32,
      retransmitMs: u32,
      options: anyOptions,
    }),
  );

  it('what is encoded decodes to itself', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeRouter(packet(encodeRouter(message)))).toEqual(message);
      }),
    );
  });

  it('any octets decode to a message or a reason', () => {
    const header = fc.constantFrom('8500', '8600').map(fromHex);
    const units = fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 5, 14, 25), fc.integer({ min: 0, max: 5 })));
    const body = fc.tuple(units, fc.uint8Array({ maxLength: 120 })).map(([heads, filler]) => {
      const bytes = Uint8Array.from([...new Uint8Array(12), ...filler]);
      heads.forEach(([type, length], i) => {
        if (12 + 8 * i + 1 < bytes.length) bytes.set([type, length], 12 + 8 * i);
      });
      return bytes;
    });
    let taken = 0;
    fc.assert(
      fc.property(header, body, ([type, code], rest) => {
        const got = decodeRouter(packet(Uint8Array.from([type!, code!, 0, 0, ...rest])));
        if (typeof got === 'string') expect(['length', 'option']).toContain(got);
        else {
          taken++;
          expect(decodeRouter(packet(encodeRouter(got)))).toEqual(got);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});
