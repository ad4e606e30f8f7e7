/** Records of MRT files (RFC 6396, RFC 8050), as route collectors publish them: messages here, tables in table.ts. */

import type { AddressFamily } from '../bgp/const.ts';
import type { Context } from '../bgp/context.ts';
import { addressFrom, formatAddress } from '../lib/address.ts';
import { Reader, TruncatedError } from '../lib/bytes.ts';
import { Cutter } from '../lib/cutter.ts';
import { headOf, type Lines } from './lines.ts';
import { decodeInto } from './message.ts';
import { Messages } from './messages.ts';
import { CaptureError } from './pcap.ts';
import { TableDump } from './table.ts';
import { isoTime } from './time.ts';
import type { Updates } from './updates.ts';

/** RFC 6396 §4. */
export const MrtType = { tableDump: 12, tableDumpV2: 13, bgp4mp: 16, bgp4mpExtended: 17 } as const;

const HEADER = 12;
/** A record holds a message, or the routes of all peers to a prefix. */
const MAX_RECORD_OCTETS = 0x100_0000;

/** Subtypes of BGP4MP (RFC 6396 §4.4, RFC 8050 §3): octets of an AS number, whether NLRI have path identifiers, or state changes. */
const subtypes: Readonly<Record<number, { readonly as: 2 | 4; readonly addPath: boolean; readonly state?: true }>> = {
  0: { as: 2, addPath: false, state: true },
  1: { as: 2, addPath: false },
  4: { as: 4, addPath: false },
  5: { as: 4, addPath: false, state: true },
  6: { as: 2, addPath: false },
  7: { as: 4, addPath: false },
  8: { as: 2, addPath: true },
  9: { as: 4, addPath: true },
  10: { as: 2, addPath: true },
  11: { as: 4, addPath: true },
};
const BOTH: readonly AddressFamily[] = ['ipv4', 'ipv6'];
const states = ['none', 'Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'];

export class Mrt {
  private readonly cutter = new Cutter(true);
  private readonly lines: Lines;
  private readonly updates: Updates;
  private readonly table: TableDump;
  private readonly assumed: Context;
  /** Of the record before: the same time comes again and again. */
  private seconds = Number.NaN;
  private timeHead: Uint8Array = new Uint8Array(0);

  constructor(lines: Lines, updates: Updates, assumed: Context) {
    this.lines = lines;
    this.updates = updates;
    this.assumed = assumed;
    this.table = new TableDump(lines, updates);
  }

  /** Takes octets of the file and writes what is whole. Throws `CaptureError` where nothing behind can be found. */
  push(chunk: Uint8Array): void {
    this.cutter.push(chunk);
    for (;;) {
      const header = this.cutter.peek(HEADER);
      if (header === undefined) return;
      const { offset } = this.cutter;
      const r = new Reader(header);
      const seconds = r.u32();
      const [type, subtype, length] = [r.u16(), r.u16(), r.u32()];
      if (length > MAX_RECORD_OCTETS) throw new CaptureError(`a record of ${length} octets at offset ${offset}`);
      const record = this.cutter.take(HEADER + length);
      if (record === undefined) return;
      this.record(type, subtype, seconds, new Reader(record, HEADER), offset);
    }
  }

  end(): void {
    const { available } = this.cutter;
    if (available > 0) this.lines.error(`the file ends within a record: ${available} octets left`);
  }

  private record(type: number, subtype: number, seconds: number, r: Reader, offset: number): void {
    let timeMs = seconds * 1000;
    if (seconds !== this.seconds) this.timeHead = headOf({ time: isoTime(timeMs) });
    this.seconds = seconds;
    this.lines.begin(this.timeHead);
    try {
      if (type === MrtType.bgp4mpExtended) timeMs += r.u32() / 1000;
      this.lines.tally.time(timeMs);
      if (type === MrtType.bgp4mp || type === MrtType.bgp4mpExtended) this.message(subtype, timeMs, r, offset);
      else if (type === MrtType.tableDumpV2) this.table.second(subtype, timeMs, r, offset);
      else if (type === MrtType.tableDump) this.table.first(subtype, timeMs, r, offset);
      else this.lines.error(`MRT type ${type} is not decoded`, { offset });
    } catch (error) {
      if (!(error instanceof TruncatedError)) throw error;
      this.lines.error(`MRT record is ${error.message}`, { offset });
    }
  }

  private message(subtype: number, timeMs: number, r: Reader, offset: number): void {
    const form = subtypes[subtype];
    if (form === undefined) return this.lines.error(`BGP4MP subtype ${subtype} is not decoded`, { offset });
    const peerAsn = form.as === 4 ? r.u32() : r.u16();
    const localAsn = form.as === 4 ? r.u32() : r.u16();
    r.skip(2);
    const octets = r.u16() === 1 ? 4 : 16;
    const from = formatAddress(addressFrom(r.copy(octets)));
    const to = formatAddress(addressFrom(r.copy(octets)));
    this.lines.begin(headOf({ time: isoTime(timeMs), from, to, peerAsn, localAsn }));
    if (form.state) {
      const [before, after] = [r.u16(), r.u16()];
      this.lines.tally.message('state');
      return this.lines.line({ type: 'state', before: states[before] ?? before, after: states[after] ?? after });
    }
    const context = { ...this.assumed, fourOctetAs: form.as === 4, addPathReceive: form.addPath ? BOTH : [] };
    const messages = new Messages();
    messages.push(r.view(r.remaining));
    for (let next = messages.next(); next !== undefined; next = messages.next())
      if ('error' in next) this.lines.error(next.error, { offset });
      else decodeInto(this.lines, this.updates, next.message, offset, context, from);
    const left = messages.end();
    if (left && 'error' in left) this.lines.error(left.error, { offset });
  }
}
