/**
 * What the decision process compares, read once for each attribute set: eight words, half a cache line, that lie
 * together. No comparison ever decodes an attribute.
 */
import { Column } from '../lib/column.ts';
import { AttributeCode, AttributeFlag, Community } from './const.ts';
import type { AttributeTable } from './intern.ts';
import type { NextHops } from './nexthop.ts';

const WORDS = 8;

/** The words of a set, from the offset that `at` gives. */
export const Key = {
  localPref: 0,
  /** AS hops (RFC 4271 §9.1.2.2 a, RFC 5065 §5.3); a path of 65535 octets has fewer than 65536. */
  hops: 1,
  med: 2,
  /** The AS the path begins with; 0 for a path of our own AS (RFC 4271 §9.1.2.2 c). */
  neighbour: 3,
  /** ORIGINATOR_ID, 0 for none. */
  originator: 4,
  /** Id in NextHops + 1; 0 for none. */
  nextHop: 5,
  flags: 6,
  clusters: 7,
} as const;

/** Bits of `Key.flags`; the lowest two are ORIGIN, whose values are in order of preference. */
export const KeyFlag = { origin: 3, localPref: 4, med: 8, llgrStale: 16, known: 32 } as const;

export class AttributeKeys {
  readonly nextHops: NextHops;
  readonly words = new Column(Uint32Array);
  /** Link bandwidth by set, octets a second: few have any. */
  private readonly bandwidths = new Map<number, number>();
  readonly attributes: AttributeTable;
  private readonly forget = (set: number): void => {
    const at = set * WORDS;
    if (at >= this.words.capacity || this.words.get(at + Key.flags) === 0) return;
    this.bandwidths.delete(set);
    this.words.set(at + Key.flags, 0);
    const nextHop = this.words.get(at + Key.nextHop);
    if (nextHop !== 0) this.nextHops.release(nextHop - 1);
  };

  constructor(attributes: AttributeTable, nextHops: NextHops) {
    this.attributes = attributes;
    this.nextHops = nextHops;
    attributes.watch(this.forget);
  }

  /** No keys are asked for any more. */
  close(): void {
    this.attributes.unwatch(this.forget);
  }

  /** Where the keys of a set begin in `words`. */
  at(set: number): number {
    const at = set * WORDS;
    this.words.room(at + WORDS - 1);
    if (this.words.get(at + Key.flags) === 0) this.load(set, at);
    return at;
  }

  /** The link bandwidth of a set that `at` was asked for (draft-ietf-idr-link-bandwidth §2), octets a second; 0 for none. */
  bandwidth(set: number): number {
    return this.bandwidths.get(set) ?? 0;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.words.byteLength;
  }

  private load(set: number, at: number): void {
    const bytes = this.attributes.view(set);
    const w = this.words;
    for (let i = 0; i < WORDS; i++) w.set(at + i, 0);
    let flags: number = KeyFlag.known;
    // The octets are canonical (update.ts): every attribute is sound and there once.
    for (let i = 0; i < bytes.length; ) {
      const value = valueAt(bytes, i);
      const end = endAt(bytes, i);
      switch (bytes[i + 1]) {
        case AttributeCode.origin:
          flags |= bytes[value]!;
          break;
        case AttributeCode.asPath:
          readPath(bytes, value, end, w, at);
          break;
        case AttributeCode.nextHop:
          w.set(at + Key.nextHop, this.nextHops.retain(bytes, value, 4) + 1);
          break;
        case AttributeCode.mpReach:
          w.set(at + Key.nextHop, this.mpNextHop(bytes, value) + 1);
          break;
        case AttributeCode.med:
          w.set(at + Key.med, word(bytes, value));
          flags |= KeyFlag.med;
          break;
        case AttributeCode.localPref:
          w.set(at + Key.localPref, word(bytes, value));
          flags |= KeyFlag.localPref;
          break;
        case AttributeCode.communities:
          for (let c = value; c < end; c += 4) if (word(bytes, c) === Community.llgrStale) flags |= KeyFlag.llgrStale;
          break;
        case AttributeCode.originatorId:
          w.set(at + Key.originator, word(bytes, value));
          break;
        case AttributeCode.clusterList:
          w.set(at + Key.clusters, (end - value) >> 2);
          break;
        case AttributeCode.extendedCommunities:
          this.loadBandwidth(set, readBandwidth(bytes, value, end));
      }
      i = end;
    }
    w.set(at + Key.flags, flags);
  }

  private loadBandwidth(set: number, bandwidth: number): void {
    if (bandwidth !== 0) this.bandwidths.set(set, bandwidth);
  }

  /** As `decodeNextHop`: of two, the global one, unless it is `::`. */
  private mpNextHop(bytes: Uint8Array, value: number): number {
    const at = value + 4;
    const octets = bytes[value + 3]!;
    if (octets === 4) return this.nextHops.retain(bytes, at, 4);
    const absent =
      octets === 32 && (word(bytes, at) | word(bytes, at + 4) | word(bytes, at + 8) | word(bytes, at + 12)) === 0;
    return this.nextHops.retain(bytes, absent ? at + 16 : at, 16);
  }
}

/** The value of AS_PATH in an interned set. */
export function asPathOctets(bytes: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i = endAt(bytes, i))
    if (bytes[i + 1] === AttributeCode.asPath) return bytes.subarray(valueAt(bytes, i), endAt(bytes, i));
  return bytes.subarray(0, 0);
}

/** COMMUNITIES of an interned set has this one. */
export function hasCommunity(bytes: Uint8Array, community: number): boolean {
  for (let i = 0; i < bytes.length; i = endAt(bytes, i)) {
    if (bytes[i + 1] !== AttributeCode.communities) continue;
    for (let c = valueAt(bytes, i); c < endAt(bytes, i); c += 4) if (word(bytes, c) === community) return true;
  }
  return false;
}

const isLong = (bytes: Uint8Array, at: number): boolean => (bytes[at]! & AttributeFlag.extendedLength) !== 0;
/** Where the value of the attribute at `at` begins, and where it ends, in octets that are sound. */
export const valueAt = (bytes: Uint8Array, at: number): number => at + (isLong(bytes, at) ? 4 : 3);
export const endAt = (bytes: Uint8Array, at: number): number =>
  valueAt(bytes, at) + (isLong(bytes, at) ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);

const SET = 1;
const SEQUENCE = 2;

function readPath(bytes: Uint8Array, start: number, end: number, w: Column, at: number): void {
  let hops = 0;
  let begun = false;
  for (let i = start; i < end; i += 2 + 4 * bytes[i + 1]!) {
    const type = bytes[i];
    if (type !== SET && type !== SEQUENCE) continue;
    hops += type === SET ? 1 : bytes[i + 1]!;
    if (!begun && type === SEQUENCE) w.set(at + Key.neighbour, word(bytes, i + 2));
    begun = true;
  }
  w.set(at + Key.hops, hops);
}

/** Of type 0x40 (not transitive) or 0x00, subtype 0x04. What is no bandwidth is taken as none. */
function readBandwidth(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i += 8) {
    if ((bytes[i]! & 0xbf) !== 0 || bytes[i + 1] !== 4) continue;
    bits[0] = word(bytes, i + 4);
    const value = float[0]!;
    if (value > 0 && Number.isFinite(value)) return value;
  }
  return 0;
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

const word = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
