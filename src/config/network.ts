/** What a NodeNetworkConfigurationPolicy says, and what the Speaker says about the node's network. */
import type { Address, Family } from '../lib/address.ts';
import type { Mac } from '../lib/mac.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Labels, Meta } from './model.ts';

export interface NetworkPolicy extends Meta {
  /** All of these labels select a node; none selects every node. */
  readonly nodeSelector: Labels;
  /** Without those that are to be ignored. No name stands twice. */
  readonly interfaces: readonly PolicyInterface[];
  readonly routes: readonly PolicyRoute[];
  /** Routes that must not be there, but for those above. */
  readonly absentRoutes: readonly RoutePattern[];
  readonly rules: readonly PolicyRule[];
  readonly absentRules: readonly RulePattern[];
  /** From an annotation: a shell command that succeeds once the node's network works. */
  readonly probe?: string;
}

/** How nmstate calls the kinds of interfaces that can be made, or at least set up, here. */
export const interfaceTypes = ['ethernet', 'vrf', 'vlan', 'dummy', 'linux-bridge', 'bond', 'veth', 'loopback'] as const;
export type InterfaceType = (typeof interfaceTypes)[number];

/** What is absent stays as it is. */
export interface PolicyInterface {
  readonly name: string;
  /** Place in `spec.desiredState.interfaces`. */
  readonly index: number;
  readonly type?: InterfaceType;
  readonly state: 'up' | 'down' | 'absent';
  readonly mtu?: number;
  readonly mac?: Mac;
  /** The VRF, bridge or bond that it is to be in; '' for none. */
  readonly controller?: string;
  /** What is to be in this VRF, bridge or bond, and nothing else. */
  readonly ports?: readonly string[];
  /** A VRF's, 1..4294967295. A new VRF needs one. */
  readonly table?: number;
  readonly vlan?: { readonly base: string; readonly id: number; readonly protocol: number };
  /** A bridge's spanning tree protocol. */
  readonly stp?: boolean;
  /** A bond's mode, by its name: it must be what the bond has. */
  readonly bondMode?: string;
  readonly ipv4?: PolicyFamily;
  readonly ipv6?: PolicyFamily;
}

export interface PolicyFamily {
  readonly enabled: boolean;
  /** All static addresses of the interface; absent: they stay. */
  readonly addresses?: readonly { readonly address: Address; readonly length: number }[];
  readonly forwarding?: boolean;
  /** IPv6: make addresses from router advertisements. */
  readonly autoconf?: boolean;
}

export const routeTypes = ['blackhole', 'unreachable', 'prohibit'] as const;

export interface PolicyRoute {
  /** Place in `spec.desiredState.routes.config`. */
  readonly index: number;
  readonly destination: Prefix;
  readonly table: number;
  /** Absent: the kernel's default. */
  readonly metric?: number;
  /** Absent for those with a `type`. */
  readonly interface?: string;
  readonly gateway?: Address;
  readonly type?: (typeof routeTypes)[number];
  /** 1..256, for IPv4 routes with several next hops. */
  readonly weight?: number;
  /** Source address of packets from here. */
  readonly source?: Address;
  /** Congestion window, in segments, that TCP is held to. */
  readonly cwnd?: number;
}

/** What is absent matches anything. */
export interface RoutePattern {
  readonly index: number;
  readonly destination?: Prefix;
  readonly table?: number;
  readonly interface?: string;
  /** null: only routes without a gateway. */
  readonly gateway?: Address | null;
  readonly type?: (typeof routeTypes)[number];
  readonly source?: Address;
}

export interface PolicyRule {
  /** Place in `spec.desiredState.route-rules.config`. */
  readonly index: number;
  readonly family: Family;
  readonly priority: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly table?: number;
  readonly mark?: number;
  readonly mask?: number;
  readonly input?: string;
  readonly action?: (typeof routeTypes)[number];
  readonly suppressPrefixLength?: number;
}

/** What is absent matches anything. */
export type RulePattern = Partial<Omit<PolicyRule, 'index'>> & { readonly index: number };

/** RT_TABLE_LOCAL: the addresses of the node itself, which the kernel looks after. */
export const LOCAL_TABLE = 255;
/** RT_TABLE_MAIN: where routes are that say nothing of a table. */
export const MAIN_TABLE = 254;
/** RT_TABLE_DEFAULT besides: no VRF's. */
export const ownTables: readonly number[] = [253, MAIN_TABLE, LOCAL_TABLE];

/** Where rules without a priority begin, as NMState places them. */
export const RULE_PRIORITY = 30_000;

/** The Speaker's `network`. */
export interface NetworkSettings {
  /** A change that cannot be confirmed within this time is taken back, milliseconds; 0: none is. */
  readonly rollbackMs: number;
  readonly probe: {
    /** A default gateway that answered must answer again. */
    readonly gateway: boolean;
    /** Sessions that were up must be up again. */
    readonly sessions: boolean;
    /** A shell command that must succeed. */
    readonly command?: string;
  };
  /** The sysctls that a VRF needs to pass packets on are set for those that policies name. */
  readonly vrfSysctls: boolean;
  /** Programs that are in no VRF take calls from all of them; absent: as it is. */
  readonly tcpL3mdevAccept?: boolean;
  readonly interfaces: readonly InterfaceSettings[];
}

/** As a name of `InterfaceSettings`: `net.ipv4.conf.all`, whose rp_filter counts beside that of each interface. */
export const EVERY = 'all';

/** Sysctls of one interface alone; what is absent stays as it is. */
export interface InterfaceSettings {
  readonly name: string;
  /** Of both families. */
  readonly forwarding?: boolean;
  /** IPv4: whether the way back decides if a packet may come in (RFC 3704). There is no such thing for IPv6. */
  readonly rpFilter?: 'off' | 'strict' | 'loose';
}
