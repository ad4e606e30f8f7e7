/** UPDATE messages without a session: what was on the wire, and what is wrong with it by RFC 7606. */
import { decodeAttributes, decodeInterned } from '../bgp/attr.ts';
import { AttributeCode, MAX_EXTENDED_MESSAGE_OCTETS } from '../bgp/const.ts';
import type { Context } from '../bgp/context.ts';
import { AttributeTable } from '../bgp/intern.ts';
import type { PathAttributes } from '../bgp/path.ts';
import { scanAttributes } from '../bgp/scan.ts';
import { decodeUpdate } from '../bgp/update.ts';
import { Ascii } from '../lib/ascii.ts';
import { holdsAttribute } from './attribute.ts';
import { type Lines, tailOf } from './lines.ts';
import { writePlain } from './plain.ts';

/** Sets kept before the table is begun anew: enough for those that come again, few enough for the caches of a processor. */
const MAX_SETS = 8192;

const NO_MEMBERS = tailOf({});

/** What nobody has to agree on to read it. */
export const LENIENT: Context = Object.freeze({
  fourOctetAs: true,
  internal: true,
  maxMessage: MAX_EXTENDED_MESSAGE_OCTETS,
  families: ['ipv4', 'ipv6'] as const,
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: true,
});

const TWO_OCTET: Context = Object.freeze({ ...LENIENT, fourOctetAs: false });

/** How attributes are written as members of a JSON object, and the names they have in faults. */
export interface Wording {
  members(attributes: PathAttributes): object;
  attributeName(code: number): string;
}

export class Updates {
  private readonly lines: Lines;
  private readonly wording: Wording;
  private readonly scratch = new Ascii();
  private table = new AttributeTable();
  /** By set: how the lines of its routes end. */
  private tails: (Uint8Array | undefined)[] = [];

  constructor(lines: Lines, wording: Wording) {
    this.lines = lines;
    this.wording = wording;
  }

  /**
   * The body of an UPDATE from `start` to `end`. Returns how many routes it holds. Throws `BgpError` 3/x.
   * @param context its `internal` is of no account: nobody knows what kind of session it was, so what belongs on internal
   *   ones is shown where it is there
   */
  decode(bytes: Uint8Array, start: number, end: number, context: Context): number {
    this.forget();
    const { lines, wording } = this;
    const internal = holdsLocalPref(bytes, start, end);
    const update = decodeUpdate(bytes, start, end, { ...context, internal }, this.table);
    const before = lines.tally.routed;
    for (const { code, action, reason } of update.faults) {
      lines.tally.faults++;
      lines.line({ type: 'update', event: 'fault', attribute: wording.attributeName(code), action, reason });
    }
    for (const run of update.unreach) lines.routes('withdraw', run, NO_MEMBERS);
    for (const run of update.reach) lines.routes('announce', run, this.tailOfSet(run.attributes));
    if (update.endOfRib) lines.line({ type: 'update', event: 'endOfRib', family: update.endOfRib });
    return lines.tally.routed - before;
  }

  /**
   * Attributes without NLRI: writes what ends the line of their route. Returns the fault for which it has none, and then
   * nothing is written. Throws `BgpError` 3/x.
   */
  writeTail(bytes: Uint8Array, start: number, end: number, fourOctetAs: boolean): string | undefined {
    const { lines, wording } = this;
    const context = fourOctetAs ? LENIENT : TWO_OCTET;
    if (writePlain(lines.out, bytes, scanAttributes(bytes, start, end, context), fourOctetAs ? 4 : 2)) return undefined;
    const { attributes, faults } = decodeAttributes(bytes, start, end, context);
    if (attributes !== undefined) {
      lines.out.put(tailOf(wording.members(attributes)));
      return undefined;
    }
    const [first] = faults;
    return first ? `${wording.attributeName(first.code)}: ${first.reason}` : 'ORIGIN or AS_PATH is missing';
  }

  /** By id of a set that `decodeUpdate` made. */
  private tailOfSet(set: number): Uint8Array {
    const known = this.tails[set];
    if (known !== undefined) return known;
    const octets = this.table.view(set);
    const { scratch, wording } = this;
    const quick = writePlain(scratch, octets, scanAttributes(octets, 0, octets.length, LENIENT), 4);
    const made = quick ? scratch.take().slice() : tailOf(wording.members(decodeInterned(octets)));
    this.tails[set] = made;
    return made;
  }

  /** The table does not grow with the file. */
  private forget(): void {
    if (this.table.size < MAX_SETS) return;
    this.table = new AttributeTable();
    this.tails = [];
  }
}

/** LOCAL_PREF is mandatory on internal sessions and nowhere else (RFC 4271 §5.1.5). */
function holdsLocalPref(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + 4 > end) return false;
  const at = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!);
  const to = Math.min(end, at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!));
  return holdsAttribute(bytes, at + 2, to, AttributeCode.localPref);
}
