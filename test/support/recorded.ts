/** Files as capture programs and route collectors write them, built octet by octet. */
import { encodeKeepalive, encodeOpen } from '../../src/bgp/message.ts';
import { decoderOf, type Format } from '../../src/capture/decoder.ts';
import { Lines } from '../../src/capture/lines.ts';
import { CaptureError } from '../../src/capture/pcap.ts';
import { Tally } from '../../src/capture/tally.ts';
import { LENIENT, Updates } from '../../src/capture/updates.ts';
import { attributeName, routeJson } from '../../src/daemon/routes.ts';
import { address } from '../../src/lib/address.ts';
import { Ascii } from '../../src/lib/ascii.ts';
import { Writer } from '../../src/lib/bytes.ts';

export const keepalive = encodeKeepalive();

export const openOf = (asn: number, addPath = false): Uint8Array =>
  encodeOpen({
    type: 'open',
    version: 4,
    myAs: asn,
    holdTimeSec: 90,
    bgpIdentifier: 0xc0000201,
    capabilities: [
      { type: 'multiprotocol', afi: 1, safi: 1 },
      { type: 'fourOctetAs', asn },
      ...(addPath ? [{ type: 'addPath', entries: [{ afi: 1, safi: 1, send: true, receive: true }] } as const] : []),
    ],
  });

export const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));

export interface Decoded {
  readonly lines: readonly Record<string, unknown>[];
  readonly summary: ReturnType<Tally['json']>;
  /** The decoder gave up. */
  readonly failure: string | undefined;
}

/** Decodes a file that comes in chunks of this size. Throws what is no `CaptureError`. */
export function decode(
  format: Format,
  file: Uint8Array,
  { chunk = file.length, context = LENIENT, port = 179 } = {},
): Decoded {
  const tally = new Tally(true);
  const out = new Ascii(4096);
  const lines = new Lines(tally, out);
  const updates = new Updates(lines, { members: routeJson, attributeName });
  let failure: string | undefined;
  try {
    const decoder = decoderOf(format, lines, updates, context, port);
    // Buffers that take turns, as those of a file that is read do.
    const buffers = [new Uint8Array(chunk), new Uint8Array(chunk)];
    for (let at = 0, turn = 0; at < file.length; at += chunk, turn ^= 1) {
      const piece = file.subarray(at, at + chunk);
      buffers[turn]!.set(piece);
      decoder.push(buffers[turn]!.subarray(0, piece.length));
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    failure = error.message;
  }
  const text = Buffer.from(out.take()).toString('latin1');
  const all = text.split('\n').filter(Boolean);
  return { lines: all.map((line) => JSON.parse(line) as Record<string, unknown>), summary: tally.json(), failure };
}

/** The members of a line that a test is about. */
export const pick = (lines: readonly Record<string, unknown>[], ...names: readonly string[]): unknown[][] =>
  lines.map((line) => names.map((name) => line[name]));

export interface SegmentSpec {
  readonly from?: string;
  readonly to?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly sequence: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

/** A TCP segment in IP, without checksums, which nobody here looks at. */
export function ipOf({
  from = '192.0.2.1',
  to = '192.0.2.2',
  sport = 179,
  dport = 40000,
  ...rest
}: SegmentSpec): Uint8Array {
  const { sequence, flags = 0x18, payload = new Uint8Array(0) } = rest;
  const [source, destination] = [address(from), address(to)];
  const w = new Writer(80 + payload.length);
  const length = 20 + payload.length;
  if (source.family === 4)
    w.u8(0x45)
      .u8(0)
      .u16(20 + length)
      .u16(1)
      .u16(0x4000)
      .u8(64)
      .u8(6)
      .u16(0);
  else w.u32(0x60000000).u16(length).u8(6).u8(64);
  w.put8s(source.bytes).put8s(destination.bytes);
  w.u16(sport)
    .u16(dport)
    .u32(sequence >>> 0)
    .u32(0)
    .u8(0x50)
    .u8(flags)
    .u16(1000)
    .u16(0)
    .u16(0)
    .put8s(payload);
  return w.finish();
}

/** An Ethernet frame, in these VLANs, filled up to the least length that frames have. */
export function ethernetOf(ip: Uint8Array, vlans: readonly number[] = []): Uint8Array {
  const w = new Writer(Math.max(60, 14 + 4 * vlans.length + ip.length));
  w.put8s(new Uint8Array(12));
  for (const vlan of vlans) w.u16(0x8100).u16(vlan);
  w.u16(ip[0]! >> 4 === 4 ? 0x0800 : 0x86dd).put8s(ip);
  const frame = new Uint8Array(Math.max(60, w.at));
  frame.set(w.bytes.subarray(0, w.at));
  return frame;
}

export interface PcapOptions {
  readonly little?: boolean;
  readonly nano?: boolean;
  readonly linkType?: number;
  /** Octets kept of each packet. */
  readonly snap?: number;
}

export function pcapOf(packets: readonly Uint8Array[], options: PcapOptions = {}): Uint8Array {
  const { little = true, nano = false, linkType = 1, snap = 65535 } = options;
  const words = (...list: readonly number[]) => numbers(list, little);
  const magic = nano ? 0xa1b23c4d : 0xa1b2c3d4;
  const version = little ? 0x00040002 : 0x00020004;
  const parts = [words(magic, version, 0, 0, snap, linkType)];
  for (const [i, packet] of packets.entries()) {
    const kept = packet.subarray(0, snap);
    parts.push(words(1_700_000_000 + i, nano ? 500_000_000 : 500_000, kept.length, packet.length), kept);
  }
  return join(...parts);
}

export function pcapngOf(
  packets: readonly Uint8Array[],
  { little = true, linkType = 1 }: PcapOptions = {},
): Uint8Array {
  const words = (...list: readonly number[]) => numbers(list, little);
  const block = (type: number, body: Uint8Array) => {
    const padded = new Uint8Array(4 * Math.ceil(body.length / 4));
    padded.set(body);
    const length = 12 + padded.length;
    return join(words(type, length), padded, words(length));
  };
  const halves = (a: number, b: number) => (little ? (b << 16) | a : (a << 16) | b) >>> 0;
  // A resolution of nanoseconds, which is an option.
  const resolution = join(words(halves(9, 1)), Uint8Array.of(9, 0, 0, 0), words(0));
  const parts = [
    block(0x0a0d0d0a, words(0x1a2b3c4d, halves(1, 0), 0xffffffff, 0xffffffff)),
    block(1, join(words(halves(linkType, 0), 0), resolution)),
    block(5, words(0, 0, 0)), // interface statistics: of no concern
  ];
  for (const [i, packet] of packets.entries()) {
    const ns = BigInt(1_700_000_000 + i) * 1_000_000_000n + 500_000_000n;
    const head = words(0, Number(ns >> 32n), Number(ns & 0xffffffffn), packet.length, packet.length);
    parts.push(block(6, join(head, packet)));
  }
  return join(...parts);
}

function numbers(list: readonly number[], little: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * list.length));
  for (const [i, n] of list.entries()) view.setUint32(4 * i, n, little);
  return new Uint8Array(view.buffer);
}

/** One MRT record. */
export function recordOf(type: number, subtype: number, body: Uint8Array): Uint8Array {
  const w = new Writer(12 + body.length);
  w.u32(1_700_000_000).u16(type).u16(subtype).u32(body.length).put8s(body);
  return w.finish();
}

/** BGP4MP (RFC 6396 §4.4) with AS numbers of this many octets. */
export function bgp4mpOf(as: 2 | 4, body: Uint8Array, family: 4 | 6 = 4): Uint8Array {
  const w = new Writer(64 + body.length);
  if (as === 4) w.u32(70000).u32(64500);
  else w.u16(64501).u16(64500);
  const [peer, local] = family === 4 ? ['192.0.2.1', '192.0.2.9'] : ['2001:db8::1', '2001:db8::9'];
  w.u16(0)
    .u16(family === 4 ? 1 : 2)
    .put8s(address(peer!).bytes)
    .put8s(address(local!).bytes)
    .put8s(body);
  return w.finish();
}

export interface TableEntry {
  readonly peer: number;
  readonly attributes: Uint8Array;
  readonly pathId?: number;
}

/** PEER_INDEX_TABLE: two peers, of either family and with AS numbers of either size. */
export function peerIndex(): Uint8Array {
  const w = new Writer(128);
  w.u32(0x0a000001)
    .u16(4)
    .put8s(Uint8Array.from('view', (c) => c.charCodeAt(0)))
    .u16(2);
  w.u8(0).u32(1).put8s(address('192.0.2.1').bytes).u16(64501);
  w.u8(3).u32(2).put8s(address('2001:db8::2').bytes).u32(70000);
  return w.finish();
}

/** RIB_IPV4_UNICAST and its like: `nlri` is a prefix as UPDATEs have it. */
export function ribOf(nlri: Uint8Array, entries: readonly TableEntry[]): Uint8Array {
  const w = new Writer(4096);
  w.u32(7).put8s(nlri).u16(entries.length);
  for (const { peer, attributes, pathId } of entries) {
    w.u16(peer).u32(1_699_999_000);
    if (pathId !== undefined) w.u32(pathId);
    w.u16(attributes.length).put8s(attributes);
  }
  return w.finish();
}
