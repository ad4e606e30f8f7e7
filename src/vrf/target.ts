/**
 * Where the node's network is to go from how it is: what a goal says, what the baseline says of things that the goal no
 * longer touches, and, while a change is under way, what must survive it. Or, when the change is taken back, how
 * everything was before it.
 */
import { isLinkLocal } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import { RouteTable } from '../netlink/const.ts';
import type { Rule } from '../netlink/rule.ts';
import { type Baseline, isEvicted, isForeignRule, isOwn, type LinkBaseline, linkOf, vrfsOf } from './baseline.ts';
import {
  type Goal,
  type HostAddress,
  isStaticRoute,
  type LinkGoal,
  type RoutePattern,
  type RulePattern,
} from './goal.ts';
import { OWN_PROTOCOL, UNREACHABLE_METRIC } from './mark.ts';
import { matchesRoute, matchesRule } from './pattern.ts';
import type { WantedRule } from './rules.ts';
import {
  type AddressState,
  isManual,
  type LinkState,
  type NextHopState,
  type RouteState,
  routeKey,
  type Snapshot,
  type StaticNeighbour,
} from './state.ts';

/** A link as it is to be; what is absent stays as it is. */
export interface LinkTarget extends LinkBaseline, Pick<LinkState, 'name'> {
  /** How to make it, should it not be there. */
  readonly make?: Pick<LinkState, 'kind' | 'table' | 'vlan'>;
}

export interface Target {
  /** What is ours and not among these is to be deleted. */
  readonly links: ReadonlyMap<string, LinkTarget>;
  /** Addresses that must be there, whatever else is; by name of the link. */
  readonly keep: ReadonlyMap<string, readonly AddressState[]>;
  /** Neighbours, likewise. */
  readonly neighbours: ReadonlyMap<string, readonly StaticNeighbour[]>;
  /** Next-hop objects, likewise. */
  readonly nextHops: readonly NextHopState[];
  /** All of ours. */
  readonly routes: readonly RouteState[];
  /** Of others, which we took away. */
  readonly restore: readonly RouteState[];
  readonly absentRoutes: readonly RoutePattern[];
  /** All of ours. */
  readonly rules: readonly WantedRule[];
  readonly restoreRules: readonly Rule[];
  readonly absentRules: readonly RulePattern[];
  /** The kernel's rules for VRFs that go when there is no VRF any more. */
  readonly withoutL3mdev: readonly (4 | 6)[];
  readonly sysctls: ReadonlyMap<string, string>;
}

/** @param before how it was when the change began; absent when none is under way */
export function targetOf(goal: Goal, baseline: Baseline, have: Snapshot, before?: Snapshot): Target {
  const links = new Map<string, LinkTarget>();
  for (const link of goal.links.values())
    if (link.state !== 'absent') links.set(link.name, linkTarget(link, baseline.links.get(link.name), have));
  for (const [name, was] of baseline.links) {
    const evicted = isEvicted(goal, name, was.master);
    if (!goal.links.has(name)) links.set(name, { name, ...was, ...(evicted && { master: null }) });
  }
  for (const { name, master } of have.links.values())
    if (isEvicted(goal, name, master)) links.set(name, { ...links.get(name), name, master: null });
  const { moved, restore } = routesOver(goal, baseline, links, have, before !== undefined);
  const possible = goal.routes.filter(
    ({ destination, priority }) => priority !== UNREACHABLE_METRIC || speaks(destination.family, have),
  );
  const routes = [...possible, ...moved];
  const places = new Set(routes.map(routeKey));
  const sysctls = sysctlsOf(goal, baseline, have);
  return {
    links,
    keep: before === undefined ? new Map() : survivors(before, links, sysctls),
    neighbours: before?.neighbours ?? new Map(),
    nextHops: before?.nextHops ?? [],
    routes,
    restore: [...restore, ...(before ? staying(before, links, have) : [])].filter(
      (route) => !places.has(routeKey(route)) && !goal.absentRoutes.some((pattern) => matchesRoute(pattern, route)),
    ),
    absentRoutes: goal.absentRoutes,
    rules: [...goal.rules, ...l3mdevRules(vrfsOf(goal), have)],
    restoreRules: baseline.rules.filter((rule) => !goal.absentRules.some((pattern) => matchesRule(pattern, rule))),
    absentRules: goal.absentRules,
    withoutL3mdev: vrfsOf(goal) ? [] : baseline.l3mdev,
    sysctls,
  };
}

/** Everything as it was. */
export function restorationOf(before: Snapshot, have: Snapshot): Target {
  const links = new Map<string, LinkTarget>();
  for (const link of before.links.values()) {
    const { name, kind, table, vlan, mtu, mac, master, up, stp } = link;
    const addresses = (family: 4 | 6) =>
      (before.addresses.get(name) ?? []).filter((a) => a.address.family === family && isManual(a, mac));
    links.set(name, {
      name,
      mtu,
      ...(mac !== undefined && kind !== 'vrf' && { mac }),
      master,
      up,
      ...(stp !== undefined && { stp }),
      ipv4: addresses(4),
      ipv6: addresses(6),
      ...(isOwn(link) && { make: { kind, ...(table !== undefined && { table }), ...(vlan && { vlan }) } }),
    });
  }
  const vrfs = [...before.links.values()].some(({ kind }) => kind === 'vrf');
  return {
    links,
    keep: new Map(),
    neighbours: before.neighbours ?? new Map(),
    nextHops: before.nextHops ?? [],
    routes: before.routes.filter(({ protocol }) => protocol === OWN_PROTOCOL),
    restore: before.routes.filter((route) => isStaticRoute(route)),
    absentRoutes: [],
    rules: before.rules
      .filter(({ protocol }) => protocol === OWN_PROTOCOL)
      .map(({ protocol: _, flags: __, ...r }) => r),
    restoreRules: before.rules.filter(isForeignRule),
    absentRules: [],
    withoutL3mdev: vrfs ? [] : ([4, 6] as const).filter((f) => !before.rules.some((r) => r.family === f && r.l3mdev)),
    sysctls: new Map([...before.sysctls].filter(([path]) => have.sysctls.has(path))),
  };
}

function linkTarget(goal: LinkGoal, was: LinkBaseline | undefined, have: Snapshot): LinkTarget {
  const { name, kind, table, vlan, mtu, mac, master, stp } = goal;
  const is = have.links.get(name);
  const own = is === undefined || isOwn(is);
  const list = (wanted: readonly HostAddress[] | undefined) =>
    wanted?.map((each): AddressState => ({ ...each, protocol: OWN_PROTOCOL }));
  const { ipv6: wasThere, ...rest } = was ?? {};
  const up = goal.state === 'up';
  const [ipv4, ipv6] = [list(goal.ipv4), list(goal.ipv6) ?? (up ? wasThere : undefined)];
  return {
    name,
    ...rest,
    routes: [],
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(master !== undefined && { master }),
    ...(stp !== undefined && { stp }),
    up,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(own && kind !== undefined && { make: { kind, ...(table !== undefined && { table }), ...(vlan && { vlan }) } }),
  };
}

/**
 * Addresses of others in families that nobody says anything about, and link-local ones, which no list is about. The
 * kernel drops those of IPv6 that change VRFs.
 */
function survivors(before: Snapshot, links: Target['links'], sysctls: Target['sysctls']): Target['keep'] {
  const kept = new Map<string, readonly AddressState[]>();
  for (const [name, { ipv4, ipv6 }] of links) {
    const mac = before.links.get(name)?.mac;
    const off = sysctls.get(`net/ipv6/conf/${name}/disable_ipv6`) === '1';
    kept.set(
      name,
      (before.addresses.get(name) ?? []).filter((a) => {
        if (a.protocol === OWN_PROTOCOL || !isManual(a, mac)) return false;
        return a.address.family === 4 ? ipv4 === undefined : !off && (ipv6 === undefined || isLinkLocal(a.address));
      }),
    );
  }
  return kept;
}

/**
 * Static routes of others by links that stay up and where they are: the kernel drops them with the last address of the
 * link, which may be replaced by another one.
 */
function staying(before: Snapshot, links: Target['links'], have: Snapshot): readonly RouteState[] {
  const stays = (device: string | undefined) => {
    const { up, master } = links.get(device ?? '') ?? {};
    const was = before.links.get(device ?? '')?.master;
    return have.links.has(device ?? '') && up !== false && (master === undefined || master === was);
  };
  return before.routes.filter(
    (route) => isStaticRoute(route) && route.hops.length > 0 && route.hops.every(({ device }) => stays(device)),
  );
}

/**
 * Static routes by links that change VRFs, or were down: those of the main table follow the link into the VRF's, as ours,
 * but for those that the goal has there itself; once the link is back where it was, all are put back.
 */
function routesOver(goal: Goal, baseline: Baseline, links: Target['links'], have: Snapshot, underWay: boolean) {
  const moved: RouteState[] = [];
  /** None of its links is still in a VRF that it followed it into. */
  const isBack = ({ hops }: RouteState) =>
    hops.every(({ device = '' }) => {
      const was = baseline.links.get(device)?.master;
      return was === undefined || links.get(device)?.master === was;
    });
  const restore = baseline.routes.filter(isBack);
  for (const [name, { routes = [], master: was }] of baseline.links) {
    const master = links.get(name)?.master;
    const table = master ? (goal.links.get(master)?.table ?? have.links.get(master)?.table) : undefined;
    if (master === was && underWay) restore.push(...routes.filter(isBack));
    else if (table !== undefined)
      for (const route of routes) {
        if (route.table !== RouteTable.main) {
          if (underWay) restore.push(route);
          continue;
        }
        const there = { ...route, table, protocol: OWN_PROTOCOL };
        // One that leaves by several of the links is remembered of each.
        const is = goal.routes.some((own) => sameDestination(own, there)) || moved.some((other) => equal(other, there));
        if (!is) moved.push(there);
      }
  }
  return { moved, restore };
}

/** Without IPv6 nothing of it need be made for a VRF. */
const speaks = (family: 4 | 6, { ipv6 }: Snapshot): boolean => family === 4 || ipv6 !== false;

/** Whatever the metric. The route that ends a table takes nobody's place. */
const sameDestination = (a: RouteState, b: RouteState): boolean =>
  a.priority !== UNREACHABLE_METRIC && routeKey({ ...a, priority: 0 }) === routeKey({ ...b, priority: 0 });

/** The kernel makes these with the first VRF of its life, and never again. */
const l3mdevRules = (wanted: boolean, have: Snapshot): WantedRule[] =>
  !wanted || ![...have.links.values()].some(({ kind }) => kind === 'vrf')
    ? []
    : ([4, 6] as const)
        .filter(
          (family) =>
            speaks(family, have) &&
            !have.rules.some((r) => r.family === family && r.l3mdev && r.protocol !== OWN_PROTOCOL),
        )
        .map((family) => ({ family, priority: 1000, l3mdev: true }));

function sysctlsOf(goal: Goal, baseline: Baseline, have: Snapshot): Map<string, string> {
  const wanted = new Map(baseline.sysctls);
  for (const [path, { value, when }] of goal.sysctls) {
    const is = have.sysctls.get(path);
    const link = linkOf(path);
    if (when === 'strict') {
      // The stricter of the two settings counts, and 2 is the looser one.
      const all = have.sysctls.get('net/ipv4/conf/all/rp_filter') ?? '0';
      const effective = Math.max(Number(is ?? 0), Number(all));
      if (effective !== 1) {
        wanted.delete(path);
        continue;
      }
    }
    if (when === 'host' && is !== '1') {
      wanted.delete(path);
      continue;
    }
    if (link !== undefined && !have.links.has(link)) wanted.delete(path);
    else wanted.set(path, value);
  }
  return wanted;
}
