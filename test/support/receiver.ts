/** The far end of a session: reads what an AdjRibOut sends and keeps the table that a peer would have. */
import { decodeInterned } from '../../src/bgp/attr.ts';
import { type AddressFamily, familyOf, HEADER_OCTETS, MessageType } from '../../src/bgp/const.ts';
import type { Context } from '../../src/bgp/context.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { decodeRouteRefresh } from '../../src/bgp/message.ts';
import { type NlriRun, readPrefixes } from '../../src/bgp/nlri.ts';
import { decodeUpdate } from '../../src/bgp/update.ts';
import { canonical } from '../../src/lib/diff.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';

/** What a message said, in order: marks, and prefixes with what became of them. */
export type Said =
  | { readonly kind: 'endOfRib' | 'beginOfRefresh' | 'endOfRefresh'; readonly family: AddressFamily }
  /** `news` is false for a route that the receiver had just so, or a withdrawal of one that it had not. */
  | {
      readonly kind: 'reach' | 'withdraw';
      readonly family: AddressFamily;
      readonly prefix: string;
      readonly news: boolean;
    };

export class Receiver {
  readonly context: Context;
  /** Prefix → canonical text of its attributes. */
  readonly table = new Map<string, string>();
  /** Octets of each UPDATE. */
  readonly updates: number[] = [];
  private readonly attributes = new AttributeTable();
  /** Prefixes that must come again before the end of the refresh (RFC 7313 §4). */
  private readonly stale = { ipv4: new Set<string>(), ipv6: new Set<string>() };

  constructor(context: Context) {
    this.context = context;
  }

  /** Takes in whole messages. Throws when they are not, or when one has a fault or exceeds the session's size. */
  take(bytes: Uint8Array): Said[] {
    const said: Said[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!;
      const end = at + length;
      if (length < HEADER_OCTETS || length > this.context.maxMessage || end > bytes.length)
        throw new Error(`message of ${length} octets at ${at} of ${bytes.length}`);
      if (bytes[at + 18] === MessageType.update) this.update(bytes, at + HEADER_OCTETS, end, said);
      else if (bytes[at + 18] === MessageType.routeRefresh) this.mark(bytes, at + HEADER_OCTETS, end, said);
      else throw new Error(`message of type ${bytes[at + 18]}`);
      at = end;
    }
    return said;
  }

  private update(bytes: Uint8Array, start: number, end: number, said: Said[]): void {
    this.updates.push(end - start + HEADER_OCTETS);
    const update = decodeUpdate(bytes, start, end, this.context, this.attributes);
    if (update.faults.length > 0) throw new Error(`faults: ${update.faults.map((f) => f.reason).join()}`);
    if (update.endOfRib !== undefined) said.push({ kind: 'endOfRib', family: update.endOfRib });
    for (const run of update.unreach) this.each(run, undefined, said);
    for (const run of update.reach)
      this.each(run, canonical(decodeInterned(this.attributes.view(run.attributes))), said);
  }

  private each(run: NlriRun, attributes: string | undefined, said: Said[]): void {
    const { family } = run;
    for (const prefix of readPrefixes(run).map(formatPrefix)) {
      const had = this.table.get(prefix);
      this.stale[family].delete(prefix);
      if (attributes === undefined) this.table.delete(prefix);
      else this.table.set(prefix, attributes);
      said.push({ kind: attributes === undefined ? 'withdraw' : 'reach', family, prefix, news: had !== attributes });
    }
  }

  private mark(bytes: Uint8Array, start: number, end: number, said: Said[]): void {
    const refresh = decodeRouteRefresh(bytes, start, end);
    const family = refresh && familyOf(refresh.afi, refresh.safi);
    if (family === undefined || refresh?.subtype === 'request' || refresh === undefined) throw new Error('no mark');
    said.push({ kind: refresh.subtype, family });
    const stale = this.stale[family];
    if (refresh.subtype === 'endOfRefresh') for (const prefix of stale) this.table.delete(prefix);
    stale.clear();
    if (refresh.subtype === 'beginOfRefresh')
      for (const prefix of this.table.keys()) if (prefix.includes(':') === (family === 'ipv6')) stale.add(prefix);
  }
}
