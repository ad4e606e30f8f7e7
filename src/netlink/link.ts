/** Links: the devices of a namespace (RTM_*LINK). */
import { decodeAttributes, encodeAttributes, type Row, table } from './attr.ts';
import type { Codec, Verb } from './codec.ts';
import { AF_UNSPEC, MessageType } from './const.ts';
import type { HostReader, HostWriter } from './host.ts';
import { decodeLinkInfo, type Enslaved, encodeLinkInfo, type LinkInfo, linkInfoTable } from './linkinfo.ts';
import { answerOnly, bareText, bool8, h32, named8, octets, property, requestOnly, text } from './row.ts';

/** Bits of `Link.flags` (<linux/if.h>). */
export const LinkFlag = {
  up: 0x1,
  broadcast: 0x2,
  loopback: 0x8,
  pointToPoint: 0x10,
  running: 0x40,
  noArp: 0x80,
  promiscuous: 0x100,
  master: 0x400,
  slave: 0x800,
  multicast: 0x1000,
  lowerUp: 0x10000,
} as const;

/** Set up by whoever looks after it. */
export const isSetUp = ({ flags }: Pick<Link, 'flags'>): boolean => (flags & LinkFlag.up) !== 0;

/** Set up, and with a carrier. */
export const isRunning = (link: Pick<Link, 'flags'>): boolean => isSetUp(link) && (link.flags & LinkFlag.lowerUp) !== 0;

const operStates = ['unknown', 'notPresent', 'down', 'lowerLayerDown', 'testing', 'dormant', 'up'] as const;
/** RFC 2863 §3.1.14. */
export type OperState = (typeof operStates)[number];

export interface Link {
  readonly index: number;
  /** ARPHRD_*: 1 for Ethernet, 772 for loopback. */
  readonly type: number;
  /** `LinkFlag` bits. */
  readonly flags: number;
  /** Bits of `flags` that changed, in notifications. */
  readonly changed: number;
  readonly name?: string;
  /** Link-layer address: 6 octets on Ethernet. */
  readonly address?: Uint8Array;
  readonly mtu?: number;
  /** The link below: a VLAN's parent, a veth's peer. Index, in `linkNamespace` if that is set. */
  readonly parent?: number;
  /** The VRF, bridge or bond that it is in, as an index. In requests 0 takes it out. */
  readonly master?: number;
  /** In requests an empty one takes it away. */
  readonly alias?: string;
  /** Number of the namespace that `parent` is in, when it is another one. */
  readonly linkNamespace?: number;
  readonly operState?: OperState | number;
  readonly carrier?: boolean;
  /** How often the carrier came. */
  readonly carrierUps?: number;
  /** Index of a group of links. */
  readonly group?: number;
  readonly info?: LinkInfo;
  readonly enslaved?: Enslaved;
  /** Why a notification came, of `LinkEvent` or another number; absent where it is a change of the link itself. */
  readonly event?: number;
}

/** Values of IFLA_EVENT (<linux/if_link.h>), as far as they are of use here. */
export const LinkEvent = { bondingFailover: 3, notifyPeers: 4 } as const;

/** A link as requests describe it, by index or, where that is absent or 0, by name. */
export interface LinkSpec extends Partial<Omit<Link, 'enslaved' | 'operState' | 'event' | 'carrierUps'>> {
  /** Sets the link up or down. Shorter than `flags` with `changed`, which it overrides. */
  readonly up?: boolean;
  /** Moves it to the namespace that this is an open descriptor of. */
  readonly namespaceFd?: number;
}

export interface LinkFilter {
  /** Index of a VRF, bridge or bond: the links in it. */
  readonly master?: number;
  /** The kernel's name of a kind: `vrf`, `vlan`. */
  readonly kind?: string;
}

type Draft = { -readonly [K in keyof Link]: Link[K] } & { wireless?: Uint8Array };
type Encoded = LinkSpec & Pick<Partial<Link>, 'operState'> & { readonly filterMask?: number };

/** Leaves the statistics of IPv6 out of answers, of which they are half (RTEXT_FILTER_SKIP_STATS). */
const SKIP_STATISTICS = 8;

const linkInfo: Row<Draft, Encoded> = {
  name: 'IFLA_LINKINFO',
  code: 18,
  octets: 0,
  nested: linkInfoTable as never,
  decode(r, draft) {
    Object.assign(draft, decodeLinkInfo(r));
  },
  encode(w, { info }) {
    if (info === undefined) return false;
    encodeLinkInfo(w, info);
    return true;
  },
};

const rows = table<Draft, Encoded>([
  property('IFLA_MTU', 4, 'mtu', h32),
  property('IFLA_ADDRESS', 1, 'address', octets),
  property('IFLA_MASTER', 10, 'master', h32),
  // With a zero octet at its end an empty one would not be taken away.
  property('IFLA_IFALIAS', 20, 'alias', bareText),
  property('IFLA_GROUP', 27, 'group', h32),
  property('IFLA_OPERSTATE', 16, 'operState', named8(operStates)),
  property('IFLA_CARRIER', 33, 'carrier', bool8),
  answerOnly('IFLA_CARRIER_UP_COUNT', 47, 'carrierUps', h32),
  property('IFLA_LINK_NETNSID', 37, 'linkNamespace', h32),
  requestOnly('IFLA_NET_NS_FD', 28, 'namespaceFd', h32),
  property('IFLA_LINK', 5, 'parent', h32),
  property('IFLA_IFNAME', 3, 'name', text),
  requestOnly('IFLA_EXT_MASK', 29, 'filterMask', h32),
  answerOnly('IFLA_EVENT', 44, 'event', h32),
  answerOnly('IFLA_WIRELESS', 11, 'wireless', octets),
  linkInfo,
]);

/** struct ifinfomsg. */
function writeHead(w: HostWriter, type: number, index: number, flags: number, changed: number): void {
  w.u8(AF_UNSPEC).zeros(1).h16(type).i32(index).h32(flags).h32(changed);
}

function decode(r: HostReader): Link | undefined {
  // Messages of other families are about a protocol's view of the link: a bridge says that a port left it by RTM_DELLINK.
  if (r.u8() !== AF_UNSPEC) return undefined;
  r.skip(1);
  const draft: Draft = { type: r.h16(), index: r.i32(), flags: r.h32(), changed: r.h32() };
  decodeAttributes(r, rows, draft);
  // News of a radio, with nothing of the link but its name: it would seem to have lost its address and all else.
  return draft.wireless === undefined ? draft : undefined;
}

function encode(w: HostWriter, spec: LinkSpec, verb: Verb): void {
  const { index = 0, type = 0, up } = spec;
  const [flags, changed] =
    up === undefined ? [spec.flags ?? 0, spec.changed ?? 0] : [up ? LinkFlag.up : 0, LinkFlag.up as number];
  writeHead(w, type, index, flags, changed);
  encodeAttributes(w, rows, verb === 'get' ? { ...spec, filterMask: SKIP_STATISTICS } : spec);
}

export const linkCodec: Codec<Link, LinkSpec, LinkFilter> = {
  types: { new: MessageType.newLink, del: MessageType.delLink, get: MessageType.getLink },
  // RTM_NEWLINK has no notion of replacing a device.
  verbs: ['add', 'set', 'delete', 'get'],
  headOctets: 16,
  attributes: rows,
  decode,
  encode,
  encodeDump(w, { master, kind }) {
    writeHead(w, 0, 0, 0, 0);
    encodeAttributes(w, rows, {
      filterMask: SKIP_STATISTICS,
      ...(master === undefined ? {} : { master }),
      ...(kind === undefined ? {} : { info: { kind: 'other', name: kind } }),
    });
  },
  matches(link, { master, kind }) {
    const { info } = link;
    return (
      (master === undefined || link.master === master) &&
      (kind === undefined || (info?.kind === 'other' ? info.name : info?.kind) === kind)
    );
  },
};
