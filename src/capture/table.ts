/** The tables in MRT files: TABLE_DUMP_V2 (RFC 6396 §4.3, RFC 8050 §4), and TABLE_DUMP, which came before (§4.2). */
import { type AddressFamily, AttributeCode, AttributeFlag } from '../bgp/const.ts';
import { BgpError } from '../bgp/errors.ts';
import { beginMpReach } from '../bgp/mp.ts';
import { countNlri, type NlriRun } from '../bgp/nlri.ts';
import { addressFrom, formatAddress } from '../lib/address.ts';
import { type Reader, Writer } from '../lib/bytes.ts';
import { holdsAttribute } from './attribute.ts';
import { headOf, type Lines, TimeHead } from './lines.ts';
import type { Updates } from './updates.ts';

interface TablePeer {
  readonly address: string;
  readonly asn: number;
  readonly head: Uint8Array;
}

const peerOf = (address: string, asn: number): TablePeer => ({
  address,
  asn,
  head: headOf({ from: address, peerAsn: asn }),
});

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

export class TableDump {
  private readonly lines: Lines;
  private readonly updates: Updates;
  private peers: readonly TablePeer[] = [];
  private readonly block = new Writer(0x10100);
  private readonly time = new TimeHead('time');
  private readonly learned = new TimeHead('learned');

  constructor(lines: Lines, updates: Updates) {
    this.lines = lines;
    this.updates = updates;
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
    for (let i = 0; i < entries; i++) {
      const number = r.u16();
      const peer = this.peers[number];
      const learnedMs = r.u32() * 1000;
      const pathId = form.addPath ? r.u32() : undefined;
      const attributes = r.sub(r.u16());
      if (peer === undefined) {
        this.lines.error(`a route of peer ${number}, which the file does not name`, { offset });
        continue;
      }
      this.begin(timeMs, peer, learnedMs, pathId);
      this.entry(run, attributes, offset, true);
      this.lines.tally.peer(peer.address, 1);
    }
  }

  /** A record of TABLE_DUMP; the subtype is the AFI. Throws `TruncatedError`. */
  first(subtype: number, timeMs: number, r: Reader, offset: number): void {
    const family: AddressFamily = subtype === 1 ? 'ipv4' : 'ipv6';
    const octets = family === 'ipv4' ? 4 : 16;
    r.skip(4);
    const bytes = r.view(octets);
    const length = r.u8();
    r.skip(1);
    const learnedMs = r.u32() * 1000;
    const address = formatAddress(addressFrom(r.copy(octets)));
    const asn = r.u16();
    const run: NlriRun = { family, addPath: false, bytes: Uint8Array.of(length, ...bytes), start: 0, end: 0 };
    const whole = { ...run, end: 1 + ((length + 7) >> 3) };
    if (length > octets * 8) return this.lines.error('a prefix longer than its family has bits', { offset });
    this.lines.tally.message('rib');
    this.begin(timeMs, peerOf(address, asn), learnedMs, undefined);
    this.entry(whole, r.sub(r.u16()), offset, false);
    this.lines.tally.peer(address, 1);
  }

  private begin(timeMs: number, peer: TablePeer, learnedMs: number, pathId: number | undefined): void {
    const head = [this.time.head(timeMs), peer.head, this.learned.head(learnedMs)];
    if (pathId !== undefined) head.push(headOf({ pathId }));
    this.lines.begin(...head);
  }

  /** A route: the prefix and its attributes. */
  private entry(run: NlriRun, attributes: Reader, offset: number, fourOctetAs: boolean): void {
    const { lines, updates, block } = this;
    try {
      let { bytes, at, end } = attributes;
      if (holdsAttribute(bytes, at, end, AttributeCode.mpReach)) {
        block.at = 0;
        canonical(block, attributes, run.family);
        [bytes, at, end] = [block.bytes, 0, block.at];
      }
      const tail = updates.tail(bytes, at, end, fourOctetAs);
      if (tail instanceof Uint8Array) lines.routes(['rib', 'announce'], run, tail);
      else lines.error(tail.fault, { offset });
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      lines.error(error.message, { offset });
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
      peers.push(peerOf(address, (type & 2) !== 0 ? r.u32() : r.u16()));
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
