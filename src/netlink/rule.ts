/** Rules: which table answers for which packet (RTM_*RULE). */
import type { Address, Family } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import { decodeAttributes, encodeAttributes, type Row, table } from './attr.ts';
import type { Codec, Verb } from './codec.ts';
import { MessageType } from './const.ts';
import { afOf, familyOf, readPrefix, sameFamily } from './family.ts';
import { HostReader, type HostWriter } from './host.ts';
import {
  bool8,
  h32,
  ip,
  type Kept,
  type KeptDraft,
  kept,
  nameOf,
  numberOf,
  property,
  type Shape,
  text,
  u8,
} from './row.ts';

const actions = [
  'unspec',
  'table',
  'goto',
  'nop',
  undefined,
  undefined,
  'blackhole',
  'unreachable',
  'prohibit',
] as const;
export type RuleAction = NonNullable<(typeof actions)[number]>;

/** Bits of `Rule.flags` (FIB_RULE_*). */
export const RuleFlag = {
  permanent: 1,
  /** What the selector does not match. */
  invert: 2,
  /** The goto's target does not exist. */
  unresolved: 4,
  /** `input` or `output` names no link that exists. */
  inputDetached: 8,
  outputDetached: 16,
} as const;

/** Both ends included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** What a rule selects and what it does; absent matches anything. `kept`: further selectors. */
export interface RuleSpec extends Kept {
  readonly family: Family;
  /** Lowest first. Without it the kernel takes the one before the lowest that is in use. */
  readonly priority?: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly tos?: number;
  /** Names of links. A VRF's selects what comes in by any of its links. */
  readonly input?: string;
  readonly output?: string;
  readonly mark?: number;
  /** Bits of `mark` that count; all when it is absent. */
  readonly mask?: number;
  readonly uids?: Range;
  /** IPPROTO_*, with ports for TCP and UDP. */
  readonly ipProtocol?: number;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
  /** Default: `table`, and any when rules are deleted. */
  readonly action?: RuleAction | number;
  readonly table?: number;
  /** Priority of the rule that a `goto` goes on with. */
  readonly target?: number;
  /** The table of the VRF that the packet came in by, or that its socket is confined to, instead of `table`. */
  readonly l3mdev?: boolean;
  /** Routes with prefixes of at most this length do not count. */
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: number;
  /** Of packets that take it: that of the source in the upper 16 bits, that of the destination in the lower. */
  readonly realms?: number;
  /** `Protocol`: who made the rule. */
  readonly protocol?: number;
  /** `RuleFlag` bits. */
  readonly flags?: number;
}

export interface Rule extends RuleSpec {
  readonly priority: number;
  readonly action: RuleAction | number;
  readonly table: number;
  readonly protocol: number;
  readonly flags: number;
}

export interface RuleFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
}

type Same = Omit<RuleSpec, 'family' | 'from' | 'to' | 'tos' | 'action' | 'flags' | 'kept'>;
type Draft = { -readonly [K in keyof Same]: Same[K] } & KeptDraft & { fromAddress?: Address; toAddress?: Address };
type Encoded = Same & Kept & { readonly fromAddress: Address | undefined; readonly toAddress: Address | undefined };

const ports: Shape<Range> = {
  octets: 4,
  read: (r) => ({ first: r.h16(), last: r.h16() }),
  write: (w, v) => w.h16(v.first).h16(v.last),
};
const uids: Shape<Range> = {
  octets: 8,
  read: (r) => ({ first: r.h32(), last: r.h32() }),
  write: (w, v) => w.h32(v.first).h32(v.last),
};

/** The kernel always tells these two, as 2^32 - 1 when they are not set. */
const UNSET = 0xffff_ffff;
const suppressor = (name: string, code: number, key: 'suppressPrefixLength' | 'suppressGroup'): Row<Draft, Encoded> => {
  const row = property<Draft, Encoded, typeof key>(name, code, key, h32);
  return {
    ...row,
    decode(r, draft) {
      const value = r.h32();
      if (value !== UNSET) draft[key] = value;
    },
  };
};

/** Of a single port Linux tells since 6.15 that all bits count, which nobody has to say. */
const portMask = (name: string, code: number): Row<Draft, Encoded> => {
  const row = kept(name, code);
  return {
    ...row,
    decode(r, draft) {
      const value = r.view(r.remaining);
      if (value.some((octet) => octet !== 0xff)) row.decode(new HostReader(value), draft);
    },
  };
};

const rows = table<Draft, Encoded>([
  property('FRA_PRIORITY', 6, 'priority', h32),
  property('FRA_SRC', 2, 'fromAddress', ip),
  property('FRA_DST', 1, 'toAddress', ip),
  property('FRA_IIFNAME', 3, 'input', text),
  property('FRA_OIFNAME', 17, 'output', text),
  property('FRA_FWMARK', 10, 'mark', h32),
  property('FRA_FWMASK', 16, 'mask', h32),
  property('FRA_TABLE', 15, 'table', h32),
  suppressor('FRA_SUPPRESS_PREFIXLEN', 14, 'suppressPrefixLength'),
  suppressor('FRA_SUPPRESS_IFGROUP', 13, 'suppressGroup'),
  property('FRA_UID_RANGE', 20, 'uids', uids),
  property('FRA_L3MDEV', 19, 'l3mdev', bool8),
  property('FRA_IP_PROTO', 22, 'ipProtocol', u8),
  property('FRA_SPORT_RANGE', 23, 'sourcePorts', ports),
  property('FRA_DPORT_RANGE', 24, 'destinationPorts', ports),
  property('FRA_GOTO', 4, 'target', h32),
  property('FRA_PROTOCOL', 21, 'protocol', u8),
  property('FRA_FLOW', 11, 'realms', h32),
  kept('FRA_TUN_ID', 12),
  kept('FRA_DSCP', 25),
  kept('FRA_FLOWLABEL', 26),
  kept('FRA_FLOWLABEL_MASK', 27),
  portMask('FRA_SPORT_MASK', 28),
  portMask('FRA_DPORT_MASK', 29),
  kept('FRA_DSCP_MASK', 30),
]);

/** struct fib_rule_hdr. */
function decode(r: HostReader): Rule | undefined {
  const family = familyOf(r.u8());
  if (family === undefined) return undefined;
  const toLength = r.u8();
  const fromLength = r.u8();
  const tos = r.u8();
  const headTable = r.u8();
  r.skip(2);
  const action = nameOf(actions, r.u8());
  const flags = r.h32();
  const draft: Draft = {};
  decodeAttributes(r, rows, draft);
  const { fromAddress, toAddress, priority = 0, table = headTable, protocol = 0, l3mdev, ...rest } = draft;
  return {
    family,
    priority,
    ...(fromLength === 0 ? undefined : { from: readPrefix(family, fromAddress, fromLength) }),
    ...(toLength === 0 ? undefined : { to: readPrefix(family, toAddress, toLength) }),
    ...(tos === 0 ? undefined : { tos }),
    action,
    table,
    protocol,
    flags,
    ...(l3mdev ? { l3mdev } : undefined),
    ...rest,
  };
}

function encode(w: HostWriter, spec: RuleSpec, verb: Verb): void {
  const { family, from, to, tos = 0, table, action = verb === 'delete' ? 'unspec' : 'table', l3mdev, flags = 0 } = spec;
  sameFamily(family, from, to);
  // The kernel refuses both together.
  if (l3mdev && table !== undefined && table !== 0) throw new RangeError('a rule with l3mdev has no table of its own');
  w.u8(afOf(family))
    .u8(to?.length ?? 0)
    .u8(from?.length ?? 0)
    .u8(tos)
    .u8(table !== undefined && table <= 0xff ? table : 0)
    .zeros(2)
    .u8(numberOf(actions, action))
    .h32(flags);
  const { table: _, l3mdev: __, ...rest } = spec;
  encodeAttributes(w, rows, {
    ...rest,
    ...(table !== undefined && table > 0xff ? { table } : undefined),
    ...(l3mdev ? { l3mdev } : undefined),
    fromAddress: from?.length === 0 ? undefined : from,
    toAddress: to?.length === 0 ? undefined : to,
  });
}

export const ruleCodec: Codec<Rule, RuleSpec, RuleFilter> = {
  types: { new: MessageType.newRule, del: MessageType.delRule, get: MessageType.getRule },
  verbs: ['add', 'append', 'delete'],
  headOctets: 12,
  attributes: rows,
  decode,
  encode,
  // Strict checking knows no filter but the family.
  encodeDump: (w, { family }) => w.u8(family === undefined ? 0 : afOf(family)).zeros(11),
  matches: (rule, { family, table, protocol }) =>
    (family === undefined || rule.family === family) &&
    (table === undefined || rule.table === table) &&
    (protocol === undefined || rule.protocol === protocol),
};
