/** AS paths on the wire: segments of two- or four-octet numbers (RFC 4271 §4.3, RFC 5065 §3, RFC 6793). */
import type { Reader, Writer } from '../lib/bytes.ts';
import { AS_TRANS } from './const.ts';
import { type AsSegment, pathLength } from './path.ts';

/** Octets of one AS number. */
export type AsWidth = 2 | 4;

/** By segment type code, which counts from 1. */
const types = ['set', 'sequence', 'confedSequence', 'confedSet'] as const;

const isConfed = (type: AsSegment['type']): boolean => type === 'confedSequence' || type === 'confedSet';

/**
 * What is wrong with an encoded path (RFC 7606 §7.2, RFC 7607 §2), or undefined.
 * @param confed segments of a confederation may be there: they must not come from outside (RFC 5065 §5)
 */
export function checkAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: AsWidth,
  confed: boolean,
): string | undefined {
  let at = start;
  while (at < end) {
    if (end - at < 2) return 'stray octet after the last segment';
    const type = types[bytes[at]! - 1];
    const count = bytes[at + 1]!;
    if (type === undefined) return `segment type ${bytes[at]}`;
    if (count === 0) return 'empty segment';
    if (!confed && isConfed(type)) return 'confederation segment from outside the confederation';
    at += 2;
    const next = at + count * width;
    if (next > end) return 'segment overruns the attribute';
    for (; at < next; at += width)
      if ((bytes[at]! | bytes[at + 1]!) === 0 && (width === 2 || (bytes[at + 2]! | bytes[at + 3]!) === 0))
        return 'AS 0';
  }
  return undefined;
}

/** A path that `checkAsPath` found sound. */
export function decodeAsPath(r: Reader, width: AsWidth): AsSegment[] {
  const path: AsSegment[] = [];
  while (!r.done) {
    const type = types[r.u8() - 1]!;
    const asns = new Array<number>(r.u8());
    for (let i = 0; i < asns.length; i++) asns[i] = width === 4 ? r.u32() : r.u16();
    path.push({ type, asns });
  }
  return path;
}

/** A segment counts to 255 on the wire, so a longer one becomes several; a number that does not fit is AS_TRANS. */
export function encodeAsPath(w: Writer, path: readonly AsSegment[], width: AsWidth): void {
  for (const { type, asns } of path)
    for (let from = 0; from < asns.length; from += 255) {
      const part = asns.slice(from, from + 255);
      w.u8(types.indexOf(type) + 1).u8(part.length);
      for (const asn of part) {
        if (width === 4) w.u32(asn);
        else w.u16(narrow(asn));
      }
    }
}

/** The two-octet form of an AS number. */
export const narrow = (asn: number): number => (asn > 0xffff ? AS_TRANS : asn);

/** The path as AS4_PATH carries it: confederation segments do not belong there (RFC 6793 §3, §6). */
export const withoutConfeds = (path: readonly AsSegment[]): AsSegment[] => path.filter((s) => !isConfed(s.type));

/** The path loses numbers in two octets, so that AS4_PATH must go with it (RFC 6793 §4.2.2). */
export const needsAs4 = (path: readonly AsSegment[]): boolean =>
  path.some((s) => !isConfed(s.type) && s.asns.some((asn) => asn > 0xffff));

/**
 * The whole path out of AS_PATH and AS4_PATH (RFC 6793 §4.2.3): routers that know only two octets have put
 * themselves in front of the former alone, so as many hops as it is longer by come from its head.
 */
export function mergeAs4Path(path: readonly AsSegment[], as4: readonly AsSegment[]): readonly AsSegment[] {
  let missing = pathLength(path) - pathLength(as4);
  if (missing < 0 || as4.length === 0) return path;
  const head: AsSegment[] = [];
  for (const segment of path) {
    // Confederation segments count as nothing and come along with what they lead or follow.
    if (isConfed(segment.type)) {
      head.push(segment);
      continue;
    }
    if (missing === 0) break;
    const hops = segment.type === 'set' ? 1 : segment.asns.length;
    if (hops > missing) return joined([...head, { type: 'sequence', asns: segment.asns.slice(0, missing) }], as4);
    head.push(segment);
    missing -= hops;
  }
  return [...head, ...as4];
}

/** The two paths in a row; the sequence at the seam is one again when it fits a segment. */
function joined(head: readonly AsSegment[], tail: readonly AsSegment[]): AsSegment[] {
  const [last, first] = [head.at(-1)!, tail[0]!];
  if (first.type !== 'sequence' || last.asns.length + first.asns.length > 255) return [...head, ...tail];
  return [...head.slice(0, -1), { type: 'sequence', asns: [...last.asns, ...first.asns] }, ...tail.slice(1)];
}
