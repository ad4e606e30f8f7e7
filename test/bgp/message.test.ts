import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Capability } from '../../src/bgp/capability.ts';
import {
  checkOpen,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  type OpenMessage,
} from '../../src/bgp/message.ts';
import { address, toU32 } from '../../src/lib/address.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { capability, faultOf, flips, tolerates } from '../support/bgp.ts';
import { golden } from '../support/hex.ts';

const id = (text: string) => toU32(address(text).bytes);
const text = (s: string) => new TextEncoder().encode(s);

const rows = golden('bgp/message', {
  open: {
    type: 'open',
    version: 4,
    myAs: 23456,
    holdTimeSec: 180,
    bgpIdentifier: id('192.0.2.1'),
    capabilities: [
      { type: 'multiprotocol', afi: 1, safi: 1 },
      { type: 'fourOctetAs', asn: 70000 },
    ],
  },
  'open-bare': {
    type: 'open',
    version: 4,
    myAs: 64496,
    holdTimeSec: 0,
    bgpIdentifier: id('192.0.2.2'),
    capabilities: [],
  },
  'open-extended': {
    type: 'open',
    version: 4,
    myAs: 64496,
    holdTimeSec: 90,
    bgpIdentifier: id('192.0.2.2'),
    capabilities: [{ type: 'unknown', code: 239, value: Uint8Array.from({ length: 252 }, (_, i) => i) }],
  },
  keepalive: { type: 'keepalive' },
  notification: { type: 'notification', code: 6, subcode: 2, data: Uint8Array.of(5, ...text('go...')) },
  'notification-bare': { type: 'notification', code: 4, subcode: 0, data: new Uint8Array(0) },
  'route-refresh': { type: 'routeRefresh', afi: 2, safi: 1, subtype: 'request' },
  'route-refresh-begin': { type: 'routeRefresh', afi: 1, safi: 1, subtype: 'beginOfRefresh' },
  'route-refresh-end': { type: 'routeRefresh', afi: 1, safi: 1, subtype: 'endOfRefresh' },
} as const);

type Message = (typeof rows)[number][2];

function decode(message: Uint8Array) {
  const body = [message, 19, message.length] as const;
  switch (message[18]) {
    case 1:
      return decodeOpen(...body);
    case 3:
      return decodeNotification(...body);
    case 5:
      return decodeRouteRefresh(...body);
    default:
      return { type: 'keepalive' };
  }
}

function encode(m: Message): Uint8Array {
  switch (m.type) {
    case 'open':
      return encodeOpen(m);
    case 'notification':
      return encodeNotification(m);
    case 'routeRefresh':
      return encodeRouteRefresh(m);
    default:
      return encodeKeepalive();
  }
}

describe('messages', () => {
  it.each(rows)('%s, both ways', (_name, bytes, value) => {
    expect(decode(bytes)).toEqual(value);
    expect(toHex(encode(value))).toBe(toHex(bytes));
  });

  it.each(rows)('%s: cut or damaged, it is refused or read as something', (_name, bytes) => {
    for (let end = 19; end < bytes.length; end++) tolerates(() => decode(bytes.slice(0, end)));
    for (const flipped of flips(bytes, 19)) tolerates(() => decode(flipped));
  });

  it('a message in the middle of a buffer is read from there alone', () => {
    const { bgpIdentifier } = rows.find(([name]) => name === 'open')![2] as OpenMessage;
    const bytes = rows.find(([name]) => name === 'open')![1];
    const wide = new Uint8Array(bytes.length + 40).fill(0xff);
    wide.set(bytes, 20);
    expect(decodeOpen(wide, 39, 20 + bytes.length).bgpIdentifier).toBe(bgpIdentifier);
  });
});

describe('OPEN', () => {
  const body = (hex: string) => {
    const bytes = fromHex(hex);
    return () => decodeOpen(bytes, 0, bytes.length);
  };
  const head = '04 fbf0 005a c0000201';

  it.each([
    ['version 3', '03 fbf0 005a c0000201 00', 1, '0004'],
    ['version 5, whatever follows', '05 00', 1, '0004'],
    ['hold time of a second', '04 fbf0 0001 c0000201 00', 6, ''],
    ['hold time of two seconds', '04 fbf0 0002 c0000201 00', 6, ''],
    ['authentication parameter (RFC 4271 has retired it)', `${head} 03 01 01 00`, 4, ''],
    ['parameters longer than said', `${head} 02 02 00 00`, 0, ''],
    ['parameters shorter than said', `${head} 05 02 00`, 0, ''],
    ['parameter overruns', `${head} 03 02 02 01`, 0, ''],
    ['capability overruns its parameter', `${head} 06 02 02 01 04 00 01`, 0, ''],
    ['extended parameters without their length', `${head} ff ff 00`, 0, ''],
    ['extended parameter overruns', `${head} ff ff 0003 02 0001`, 0, ''],
    ['no length of the parameters', head, 0, ''],
  ])('%s is refused', (_name, hex, subcode, data) => {
    const fault = faultOf(body(hex));
    expect(fault).toMatchObject({ code: 2, subcode });
    expect(toHex(fault.data)).toBe(data);
  });

  it('hold times of 0, 3 and 65535 seconds are fine', () => {
    for (const [hex, holdTimeSec] of [
      ['0000', 0],
      ['0003', 3],
      ['ffff', 65535],
    ] as const)
      expect(body(`04 fbf0 ${hex} c0000201 00`)()).toMatchObject({ holdTimeSec });
  });

  it('reads a parameter for each capability, and the extended format even when it need not be', () => {
    const want: Capability[] = [{ type: 'routeRefresh' }, { type: 'extendedMessage' }];
    expect(body(`${head} 0c 02 02 02 00 02 02 06 00 02 02 02 00`)().capabilities).toEqual(want);
    expect(body(`${head} ff ff 000a 02 0002 02 00 02 0002 06 00`)().capabilities).toEqual(want);
    // RFC 9072 §2: only the type marks the extended format; the length before it may be anything but zero.
    expect(body(`${head} 04 ff 0005 02 0002 02 00`)().capabilities).toEqual([{ type: 'routeRefresh' }]);
  });

  it('is written in the extended format from 254 octets of capabilities on', () => {
    const open = (n: number): OpenMessage => ({
      type: 'open',
      version: 4,
      myAs: 1,
      holdTimeSec: 90,
      bgpIdentifier: 1,
      capabilities: [{ type: 'unknown', code: 200, value: new Uint8Array(n - 2) }],
    });
    expect(encodeOpen(open(253)).length).toBe(29 + 2 + 253);
    expect(encodeOpen(open(254)).length).toBe(29 + 3 + 3 + 254);
  });

  it('decode ∘ encode is the identity', () => {
    const open = fc.record({
      type: fc.constant('open' as const),
      version: fc.constant(4),
      myAs: fc.nat(0xffff),
      holdTimeSec: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
      bgpIdentifier: fc.nat(0xffffffff),
      capabilities: fc.uniqueArray(capability, { maxLength: 20, selector: (c) => JSON.stringify(c) }),
    });
    fc.assert(
      fc.property(open, (value) => {
        const bytes = encodeOpen(value);
        expect(decodeOpen(bytes, 19, bytes.length)).toEqual(value);
      }),
    );
  });
});

describe('checkOpen', () => {
  const open = (changes: Partial<OpenMessage>, asn?: number): OpenMessage => ({
    type: 'open',
    version: 4,
    myAs: 65001,
    holdTimeSec: 90,
    bgpIdentifier: 1,
    capabilities: asn === undefined ? [] : [{ type: 'fourOctetAs', asn }],
    ...changes,
  });
  const expected = { peerAsn: 65001, routerId: 2, internal: false };

  it.each([
    ['two octets alone', open({})],
    ['both fields', open({}, 65001)],
    ['AS_TRANS before a number that would have fitted', open({ myAs: 23456 }, 65001)],
  ])('accepts the AS number as %s', (_name, message) => {
    expect(() => checkOpen(message, expected)).not.toThrow();
  });

  it('accepts a four-octet number', () => {
    expect(() => checkOpen(open({ myAs: 23456 }, 70000), { ...expected, peerAsn: 70000 })).not.toThrow();
  });

  it.each([
    ['another AS', open({ myAs: 65002 }), expected, 2],
    ['another AS in the capability', open({ myAs: 23456 }, 70000), expected, 2],
    ['fields that contradict each other', open({ myAs: 65002 }, 65001), expected, 2],
    ['AS 0', open({ myAs: 0 }), { ...expected, peerAsn: 0 }, 2],
    ['AS 0 in the capability', open({ myAs: 23456 }, 0), { ...expected, peerAsn: 0 }, 2],
    ['AS_TRANS without the capability', open({ myAs: 23456 }), { ...expected, peerAsn: 23456 }, 2],
    ['identifier zero', open({ bgpIdentifier: 0 }), expected, 3],
    ['our identifier in our AS', open({ bgpIdentifier: 2 }), { ...expected, internal: true }, 3],
  ])('refuses %s', (_name, message, expectation, subcode) => {
    expect(faultOf(() => checkOpen(message, expectation))).toMatchObject({ code: 2, subcode });
  });

  it('our identifier in another AS is nothing special (RFC 6286)', () => {
    expect(() => checkOpen(open({ bgpIdentifier: 2 }), expected)).not.toThrow();
  });

  it('names the capabilities it misses in the data', () => {
    const required: Capability[] = [
      { type: 'multiprotocol', afi: 2, safi: 1 },
      { type: 'fourOctetAs', asn: 65000 },
      { type: 'routeRefresh' },
    ];
    const has: Capability[] = [{ type: 'multiprotocol', afi: 1, safi: 1 }, { type: 'routeRefresh' }];
    const fault = faultOf(() => checkOpen(open({ capabilities: has }), { ...expected, required }));
    expect(fault).toMatchObject({ code: 2, subcode: 7 });
    expect(toHex(fault.data)).toBe('010400020001' + '41040000fde8');
    expect(() => checkOpen(open({}, 65001), { ...expected, required: [required[1]!] })).not.toThrow();
  });

  describe('roles (RFC 9234 §4.2)', () => {
    const roles = (...list: number[]): OpenMessage =>
      open({ capabilities: list.map((role) => ({ type: 'role', role })) });
    const pairs = ['0-3', '3-0', '1-2', '2-1', '4-4'];
    for (let ours = 0; ours < 5; ours++)
      for (let theirs = 0; theirs < 6; theirs++) {
        const fits = pairs.includes(`${ours}-${theirs}`);
        it(`ours ${ours}, theirs ${theirs}: ${fits ? 'fits' : 'mismatch'}`, () => {
          const check = () => checkOpen(roles(theirs), { ...expected, role: ours });
          if (fits) expect(check).not.toThrow();
          else expect(faultOf(check)).toMatchObject({ code: 2, subcode: 11 });
        });
      }
    it('several that differ are a mismatch, none is one only where we insist, and inside an AS nobody asks', () => {
      expect(faultOf(() => checkOpen(roles(0, 1), expected))).toMatchObject({ code: 2, subcode: 11 });
      expect(() => checkOpen(roles(), { ...expected, role: 0 })).not.toThrow();
      const strict = { ...expected, role: 0, strictRole: true };
      expect(faultOf(() => checkOpen(roles(), strict))).toMatchObject({ code: 2, subcode: 11 });
      expect(() => checkOpen(roles(4), { ...strict, internal: true })).not.toThrow();
    });
  });
});

describe('NOTIFICATION and ROUTE-REFRESH', () => {
  it('cuts data that no message can hold', () => {
    const bytes = encodeNotification({ code: 3, subcode: 1, data: new Uint8Array(5000).fill(7) });
    expect(bytes.length).toBe(4096);
    expect(decodeNotification(bytes, 19, bytes.length).data.length).toBe(4096 - 21);
  });

  it('a NOTIFICATION without subcode has a bad length', () => {
    const fault = faultOf(() => decodeNotification(fromHex('06'), 0, 1));
    expect([fault.code, fault.subcode, toHex(fault.data)]).toEqual([1, 2, '0014']);
  });

  it.each([
    ['', 0],
    ['0001', 2],
    ['000100', 3],
    ['0001010100', 5],
  ])('ROUTE-REFRESH body "%s": 7/1 with the whole message', (hex, length) => {
    const body = fromHex(hex);
    const fault = faultOf(() => decodeRouteRefresh(body, 0, length));
    expect([fault.code, fault.subcode]).toEqual([7, 1]);
    expect(toHex(fault.data)).toBe(`${'ff'.repeat(16)}00${(19 + length).toString(16)}05${hex}`);
  });

  it('ROUTE-REFRESH with an unknown subtype is ignored (RFC 7313 §5)', () => {
    expect(decodeRouteRefresh(fromHex('00010301'), 0, 4)).toBeUndefined();
    expect(decodeRouteRefresh(fromHex('0001ff01aabb'), 0, 6)).toBeUndefined();
  });
});
