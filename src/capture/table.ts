/** The tables in MRT files: TABLE_DUMP_V2 (RFC 6396 §4.3, RFC 8050 §4), and TABLE_DUMP, which came before (§4.2). */
import { type AddressFamily, AttributeCode, AttributeFlag } from '../bgp/const.ts';
import { BgpError } from '../bgp/errors.ts';
import { beginMpReach } from '../bgp/mp.ts';
import { countNlri, forEachNlri, type NlriRun } from '../bgp/nlri.ts';
import { addressFrom, formatAddress } from '../lib/address.ts';
import { Ascii, asciiOf } from '../lib/ascii.ts';
import { OverflowError, Reader, TruncatedError, Writer } from '../lib/bytes.ts';
import { holdsAttribute } from './attribute.ts';
import { headOf, kindText, type Lines, putPrefix } from './lines.ts';
import { Tails } from './tails.ts';
import type { PeerCount } from './tally.ts';
import { isoTime, putTime } from './time.ts';
import type { Updates } from './updates.ts';

/** Whose routes they are, and how their lines begin at one time of record: up to the time when they were learned. */
class TablePeer {
  readonly address: string;
  readonly asn: number;
  /** From the first route on. */
  count: PeerCount | undefined;
  private head: Uint8Array = new Uint8Array(0);
  private headMs = Number.NaN;

  constructor(address: string, asn: number) {
    this.address = address;
    this.asn = asn;
  }

  headAt(timeMs: number): Uint8Array {
    if (timeMs !== this.headMs) {
      const members = headOf({ time: isoTime(timeMs), from: this.address, peerAsn: this.asn });
      this.head = Uint8Array.of(...asciiOf('{'), ...members, ...asciiOf('"learned":"'));
      this.headMs = timeMs;
    }
    return this.head;
  }
}

/** Of a TABLE_DUMP_V2 subtype. */
interface Form {
  readonly family: AddressFamily;
  readonly addPath: boolean;
}
const PEER_INDEX_TABLE = 1;
const forms: Readonly<Record<number, Form>> = {
  2: { family: 'ipv4', addPath: false },
  4: { family: 'ipv6', addPath: false },
  8: { family: 'ipv4', addPath: true },
  10: { family: 'ipv6', addPath: true },
};

interface TableRoute {
  readonly peer: TablePeer;
  readonly learnedSec: number;
  readonly pathId: number | undefined;
  readonly family: AddressFamily;
  readonly fourOctetAs: boolean;
}

const RIB = kindText('rib', 'announce');
const LEARNED_END = asciiOf('",');
const PATH_ID = asciiOf('"pathId":');
const COMMA = 0x2c;

/** What the text of attributes depends on beside them: octets of AS numbers, and the family if there is MP_REACH. */
const tagOf = (family: AddressFamily, fourOctetAs: boolean): number =>
  (family === 'ipv4' ? 0 : 1) + (fourOctetAs ? 2 : 0);

export class TableDump {
  private readonly lines: Lines;
  private readonly updates: Updates;
  private readonly tails: Tails;
  private peers: readonly TablePeer[] = [];
  private readonly block = new Writer(0x10100);
  /** Of the record at hand: its time, and the prefix as numbers and as text. */
  private timeMs = 0;
  private readonly words = new Uint32Array(4);
  private length = 0;
  private readonly prefix = new Ascii();
  private prefixText: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));

  constructor(lines: Lines, updates: Updates) {
    this.lines = lines;
    this.updates = updates;
    this.tails = new Tails(lines.out);
  }

  /** A record of TABLE_DUMP_V2. Throws `TruncatedError`. */
  second(subtype: number, timeMs: number, r: Reader, offset: number): void {
    if (subtype === PEER_INDEX_TABLE) return this.index(r);
    const form = forms[subtype];
    if (form === undefined) return this.lines.error(`TABLE_DUMP_V2 subtype ${subtype} is not decoded`, { offset });
    r.skip(4);
    const start = r.at;
    r.skip((r.u8() + 7) >> 3);
    const run: NlriRun = { family: form.family, addPath: false, bytes: r.bytes, start, end: r.at };
    if (countNlri(run) !== 1) return this.lines.error('a prefix longer than its family has bits', { offset });
    const entries = r.u16();
    this.lines.tally.message('rib');
    this.record(timeMs, run);
    for (let i = 0; i < entries; i++) {
      const number = r.u16();
      const peer = this.peers[number];
      const learnedSec = r.u32();
      const pathId = form.addPath ? r.u32() : undefined;
      const octets = r.u16();
      const at = r.at;
      r.skip(octets);
      if (peer === undefined) this.lines.error(`a route of peer ${number}, which the file does not name`, { offset });
      else this.entry({ peer, learnedSec, pathId, family: form.family, fourOctetAs: true }, r.bytes, at, r.at, offset);
    }
  }

  /** A record of TABLE_DUMP; the subtype is the AFI. Throws `TruncatedError`. */
  first(subtype: number, timeMs: number, r: Reader, offset: number): void {
    if (subtype !== 1 && subtype !== 2)
      return this.lines.error(`TABLE_DUMP subtype ${subtype} is not decoded`, { offset });
    const family: AddressFamily = subtype === 1 ? 'ipv4' : 'ipv6';
    const octets = family === 'ipv4' ? 4 : 16;
    r.skip(4);
    const bytes = r.view(octets);
    const length = r.u8();
    r.skip(1);
    const learnedSec = r.u32();
    const address = formatAddress(addressFrom(r.copy(octets)));
    const asn = r.u16();
    const run: NlriRun = { family, addPath: false, bytes: Uint8Array.of(length, ...bytes), start: 0, end: 0 };
    const whole = { ...run, end: 1 + ((length + 7) >> 3) };
    if (length > octets * 8) return this.lines.error('a prefix longer than its family has bits', { offset });
    this.lines.tally.message('rib');
    this.record(timeMs, whole);
    const peer = new TablePeer(address, asn);
    const attributes = r.sub(r.u16());
    const route = { peer, learnedSec, pathId: undefined, family, fourOctetAs: false };
    this.entry(route, attributes.bytes, attributes.at, attributes.end, offset);
  }

  /** The routes that follow are to this prefix. */
  private record(timeMs: number, run: NlriRun): void {
    const { prefix, words } = this;
    this.timeMs = timeMs;
    forEachNlri(run, (w0, w1, w2, w3, length) => {
      words.set([w0, w1, w2, w3]);
      this.length = length;
      putPrefix(prefix.put(RIB), run.family, w0, w1, w2, w3, length);
    });
    this.prefixText = prefix.take();
  }

  /** A route with the attributes from `start` to `end`. */
  private entry(route: TableRoute, bytes: Uint8Array, start: number, end: number, offset: number): void {
    const { lines, tails, words } = this;
    const { peer, learnedSec, pathId, family, fourOctetAs } = route;
    const { out, tally } = lines;
    const line = out.end;
    out.put(peer.headAt(this.timeMs));
    putTime(out, learnedSec);
    out.put(LEARNED_END);
    if (pathId !== undefined) out.put(PATH_ID).number(pathId).octet(COMMA);
    out.put(this.prefixText);
    const tail = out.end;
    const tag = tagOf(family, fourOctetAs);
    if (this.view.buffer !== bytes.buffer) this.view = new DataView(bytes.buffer);
    const base = bytes.byteOffset;
    if (!tails.again(this.view, base + start, base + end, tag)) {
      const fault = this.writeTail(bytes, start, end, family, fourOctetAs);
      if (fault !== undefined) {
        // The same line as far as it may stand: without the prefix.
        out.cut(tail - this.prefixText.length);
        const head = out.since(line + 1).slice();
        out.cut(line);
        lines.begin(head);
        lines.error(fault, { offset });
        return;
      }
      tails.remember(bytes, start, end, tag, tail);
    }
    tally.route('announce', family, words[0]!, words[1]!, words[2]!, words[3]!, this.length);
    peer.count ??= tally.peer(peer.address);
    peer.count.routes++;
  }

  /** As `Updates.writeTail`, also of what tables have in place of MP_REACH. */
  private writeTail(
    bytes: Uint8Array,
    start: number,
    end: number,
    family: AddressFamily,
    fourOctetAs: boolean,
  ): string | undefined {
    const { block, updates } = this;
    try {
      if (!holdsAttribute(bytes, start, end, AttributeCode.mpReach))
        return updates.writeTail(bytes, start, end, fourOctetAs);
      block.at = 0;
      canonical(block, new Reader(bytes, start, end), family);
      return updates.writeTail(block.bytes, 0, block.at, fourOctetAs);
    } catch (error) {
      const known = [BgpError, TruncatedError, OverflowError].some((kind) => error instanceof kind);
      if (!known) throw error;
      return (error as Error).message;
    }
  }

  private index(r: Reader): void {
    r.skip(4);
    r.skip(r.u16());
    const peers: TablePeer[] = [];
    for (let n = r.u16(); n > 0; n--) {
      const type = r.u8();
      r.skip(4);
      const address = formatAddress(addressFrom(r.copy((type & 1) !== 0 ? 16 : 4)));
      peers.push(new TablePeer(address, (type & 2) !== 0 ? r.u32() : r.u16()));
    }
    this.peers = peers;
    this.lines.tally.message('peers');
    this.lines.line({ type: 'peers', peers: peers.map(({ address, asn }) => ({ address, asn })) });
  }
}

/**
 * Writes attributes with MP_REACH as UPDATEs have it, without NLRI. Tables have the next hop alone in it (RFC 6396 §4.3.4),
 * or, from some collectors, all of it; the two are told apart by the AFI, which begins with 0 as no length of a next hop does.
 */
function canonical(w: Writer, r: Reader, family: AddressFamily): void {
  const { bytes } = r;
  while (!r.done) {
    const start = r.at;
    const flags = r.u8();
    const code = r.u8();
    const value = r.sub((flags & AttributeFlag.extendedLength) !== 0 ? r.u16() : r.u8());
    if (code !== AttributeCode.mpReach) {
      w.put8s(bytes.subarray(start, r.at));
      continue;
    }
    if (bytes[value.at] === 0) value.skip(3);
    w.patch16(beginMpReach(w, family, value.view(value.u8())));
  }
}
