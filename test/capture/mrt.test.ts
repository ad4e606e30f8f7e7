import { describe, expect, it } from 'vitest';
import { encodeAttributes } from '../../src/bgp/attr.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { address } from '../../src/lib/address.ts';
import { contextOf } from '../support/bgp.ts';
import { hexFiles, parseHex } from '../support/hex.ts';
import { bgp4mpOf, decode, join, keepalive, openOf, peerIndex, pick, recordOf, ribOf } from '../support/recorded.ts';

const route: PathAttributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [70000, 64496] }],
  nextHop: address('192.0.2.1'),
};
const block = (a: PathAttributes, fourOctetAs = true) => encodeAttributes(a, 'ipv4', contextOf({ fourOctetAs })).block!;
const v4 = parseHex('18 cb0071'); // 203.0.113.0/24
const v6 = parseHex('20 20010db8');
/** ORIGIN IGP, AS_PATH 70000, then MP_REACH as RFC 6396 §4.3.4 has it, and as some collectors do. */
const head6 = '400101 00 40020602010001 1170';
const short6 = parseHex(`${head6} 800e11 10 20010db8000000000000000000000001`);
const long6 = parseHex(`${head6} 800e15 0002 01 10 20010db8000000000000000000000001 00`);

const TABLE = 13;
const index = recordOf(TABLE, 1, peerIndex());

describe('tables', () => {
  it('IPv4: a line for each peer that has the prefix', () => {
    const rib = ribOf(v4, [
      { peer: 0, attributes: block(route) },
      { peer: 1, attributes: block({ ...route, med: 5, communities: [0xfbf00001] }) },
    ]);
    const { lines, summary } = decode('mrt', join(index, recordOf(TABLE, 2, rib)));
    expect(lines[0]).toMatchObject({
      type: 'peers',
      peers: [
        { address: '192.0.2.1', asn: 64501 },
        { address: '2001:db8::2', asn: 70000 },
      ],
    });
    expect(lines.slice(1)).toEqual([
      {
        time: '2023-11-14T22:13:20.000Z',
        from: '192.0.2.1',
        peerAsn: 64501,
        learned: '2023-11-14T21:56:40.000Z',
        type: 'rib',
        event: 'announce',
        prefix: '203.0.113.0/24',
        nextHop: '192.0.2.1',
        origin: 'igp',
        asPath: [70000, 64496],
        localPref: null,
        med: null,
        communities: [],
        largeCommunities: [],
      },
      expect.objectContaining({ from: '2001:db8::2', peerAsn: 70000, med: 5, communities: ['64496:1'] }),
    ]);
    expect(summary).toMatchObject({
      messages: { peers: 1, rib: 1 },
      announced: { ipv4: 2, ipv6: 0 },
      prefixes: { ipv4: 1, ipv6: 0 },
      peers: [
        { peer: '192.0.2.1', routes: 1 },
        { peer: '2001:db8::2', routes: 1 },
      ],
      errors: 0,
    });
  });

  it.each([
    ['the next hop alone', short6],
    ['all of MP_REACH', long6],
  ])('IPv6 with %s', (_, attributes) => {
    const { lines } = decode('mrt', join(index, recordOf(TABLE, 4, ribOf(v6, [{ peer: 1, attributes }]))));
    expect(pick(lines.slice(1), 'prefix', 'nextHop', 'asPath')).toEqual([['2001:db8::/32', '2001:db8::1', [70000]]]);
  });

  it('with path identifiers (RFC 8050)', () => {
    const rib = ribOf(
      v4,
      [7, 8].map((pathId) => ({ peer: 0, attributes: block(route), pathId })),
    );
    const { lines } = decode('mrt', join(index, recordOf(TABLE, 8, rib)));
    expect(pick(lines.slice(1), 'prefix', 'pathId')).toEqual([
      ['203.0.113.0/24', 7],
      ['203.0.113.0/24', 8],
    ]);
  });

  it('TABLE_DUMP: one route a record, AS numbers of two octets', () => {
    const attributes = block({ ...route, asPath: [{ type: 'sequence', asns: [64501, 64502] }] }, false);
    const body = join(
      parseHex('0000 0001 cb007100 18 01 65500000 c0000207 fbf5'),
      Uint8Array.of(0, attributes.length),
      attributes,
    );
    const { lines } = decode('mrt', recordOf(12, 1, body));
    expect(pick(lines, 'from', 'peerAsn', 'prefix', 'asPath')).toEqual([
      ['192.0.2.7', 64501, '203.0.113.0/24', [64501, 64502]],
    ]);
  });

  it.each([
    [
      'a peer that is not in the index',
      join(index, recordOf(TABLE, 2, ribOf(v4, [{ peer: 9, attributes: block(route) }]))),
      /peer 9/,
    ],
    [
      'a prefix of 40 bits',
      join(index, recordOf(TABLE, 2, ribOf(parseHex('28 cb00710000'), []))),
      /longer than its family/,
    ],
    [
      'attributes without AS_PATH',
      join(index, recordOf(TABLE, 2, ribOf(v4, [{ peer: 0, attributes: parseHex('400101 00') }]))),
      /AS_PATH is missing/,
    ],
    [
      'an ORIGIN of 9',
      join(index, recordOf(TABLE, 2, ribOf(v4, [{ peer: 0, attributes: parseHex('400101 09 400200') }]))),
      /^attribute 1: value 9$/,
    ],
    ['a subtype of another family', recordOf(TABLE, 6, new Uint8Array(8)), /subtype 6 is not decoded/],
    ['a table of another family', recordOf(12, 3, new Uint8Array(40)), /^TABLE_DUMP subtype 3 is not decoded$/],
    ['a record cut inside', recordOf(TABLE, 2, ribOf(v4, []).slice(0, 6)), /truncated/],
    ['another type', recordOf(32, 0, new Uint8Array(4)), /type 32 is not decoded/],
  ])('%s: reported, and the record behind it is read', (_, file, error) => {
    const after = recordOf(TABLE, 2, ribOf(v4, [{ peer: 0, attributes: block(route) }]));
    const { lines, summary } = decode('mrt', join(file, index, after));
    expect(lines.filter((l) => l.type === 'error').map((l) => l.error)).toEqual([expect.stringMatching(error)]);
    expect(summary.errors).toBe(1);
    expect(lines.at(-1)).toMatchObject({ type: 'rib', prefix: '203.0.113.0/24' });
  });
});

describe('messages', () => {
  const update = hexFiles('bgp/update');

  it('of both sizes of AS numbers, with and without path identifiers, with microseconds', () => {
    const file = join(
      recordOf(16, 4, bgp4mpOf(4, update.get('ipv4-reach')!)),
      recordOf(16, 1, bgp4mpOf(2, update.get('ipv4-two-octet')!)),
      recordOf(16, 9, bgp4mpOf(4, update.get('ipv4-add-path')!)),
      recordOf(17, 4, join(parseHex('0003d090'), bgp4mpOf(4, openOf(70000), 6))),
    );
    const { lines, summary } = decode('mrt', file);
    expect(summary.errors).toBe(0);
    expect(lines.filter((l) => l.pathId !== undefined).length).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatchObject({
      time: '2023-11-14T22:13:20.250Z',
      from: '2001:db8::1',
      type: 'open',
      asn: 70000,
    });
    expect(summary.messages).toEqual({ open: 1, update: 3 });
  });

  it('changes of state', () => {
    const { lines } = decode('mrt', recordOf(16, 5, bgp4mpOf(4, parseHex('0006 0001'))));
    expect(pick(lines, 'type', 'before', 'after', 'peerAsn')).toEqual([['state', 'Established', 'Idle', 70000]]);
  });

  it('what is no message is reported', () => {
    const { lines } = decode('mrt', recordOf(16, 4, bgp4mpOf(4, join(keepalive.slice(0, 18), Uint8Array.of(77)))));
    expect(pick(lines, 'type')).toEqual([['error']]);
  });

  it('a file cut anywhere ends with an error, and never with another', () => {
    const file = recordOf(16, 4, bgp4mpOf(4, update.get('ipv4-reach')!));
    for (let length = 1; length < file.length; length++)
      expect(decode('mrt', file.slice(0, length)).lines.at(-1)?.error).toBe(
        `the file ends within a record: ${length} octets left`,
      );
    for (const chunk of [1, 5, 13]) expect(decode('mrt', file, { chunk })).toEqual(decode('mrt', file));
  });
});
