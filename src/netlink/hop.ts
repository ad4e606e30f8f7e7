/** Where a route leads: one next hop, or several among which flows are spread. */
import type { Address, Family } from '../lib/address.ts';
import { decodeAttributes, encodeAttributes, type Row, table } from './attr.ts';
import { MalformedError } from './errors.ts';
import { afOf, familyOf } from './family.ts';
import type { HostReader, HostWriter } from './host.ts';
import { ip, type Kept, type KeptDraft, kept, readAddress } from './row.ts';

/** Bits of `Hop.flags` (RTNH_F_*). */
export const HopFlag = {
  dead: 1,
  /** The gateway is taken to be on the link, whatever the addresses say. */
  onLink: 4,
  offload: 8,
  linkDown: 16,
} as const;

export interface Hop extends Kept {
  /** Of either family: IPv4 routes may lead to an IPv6 next hop (RFC 8950), never the other way round. */
  readonly gateway?: Address;
  /** Index of the link. */
  readonly link?: number;
  /** Share among several hops, 1 to 256; absent for 1. It has no meaning for a single one. */
  readonly weight?: number;
  /** `HopFlag` bits; absent for none. */
  readonly flags?: number;
}

/** A hop while it is read. */
export interface HopDraft extends KeptDraft {
  gateway?: Address;
}

/** What the rows of a gateway need to know to be written. */
export interface HopSpec extends Kept {
  readonly family: Family;
  readonly gateway: Address | undefined;
}

const gateway: Row<HopDraft, HopSpec> = {
  name: 'RTA_GATEWAY',
  code: 5,
  octets: 4,
  decode(r, draft) {
    draft.gateway = readAddress(r);
  },
  encode(w, { family, gateway }) {
    if (gateway?.family !== family) return false;
    ip.write(w, gateway);
    return true;
  },
};

/** struct rtvia: a family, then an address of it. */
const via: Row<HopDraft, HopSpec> = {
  name: 'RTA_VIA',
  code: 18,
  octets: 6,
  decode(r, draft) {
    const family = familyOf(r.h16());
    const address = readAddress(r);
    if (address.family !== family) throw new MalformedError(`RTA_VIA: family ${family} and IPv${address.family}`);
    draft.gateway = address;
  },
  encode(w, { family, gateway }) {
    if (gateway === undefined || gateway.family === family) return false;
    if (family === 6) throw new RangeError('an IPv6 route has no IPv4 next hop');
    w.h16(afOf(gateway.family));
    ip.write(w, gateway);
    return true;
  },
};

/** Realms, and what packets are wrapped in on the way. */
const keptRows = [kept('RTA_FLOW', 11), kept('RTA_ENCAP_TYPE', 21), kept('RTA_ENCAP', 22, true)] as const;
export const hopRows: readonly Row<HopDraft, HopSpec>[] = [gateway, via, ...keptRows];
const hopTable = table(hopRows);

/** struct rtnexthop. */
const RTNH_OCTETS = 8;

/** Reads RTA_MULTIPATH. */
export function decodeHops(r: HostReader): Hop[] {
  const hops: Hop[] = [];
  while (!r.done) {
    const length = r.h16();
    const flags = r.u8();
    const weight = r.u8() + 1;
    const link = r.i32();
    if (length < RTNH_OCTETS || length - RTNH_OCTETS > r.remaining)
      throw new MalformedError(`RTA_MULTIPATH: a next hop of ${length} octets`);
    const draft: HopDraft = {};
    decodeAttributes(r.sub(length - RTNH_OCTETS), hopTable, draft);
    const hop = hopOf(draft.gateway, link, weight, flags);
    hops.push(draft.kept === undefined ? hop : { ...hop, kept: draft.kept });
    r.skip(Math.min(-length & 3, r.remaining));
  }
  return hops;
}

/** Writes RTA_MULTIPATH's content. */
export function encodeHops(w: HostWriter, family: Family, hops: readonly Hop[]): void {
  for (const { gateway, link = 0, weight = 1, flags = 0, kept: values } of hops) {
    const start = w.at;
    w.zeros(2)
      .u8(flags)
      .u8(weight - 1)
      .i32(link);
    encodeAttributes(w, hopTable, { family, gateway, ...(values && { kept: values }) });
    w.set16(start, w.at - start);
  }
}

/** A hop without what says nothing. */
export function hopOf(gateway: Address | undefined, link: number, weight: number, flags: number): Hop {
  const hop: { -readonly [K in keyof Hop]: Hop[K] } = {};
  if (gateway !== undefined) hop.gateway = gateway;
  if (link !== 0) hop.link = link;
  if (weight !== 1) hop.weight = weight;
  if (flags !== 0) hop.flags = flags;
  return hop;
}
