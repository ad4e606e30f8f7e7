/** Addresses of links (RTM_*ADDR). */
import { type Address, bitsOf } from '../lib/address.ts';
import { equalBytes } from '../lib/bytes.ts';
import { decodeAttributes, encodeAttributes, type Row, table } from './attr.ts';
import type { Codec } from './codec.ts';
import { MessageType } from './const.ts';
import { MalformedError } from './errors.ts';
import { afOf, familyOf, sameFamily } from './family.ts';
import type { HostReader, HostWriter } from './host.ts';
import { h32, ip, nameOf, numberOf, property, type Shape, text, u8 } from './row.ts';
import { type Scope, scopes } from './scope.ts';

/** Bits of `LinkAddress.flags` (IFA_F_*). */
export const AddressFlag = {
  /** IPv4: another address of the prefix came first. IPv6: a temporary one (RFC 8981). */
  secondary: 0x1,
  /** No duplicate address detection (RFC 4862 §5.4). */
  noDad: 0x2,
  optimistic: 0x4,
  dadFailed: 0x8,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  /** No route to the prefix is made with it. */
  noPrefixRoute: 0x200,
  /** IPv6: the kernel made it of a secret (RFC 7217). */
  stablePrivacy: 0x800,
} as const;

export interface Lifetimes {
  /** Seconds; 2^32 - 1 for ever. */
  readonly preferredSec: number;
  readonly validSec: number;
}

/** An address as requests describe it. */
export interface LinkAddressSpec {
  /** Index of the link. */
  readonly link: number;
  readonly address: Address;
  /** Length of the prefix on the link; of `peer`, where there is one. */
  readonly length: number;
  /** The other end of a point-to-point link. */
  readonly peer?: Address;
  readonly broadcast?: Address;
  /** IPv4 only. It begins with the link's name. */
  readonly label?: string;
  /** `AddressFlag` bits. */
  readonly flags?: number;
  readonly scope?: Scope | number;
  /** Metric of the prefix's route. */
  readonly priority?: number;
  /** Who made the address (IFAPROT_*), 1 to 255. Kernels before 5.18 forget it. */
  readonly protocol?: number;
  readonly lifetimes?: Lifetimes;
}

export interface LinkAddress extends LinkAddressSpec {
  readonly flags: number;
  readonly scope: Scope | number;
}

export interface LinkAddressFilter {
  readonly family?: 4 | 6;
  /** Index of the link. */
  readonly link?: number;
}

type Optional = Pick<LinkAddressSpec, 'broadcast' | 'label' | 'priority' | 'protocol' | 'lifetimes'>;
type Draft = { -readonly [K in keyof Optional]: Optional[K] } & {
  local?: Address;
  remote?: Address;
  flags?: number;
};

const lifetimes: Shape<Lifetimes> = {
  octets: 8,
  read: (r) => ({ preferredSec: r.h32(), validSec: r.h32() }),
  // The times at which it was made and changed are the kernel's to fill in.
  write: (w, v) => w.h32(v.preferredSec).h32(v.validSec).zeros(8),
};

/** IFA_ADDRESS is the other end where there is one, or else the address itself, as IFA_LOCAL is in either case. */
const remote: Row<Draft, LinkAddressSpec> = {
  name: 'IFA_ADDRESS',
  code: 1,
  octets: 4,
  decode(r, draft) {
    draft.remote = ip.read(r);
  },
  encode(w, { address, peer }) {
    ip.write(w, peer ?? address);
    return true;
  },
};
const local: Row<Draft, LinkAddressSpec> = {
  name: 'IFA_LOCAL',
  code: 2,
  octets: 4,
  decode(r, draft) {
    draft.local = ip.read(r);
  },
  encode(w, { address }) {
    ip.write(w, address);
    return true;
  },
};
/** All 32 bits, of which the header has room for eight. Without it the kernel takes the header's. */
const flags: Row<Draft, LinkAddressSpec> = {
  name: 'IFA_FLAGS',
  code: 8,
  octets: 4,
  decode(r, draft) {
    draft.flags = r.h32();
  },
  encode(w, spec) {
    if (spec.flags === undefined || spec.flags <= 0xff) return false;
    w.h32(spec.flags);
    return true;
  },
};

const rows = table<Draft, LinkAddressSpec>([
  local,
  flags,
  remote,
  property('IFA_BROADCAST', 4, 'broadcast', ip),
  property('IFA_LABEL', 3, 'label', text),
  property('IFA_RT_PRIORITY', 9, 'priority', h32),
  property('IFA_PROTO', 11, 'protocol', u8),
  property('IFA_CACHEINFO', 6, 'lifetimes', lifetimes),
]);

/** struct ifaddrmsg. */
function writeHead(w: HostWriter, af: number, length: number, bits: number, scope: number, link: number): void {
  w.u8(af)
    .u8(length)
    .u8(bits & 0xff)
    .u8(scope)
    .h32(link);
}

function decode(r: HostReader): LinkAddress | undefined {
  const family = familyOf(r.u8());
  if (family === undefined) return undefined;
  const length = r.u8();
  const headFlags = r.u8();
  const scope = nameOf(scopes, r.u8());
  const link = r.h32();
  const draft: Draft = {};
  decodeAttributes(r, rows, draft);
  const { local, remote, flags = headFlags, ...rest } = draft;
  const address = local ?? remote;
  if (address === undefined) throw new MalformedError('RTM_NEWADDR without an address');
  for (const a of [address, remote, rest.broadcast])
    if (a !== undefined && a.family !== family) throw new MalformedError('RTM_NEWADDR mixes IPv4 and IPv6');
  if (length > bitsOf(family)) throw new MalformedError(`RTM_NEWADDR: a prefix length of ${length}`);
  const peer = local !== undefined && remote !== undefined && !same(local, remote) ? { peer: remote } : {};
  return { link, address, length, ...peer, flags, scope, ...rest };
}

const same = (a: Address, b: Address): boolean => equalBytes(a.bytes, b.bytes);

function encode(w: HostWriter, spec: LinkAddressSpec): void {
  const { address, length, peer, broadcast, link, flags = 0, scope } = spec;
  sameFamily(address.family, peer, broadcast);
  writeHead(w, afOf(address.family), length, flags, numberOf(scopes, scope ?? defaultScope(address)), link);
  encodeAttributes(w, rows, spec);
}

/** What belongs to this machine alone is announced to nobody. The kernel decides for IPv6. */
const defaultScope = (a: Address): Scope => (a.family === 4 && a.bytes[0] === 127 ? 'host' : 'universe');

export const addressCodec: Codec<LinkAddress, LinkAddressSpec, LinkAddressFilter> = {
  types: { new: MessageType.newAddress, del: MessageType.delAddress, get: MessageType.getAddress },
  verbs: ['add', 'replace', 'delete'],
  headOctets: 8,
  attributes: rows,
  decode,
  encode,
  // The kernel could choose the link's, but then it does not notice when they change meanwhile (Linux 6.18).
  encodeDump: (w, { family }) => writeHead(w, family === undefined ? 0 : afOf(family), 0, 0, 0, 0),
  matches: (value, { family, link }) =>
    (family === undefined || value.address.family === family) && (link === undefined || value.link === link),
};
