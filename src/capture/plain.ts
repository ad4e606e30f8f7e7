/**
 * The attributes that nearly every route has and no others, straight from octets to the text of JSON. A table of a million
 * routes has hundreds of thousands of sets, and making objects of each is what decoding it would cost. Everything else goes
 * the long way (updates.ts); the text is the same.
 */
import { AttributeCode } from '../bgp/const.ts';
import type { Scan } from '../bgp/scan.ts';
import { addressFrom, formatAddress, toU32 } from '../lib/address.ts';
import { type Ascii, asciiOf } from '../lib/ascii.ts';

const codes = [
  'origin',
  'asPath',
  'nextHop',
  'med',
  'localPref',
  'communities',
  'largeCommunities',
  'extendedCommunities',
  'atomicAggregate',
  'aggregator',
] as const;
const plain = new Uint8Array(256);
for (const name of codes) plain[AttributeCode[name]] = 1;

const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const QUOTE = 0x22;

const origins = ['igp', 'egp', 'incomplete'].map((name) => asciiOf(`","origin":"${name}","asPath":[`));
const NEXT_HOP = asciiOf(',"nextHop":"');
const LOCAL_PREF = asciiOf('],"localPref":');
const MED = asciiOf(',"med":');
const NULL = asciiOf('null');
const COMMUNITIES = asciiOf(',"communities":[');
const LARGE = asciiOf('],"largeCommunities":[');
const EXTENDED = asciiOf('],"extendedCommunities":[');
const ATOMIC = asciiOf(',"atomicAggregate":true');
const AGGREGATOR = asciiOf(',"aggregator":{"asn":');
const ADDRESS = asciiOf(',"address":"');
const ADDRESS_END = asciiOf('"}');
const END = asciiOf('}\n');

/** By code, of the set at hand: where the value begins and ends. What is not there begins at -1. */
const from = new Int32Array(256);
const to = new Int32Array(256);

/** Writes what `tailOf` would make of the attributes that the scan found. Returns false, with nothing written, for any others. */
export function writePlain(out: Ascii, bytes: Uint8Array, scan: Scan, as: 2 | 4): boolean {
  const { spans, reach } = scan;
  if (scan.faults.length > 0 || scan.unreach !== undefined) return false;
  for (const name of codes) from[AttributeCode[name]] = -1;
  for (let i = 0; i < spans.length; i += 3) {
    const code = bytes[spans[i]! + 1]!;
    if (plain[code] === 0) return false;
    from[code] = spans[i + 1]!;
    to[code] = spans[i + 2]!;
  }
  const [origin, path, nextHop] = [
    from[AttributeCode.origin]!,
    from[AttributeCode.asPath]!,
    from[AttributeCode.nextHop]!,
  ];
  if (origin < 0 || path < 0) return false;
  if (reach === undefined) {
    if (nextHop < 0) return false;
    out.put(NEXT_HOP).quad(toU32(bytes, nextHop));
  } else {
    // Two addresses are rare, and rules say which of them is shown.
    if (reach.run === undefined || reach.nextHopEnd - reach.nextHopStart > 16) return false;
    out.put(NEXT_HOP).text(formatAddress(addressFrom(bytes.slice(reach.nextHopStart, reach.nextHopEnd))));
  }
  out.put(origins[bytes[origin]!]!);
  writePath(out, bytes, path, to[AttributeCode.asPath]!, as);
  writeWord(out.put(LOCAL_PREF), bytes, from[AttributeCode.localPref]!);
  writeWord(out.put(MED), bytes, from[AttributeCode.med]!);
  writeGroups(out.put(COMMUNITIES), bytes, AttributeCode.communities, 2, 2);
  writeGroups(out.put(LARGE), bytes, AttributeCode.largeCommunities, 4, 3);
  if (from[AttributeCode.extendedCommunities]! >= 0) writeExtended(out.put(EXTENDED), bytes);
  out.octet(CLOSE);
  if (from[AttributeCode.atomicAggregate]! >= 0) out.put(ATOMIC);
  const aggregator = from[AttributeCode.aggregator]!;
  if (aggregator >= 0) {
    out.put(AGGREGATOR).number(asn(bytes, aggregator, as));
    out
      .put(ADDRESS)
      .quad(toU32(bytes, aggregator + as))
      .put(ADDRESS_END);
  }
  out.put(END);
  return true;
}

const SEQUENCE = 2;

const asn = (bytes: Uint8Array, at: number, octets: 2 | 4): number =>
  octets === 4 ? toU32(bytes, at) : (bytes[at]! << 8) | bytes[at + 1]!;

/** Numbers; those of any other segment than a sequence in a list of their own. */
function writePath(out: Ascii, bytes: Uint8Array, at: number, end: number, as: 2 | 4): void {
  for (let first = true; at < end; ) {
    const nested = bytes[at] !== SEQUENCE;
    const count = bytes[at + 1]!;
    at += 2;
    if (nested) {
      if (!first) out.octet(COMMA);
      out.octet(OPEN);
      first = true;
    }
    for (let i = 0; i < count; i++, at += as) {
      if (!first) out.octet(COMMA);
      out.number(asn(bytes, at, as));
      first = false;
    }
    if (nested) {
      out.octet(CLOSE);
      first = false;
    }
  }
}

function writeWord(out: Ascii, bytes: Uint8Array, at: number): void {
  if (at < 0) out.put(NULL);
  else out.number(toU32(bytes, at));
}

/** Communities: `count` numbers of `octets` each with colons between them, in quotes. */
function writeGroups(out: Ascii, bytes: Uint8Array, code: number, octets: 2 | 4, count: 2 | 3): void {
  const start = from[code]!;
  if (start < 0) return;
  const end = to[code]!;
  for (let at = start; at < end; ) {
    if (at !== start) out.octet(COMMA);
    out.octet(QUOTE);
    for (let i = 0; i < count; i++, at += octets) {
      if (i > 0) out.octet(COLON);
      out.number(asn(bytes, at, octets));
    }
    out.octet(QUOTE);
  }
}

/** Extended communities: 16 hexadecimal digits each. */
function writeExtended(out: Ascii, bytes: Uint8Array): void {
  const start = from[AttributeCode.extendedCommunities]!;
  const end = to[AttributeCode.extendedCommunities]!;
  for (let at = start; at < end; ) {
    if (at !== start) out.octet(COMMA);
    out.octet(QUOTE);
    for (const next = at + 8; at < next; at++) out.hex(bytes[at]!);
    out.octet(QUOTE);
  }
}
