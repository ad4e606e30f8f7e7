/**
 * The path attributes, a row each: what the attribute loop (attr.ts) must know to check, read and write one. The
 * two multiprotocol attributes are not here, since they carry routes and not properties of routes (mp.ts).
 */
import { addressFrom } from '../lib/address.ts';
import type { Reader } from '../lib/bytes.ts';
import { checkAsPath, decodeAsPath, encodeAsPath, narrow, needsAs4, withoutConfeds } from './aspath.ts';
import { AttributeCode, AttributeFlag } from './const.ts';
import { UpdateError } from './errors.ts';
import type { LargeCommunity } from './path.ts';
import { exactly, items, list, multipleOf, property, type Row, u32, writeU32 } from './row.ts';

const wellKnown = AttributeFlag.transitive;
const optional = AttributeFlag.optional;
const optionalTransitive = AttributeFlag.optional | AttributeFlag.transitive;

const origins = ['igp', 'egp', 'incomplete'] as const;
const readLarge = (r: Reader): LargeCommunity => [r.u32(), r.u32(), r.u32()];

/** In order of their codes, which is the order on the wire (RFC 4271 §5). */
export const rows: readonly Row[] = [
  {
    name: 'ORIGIN',
    code: AttributeCode.origin,
    flags: wellKnown,
    malformed: 'withdraw',
    subcode: UpdateError.invalidOrigin,
    lengthOk: exactly(1),
    check: (bytes, at) => (bytes[at]! < origins.length ? undefined : `value ${bytes[at]}`),
    ...property(
      'origin',
      (r) => origins[r.u8()]!,
      (w, v) => w.u8(origins.indexOf(v)),
    ),
  },
  {
    name: 'AS_PATH',
    code: AttributeCode.asPath,
    flags: wellKnown,
    malformed: 'withdraw',
    subcode: UpdateError.malformedAsPath,
    lengthOk: () => true,
    check: (bytes, at, end, e) => checkAsPath(bytes, at, end, e.fourOctetAs ? 4 : 2, e.internal),
    ...property(
      'asPath',
      (r, e) => decodeAsPath(r, e.fourOctetAs ? 4 : 2),
      (w, v, e) => encodeAsPath(w, v, e.fourOctetAs ? 4 : 2),
    ),
  },
  {
    name: 'NEXT_HOP',
    code: AttributeCode.nextHop,
    flags: wellKnown,
    malformed: 'withdraw',
    subcode: UpdateError.invalidNextHop,
    // The value counts only where there is an NLRI field: scan.ts looks at it then.
    lengthOk: exactly(4),
    ...property(
      'nextHop',
      (r) => addressFrom(r.copy(4)),
      (w, v) => w.put8s(v.bytes),
    ),
  },
  {
    name: 'MULTI_EXIT_DISC',
    code: AttributeCode.med,
    flags: optional,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: exactly(4),
    ...property('med', u32, writeU32),
  },
  {
    name: 'LOCAL_PREF',
    code: AttributeCode.localPref,
    flags: wellKnown,
    malformed: 'withdraw',
    internalOnly: true,
    subcode: UpdateError.attributeLength,
    lengthOk: exactly(4),
    ...property('localPref', u32, writeU32),
  },
  {
    name: 'ATOMIC_AGGREGATE',
    code: AttributeCode.atomicAggregate,
    flags: wellKnown,
    malformed: 'discard',
    subcode: UpdateError.attributeLength,
    lengthOk: exactly(0),
    ...property(
      'atomicAggregate',
      () => true,
      () => {},
    ),
  },
  {
    name: 'AGGREGATOR',
    code: AttributeCode.aggregator,
    flags: optionalTransitive,
    malformed: 'discard',
    subcode: UpdateError.optionalAttribute,
    lengthOk: (length, e) => length === (e.fourOctetAs ? 8 : 6),
    check: (bytes, at, end) => checkAggregator(bytes, at, end),
    ...property(
      'aggregator',
      (r, e) => ({ asn: e.fourOctetAs ? r.u32() : r.u16(), address: r.u32() }),
      (w, v, e) => (e.fourOctetAs ? w.u32(v.asn) : w.u16(narrow(v.asn))).u32(v.address),
    ),
  },
  {
    name: 'COMMUNITIES',
    code: AttributeCode.communities,
    flags: optionalTransitive,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: multipleOf(4),
    ...items<number>('communities', u32, writeU32),
  },
  {
    name: 'ORIGINATOR_ID',
    code: AttributeCode.originatorId,
    flags: optional,
    malformed: 'withdraw',
    internalOnly: true,
    subcode: UpdateError.optionalAttribute,
    lengthOk: exactly(4),
    ...property('originatorId', u32, writeU32),
  },
  {
    name: 'CLUSTER_LIST',
    code: AttributeCode.clusterList,
    flags: optional,
    malformed: 'withdraw',
    internalOnly: true,
    subcode: UpdateError.optionalAttribute,
    lengthOk: multipleOf(4),
    ...items<number>('clusterList', u32, writeU32),
  },
  {
    name: 'EXTENDED_COMMUNITIES',
    code: AttributeCode.extendedCommunities,
    flags: optionalTransitive,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: multipleOf(8),
    ...items<bigint>(
      'extendedCommunities',
      (r) => r.u64(),
      (w, v) => w.u64(v),
    ),
  },
  {
    // RFC 6793 §6: it holds whole numbers, hence at least a segment of one, and no confederation segments.
    name: 'AS4_PATH',
    code: AttributeCode.as4Path,
    flags: optionalTransitive,
    malformed: 'discard',
    subcode: UpdateError.optionalAttribute,
    lengthOk: (length) => length >= 6 && length % 2 === 0,
    check: (bytes, at, end) => checkAsPath(bytes, at, end, 4, true),
    decode(r, draft) {
      draft.as4Path = withoutConfeds(decodeAsPath(r, 4));
    },
    encode(w, a, e) {
      if (e.fourOctetAs || !needsAs4(a.asPath)) return false;
      encodeAsPath(w, withoutConfeds(a.asPath), 4);
      return true;
    },
  },
  {
    name: 'AS4_AGGREGATOR',
    code: AttributeCode.as4Aggregator,
    flags: optionalTransitive,
    malformed: 'discard',
    subcode: UpdateError.optionalAttribute,
    lengthOk: exactly(8),
    check: (bytes, at, end) => checkAggregator(bytes, at, end),
    decode(r, draft) {
      draft.as4Aggregator = { asn: r.u32(), address: r.u32() };
    },
    encode(w, a, e) {
      if (e.fourOctetAs || a.aggregator === undefined || a.aggregator.asn <= 0xffff) return false;
      w.u32(a.aggregator.asn).u32(a.aggregator.address);
      return true;
    },
  },
  {
    name: 'IPV6_EXTENDED_COMMUNITIES',
    code: AttributeCode.ipv6ExtendedCommunities,
    flags: optionalTransitive,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: multipleOf(20),
    ...items<Uint8Array>(
      'ipv6ExtendedCommunities',
      (r) => r.copy(20),
      (w, v) => w.put8s(v),
    ),
  },
  {
    name: 'AIGP',
    code: AttributeCode.aigp,
    flags: optional,
    malformed: 'discard',
    flagsAlike: true, // RFC 7311 §3.2
    subcode: UpdateError.optionalAttribute,
    lengthOk: (length) => length >= 3,
    check: checkAigp,
    decode(r, draft) {
      while (!r.done) {
        const type = r.u8();
        const value = r.sub(r.u16() - 3);
        // RFC 7311 §3: the first metric counts.
        if (type === AIGP_METRIC) draft.attributes.aigp ??= value.u64();
      }
    },
    encode(w, a) {
      if (a.aigp === undefined) return false;
      w.u8(AIGP_METRIC).u16(11).u64(a.aigp);
      return true;
    },
  },
  {
    name: 'LARGE_COMMUNITY',
    code: AttributeCode.largeCommunities,
    flags: optionalTransitive,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: multipleOf(12),
    ...items<LargeCommunity>('largeCommunities', readLarge, (w, [global, one, two]) => {
      w.u32(global).u32(one).u32(two);
    }),
    decode(r, draft) {
      draft.attributes.largeCommunities = unique(list(r, readLarge));
    },
  },
  {
    name: 'OTC',
    code: AttributeCode.otc,
    flags: optionalTransitive,
    malformed: 'withdraw',
    subcode: UpdateError.optionalAttribute,
    lengthOk: exactly(4),
    ...property('otc', u32, writeU32),
  },
];

/** The row of each attribute code. */
export const rowOf: readonly (Row | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  rows.find((row) => row.code === code),
);

const AIGP_METRIC = 1;

/** RFC 7311 §3: TLVs whose length counts their own three octets; a metric has eleven. */
function checkAigp(bytes: Uint8Array, start: number, end: number): string | undefined {
  let at = start;
  while (at < end) {
    if (end - at < 3) return 'stray octets after the last TLV';
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (length < 3 || at + length > end) return `TLV of ${length} octets`;
    if (bytes[at] === AIGP_METRIC && length !== 11) return `metric of ${length} octets`;
    at += length;
  }
  return undefined;
}

/** RFC 7607 §2: AS 0 aggregates nothing. The router ID takes the last four octets, the number the rest. */
function checkAggregator(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end - 4; at++) if (bytes[at] !== 0) return undefined;
  return 'AS 0';
}

/**
 * The address may be a host's: not this network, multicast or reserved (RFC 4271 §6.3). Loopback is the next hop of
 * peers on one machine.
 */
export function isHost4(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at]!;
  return first !== 0 && first < 224;
}

/** RFC 8092 §3: repetitions are removed. */
function unique(values: LargeCommunity[]): LargeCommunity[] {
  if (values.length < 2) return values;
  return [...new Map(values.map((v) => [v.join(':'), v])).values()];
}
