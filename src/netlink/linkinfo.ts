/** What kind of device a link is, and what its kind has to say (IFLA_LINKINFO). */
import { decodeAttributes, encodeAttributes, type Row, type Table, table } from './attr.ts';
import type { HostReader, HostWriter } from './host.ts';
import {
  bareText,
  bool8,
  bool32,
  h16,
  h32,
  n16,
  nameOf,
  numberOf,
  octets,
  property,
  requestOnly,
  text,
} from './row.ts';

export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** What is absent is left to the kernel, or was not told by it. */
export type LinkInfo =
  | { readonly kind: 'vrf' /** 1 to 2^32 - 1. */; readonly table?: number }
  | {
      readonly kind: 'vlan';
      /** 0 to 4095. For a link that exists the kernel accepts another one and keeps its own. */
      readonly id?: number;
      /** Ethertype of the tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
      readonly protocol?: number;
      /** VLAN_FLAG_* bits; `mask` says which of them are meant. */
      readonly flags?: VlanFlags;
    }
  | { readonly kind: 'macvlan'; readonly mode?: MacvlanMode | number }
  | {
      readonly kind: 'bridge';
      readonly stp?: boolean;
      readonly vlanFiltering?: boolean;
      /** 0 for none. */
      readonly vlanDefaultPvid?: number;
    }
  | { readonly kind: 'veth' /** Of requests for a new pair. */; readonly peer?: VethPeer }
  | { readonly kind: 'dummy' }
  /** A kind that is not told apart here, under the kernel's name for it. */
  | { readonly kind: 'other'; readonly name: string };

export interface VlanFlags {
  readonly flags: number;
  readonly mask: number;
}

export interface VethPeer {
  readonly name?: string;
  readonly mtu?: number;
  /** Link-layer address. */
  readonly address?: Uint8Array;
  /** A namespace as a descriptor of it, such as an open /run/netns/NAME. */
  readonly namespaceFd?: number;
}

/** A link's place under another one, as that one's kind sees it (IFLA_INFO_SLAVE_KIND). */
export interface Enslaved {
  readonly kind: string;
  /** The table of the VRF that the link is in. */
  readonly table?: number;
}

type Fields<K extends LinkInfo['kind']> = {
  -readonly [P in keyof Omit<Extract<LinkInfo, { kind: K }>, 'kind'>]: Extract<LinkInfo, { kind: K }>[P];
};

const vrf = table<Fields<'vrf'>>([property('IFLA_VRF_TABLE', 1, 'table', h32)]);
const vlan = table<Fields<'vlan'>>([
  property('IFLA_VLAN_PROTOCOL', 5, 'protocol', n16),
  property('IFLA_VLAN_ID', 1, 'id', h16),
  property('IFLA_VLAN_FLAGS', 2, 'flags', {
    octets: 8,
    read: (r) => ({ flags: r.h32(), mask: r.h32() }),
    write: (w, v) => w.h32(v.flags).h32(v.mask),
  }),
]);

/** Bits, of which one is set. */
const modes: readonly (MacvlanMode | undefined)[] = ['private', 'vepa', 'bridge', 'passthru', 'source'];
const macvlan = table<Fields<'macvlan'>>([
  property('IFLA_MACVLAN_MODE', 1, 'mode', {
    octets: 4,
    read(r) {
      const bits = r.h32();
      const bit = 31 - Math.clz32(bits);
      return bits === 2 ** bit ? nameOfBit(bit, bits) : bits;
    },
    write: (w, v) => w.h32(typeof v === 'number' ? v : 1 << numberOf(modes, v)),
  }),
]);

function nameOfBit(bit: number, bits: number): MacvlanMode | number {
  const name = nameOf(modes, bit);
  return typeof name === 'string' ? name : bits;
}

const bridge = table<Fields<'bridge'>>([
  property('IFLA_BR_STP_STATE', 5, 'stp', bool32),
  property('IFLA_BR_VLAN_FILTERING', 7, 'vlanFiltering', bool8),
  property('IFLA_BR_VLAN_DEFAULT_PVID', 39, 'vlanDefaultPvid', h16),
]);

const peerAttributes = table<{ -readonly [P in keyof VethPeer]: VethPeer[P] }>([
  property('IFLA_MTU', 4, 'mtu', h32),
  property('IFLA_ADDRESS', 1, 'address', octets),
  requestOnly('IFLA_NET_NS_FD', 28, 'namespaceFd', h32),
  property('IFLA_IFNAME', 3, 'name', text),
]);
/** struct ifinfomsg. */
const IFINFO_OCTETS = 16;
const veth = table<Fields<'veth'>>([
  property('VETH_INFO_PEER', 1, 'peer', {
    octets: IFINFO_OCTETS,
    read(r) {
      r.skip(IFINFO_OCTETS);
      const peer = {};
      decodeAttributes(r, peerAttributes, peer);
      return peer;
    },
    write: (w, v) => encodeAttributes(w.zeros(IFINFO_OCTETS), peerAttributes, v),
  }),
]);

/** IFLA_INFO_DATA by kind. */
const dataOf: Readonly<Record<string, Table<never, never>>> = {
  vrf,
  vlan,
  macvlan,
  bridge,
  veth,
  dummy: table([]),
};

const enslavedVrf = table<{ table?: number }>([property('IFLA_VRF_PORT_TABLE', 1, 'table', h32)]);

/** What IFLA_LINKINFO holds: kinds, and the octets of their data until the kind is known. */
interface Draft {
  kind?: string;
  data?: HostReader;
  slaveKind?: string;
  slaveData?: HostReader;
}

const kindName = (info: LinkInfo): string => (info.kind === 'other' ? info.name : info.kind);

const infoRows: readonly Row<Draft, LinkInfo>[] = [
  {
    name: 'IFLA_INFO_KIND',
    code: 1,
    octets: 1,
    decode(r, draft) {
      draft.kind = text.read(r);
    },
    encode(w, info) {
      bareText.write(w, kindName(info));
      return true;
    },
  },
  {
    name: 'IFLA_INFO_DATA',
    code: 2,
    octets: 0,
    decode(r, draft) {
      draft.data = r;
    },
    encode(w, info) {
      const start = w.at;
      const data = dataOf[info.kind];
      if (data !== undefined) encodeAttributes(w, data as Table<never, LinkInfo>, info);
      return w.at > start;
    },
  },
  {
    name: 'IFLA_INFO_SLAVE_KIND',
    code: 4,
    octets: 1,
    decode(r, draft) {
      draft.slaveKind = text.read(r);
    },
    encode: () => false,
  },
  {
    name: 'IFLA_INFO_SLAVE_DATA',
    code: 5,
    octets: 0,
    decode(r, draft) {
      draft.slaveData = r;
    },
    encode: () => false,
  },
];
export const linkInfoTable = table<Draft, LinkInfo>(infoRows);

/** Reads IFLA_LINKINFO. */
export function decodeLinkInfo(r: HostReader): { readonly info?: LinkInfo; readonly enslaved?: Enslaved } {
  const draft: Draft = {};
  decodeAttributes(r, linkInfoTable, draft);
  const { kind, data, slaveKind, slaveData } = draft;
  const out: { info?: LinkInfo; enslaved?: Enslaved } = {};
  if (kind !== undefined) {
    // A name that objects have by birth (`constructor`) is no kind.
    const known = Object.hasOwn(dataOf, kind) ? dataOf[kind] : undefined;
    const info = known === undefined ? { kind: 'other', name: kind } : { kind };
    if (known !== undefined && data !== undefined) decodeAttributes(data, known, info as never);
    out.info = info as LinkInfo;
  }
  if (slaveKind !== undefined) {
    const enslaved: { kind: string; table?: number } = { kind: slaveKind };
    if (slaveKind === 'vrf' && slaveData !== undefined) decodeAttributes(slaveData, enslavedVrf, enslaved);
    out.enslaved = enslaved;
  }
  return out;
}

/** Writes IFLA_LINKINFO's content. */
export function encodeLinkInfo(w: HostWriter, info: LinkInfo): void {
  encodeAttributes(w, linkInfoTable, info);
}
