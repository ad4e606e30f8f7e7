/**
 * The attributes that nearly every route has and no others, straight from octets to the text of JSON. A table of a million
 * routes has hundreds of thousands of sets, and making objects of each is what decoding it would cost. Everything else goes
 * the long way (updates.ts); the text is the same.
 */
import { AttributeCode } from '../bgp/const.ts';
import type { Scan } from '../bgp/scan.ts';
import { toU32 } from '../lib/address.ts';
import { type Ascii, asciiOf } from '../lib/ascii.ts';

const plain = new Uint8Array(256);
const codes = ['origin', 'asPath', 'nextHop', 'med', 'localPref', 'communities', 'largeCommunities'] as const;
for (const name of codes) plain[AttributeCode[name]] = 1;

const origins = ['igp', 'egp', 'incomplete'].map((name) => asciiOf(`,"origin":"${name}","asPath":[`));
const NEXT_HOP = asciiOf(',"nextHop":"');
const QUOTE = asciiOf('"');
const LOCAL_PREF = asciiOf('],"localPref":');
const MED = asciiOf(',"med":');
const NULL = asciiOf('null');
const COMMUNITIES = asciiOf(',"communities":[');
const LARGE = asciiOf('],"largeCommunities":[');
const END = asciiOf(']}\n');
const COMMA = asciiOf(',');
const COLON = asciiOf(':');
const OPEN = asciiOf('[');
const CLOSE = asciiOf(']');

/** Writes what `tailOf` would make of the attributes that the scan found. Returns false, with nothing written, for any others. */
export function writePlain(out: Ascii, bytes: Uint8Array, { spans, faults, reach, unreach }: Scan, as: 2 | 4): boolean {
  if (faults.length > 0 || reach !== undefined || unreach !== undefined) return false;
  const found = new Map<number, readonly [start: number, end: number]>();
  for (let i = 0; i < spans.length; i += 3) {
    const code = bytes[spans[i]! + 1]!;
    if (plain[code] === 0) return false;
    found.set(code, [spans[i + 1]!, spans[i + 2]!]);
  }
  const origin = found.get(AttributeCode.origin);
  const path = found.get(AttributeCode.asPath);
  const nextHop = found.get(AttributeCode.nextHop);
  if (origin === undefined || path === undefined || nextHop === undefined) return false;
  out.put(NEXT_HOP).quad(toU32(bytes, nextHop[0])).put(QUOTE).put(origins[bytes[origin[0]]!]!);
  writePath(out, bytes, path[0], path[1], as);
  writeWord(out.put(LOCAL_PREF), bytes, found.get(AttributeCode.localPref));
  writeWord(out.put(MED), bytes, found.get(AttributeCode.med));
  writeGroups(out.put(COMMUNITIES), bytes, found.get(AttributeCode.communities), 2, 2);
  writeGroups(out.put(LARGE), bytes, found.get(AttributeCode.largeCommunities), 4, 3);
  out.put(END);
  return true;
}

const SEQUENCE = 2;

/** Numbers; those of any other segment than a sequence in a list of their own. */
function writePath(out: Ascii, bytes: Uint8Array, at: number, end: number, as: 2 | 4): void {
  for (let first = true; at < end; ) {
    const nested = bytes[at] !== SEQUENCE;
    const count = bytes[at + 1]!;
    at += 2;
    if (nested) {
      if (!first) out.put(COMMA);
      out.put(OPEN);
      first = true;
    }
    for (let i = 0; i < count; i++, at += as) {
      if (!first) out.put(COMMA);
      out.number(as === 4 ? toU32(bytes, at) : (bytes[at]! << 8) | bytes[at + 1]!);
      first = false;
    }
    if (nested) {
      out.put(CLOSE);
      first = false;
    }
  }
}

function writeWord(out: Ascii, bytes: Uint8Array, span: readonly [number, number] | undefined): void {
  if (span === undefined) out.put(NULL);
  else out.number(toU32(bytes, span[0]));
}

/** Communities: `count` numbers of `octets` each with colons between them, in quotes. */
function writeGroups(
  out: Ascii,
  bytes: Uint8Array,
  span: readonly [number, number] | undefined,
  octets: 2 | 4,
  count: 2 | 3,
): void {
  if (span === undefined) return;
  for (let at = span[0]; at < span[1]; ) {
    out.put(at === span[0] ? QUOTE : COMMA);
    if (at !== span[0]) out.put(QUOTE);
    for (let i = 0; i < count; i++, at += octets) {
      if (i > 0) out.put(COLON);
      out.number(octets === 4 ? toU32(bytes, at) : (bytes[at]! << 8) | bytes[at + 1]!);
    }
    out.put(QUOTE);
  }
}
