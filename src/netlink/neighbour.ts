/** Neighbours: who has which address on a link (RTM_*NEIGH). */
import type { Address, Family } from '../lib/address.ts';
import { decodeAttributes, encodeAttributes, table } from './attr.ts';
import type { Codec } from './codec.ts';
import { MessageType } from './const.ts';
import { MalformedError } from './errors.ts';
import { afOf, familyOf } from './family.ts';
import type { HostReader, HostWriter } from './host.ts';
import { answerOnly, h32, ip, octets, property, requestOnly, u8 } from './row.ts';

/** `Neighbour.state` is one of these (NUD_*). */
export const NeighbourState = {
  none: 0,
  incomplete: 0x1,
  reachable: 0x2,
  stale: 0x4,
  delay: 0x8,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
} as const;

/** Bits of `Neighbour.flags` (NTF_*). */
export const NeighbourFlag = {
  use: 0x1,
  /** Not a neighbour but an address that this machine answers for. */
  proxy: 0x8,
  externLearned: 0x10,
  /** IPv6: it says that it is a router. */
  router: 0x80,
} as const;

export interface NeighbourSpec {
  /** Index of the link. */
  readonly link: number;
  readonly address: Address;
  /** Link-layer address. */
  readonly octets?: Uint8Array;
  /** `NeighbourState`; permanent when absent, unless it is a proxy. */
  readonly state?: number;
  /** `NeighbourFlag` bits. */
  readonly flags?: number;
  /** `Protocol`: who made the entry. */
  readonly protocol?: number;
}

export interface Neighbour extends NeighbourSpec {
  readonly state: number;
  readonly flags: number;
  /** RTN_*: 1 for unicast, 5 for multicast. */
  readonly type: number;
  /** Solicitations without an answer. */
  readonly probes?: number;
}

export interface NeighbourFilter {
  readonly family?: Family;
  /** Index of the link. */
  readonly link?: number;
  /** Addresses that this machine answers for, instead of neighbours. */
  readonly proxy?: boolean;
}

interface Draft {
  address?: Address;
  octets?: Uint8Array;
  protocol?: number;
  probes?: number;
}
type Encoded = Partial<NeighbourSpec> & { readonly linkFilter?: number };

const rows = table<Draft, Encoded>([
  property('NDA_PROTOCOL', 12, 'protocol', u8),
  property('NDA_DST', 1, 'address', ip),
  property('NDA_LLADDR', 2, 'octets', octets),
  answerOnly('NDA_PROBES', 4, 'probes', h32),
  requestOnly('NDA_IFINDEX', 8, 'linkFilter', h32),
]);

/** struct ndmsg. */
function writeHead(w: HostWriter, af: number, link: number, state: number, flags: number, type: number): void {
  w.u8(af).zeros(3).i32(link).h16(state).u8(flags).u8(type);
}

function decode(r: HostReader): Neighbour | undefined {
  const family = familyOf(r.u8());
  // A bridge's forwarding entries are neighbours of another family.
  if (family === undefined) return undefined;
  r.skip(3);
  const link = r.i32();
  const state = r.h16();
  const flags = r.u8();
  const type = r.u8();
  const draft: Draft = {};
  decodeAttributes(r, rows, draft);
  if (draft.address?.family !== family) throw new MalformedError(`RTM_NEWNEIGH without an IPv${family} address`);
  return { link, state, flags, type, ...draft, address: draft.address };
}

function encode(w: HostWriter, spec: NeighbourSpec, verb: string): void {
  const { address, link, flags = 0 } = spec;
  const fixed = verb === 'get' || verb === 'delete' || (flags & NeighbourFlag.proxy) !== 0;
  writeHead(w, afOf(address.family), link, spec.state ?? (fixed ? 0 : NeighbourState.permanent), flags, 0);
  encodeAttributes(w, rows, spec);
}

export const neighbourCodec: Codec<Neighbour, NeighbourSpec, NeighbourFilter> = {
  types: { new: MessageType.newNeighbour, del: MessageType.delNeighbour, get: MessageType.getNeighbour },
  verbs: ['add', 'replace', 'delete', 'get'],
  headOctets: 12,
  attributes: rows,
  decode,
  encode,
  encodeDump(w, { family, link, proxy }) {
    writeHead(w, family === undefined ? 0 : afOf(family), 0, 0, proxy ? NeighbourFlag.proxy : 0, 0);
    if (link !== undefined) encodeAttributes(w, rows, { linkFilter: link });
  },
  matches: (n, { family, link, proxy = false }) =>
    (family === undefined || n.address.family === family) &&
    (link === undefined || n.link === link) &&
    ((n.flags & NeighbourFlag.proxy) !== 0) === proxy,
};
