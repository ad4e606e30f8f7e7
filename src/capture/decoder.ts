/**
 * Recorded BGP of any format, as lines of JSON: octets of a file go in, chunk by chunk.
 *
 *   hex ─► octets ─┐
 *   raw ───────────┼─► Messages ─► message.ts ─► Lines
 *   pcap ─► Flow ──┘                  ▲
 *   mrt ── BGP4MP ────────────────────┘    TABLE_DUMP ─► table.ts ─► Lines
 */
import { HEADER_OCTETS } from '../bgp/const.ts';
import type { Context } from '../bgp/context.ts';
import { formatAddress } from '../lib/address.ts';
import { Splitter } from '../lib/splitter.ts';
import { Conversation } from './conversation.ts';
import type { Lines } from './lines.ts';
import { decodeInto } from './message.ts';
import { Messages } from './messages.ts';
import { Mrt } from './mrt.ts';
import { CaptureError, type Packet, Pcap, pcapMagic } from './pcap.ts';
import { PCAPNG_MAGIC, Pcapng } from './pcapng.ts';
import { type Segment, segmentOf } from './segment.ts';
import { HexText } from './text.ts';
import type { Updates } from './updates.ts';

export type Format = 'hex' | 'raw' | 'pcap' | 'mrt';
export const formats: readonly Format[] = ['hex', 'raw', 'pcap', 'mrt'];

/** Takes the file apart. A chunk is not looked at any more once the next has been taken. Both throw `CaptureError` where nothing behind can be found. */
export interface Decoder {
  push(chunk: Uint8Array): void;
  end(): void;
}

type Open = (lines: Lines, updates: Updates, assumed: Context, port: number) => Decoder;

const decoders: Readonly<Record<Format, Open>> = {
  hex: (lines, updates, context) => new HexDecoder(lines, updates, context),
  raw: (lines, updates, context) => new RawDecoder(lines, updates, context),
  pcap: (lines, updates, context, port) => new PcapDecoder(lines, updates, context, port),
  mrt: (lines, updates, context) => new Mrt(lines, updates, context),
};

/**
 * @param assumed what sessions whose OPENs are not in the file agreed on
 * @param port of BGP, for captures of packets
 */
export const decoderOf = (format: Format, lines: Lines, updates: Updates, assumed: Context, port: number): Decoder =>
  decoders[format](lines, updates, assumed, port);

/** Octets that `guess` wants, unless the file has fewer. */
export const GUESS_OCTETS = 16;

/** What some editors begin a text with. */
const BOM = [0xef, 0xbb, 0xbf];

/** The format of a file that begins with these octets; undefined: none of them. */
export function guess(start: Uint8Array): Format | undefined {
  if (start.length >= 4) {
    const view = new DataView(start.buffer, start.byteOffset);
    const magic = view.getUint32(0);
    if (magic === PCAPNG_MAGIC || pcapMagic(magic) !== undefined) return 'pcap';
    if (start.length >= 12 && [11, 12, 13, 16, 17].includes(view.getUint16(4)) && view.getUint16(6) < 64) return 'mrt';
  }
  if (start.length > 0 && start.every((b) => b === 0xff)) return 'raw';
  const text = BOM.every((b, i) => b === start[i]) ? start.subarray(BOM.length) : start;
  return text.every((b) => b === 9 || b === 10 || b === 13 || (b >= 32 && b < 127)) ? 'hex' : undefined;
}

class RawDecoder implements Decoder {
  private readonly messages = new Messages();
  private readonly lines: Lines;
  private readonly updates: Updates;
  private readonly context: Context;

  constructor(lines: Lines, updates: Updates, context: Context) {
    this.lines = lines;
    this.updates = updates;
    this.context = context;
  }

  push(chunk: Uint8Array): void {
    this.messages.push(chunk);
    for (let next = this.messages.next(); next !== undefined; next = this.messages.next())
      if ('error' in next) this.lines.error(next.error, { offset: next.offset });
      else decodeInto(this.lines, this.updates, next.message, next.offset, this.context, undefined);
  }

  /** A message has begun and not ended. */
  get isWithin(): boolean {
    return this.messages.isWithin;
  }

  /** Octets are missing here. */
  interrupt(reason: string): void {
    this.messages.interrupt(reason);
  }

  end(): void {
    const left = this.messages.end();
    if (left && 'error' in left) this.lines.error(left.error, { offset: left.offset });
  }
}

/** Characters of a line of hexadecimal text: more is a file of something else. */
const MAX_LINE = 64 * 1024 * 1024;

class HexDecoder implements Decoder {
  private readonly raw: RawDecoder;
  private readonly text = new TextDecoder();
  private readonly hex = new HexText();
  private readonly splitter = new Splitter();
  private line = 0;

  constructor(lines: Lines, updates: Updates, context: Context) {
    this.raw = new RawDecoder(lines, updates, context);
  }

  push(chunk: Uint8Array): void {
    for (const line of this.splitter.push(this.text.decode(chunk, { stream: true }))) this.take(line);
    if (this.splitter.rest.length > MAX_LINE)
      throw new CaptureError(
        `line ${this.line + 1}: more than ${MAX_LINE} characters of hexadecimal text: give the octets themselves, with --format raw`,
      );
  }

  end(): void {
    const last = this.splitter.rest + this.text.decode();
    if (last !== '') this.take(last);
    this.missing(this.hex.end());
    this.raw.end();
  }

  /** A line that is none costs the message that it belongs to. */
  private take(text: string): void {
    this.line++;
    const { octets, fault } = this.hex.take(text);
    const cut = this.raw.isWithin && beginsMessage(octets);
    this.missing(fault ?? (cut ? 'begins a message, and the one before it has not ended' : undefined));
    if (octets.length > 0) this.raw.push(octets);
  }

  private missing(fault: string | undefined): void {
    if (fault !== undefined) this.raw.interrupt(`line ${this.line}: ${fault}`);
  }
}

/** A header's worth of octets that begin with sixteen of ones. */
const beginsMessage = (octets: Uint8Array): boolean =>
  octets.length >= HEADER_OCTETS && octets.subarray(0, 16).every((b) => b === 0xff);

class PcapDecoder implements Decoder {
  private file: Pcap | Pcapng | undefined;
  private readonly lines: Lines;
  private readonly updates: Updates;
  private readonly context: Context;
  private readonly port: number;
  private readonly conversations = new Map<string, Conversation>();
  private start: Uint8Array = new Uint8Array(0);
  private nowMs = 0;
  private told = false;

  constructor(lines: Lines, updates: Updates, context: Context, port: number) {
    this.lines = lines;
    this.updates = updates;
    this.context = context;
    this.port = port;
  }

  push(chunk: Uint8Array): void {
    // A copy: segments are kept until what is missing before them has come.
    const bytes = new Uint8Array(this.start.length + chunk.length);
    bytes.set(this.start);
    bytes.set(chunk, this.start.length);
    if (this.file === undefined && bytes.length < 4) {
      this.start = bytes;
      return;
    }
    this.start = new Uint8Array(0);
    this.file ??=
      new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === PCAPNG_MAGIC ? new Pcapng() : new Pcap();
    this.file.push(bytes);
    for (let packet = this.file.next(); packet !== undefined; packet = this.file.next()) this.packet(packet);
  }

  end(): void {
    for (const conversation of this.conversations.values()) conversation.end(this.nowMs);
    this.lines.begin();
    const { length } = this.start;
    const problem = this.file
      ? this.file.end()
      : length > 0 && `the file ends within its header: ${length} octets left`;
    if (problem) this.lines.error(problem);
  }

  private packet({ timeMs, linkType, bytes }: Packet): void {
    this.nowMs = timeMs;
    const segment = segmentOf(linkType, bytes);
    if (typeof segment !== 'string') return this.segment(segment);
    // Said once: a file of nothing else would say nothing at all.
    if (segment !== 'linkType' || this.told) return;
    this.told = true;
    this.lines.begin();
    this.lines.error(`packets of link type ${linkType} are not decoded`);
  }

  private segment(segment: Segment): void {
    const { source, destination, sourcePort, destinationPort } = segment;
    const from = endpoint(formatAddress(source), sourcePort);
    const to = endpoint(formatAddress(destination), destinationPort);
    const key = from < to ? `${from} ${to}` : `${to} ${from}`;
    let conversation = this.conversations.get(key);
    if (conversation === undefined) {
      // On whatever port where it looks like BGP.
      const wanted = sourcePort === this.port || destinationPort === this.port || beginsMessage(segment.payload);
      if (!wanted) return;
      conversation = new Conversation(from, to, this.lines, this.updates, this.context);
      this.conversations.set(key, conversation);
    }
    conversation.take(from, segment, this.nowMs);
  }
}

const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
