import { describe, expect, it } from 'vitest';
import { decodeAttributes } from '../../src/bgp/attr.ts';
import type { Context } from '../../src/bgp/context.ts';
import { rows } from '../../src/bgp/rows.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { contextOf, faultOf } from '../support/bgp.ts';

const base = '40010100 400200 400304c0000201 40050400000064';
const internal = contextOf({ internal: true });
const external = contextOf();
const old = contextOf({ internal: true, fourOctetAs: false });

function decode(hex: string, context: Context = internal, nlri = true) {
  const bytes = fromHex(hex);
  return decodeAttributes(bytes, 0, bytes.length, context, nlri);
}

const without = (code: number) =>
  base
    .split(' ')
    .filter((a) => Number.parseInt(a.slice(2, 4), 16) !== code)
    .join(' ');

/** What one attribute does to an otherwise sound UPDATE: what the test expects of RFC 7606 and the attribute's own RFC. */
type Action = 'fine' | 'withdraw' | 'discard';
const cases: [number, string, string, Action, Context?][] = [
  // code, what is wrong, octets, action (RFC 7606 §7 in its order, then the RFCs named in const.ts)
  [1, 'ORIGIN of no octets', '400100', 'withdraw'],
  [1, 'ORIGIN of two octets', '4001020000', 'withdraw'],
  [1, 'ORIGIN of value 3', '40010103', 'withdraw'],
  [1, 'ORIGIN flagged optional', 'c0010100', 'withdraw'],
  [1, 'ORIGIN not flagged transitive', '00010100', 'withdraw'],
  [1, 'ORIGIN flagged partial: no matter', '60010100', 'fine'],
  [1, 'ORIGIN with reserved flag bits: no matter', '4f010100', 'fine'],
  [2, 'AS_PATH of an unknown segment', '4002060501' + '00000001', 'withdraw'],
  [2, 'AS_PATH of an empty segment', '4002020200', 'withdraw'],
  [2, 'AS_PATH overrun by its segment', '4002060202' + '00000001', 'withdraw'],
  [2, 'AS_PATH with a stray octet', '4002070201' + '0000000102', 'withdraw'],
  [2, 'AS_PATH with AS 0', '4002060201' + '00000000', 'withdraw'],
  [2, 'AS_PATH flagged optional', 'c00200', 'withdraw'],
  [2, 'AS_PATH of a confederation, inside', '4002060301' + '0000ff14', 'fine'],
  [2, 'AS_PATH of a confederation, from outside', '4002060301' + '0000ff14', 'withdraw', external],
  [2, 'AS_PATH of two-octet numbers on a four-octet session', '4002040201' + '0001', 'withdraw'],
  [2, 'AS_PATH of two-octet numbers on their session', '4002040201' + '0001', 'fine', old],
  [3, 'NEXT_HOP of three octets', '400303c00002', 'withdraw'],
  [3, 'NEXT_HOP of no octets', '400300', 'withdraw'],
  [3, 'NEXT_HOP flagged optional', 'c00304c0000201', 'withdraw'],
  [3, 'NEXT_HOP 127.0.0.1: the peer is on this machine', '4003047f000001', 'fine'],
  [4, 'MULTI_EXIT_DISC of three octets', '800403000000', 'withdraw'],
  [4, 'MULTI_EXIT_DISC of no octets', '800400', 'withdraw'],
  [4, 'MULTI_EXIT_DISC flagged transitive', 'c0040400000000', 'withdraw'],
  [5, 'LOCAL_PREF of five octets', '4005050000000000', 'withdraw'],
  [5, 'LOCAL_PREF of no octets', '400500', 'withdraw'],
  [5, 'LOCAL_PREF flagged optional', 'c0050400000000', 'withdraw'],
  [5, 'LOCAL_PREF from outside', '40050400000064', 'discard', external],
  [5, 'LOCAL_PREF from outside, malformed', '400500', 'discard', external],
  [6, 'ATOMIC_AGGREGATE of an octet', '40060100', 'discard'],
  [6, 'ATOMIC_AGGREGATE flagged optional', 'c00600', 'withdraw'],
  [7, 'AGGREGATOR of six octets on a four-octet session', 'c007060001c0000201', 'discard'],
  [7, 'AGGREGATOR of eight octets on a two-octet session', 'c0070800000001c0000201', 'discard', old],
  [7, 'AGGREGATOR of six octets on a two-octet session', 'c007060001c0000201', 'fine', old],
  [7, 'AGGREGATOR of no octets', 'c00700', 'discard'],
  [7, 'AGGREGATOR in AS 0', 'c0070800000000c0000201', 'discard'],
  [7, 'AGGREGATOR not flagged transitive', '80070800000001c0000201', 'withdraw'],
  [8, 'COMMUNITIES of no octets', 'c00800', 'withdraw'],
  [8, 'COMMUNITIES of six octets', 'c00806000000000000', 'withdraw'],
  [8, 'COMMUNITIES not flagged transitive', '800804fbf00064', 'withdraw'],
  [9, 'ORIGINATOR_ID of three octets', '800903000000', 'withdraw'],
  [9, 'ORIGINATOR_ID of no octets', '800900', 'withdraw'],
  [9, 'ORIGINATOR_ID from outside', '800904c6336401', 'discard', external],
  [9, 'ORIGINATOR_ID flagged transitive', 'c00904c6336401', 'withdraw'],
  [10, 'CLUSTER_LIST of no octets', '800a00', 'withdraw'],
  [10, 'CLUSTER_LIST of five octets', '800a050000000000', 'withdraw'],
  [10, 'CLUSTER_LIST from outside', '800a04c6336401', 'discard', external],
  [10, 'CLUSTER_LIST flagged transitive', 'c00a04c6336401', 'withdraw'],
  [16, 'EXTENDED_COMMUNITIES of no octets', 'c01000', 'withdraw'],
  [16, 'EXTENDED_COMMUNITIES of four octets', 'c0100400000000', 'withdraw'],
  [16, 'EXTENDED_COMMUNITIES of a type nobody knows', 'c01008fe00000000000000', 'fine'],
  [16, 'EXTENDED_COMMUNITIES not flagged transitive', '8010080002fbf000000064', 'withdraw'],
  [17, 'AS4_PATH on a four-octet session', 'c011060201' + '00000001', 'discard'],
  [17, 'AS4_PATH of four octets', 'c0110402010001', 'discard', old],
  [17, 'AS4_PATH of an odd length', 'c011070201' + '0000000100', 'discard', old],
  [17, 'AS4_PATH overrun by its segment', 'c011060202' + '00000001', 'discard', old],
  [17, 'AS4_PATH of an unknown segment', 'c011060501' + '00000001', 'discard', old],
  [17, 'AS4_PATH with AS 0', 'c011060201' + '00000000', 'discard', old],
  [17, 'AS4_PATH not flagged transitive', '8011060201' + '00000001', 'withdraw', old],
  [18, 'AS4_AGGREGATOR on a four-octet session', 'c01208' + '00011170c0000201', 'discard'],
  [18, 'AS4_AGGREGATOR of six octets', 'c01206' + '0001c0000201', 'discard', old],
  [18, 'AS4_AGGREGATOR in AS 0', 'c01208' + '00000000c0000201', 'discard', old],
  [18, 'AS4_AGGREGATOR not flagged transitive', '801208' + '00011170c0000201', 'withdraw', old],
  [25, 'IPV6_EXTENDED_COMMUNITIES of no octets', 'c01900', 'withdraw'],
  [25, 'IPV6_EXTENDED_COMMUNITIES of 19 octets', `c01913${'00'.repeat(19)}`, 'withdraw'],
  [25, 'IPV6_EXTENDED_COMMUNITIES not flagged transitive', `801914${'00'.repeat(20)}`, 'withdraw'],
  [26, 'AIGP of no octets', '801a00', 'discard'],
  [26, 'AIGP with a stray octet', '801a0c01000b000000000000000500', 'discard'],
  [26, 'AIGP metric of ten octets', '801a0a01000a00000000000005', 'discard'],
  [26, 'AIGP TLV that overruns', '801a0b01000c0000000000000005', 'discard'],
  [26, 'AIGP TLV of two octets', '801a03020002', 'discard'],
  [26, 'AIGP flagged transitive', 'c01a0b01000b0000000000000005', 'discard'],
  [32, 'LARGE_COMMUNITY of no octets', 'c02000', 'withdraw'],
  [32, 'LARGE_COMMUNITY of eight octets', 'c020080000000000000000', 'withdraw'],
  [32, 'LARGE_COMMUNITY not flagged transitive', '80200c000000000000000000000000', 'withdraw'],
  [35, 'OTC of no octets', 'c02300', 'withdraw'],
  [35, 'OTC of two octets', 'c023020001', 'withdraw'],
  [35, 'OTC not flagged transitive', '80230400000001', 'withdraw'],
  [99, 'unknown, optional and transitive', 'c06301ff', 'fine'],
  [99, 'unknown, optional and not transitive', '806301ff', 'fine'],
];

/** A sound AS_PATH has another width on an old session, and LOCAL_PREF has no place on an external one. */
const around = (code: number, context: Context) =>
  context === external ? without(code).replace('40050400000064', '') : without(code);

describe('RFC 7606: each malformation of each attribute', () => {
  it.each(cases)('%i: %s', (code, _what, hex, action, context = internal) => {
    const { attributes, faults } = decode(around(code, context) + hex.replaceAll(' ', ''), context);
    expect(faults.map(({ code: c, action: a }) => [c, a])).toEqual(action === 'fine' ? [] : [[code, action]]);
    expect(attributes === undefined).toBe(action === 'withdraw');
  });

  it.each(cases.filter(([, , , action]) => action !== 'fine'))(
    '%i: %s, in front of the others',
    (code, _what, hex, action, context = internal) => {
      const { faults } = decode(hex.replaceAll(' ', '') + around(code, context), context);
      expect(faults.map(({ code: c, action: a }) => [c, a])).toEqual([[code, action]]);
    },
  );

  it('has a malformation of every attribute', () => {
    expect(new Set(cases.filter(([, , , a]) => a !== 'fine').map(([code]) => code))).toEqual(
      new Set(rows.map((row) => row.code)),
    );
  });

  it.each(cases.filter(([, , , action]) => action === 'withdraw'))(
    '%i: %s, without a route to withdraw, ends the session (§5.2)',
    (code, _what, hex, _action, context = internal) => {
      const fault = faultOf(() => decode(around(code, context) + hex.replaceAll(' ', ''), context, false));
      expect(fault.code).toBe(3);
      expect(toHex(fault.data)).toBe(hex.replaceAll(' ', ''));
    },
  );

  it.each([
    // RFC 4271 §6.3
    ['flags', 'c0010100', 4],
    ['length', '4001020000', 5],
    ['ORIGIN', '40010103', 6],
    ['AS_PATH', '4002020200', 11],
  ])('the subcode then is the one of RFC 4271: %s', (_name, hex, subcode) => {
    expect(faultOf(() => decode(hex, internal, false))).toMatchObject({ code: 3, subcode });
  });
});

describe('the attributes as a whole', () => {
  it.each(['0.0.0.0', '224.0.0.1', '255.255.255.255'])(
    'NEXT_HOP %s withdraws what the NLRI field has (RFC 4271 §6.3), and is ignored beside MP_REACH (RFC 4760 §3)',
    (text) => {
      const nextHop = `400304${toHex(address(text).bytes)}`;
      const { attributes, faults } = decode(without(3) + nextHop);
      expect(attributes).toBeUndefined();
      expect(faults).toEqual([{ code: 3, action: 'withdraw', reason: 'not the address of a host' }]);
      const reach = '800e1600020110' + '20010db8000000000000000000000001' + '0000';
      const six = decode(reach + without(3) + nextHop, internal, false);
      expect(six.faults).toEqual([]);
      expect(toHex(six.attributes!.nextHop!.bytes)).toBe('20010db8000000000000000000000001');
    },
  );

  it.each([
    ['ORIGIN', 1, internal],
    ['AS_PATH', 2, internal],
    ['NEXT_HOP', 3, internal],
    ['LOCAL_PREF inside the AS', 5, internal],
  ])('missing %s withdraws (RFC 7606 §3.d)', (_name, code, context) => {
    const { attributes, faults } = decode(without(code), context);
    expect(attributes).toBeUndefined();
    expect(faults).toEqual([{ code, action: 'withdraw', reason: 'missing' }]);
  });

  it('nothing is missing where nothing is reached', () => {
    expect(decode(without(1), internal, false)).toEqual({
      attributes: undefined,
      reach: undefined,
      unreach: undefined,
      faults: [],
    });
    expect(decode('', internal, false).faults).toEqual([]);
  });

  it('all but the first of several are discarded (RFC 7606 §3.g)', () => {
    const { attributes, faults } = decode(`${base} 40010102 c0630101 c0630102 40050400000065`);
    expect(attributes).toMatchObject({ origin: 'igp', localPref: 100 });
    expect(attributes!.unknown).toEqual([{ code: 99, flags: 0xc0, value: Uint8Array.of(1) }]);
    expect(faults.map((f) => [f.code, f.action])).toEqual([
      [1, 'discard'],
      [99, 'discard'],
      [5, 'discard'],
    ]);
    // The first counts even when it is the malformed one.
    expect(decode(`40010103 ${base}`).attributes).toBeUndefined();
  });

  it('a second MP_REACH or MP_UNREACH ends the session', () => {
    const reach = '800e1500020110' + '20010db8000000000000000000000001' + '00';
    const unreach = '800f03000201';
    for (const hex of [`${base}${reach}${reach}`, `${unreach}${unreach}`])
      expect(faultOf(() => decode(hex, internal, false))).toMatchObject({ code: 3, subcode: 1 });
  });

  it('an unrecognized well-known one ends the session', () => {
    const fault = faultOf(() => decode(`${base} 40630101`));
    expect([fault.code, fault.subcode, toHex(fault.data)]).toEqual([3, 2, '40630101']);
  });

  it('the length may be extended without need (RFC 4271 §4.3)', () => {
    expect(decode('5001000100 50020000 50030004c0000201 5005000400000064')).toMatchObject({
      attributes: { origin: 'igp', asPath: [], localPref: 100 },
      faults: [],
    });
  });

  it.each([
    ['an attribute that overruns', 'c00809fbf00064'],
    ['one octet left', 'c0'],
    ['two octets left', 'c008'],
    ['half an extended length', 'd00800'],
  ])('%s withdraws, or ends the session when there is no route (RFC 7606 §4)', (_name, hex) => {
    const { attributes, faults } = decode(base + hex);
    expect(attributes).toBeUndefined();
    expect(faults).toMatchObject([{ action: 'withdraw', reason: 'overruns the attributes' }]);
    expect(faultOf(() => decode(base + hex, internal, false))).toMatchObject({ code: 3, subcode: 1 });
  });

  it('the strongest of several faults decides (RFC 7606 §3.h)', () => {
    expect(decode(`${base} 40060100 c00800`).attributes).toBeUndefined();
    expect(faultOf(() => decode(`${base} c00800 40630101`))).toMatchObject({ code: 3, subcode: 2 });
  });
});

describe('MP_REACH and MP_UNREACH', () => {
  const path = '40010100 400200';
  const six = '20010db8000000000000000000000001';
  const local = 'fe800000000000000000000000000001';
  const reach = (family: string, nextHop: string, nlri: string, flags = '80') => {
    const value = `${family}${(nextHop.length / 2).toString(16).padStart(2, '0')}${nextHop}00${nlri}`;
    return `${flags}0e${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
  };
  const v6 = '000201';
  const extended = contextOf({ extendedNextHop: true });

  it.each([
    ['16 octets', v6, six, external],
    ['32 octets', v6, six + local, external],
    ['a link-local address alone', v6, local, external],
    ['none but the link-local one', v6, '00'.repeat(16) + local, external],
    ['IPv4 with four octets', '000101', 'c0000201', external],
    ['IPv4 with 16 octets, negotiated', '000101', six, extended],
    ['IPv4 with 32 octets, negotiated', '000101', six + local, extended],
  ])('a next hop of %s is fine', (_name, family, nextHop, context) => {
    const { attributes, faults } = decode(path + reach(family, nextHop, '00'), context, false);
    expect(faults).toEqual([]);
    const want = nextHop.startsWith('00') ? local : nextHop.slice(0, 32);
    expect(toHex(attributes!.nextHop!.bytes)).toBe(want);
    expect(attributes!.linkLocalNextHop !== undefined).toBe(nextHop.length === 64 && !nextHop.startsWith('00'));
  });

  it('a second next hop that is not link-local is left out', () => {
    expect(decode(path + reach(v6, six + six, '00'), external, false)).toMatchObject({ faults: [] });
    expect(decode(path + reach(v6, six + six, '00'), external, false).attributes).not.toHaveProperty(
      'linkLocalNextHop',
    );
  });

  it.each([
    ['none', v6, '', external],
    ['four octets for IPv6', v6, 'c0000201', external],
    ['24 octets', v6, `${six}0000000000000000`, external],
    ['16 octets for IPv4, not negotiated', '000101', six, external],
    ['five octets for IPv4', '000101', 'c000020100', extended],
  ])(
    'a next hop of %s ends the session: no route can be told from another (RFC 7606 §7.11)',
    (_n, family, nextHop, context) => {
      const hex = reach(family, nextHop, '00');
      const fault = faultOf(() => decode(path + hex, context, true));
      expect([fault.code, fault.subcode, toHex(fault.data)]).toEqual([3, 9, hex]);
    },
  );

  it.each([
    ['::', '00'.repeat(16)],
    ['ff02::1', `ff02${'00'.repeat(13)}01`],
  ])('the next hop %s withdraws', (_name, nextHop) => {
    const { attributes, faults, reach: run } = decode(path + reach(v6, nextHop, '00'), external, false);
    expect([attributes, faults.map((f) => [f.code, f.action])]).toEqual([undefined, [[14, 'withdraw']]]);
    expect(run).toMatchObject({ family: 'ipv6' });
  });

  it.each([
    ['MP_REACH of no octets', '800e00'],
    ['MP_REACH of four octets', '800e0400020100'],
    ['MP_REACH whose next hop overruns', '800e0600020110ffff'],
    ['MP_REACH without the reserved octet', `800e140002 0110${six}`.replaceAll(' ', '')],
    ['MP_REACH with a malformed prefix', reach(v6, six, '81')],
    ['MP_REACH with a cut prefix', reach(v6, six, '2020010d')],
    ['MP_REACH that overruns the attributes', '800eff000201'],
    ['MP_UNREACH of two octets', '800f020002'],
    ['MP_UNREACH with a malformed prefix', '800f0400020181'],
    ['MP_UNREACH that overruns the attributes', '800fff000201'],
    ['MP_REACH flagged transitive', reach(v6, six, '00', 'c0')],
    ['MP_REACH flagged well-known', reach(v6, six, '00', '40')],
    ['MP_REACH of a family that was not negotiated, flagged transitive', reach('001946', '00', 'ffff', 'c0')],
    ['MP_UNREACH flagged transitive', 'c00f0400020100'],
  ])('%s ends the session (RFC 7606 §5.3, RFC 4760 §7)', (_name, hex) => {
    const fault = faultOf(() => decode(hex, external, true));
    expect([fault.code, fault.subcode, toHex(fault.data)]).toEqual([3, 9, hex]);
  });

  it('other flags are no matter', () => {
    expect(decode(path + reach(v6, six, '00', 'af'), external, false)).toMatchObject({ faults: [] });
  });

  it('a family that was not negotiated is noted and passed over', () => {
    const only4 = contextOf({ families: ['ipv4'] });
    for (const [hex, label] of [
      [reach(v6, six, '00'), '2/1'],
      [reach('001946', '00', 'ffff'), '25/70'],
      ['800f04000201ff', '2/1'],
    ] as const) {
      const { reach: r, unreach, faults } = decode(hex + path.replaceAll(' ', ''), only4, false);
      expect([r, unreach]).toEqual([undefined, undefined]);
      expect(faults).toContainEqual({
        code: Number.parseInt(hex.slice(2, 4), 16),
        action: 'discard',
        reason: `family ${label} was not negotiated`,
      });
    }
  });
});
