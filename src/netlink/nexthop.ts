/** Next-hop objects: what many routes lead to, changed for all of them at once (RTM_*NEXTHOP). */
import type { Address, Family } from '../lib/address.ts';
import { decodeAttributes, encodeAttributes, table } from './attr.ts';
import type { Codec } from './codec.ts';
import { MessageType } from './const.ts';
import { MalformedError } from './errors.ts';
import { afOf, familyOf } from './family.ts';
import type { HostReader, HostWriter } from './host.ts';
import {
  flag,
  h16,
  h32,
  ip,
  type Kept,
  type KeptDraft,
  kept,
  nameOf,
  numberOf,
  property,
  requestOnly,
  type Shape,
} from './row.ts';
import { type Scope, scopes } from './scope.ts';

/** A member of a group. */
export interface Member {
  /** Of the next-hop object. */
  readonly id: number;
  /** Share, 1 to 256. Kernels from 6.12 on take 65,536. */
  readonly weight: number;
}

/** Of a resilient group; times are clock ticks, 100 a second. */
export interface Resilience {
  readonly buckets?: number;
  readonly idleTicks?: number;
  /** 0: it is never forced. */
  readonly unbalancedTicks?: number;
}

/** `kept`: what packets are wrapped in on the way. */
export interface NextHopSpec extends Kept {
  /** Without it the kernel takes one that is free. */
  readonly id?: number;
  /** Absent for groups. */
  readonly family?: Family;
  readonly gateway?: Address;
  /** Index of the link. */
  readonly link?: number;
  readonly blackhole?: true;
  readonly group?: readonly Member[];
  /** 0 for one hashed by thresholds, 1 for a resilient one. */
  readonly groupType?: number;
  readonly resilience?: Resilience;
  /** It is for a bridge's forwarding entries. */
  readonly fdb?: true;
  /** `HopFlag` bits. */
  readonly flags?: number;
  /** `Protocol`: who made it. */
  readonly protocol?: number;
}

export interface NextHop extends NextHopSpec {
  readonly id: number;
  readonly scope: Scope | number;
  readonly flags: number;
  readonly protocol: number;
}

export interface NextHopFilter {
  readonly family?: Family;
  /** Index of the link. */
  readonly link?: number;
  /** Index of a VRF: the next hops by links in it. */
  readonly master?: number;
  /** Groups alone. */
  readonly groups?: boolean;
}

type Same = Omit<NextHopSpec, 'family' | 'flags' | 'protocol' | 'kept'>;
type Draft = { -readonly [K in keyof Same]: Same[K] } & KeptDraft;
type Encoded = Same & Kept & { readonly master?: number; readonly groups?: true };

/** struct nexthop_grp. The weight is less one, its high octet beside it. */
const group: Shape<readonly Member[]> = {
  octets: 8,
  read(r) {
    const members: Member[] = [];
    while (!r.done) {
      const id = r.h32();
      const low = r.u8();
      members.push({ id, weight: low + (r.u8() << 8) + 1 });
      r.skip(2);
    }
    return members;
  },
  write(w, members) {
    for (const { id, weight } of members) {
      if (weight < 1) throw new RangeError(`a weight of ${weight}`);
      w.h32(id)
        .u8((weight - 1) & 0xff)
        .u8((weight - 1) >> 8)
        .zeros(2);
    }
  },
};

type ResilienceDraft = { -readonly [K in keyof Resilience]: Resilience[K] };
const resilienceTable = table<ResilienceDraft, Resilience>([
  property('NHA_RES_GROUP_BUCKETS', 1, 'buckets', h16),
  property('NHA_RES_GROUP_IDLE_TIMER', 2, 'idleTicks', h32),
  property('NHA_RES_GROUP_UNBALANCED_TIMER', 3, 'unbalancedTicks', h32),
]);
const resilience: Shape<Resilience> = {
  octets: 0,
  read(r) {
    const draft: ResilienceDraft = {};
    decodeAttributes(r, resilienceTable, draft);
    return draft;
  },
  write: (w, v) => encodeAttributes(w, resilienceTable, v),
};

const rows = table<Draft, Encoded>([
  property('NHA_ID', 1, 'id', h32),
  property('NHA_GROUP', 2, 'group', group),
  property('NHA_GROUP_TYPE', 3, 'groupType', h16),
  property('NHA_BLACKHOLE', 4, 'blackhole', flag),
  property('NHA_GATEWAY', 6, 'gateway', ip),
  property('NHA_OIF', 5, 'link', h32),
  kept('NHA_ENCAP_TYPE', 7),
  kept('NHA_ENCAP', 8, true),
  property('NHA_FDB', 11, 'fdb', flag),
  {
    ...property<Draft, Encoded, 'resilience'>('NHA_RES_GROUP', 12, 'resilience', resilience),
    nested: resilienceTable,
    flagged: true,
  },
  requestOnly('NHA_GROUPS', 9, 'groups', flag),
  requestOnly('NHA_MASTER', 10, 'master', h32),
]);

/** struct nhmsg. */
function writeHead(w: HostWriter, family: Family | undefined, scope: number, protocol: number, flags: number): void {
  w.u8(family === undefined ? 0 : afOf(family))
    .u8(scope)
    .u8(protocol)
    .zeros(1)
    .h32(flags);
}

function decode(r: HostReader): NextHop | undefined {
  const af = r.u8();
  const family = familyOf(af);
  if (af !== 0 && family === undefined) return undefined;
  const scope = nameOf(scopes, r.u8());
  const protocol = r.u8();
  r.skip(1);
  const flags = r.h32();
  const draft: Draft = {};
  decodeAttributes(r, rows, draft);
  const { id, ...rest } = draft;
  if (id === undefined) throw new MalformedError('RTM_NEWNEXTHOP without NHA_ID');
  return { id, ...(family === undefined ? undefined : { family }), scope, protocol, flags, ...rest };
}

function encode(w: HostWriter, spec: NextHopSpec, verb: string): void {
  // The kernel takes but the id of what is to be deleted or told.
  if (verb === 'delete' || verb === 'get') {
    writeHead(w, undefined, 0, 0, 0);
    encodeAttributes(w, rows, spec.id === undefined ? {} : { id: spec.id });
    return;
  }
  const { family, gateway, protocol = 0, flags = 0 } = spec;
  if (gateway !== undefined && gateway.family !== (family ?? gateway.family))
    throw new RangeError('the gateway is of another family');
  writeHead(w, family ?? gateway?.family, numberOf(scopes, 'universe'), protocol, flags);
  encodeAttributes(w, rows, spec);
}

export const nextHopCodec: Codec<NextHop, NextHopSpec, NextHopFilter> = {
  types: { new: MessageType.newNextHop, del: MessageType.delNextHop, get: MessageType.getNextHop },
  verbs: ['add', 'replace', 'delete', 'get'],
  headOctets: 8,
  attributes: rows,
  decode,
  encode,
  encodeDump(w, { family, link, master, groups }) {
    writeHead(w, family, 0, 0, 0);
    encodeAttributes(w, rows, {
      ...(link === undefined ? undefined : { link }),
      ...(groups ? { groups } : undefined),
      ...(master === undefined ? undefined : { master }),
    });
  },
  // Whose master a link has is not to be seen here.
  matches: (n, { family, link, groups }) =>
    (family === undefined || n.family === family) &&
    (link === undefined || n.link === link) &&
    (!groups || n.group !== undefined),
};
