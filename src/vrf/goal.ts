/** What a node's network is to be, in the kernel's terms. What is absent stays as it is. */
import type { Address } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { Mac } from '../lib/mac.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Rule } from '../netlink/rule.ts';
import { OWN_PROTOCOL, UNREACHABLE_METRIC } from './mark.ts';
import type { WantedRule } from './rules.ts';
import { type LinkState, type RouteState, type Snapshot, throughLink, type Vlan } from './state.ts';

export interface LinkGoal {
  readonly name: string;
  readonly state: 'up' | 'down' | 'absent';
  /** As in `LinkState`. Needed for one that is to be made. */
  readonly kind?: string;
  readonly mtu?: number;
  readonly mac?: Mac;
  /** null: in none. */
  readonly master?: string | null;
  /** What else is in this link is taken out of it. */
  readonly ports?: readonly string[];
  readonly table?: number;
  readonly vlan?: Vlan;
  readonly stp?: boolean;
  readonly bondMode?: string;
  /** All static addresses of the family. */
  readonly ipv4?: readonly HostAddress[];
  readonly ipv6?: readonly HostAddress[];
  /** Who wants this: for messages. */
  readonly by: string;
}

export interface HostAddress {
  readonly address: Address;
  readonly length: number;
}

export interface SysctlGoal {
  readonly value: string;
  /**
   * Only where packets are dropped for their way back (`strict`), which another interface's setting decides too; only
   * where router advertisements would no longer be heeded (`host`).
   */
  readonly when?: 'strict' | 'host';
}

export interface RoutePattern {
  readonly destination?: Prefix;
  readonly table?: number;
  readonly device?: string;
  /** null: only routes without a gateway. */
  readonly gateway?: Address | null;
  readonly type?: string;
  readonly source?: Address;
}

export type RulePattern = Partial<
  Pick<
    Rule,
    'family' | 'from' | 'to' | 'priority' | 'table' | 'mark' | 'mask' | 'input' | 'action' | 'suppressPrefixLength'
  >
>;

export interface Goal {
  readonly links: ReadonlyMap<string, LinkGoal>;
  /** Ours, with our protocol. */
  readonly routes: readonly RouteState[];
  readonly absentRoutes: readonly RoutePattern[];
  readonly rules: readonly WantedRule[];
  readonly absentRules: readonly RulePattern[];
  /** By path below /proc/sys. */
  readonly sysctls: ReadonlyMap<string, SysctlGoal>;
  /** Names of links that routes leave by, and who wants those. */
  readonly exits: readonly { readonly device: string; readonly by: string }[];
}

/** A route that is wanted, without what marks it as ours. */
export type WantedRoute = Omit<RouteState, 'protocol'>;

export interface Draft extends Omit<Goal, 'routes'> {
  readonly routes: readonly WantedRoute[];
}

/** A goal whose routes carry our mark, and whose VRFs end in unreachable routes so that no lookup goes on elsewhere. */
export function complete(draft: Draft): Goal {
  const ends = [...draft.links.values()].flatMap(({ kind, table, state }) =>
    kind === 'vrf' && table !== undefined && state !== 'absent' ? anywhere.map((to) => end(to, table)) : [],
  );
  return { ...draft, routes: [...ends, ...draft.routes].map((route) => ({ ...route, protocol: OWN_PROTOCOL })) };
}

const anywhere: readonly Prefix[] = [
  { family: 4, bytes: new Uint8Array(4), length: 0 },
  { family: 6, bytes: new Uint8Array(16), length: 0 },
];

const end = (destination: Prefix, table: number): WantedRoute => ({
  destination,
  table,
  type: 'unreachable',
  priority: UNREACHABLE_METRIC,
  hops: [],
});

/** Why a goal cannot be reached from here, by who wants what cannot be; it may be possible later. */
export function obstacles(goal: Goal, have: Snapshot, ours: (link: LinkState) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  const tell = (by: string, reason: string) => {
    if (!found.has(by)) found.set(by, reason);
  };
  const there = (name: string) => have.links.has(name) || creatable(goal.links.get(name));
  for (const link of goal.links.values()) {
    const { name, by, kind } = link;
    const is = have.links.get(name);
    if (link.state === 'absent') {
      if (is !== undefined && !ours(is)) tell(by, `${name} was not made by waypost, which does not delete it`);
      continue;
    }
    if (is === undefined && !creatable(link)) tell(by, missing(link));
    if (is !== undefined && kind !== undefined && !isKind(kind, is.kind))
      tell(by, `${name} exists and is of kind ${is.kind}, not ${kind}`);
    if (is?.table !== undefined && link.table !== undefined && is.table !== link.table && !ours(is))
      tell(by, `${name} exists with table ${is.table}, not ${link.table}, and was not made by waypost`);
    if (link.vlan !== undefined && !there(link.vlan.base)) tell(by, `${link.vlan.base}, below ${name}, does not exist`);
    if (is?.vlan !== undefined && link.vlan !== undefined && !equal(is.vlan, link.vlan) && !ours(is))
      tell(by, `${name} exists with id ${is.vlan.id} on ${is.vlan.base}, and was not made by waypost`);
    if (link.master && !there(link.master)) tell(by, `${link.master}, which ${name} is to be in, does not exist`);
    if (is?.bondMode !== undefined && link.bondMode !== undefined && is.bondMode !== link.bondMode)
      tell(by, `bond ${name} has mode ${is.bondMode}, not ${link.bondMode}: bonds are not changed`);
    if (kind === 'bond') for (const reason of strangers(link, have)) tell(by, reason);
  }
  for (const { device, by } of goal.exits)
    if (!there(device)) tell(by, `${device}, by which a route leaves, does not exist`);
  return found;
}

/** To nmstate, `ethernet` is whatever is no other kind that it tells apart. */
const isKind = (wanted: string, kind: string): boolean =>
  wanted === kind || (wanted === 'ethernet' && ![...makable, 'bond', 'loopback'].includes(kind));

const makable = ['vrf', 'vlan', 'dummy', 'bridge'];

const creatable = (link: LinkGoal | undefined): boolean =>
  link !== undefined &&
  link.state !== 'absent' &&
  makable.includes(link.kind ?? '') &&
  (link.kind !== 'vrf' || link.table !== undefined);

function missing({ name, kind }: LinkGoal): string {
  if (kind === 'vrf') return `${name} is a new VRF: it needs a route-table-id`;
  if (kind === undefined) return `${name} does not exist`;
  return `${name} does not exist, and interfaces of kind ${kind} are not made`;
}

/** A bond's members are as they are. */
function strangers({ name, ports }: LinkGoal, have: Snapshot): string[] {
  if (ports === undefined) return [];
  const are = [...have.links.values()].filter(({ master }) => master === name).map((link) => link.name);
  const differ = are.length !== ports.length || are.some((port) => !ports.includes(port));
  return differ ? [`bond ${name} has the ports ${are.join(', ') || 'none'}: bonds are not changed`] : [];
}

/** Routes that leave by the link, but for those that the kernel makes and those that somebody learned. */
export const routesOf = (have: Snapshot, name: string): RouteState[] =>
  have.routes.filter((route) => throughLink(route, name) && isStaticRoute(route));

/** RTPROT_*: boot, static, dhcp. */
export const staticProtocols = [3, 4, 16];
export const isStaticRoute = ({ protocol, type }: RouteState): boolean =>
  staticProtocols.includes(protocol) && type !== 'local' && type !== 'broadcast' && type !== 'multicast';
