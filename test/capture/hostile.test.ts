/** Files that somebody has damaged, by chance or on purpose: each line is JSON all the same, and nothing runs away. */
import { describe, expect, it } from 'vitest';
import { encodeAttributes } from '../../src/bgp/attr.ts';
import { Flow } from '../../src/capture/flow.ts';
import { address } from '../../src/lib/address.ts';
import { contextOf } from '../support/bgp.ts';
import { hexFiles, parseHex } from '../support/hex.ts';
import { Mutator } from '../support/mutate.ts';
import {
  bgp4mpOf,
  decode,
  ethernetOf,
  ipOf,
  join,
  keepalive,
  openOf,
  pcapngOf,
  pcapOf,
  peerIndex,
  recordOf,
  ribOf,
} from '../support/recorded.ts';

const TABLE = 13;
const v6 = parseHex('20 20010db8');
const head6 = '400101 00 40020602010001 1170';
const route = encodeAttributes(
  { origin: 'igp', asPath: [{ type: 'sequence', asns: [70000, 64496] }], nextHop: address('192.0.2.1') },
  'ipv4',
  contextOf({ fourOctetAs: true }),
).block!;
const table = (attributes: Uint8Array) =>
  join(recordOf(TABLE, 1, peerIndex()), recordOf(TABLE, 4, ribOf(v6, [{ peer: 0, attributes }])));

describe('a table', () => {
  it('with an attribute longer than its route: an error in a line of its own', () => {
    const { lines } = decode('mrt', table(parseHex(`${head6} 800eff 10 20010db8000000000000000000000001`)));
    expect(lines.map(({ type }) => type)).toEqual(['peers', 'error']);
    expect(lines[1]).toMatchObject({ from: '192.0.2.1', error: expect.stringContaining('truncated') });
  });

  it('with an empty next hop attribute, and with thousands of them', () => {
    expect(decode('mrt', table(parseHex(`${head6} 800e00`))).lines.at(-1)?.type).toBe('error');
    const many = join(parseHex(head6), ...Array.from({ length: 13_000 }, () => parseHex('800e02 0120')));
    const body = join(
      ...[parseHex('00000007'), v6, parseHex('0001 0000 00000000'), Uint8Array.of(many.length >> 8, many.length), many],
    );
    const { lines } = decode('mrt', join(recordOf(TABLE, 1, peerIndex()), recordOf(TABLE, 4, body)));
    expect(lines.map(({ type }) => type)).toEqual(['peers', 'error']);
  });
});

describe('a capture', () => {
  it('with times that no calendar has', () => {
    const file = pcapngOf([
      ethernetOf(ipOf({ sequence: 100, flags: 0x02 })),
      ethernetOf(ipOf({ sequence: 101, payload: openOf(64500) })),
    ]);
    // The resolution becomes one unit a second; the time stamps, nanoseconds until here, millions of years.
    const at = file.findIndex((_, i) => file[i] === 9 && file[i + 2] === 1 && file[i + 4] === 9);
    file[at + 4] = 0;
    const { lines, summary, failure } = decode('pcap', file);
    expect(failure).toBeUndefined();
    expect(lines.map(({ type }) => type)).toEqual(['open']);
    expect(summary.last).toMatch(/^\+275760-/);
  });

  it('of segments that never fit takes time in proportion to them', () => {
    const flow = new Flow();
    flow.take(0, true, new Uint8Array(0), 0);
    const payload = new Uint8Array(1);
    let given = 0;
    // Every second octet is missing.
    for (let n = 0; n < 40_000; n++) given += flow.take(3 + 2 * n, false, payload, 0).length;
    expect(given).toBeGreaterThan(60_000);
    expect(flow.end().length + given).toBe(80_000);
  });
});

describe('damage at random', () => {
  const updates = [...hexFiles('bgp/update').values()];
  const session = (messages: readonly Uint8Array[]) => {
    let sequence = 101;
    const packets = messages.map((payload) => {
      const packet = ethernetOf(ipOf({ sequence, payload }));
      sequence += payload.length;
      return packet;
    });
    return [ethernetOf(ipOf({ sequence: 100, flags: 0x02 })), ...packets];
  };
  const packets = session([openOf(64500), keepalive, ...updates.slice(0, 4)]);
  const files = {
    'pcap of': ['pcap', pcapOf(packets)],
    'pcapng of': ['pcap', pcapngOf(packets, { little: false })],
    'mrt table of': [
      'mrt',
      join(
        table(parseHex(`${head6} 800e11 10 20010db8000000000000000000000001`)),
        recordOf(TABLE, 2, ribOf(parseHex('18 cb0071'), [{ peer: 1, attributes: route }])),
      ),
    ],
    'mrt messages of': ['mrt', join(...updates.map((update) => recordOf(16, 4, bgp4mpOf(4, update))))],
    'raw of': ['raw', join(openOf(64500), keepalive, ...updates)],
  } as const;

  it.each(Object.entries(files))('%s BGP', (_, [format, file]) => {
    const mutator = new Mutator(4271);
    for (let round = 0; round < 400; round++) {
      const damaged = file.slice();
      for (let n = 1 + mutator.below(6); n > 0; n--) damaged[mutator.below(damaged.length)] = mutator.octets(1)[0]!;
      const cut = mutator.below(4) === 0 ? damaged.subarray(0, mutator.below(damaged.length)) : damaged;
      // `decode` parses each line, and passes on whatever is no `CaptureError`.
      const { lines, summary } = decode(format, cut);
      expect(lines.filter(({ type }) => type === 'error')).toHaveLength(summary.errors);
    }
  });
});
