import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInterned, encodeAttributes } from '../../src/bgp/attr.ts';
import type { AddressFamily } from '../../src/bgp/const.ts';
import type { Context } from '../../src/bgp/context.ts';
import { Framer } from '../../src/bgp/framer.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { type NlriRun, readPrefixes } from '../../src/bgp/nlri.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { decodeUpdate, encodeEndOfRib, type Update, writeReach, writeUnreach } from '../../src/bgp/update.ts';
import { address, addressFrom } from '../../src/lib/address.ts';
import { fromHex, toHex, Writer } from '../../src/lib/bytes.ts';
import { formatPrefix, type Prefix, prefix, prefixOf } from '../../src/lib/prefix.ts';
import { PrefixTable } from '../../src/lib/table.ts';
import { contextOf, faultOf, flips, nextHop4, nextHop6, pathAttributes, tolerates } from '../support/bgp.ts';
import { golden } from '../support/hex.ts';

const external = contextOf();
const extended = contextOf({ extendedNextHop: true });
const texts = (run: NlriRun) => readPrefixes(run).map(formatPrefix);

function decode(message: Uint8Array, context: Context = external, table = new AttributeTable()): Update {
  return decodeUpdate(message, 19, message.length, context, table);
}

/** The body of an UPDATE out of its three parts in hexadecimal. */
function update(withdrawn: string, attributes: string, nlri: string): Uint8Array {
  const [w, a, n] = [withdrawn, attributes, nlri].map(fromHex);
  const length = (b: Uint8Array) => [b.length >>> 8, b.length & 0xff];
  return Uint8Array.of(...new Array(19).fill(0), ...length(w!), ...w!, ...length(a!), ...a!, ...n!);
}

function tableOf(family: AddressFamily, prefixes: readonly Prefix[]): [PrefixTable, number[]] {
  const table = new PrefixTable(family === 'ipv4' ? 4 : 6);
  return [table, prefixes.map((p) => table.add(p))];
}

const base: PathAttributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65001] }],
  nextHop: address('192.0.2.1'),
};
const six = { nextHop: address('2001:db8::1') };

interface Meaning {
  readonly family: AddressFamily;
  readonly reach?: readonly string[];
  readonly unreach?: readonly string[];
  readonly attributes?: PathAttributes;
  readonly context?: Context;
}

const rows = golden<Meaning>('bgp/update', {
  'ipv4-reach': { family: 'ipv4', reach: ['10.0.0.0/8', '203.0.113.0/24', '198.51.100.7/32'], attributes: base },
  'ipv4-default': { family: 'ipv4', reach: ['0.0.0.0/0'], attributes: base },
  'ipv4-unreach': { family: 'ipv4', unreach: ['10.0.0.0/8', '203.0.113.0/24'] },
  'ipv6-reach': {
    family: 'ipv6',
    reach: ['2001:db8:5::/48', '2001:db8::2/127'],
    attributes: { ...base, ...six },
  },
  'ipv6-link-local': {
    family: 'ipv6',
    reach: ['2001:db8::/32'],
    attributes: { ...base, ...six, linkLocalNextHop: address('fe80::1') },
  },
  'ipv6-unreach': { family: 'ipv6', unreach: ['2001:db8::/32'] },
  'ipv4-over-ipv6': {
    family: 'ipv4',
    reach: ['203.0.113.0/24'],
    attributes: { ...base, nextHop: address('fe80::1') },
    context: extended,
  },
  'ipv4-add-path': {
    family: 'ipv4',
    reach: ['10.0.0.0/8', '203.0.113.0/24'],
    attributes: base,
    context: contextOf({ addPathReceive: ['ipv4'], addPathSend: ['ipv4'] }),
  },
  'ipv4-two-octet': {
    family: 'ipv4',
    reach: ['10.0.0.0/8'],
    attributes: {
      ...base,
      asPath: [{ type: 'sequence', asns: [65001, 70000, 64496] }],
      aggregator: { asn: 70000, address: 0xc00002fe },
    },
    context: contextOf({ fourOctetAs: false }),
  },
  'ipv4-end-of-rib': { family: 'ipv4' },
  'ipv6-end-of-rib': { family: 'ipv6' },
});

function encode({ family, reach, unreach, attributes, context = external }: Meaning): Uint8Array {
  const [table, ids] = tableOf(family, (reach ?? unreach ?? []).map(prefix));
  const w = new Writer(4096);
  if (reach !== undefined) {
    const encoded = encodeAttributes(attributes!, family, context);
    expect(writeReach(w, family, encoded, table, ids, 0, ids.length, context)).toBe(ids.length);
  } else if (unreach !== undefined)
    expect(writeUnreach(w, family, table, ids, 0, ids.length, context)).toBe(ids.length);
  else return encodeEndOfRib(family);
  return w.finish();
}

describe('UPDATE', () => {
  it.each(rows)('%s, both ways', (_name, bytes, meaning) => {
    const table = new AttributeTable();
    const got = decode(bytes, meaning.context, table);
    expect(got.faults).toEqual([]);
    expect(got.reach.map((r) => [r.family, texts(r)])).toEqual(
      meaning.reach === undefined ? [] : [[meaning.family, meaning.reach]],
    );
    expect(got.unreach.map((r) => [r.family, texts(r)])).toEqual(
      meaning.unreach === undefined ? [] : [[meaning.family, meaning.unreach]],
    );
    const silent = meaning.reach === undefined && meaning.unreach === undefined;
    expect(got.endOfRib).toBe(silent ? meaning.family : undefined);
    for (const r of got.reach) expect(decodeInterned(table.view(r.attributes))).toEqual(meaning.attributes);
    expect(toHex(encode(meaning))).toBe(toHex(bytes));
  });

  const contexts = [
    external,
    extended,
    contextOf({ internal: true }),
    contextOf({ fourOctetAs: false }),
    contextOf({ addPathReceive: ['ipv4', 'ipv6'] }),
    contextOf({ families: ['ipv6'] }),
  ];
  it.each(rows)('%s: cut or damaged, it is refused or read as something', (_name, bytes) => {
    for (const context of contexts) {
      for (let end = 19; end < bytes.length; end++) tolerates(() => decode(bytes.slice(0, end), context));
      for (const flipped of flips(bytes, 19)) {
        const table = new AttributeTable();
        tolerates(() => {
          const { reach, unreach } = decode(flipped, context, table);
          for (const r of [...reach, ...unreach]) texts(r);
          for (const r of reach) decodeInterned(table.view(r.attributes));
        });
      }
    }
  });

  it.each([
    ['no lengths', '', 1],
    ['half a length', '00', 1],
    ['no attribute length', '0000', 1],
    ['withdrawn routes overrun', '0001 0000', 1],
    ['attributes overrun', '0000 0001', 1],
    ['withdrawn prefix of 33 bits', '0001 21 0000', 10],
    ['withdrawn prefix is cut', '0002 180a 0000', 10],
    ['prefix of 33 bits', '0000 0000 21', 10],
    ['prefix is cut', '0000 0000 080a 18c0', 10],
  ])('%s ends the session', (_name, hex, subcode) => {
    const body = fromHex(hex);
    const fault = faultOf(() => decodeUpdate(body, 0, body.length, external, new AttributeTable()));
    expect(fault).toMatchObject({ code: 3, subcode });
  });
});

describe('attribute sets', () => {
  const block = '40010100 4002060201 0000fde9 400304c0000201';
  const reachOf = (message: Uint8Array, context: Context, table: AttributeTable) =>
    decode(message, context, table).reach.map((r) => r.attributes);

  it('are one for all routes that came with the same octets', () => {
    const table = new AttributeTable();
    const [first] = reachOf(update('', block, '080a'), external, table);
    expect(reachOf(update('', block, '18c0000218c00003'), external, table)).toEqual([first]);
    expect([table.size, table.count(first!)]).toEqual([1, 0]);
  });

  it('are canonical: what is discarded, ignored or about routes does not tell them apart', () => {
    const table = new AttributeTable();
    const [plain] = reachOf(update('', block, '080a'), external, table);
    for (const [hex, context] of [
      [`${block} 40050400000064`, external], // LOCAL_PREF from outside
      [`${block} 806301ff`, external], // unknown and not transitive
      [`${block} 400601ff`, external], // malformed ATOMIC_AGGREGATE
      [`800f0400020100 ${block}`, external], // something withdrawn as well
      [`${block} c0110602010000fde9`, external], // AS4_PATH where it does not belong
      ['40010100 4002040201fde9 400304c0000201', contextOf({ fourOctetAs: false })],
      ['40010100 40020402015ba0 400304c0000201 c0110602010000fde9', contextOf({ fourOctetAs: false })],
    ] as const)
      expect(reachOf(update('', hex, '080a'), context, table)).toEqual([plain]);
    expect(table.size).toBe(1);
  });

  it('known on an internal session are not taken on trust on an external one, nor the reverse', () => {
    const table = new AttributeTable();
    const internal = contextOf({ internal: true });
    const message = update('', `${block} 40050400000064`, '080a');
    const [inside] = reachOf(message, internal, table);
    const outside = decode(message, external, table);
    expect(outside.faults).toMatchObject([{ code: 5, action: 'discard' }]);
    expect(outside.reach[0]!.attributes).not.toBe(inside);
    expect(decodeInterned(table.view(inside!)).localPref).toBe(100);
    expect(decodeInterned(table.view(outside.reach[0]!.attributes)).localPref).toBeUndefined();
    const bare = update('', block, '080a');
    expect(decode(bare, external, table).reach.length).toBe(1);
    expect(decode(bare, internal, table)).toMatchObject({ reach: [], faults: [{ code: 5, action: 'withdraw' }] });
  });

  it('known from a four-octet session are not taken for those of a two-octet one', () => {
    const table = new AttributeTable();
    // Four octets: one AS 0x00010002. Two octets: a segment of one number and two octets too many.
    const message = update('', '40010100 4002060201 00010002 400304c0000201', '080a');
    expect(decode(message, external, table).reach.length).toBe(1);
    expect(decode(message, contextOf({ fourOctetAs: false }), table)).toMatchObject({
      reach: [],
      faults: [{ code: 2, action: 'withdraw' }],
    });
  });

  it('with the next hop in MP_REACH do not stand in for those with NEXT_HOP', () => {
    const table = new AttributeTable();
    const mp = '900e0015 0002011020010db800000000000000000000000100';
    const attributes = '40010100 4002060201 0000fde9';
    const withRoute = update('', `900e0016 ${mp.slice(9)} 00 ${attributes}`, '');
    const [id] = reachOf(withRoute, external, table);
    const head = toHex(table.view(id!));
    // Those very octets, in front of an NLRI field: NEXT_HOP is missing.
    expect(decode(update('', head, '080a'), external, table)).toMatchObject({
      reach: [],
      unreach: [{ family: 'ipv4' }],
      faults: [{ code: 3, action: 'withdraw' }],
    });
  });

  it('differ by next hop, where one UPDATE has routes of both kinds', () => {
    const table = new AttributeTable();
    const mp = '800e1a 000201 10 20010db8000000000000000000000001 00 2020010db8';
    const { reach, faults } = decode(update('', `${mp} ${block}`, '080a'), external, table);
    expect(faults).toEqual([]);
    expect(reach.map((r) => [texts(r), decodeInterned(table.view(r.attributes))])).toEqual([
      [['10.0.0.0/8'], base],
      [['2001:db8::/32'], { ...base, ...six }],
    ]);
  });

  it('whose next hop is in MP_REACH are one, whether NEXT_HOP is there as well or not', () => {
    const table = new AttributeTable();
    const mp = '800e1a 000201 10 20010db8000000000000000000000001 00 2020010db8';
    const origin = '40010100 4002060201 0000fde9';
    const [id] = reachOf(update('', `${mp} ${origin}`, ''), external, table);
    expect(reachOf(update('', `${mp} ${block}`, ''), external, table)).toEqual([id]);
    expect(reachOf(update('', `${block} ${mp}`, ''), external, table)).toEqual([id]);
    expect(table.size).toBe(1);
  });

  it('have the link-local one of two next hops, where the session is between such addresses', () => {
    const [global, local] = ['20010db8000000000000000000000001', 'fe800000000000000000000000000001'];
    const mp = (first: string, second: string) => `800e2a 000201 20 ${first} ${second} 00 2020010db8`;
    for (const fourOctetAs of [true, false]) {
      const path = fourOctetAs ? '4002060201 0000fde9' : '4002040201 fde9';
      const nextHops = (value: string, linkLocal: boolean) => {
        const table = new AttributeTable();
        const context = contextOf({ fourOctetAs, ...(linkLocal && { linkLocal }) });
        const [id] = reachOf(update('', `${value} 40010100 ${path}`, ''), context, table);
        return decodeInterned(table.view(id!));
      };
      expect(nextHops(mp(global, local), true)).toEqual({ ...base, nextHop: address('fe80::1') });
      expect(nextHops(mp(global, local), false)).toEqual({ ...base, ...six, linkLocalNextHop: address('fe80::1') });
      expect(nextHops(mp(global, global), true)).toEqual({ ...base, ...six });
    }
  });

  it('too long for four-octet numbers withdraw', () => {
    const asns = 'fde9'.repeat(255);
    const segments = `02ff${asns}`.repeat(100);
    const old = contextOf({ fourOctetAs: false, maxMessage: 65535 });
    const length = (segments.length / 2).toString(16);
    const message = update('', `40010100 5002${length}${segments} 400304c0000201`, '080a');
    expect(decode(message, old)).toMatchObject({
      reach: [],
      unreach: [{ family: 'ipv4' }],
      faults: [{ code: 2, action: 'withdraw' }],
    });
  });
});

describe('faults', () => {
  const good = '40010100 4002060201 0000fde9 400304c0000201';
  it('that withdraw move all reachable routes to the withdrawn ones', () => {
    const mp = '800e1a 000201 10 20010db8000000000000000000000001 00 2020010db8';
    const un = '800f07 000201 18200100';
    const { reach, unreach, faults } = decode(update('18c00002', `${mp} ${un} ${good} c00800`, '080a'));
    expect(reach).toEqual([]);
    expect(unreach.map(texts)).toEqual([['192.0.2.0/24'], ['2001::/24'], ['10.0.0.0/8'], ['2001:db8::/32']]);
    expect(faults).toMatchObject([{ code: 8, action: 'withdraw' }]);
  });

  it('that discard leave the routes alone', () => {
    const { reach, unreach, faults } = decode(update('', `${good} 400601ff`, '080a'));
    expect([reach.map(texts), unreach]).toEqual([[['10.0.0.0/8']], []]);
    expect(faults).toMatchObject([{ code: 6, action: 'discard' }]);
  });

  it('end the session when there is no route to withdraw, but not over withdrawals alone', () => {
    expect(faultOf(() => decode(update('080a', `${good} c00800`, '')))).toMatchObject({ code: 3, subcode: 5 });
    expect(decode(update('080a', '', '')).unreach.map(texts)).toEqual([['10.0.0.0/8']]);
  });

  it.each([
    ['IPv4', { families: ['ipv6'] as AddressFamily[] }, update('080a', good, '18c00002'), 0],
    [
      'IPv6',
      { families: ['ipv4'] as AddressFamily[] },
      update('', `800e1a000201 10 20010db8000000000000000000000001 00 2020010db8 ${good}`, ''),
      14,
    ],
  ])('%s routes that were not negotiated are passed over', (_name, changes, message, code) => {
    const { reach, unreach, faults, endOfRib } = decode(message, contextOf(changes));
    expect([reach, unreach, endOfRib]).toEqual([[], [], undefined]);
    expect(faults).toMatchObject([{ code, action: 'discard', reason: expect.stringMatching(/not negotiated/) }]);
  });

  it('an End-of-RIB of a family that was not negotiated is none', () => {
    expect(decode(encodeEndOfRib('ipv4'), contextOf({ families: ['ipv6'] })).endOfRib).toBeUndefined();
    expect(decode(encodeEndOfRib('ipv6'), contextOf({ families: ['ipv4'] })).endOfRib).toBeUndefined();
  });

  it('an MP_UNREACH without routes beside something else is no End-of-RIB', () => {
    expect(decode(update('080a', '800f03000201', '')).endOfRib).toBeUndefined();
    expect(decode(update('', `800f03000201 ${good}`, '080a')).endOfRib).toBeUndefined();
    expect(decode(update('', '800f03000101', '')).endOfRib).toBe('ipv4');
  });
});

describe('packing', () => {
  const prefixes = (family: AddressFamily, n: number): Prefix[] =>
    Array.from({ length: n }, (_, i) => {
      const bytes = new Uint8Array(family === 'ipv4' ? 4 : 16);
      bytes.set([0x20, 0x01, i >> 8, i]);
      return prefixOf(addressFrom(bytes), 32 - (i % 8));
    });

  /** Writes everything, and reads it back: what was reached and what was withdrawn. */
  function there(
    family: AddressFamily,
    list: readonly Prefix[],
    context: Context,
    attributes: PathAttributes | undefined,
  ): { reach: string[]; unreach: string[]; sizes: number[]; sets: PathAttributes[] } {
    const [table, ids] = tableOf(family, list);
    const encoded = attributes && encodeAttributes(attributes, family, context);
    const w = new Writer(4_000_000);
    for (let at = 0; at < ids.length; ) {
      const from = at;
      at =
        encoded === undefined
          ? writeUnreach(w, family, table, ids, at, ids.length, context)
          : writeReach(w, family, encoded, table, ids, at, ids.length, context);
      if (at === from) throw new Error('nothing fits');
    }
    const framer = new Framer();
    framer.maxMessage = context.maxMessage;
    framer.push(w.finish());
    const sets = new AttributeTable();
    const out = { reach: [] as string[], unreach: [] as string[], sizes: [] as number[], sets: [] as PathAttributes[] };
    for (let f = framer.next(); f !== undefined; f = framer.next()) {
      const receive = { ...context, addPathReceive: context.addPathSend };
      const { reach, unreach, faults } = decodeUpdate(f.bytes, f.start, f.end, receive, sets);
      expect(faults).toEqual([]);
      out.sizes.push(f.end - f.start + 19);
      for (const r of reach) out.reach.push(...texts(r));
      for (const r of unreach) out.unreach.push(...texts(r));
      for (const r of reach) out.sets.push(decodeInterned(sets.view(r.attributes)));
    }
    return out;
  }

  const cases: [string, AddressFamily, Partial<Context>, PathAttributes][] = [
    ['IPv4', 'ipv4', {}, base],
    ['IPv4 with path identifiers', 'ipv4', { addPathSend: ['ipv4'] }, base],
    ['IPv4 in extended messages', 'ipv4', { maxMessage: 65535 }, base],
    ['IPv4 over IPv6', 'ipv4', { extendedNextHop: true }, { ...base, ...six }],
    ['IPv6', 'ipv6', {}, { ...base, ...six }],
    ['IPv6 with path identifiers', 'ipv6', { addPathSend: ['ipv6'] }, { ...base, ...six }],
    ['IPv6 in extended messages', 'ipv6', { maxMessage: 65535 }, { ...base, ...six }],
  ];

  it.each(cases)('%s: every prefix arrives once, in messages as full as they can be', (_n, family, changes, a) => {
    const context = contextOf(changes);
    const list = prefixes(family, 20_000);
    const want = list.map(formatPrefix);
    const { reach, sizes, sets } = there(family, list, context, a);
    expect(reach).toEqual(want);
    for (const set of sets) expect(set).toEqual(a);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(context.maxMessage);
    // No message but the last has room for one more prefix.
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(context.maxMessage - 9);
    const gone = there(family, list, context, undefined);
    expect(gone.unreach).toEqual(want);
    for (const size of gone.sizes.slice(0, -1)) expect(size).toBeGreaterThan(context.maxMessage - 9);
    for (const size of gone.sizes) expect(size).toBeLessThanOrEqual(context.maxMessage);
  });

  it.each([
    ['NEXT_HOP', 'ipv4' as const, nextHop4],
    ['MP_REACH', 'ipv6' as const, nextHop6],
  ])('whatever the attributes: %s', (_name, family, nextHop) => {
    const list = prefixes(family, 30);
    fc.assert(
      fc.property(pathAttributes(nextHop, true), fc.boolean(), (attributes, fourOctetAs) => {
        const context = contextOf({ internal: true, fourOctetAs });
        const { reach, sets } = there(family, list, context, attributes);
        expect(reach).toEqual(list.map(formatPrefix));
        expect(sets[0]).toEqual(attributes);
      }),
    );
  });

  it.each(cases)('%s: attributes that leave no room for a prefix write nothing', (_name, family, changes, a) => {
    const context = contextOf(changes);
    const [table, ids] = tableOf(family, prefixes(family, 2));
    const room = (n: number) => {
      const communities = Array.from({ length: n }, (_, i) => i);
      const encoded = encodeAttributes({ ...a, communities }, family, context);
      const w = new Writer(70_000);
      const next = writeReach(w, family, encoded, table, ids, 0, 2, context);
      return { next, at: w.at };
    };
    let n = Math.floor(context.maxMessage / 4);
    expect(room(n)).toEqual({ next: 0, at: 0 });
    while (room(n).next === 0) n--;
    expect(room(n).at).toBeLessThanOrEqual(context.maxMessage);
    expect(room(20_000)).toEqual({ next: 0, at: 0 });
  });

  it('starts where the writer is, and leaves what is behind it alone', () => {
    const [table, ids] = tableOf('ipv4', prefixes('ipv4', 10));
    const encoded = encodeAttributes(base, 'ipv4', external);
    const w = new Writer(200);
    w.u32(0xdeadbeef);
    const next = writeReach(w, 'ipv4', encoded, table, ids, 3, 5, external);
    expect(next).toBe(5);
    expect(decode(w.finish(4)).reach.map(texts)).toEqual([prefixes('ipv4', 10).slice(3, 5).map(formatPrefix)]);
    expect(writeReach(w, 'ipv4', encoded, table, ids, 5, 5, external)).toBe(5);
    expect(writeUnreach(w, 'ipv4', table, ids, 5, 5, external)).toBe(5);
  });
});
