import { describe, expect, it } from 'vitest';
import { segmentOf } from '../../src/capture/segment.ts';
import { parseHex } from '../support/hex.ts';
import { decode, ethernetOf, ipOf, join, keepalive, openOf, pcapngOf, pcapOf, pick } from '../support/recorded.ts';

const open = openOf(64500);
const packets = [
  ethernetOf(ipOf({ sequence: 100, flags: 0x02 })),
  ethernetOf(ipOf({ sequence: 101, payload: open })),
  ethernetOf(ipOf({ sequence: 101 + open.length, payload: keepalive })),
];

/** Its last packet, whose block has its length at both ends, names an interface that is not there. */
const odd = pcapngOf(packets);
odd[odd.length - odd.at(-4)! + 8] = 9;

describe('files', () => {
  const files = {
    'pcap, little-endian, microseconds': pcapOf(packets),
    'pcap, big-endian, microseconds': pcapOf(packets, { little: false }),
    'pcap, little-endian, nanoseconds': pcapOf(packets, { nano: true }),
    'pcapng, little-endian': pcapngOf(packets),
    'pcapng, big-endian': pcapngOf(packets, { little: false }),
  };

  it.each(Object.entries(files))('%s: times, ends and messages, however it is cut', (_, file) => {
    const whole = decode('pcap', file);
    expect(whole.failure).toBeUndefined();
    expect(pick(whole.lines, 'time', 'from', 'to', 'type')).toEqual([
      ['2023-11-14T22:13:21.500Z', '192.0.2.1:179', '192.0.2.2:40000', 'open'],
      ['2023-11-14T22:13:22.500Z', '192.0.2.1:179', '192.0.2.2:40000', 'keepalive'],
    ]);
    for (const chunk of [1, 3, 16, 61]) expect(decode('pcap', file, { chunk })).toEqual(whole);
  });

  it.each(Object.entries(files))('%s: cut at any offset, it says so and shows what came before', (_, file) => {
    for (let length = 1; length < file.length; length++) {
      const { lines, failure } = decode('pcap', file.slice(0, length));
      if (length < 24)
        expect(lines.at(-1)).toMatchObject({ type: 'error', error: expect.stringMatching(/ends within/) });
      expect(lines.filter((l) => l.type !== 'error').length).toBeLessThan(3);
      if (failure === undefined && lines.at(-1)?.type === 'error')
        expect(lines.at(-1)!.error).toMatch(/ends within|passed/);
    }
  });

  it.each([
    ['another magic number', Uint8Array.from({ length: 40 }, () => 7), /magic/],
    ['a packet of 4 GB', join(pcapOf([]), new Uint8Array(16).fill(0xff)), /a packet of 4294967295 octets at offset 24/],
    ['a block of no length', join(pcapngOf([]), new Uint8Array(12)), /a block of 0 octets/],
    ['a packet of an unknown interface', odd, /interface 9/],
  ])('%s: given up with a reason', (_, file, reason) => {
    expect(decode('pcap', file).failure).toMatch(reason);
  });

  it('packets of a link type that nobody knows are reported once', () => {
    const { lines } = decode('pcap', pcapOf(packets, { linkType: 147 }));
    expect(pick(lines, 'error')).toEqual([['packets of link type 147 are not decoded']]);
  });
});

describe('packets', () => {
  const ip = ipOf({ sequence: 5, payload: keepalive });
  const ip6 = ipOf({ from: '2001:db8::1', to: '2001:db8::2', sequence: 5, payload: keepalive });
  const pad = (octets: number) => new Uint8Array(octets);
  /** An extension header of eight octets, of which the next one is TCP. */
  const extended = join(
    ip6.slice(0, 4),
    Uint8Array.of(0, 47, 60),
    ip6.slice(7, 40),
    Uint8Array.of(6, 0),
    pad(6),
    ip6.slice(40),
  );

  it.each([
    ['Ethernet', 1, ethernetOf(ip)],
    ['Ethernet in two VLANs', 1, ethernetOf(ip, [100, 200])],
    ['Ethernet, IPv6', 1, ethernetOf(ip6)],
    ['IPv6 with destination options', 1, ethernetOf(extended)],
    ['Linux cooked', 113, join(pad(14), Uint8Array.of(8, 0), ip)],
    ['Linux cooked, second version', 276, join(Uint8Array.of(8, 0), pad(18), ip)],
    ['loopback of BSD', 0, join(Uint8Array.of(2, 0, 0, 0), ip)],
    ['raw', 101, ip],
    ['raw IPv6', 229, ip6],
  ])('%s', (_, linkType, bytes) => {
    expect(segmentOf(linkType, bytes)).toMatchObject({ sourcePort: 179, sequence: 5, payload: keepalive, cut: 0 });
    for (let length = 0; length < bytes.length; length++) {
      const found = segmentOf(linkType, bytes.slice(0, length));
      if (typeof found !== 'string') expect(found.payload.length + found.cut).toBe(keepalive.length);
    }
  });

  it('what is no TCP, or a part of it only, is told apart', () => {
    const udp = ip.slice();
    udp[9] = 17;
    const fragment = ip.slice();
    fragment[6] = 0x20;
    expect(segmentOf(101, udp)).toBe('other');
    expect(segmentOf(101, fragment)).toBe('fragment');
    expect(segmentOf(101, ip.slice(0, 30))).toBe('truncated');
    expect(segmentOf(1, parseHex('ffffffffffff 020000000001 0806 0001'))).toBe('other');
  });
});
