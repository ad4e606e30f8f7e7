/**
 * How things were before we touched them: what a policy that goes leaves behind. Only what we change is remembered,
 * when we change it first, and forgotten when it is again as it was.
 */
import type { Mac } from '../lib/mac.ts';
import type { Rule } from '../netlink/rule.ts';
import { type Goal, isStaticRoute, type LinkGoal, routesOf } from './goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from './mark.ts';
import { matchesRoute, matchesRule } from './pattern.ts';
import {
  type AddressState,
  isManual,
  type LinkState,
  type RouteState,
  routeKey,
  routeValue,
  type Snapshot,
  throughLink,
} from './state.ts';

export interface LinkBaseline {
  readonly mtu?: number;
  readonly mac?: Mac;
  readonly master?: string | null;
  readonly up?: boolean;
  readonly stp?: boolean;
  readonly ipv4?: readonly AddressState[];
  readonly ipv6?: readonly AddressState[];
  /** Static routes by this link, which the kernel drops when it moves into a VRF or out of one, or is set down. */
  readonly routes?: readonly RouteState[];
}

export interface Baseline {
  /** By name. */
  readonly links: ReadonlyMap<string, LinkBaseline>;
  /** Of others, in whose place ours are, or which a policy wants absent. */
  readonly routes: readonly RouteState[];
  readonly rules: readonly Rule[];
  /** By path below /proc/sys. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** Families whose rule for VRFs the kernel made with our first VRF. */
  readonly l3mdev: readonly (4 | 6)[];
}

export const noBaseline: Baseline = { links: new Map(), routes: [], rules: [], sysctls: new Map(), l3mdev: [] };

export const isOwn = ({ alias }: LinkState): boolean => alias === OWN_ALIAS;

/** The link whose sysctl this is; `all` is none. */
export const linkOf = (path: string): string | undefined =>
  /^net\/ipv[46]\/conf\/(?!all\/)(.+)\/[^/]+$/.exec(path)?.[1];

/** Whether the link is in one whose ports a policy lists, without being among them. */
export const isEvicted = (goal: Goal, name: string, master: string | null | undefined): boolean => {
  const ports = master ? goal.links.get(master)?.ports : undefined;
  return ports !== undefined && !ports.includes(name) && goal.links.get(name)?.master === undefined;
};

/** The baseline with all that is there now, is not in it yet, and will be changed. */
export function remember(baseline: Baseline, goal: Goal, have: Snapshot): Baseline {
  const links = new Map(baseline.links);
  for (const link of have.links.values()) {
    if (isOwn(link)) continue;
    const wanted = goal.links.get(link.name);
    const evicted = isEvicted(goal, link.name, link.master);
    if (wanted === undefined && !evicted) continue;
    const known = links.get(link.name);
    links.set(link.name, { ...original(link, wanted, evicted, have, baseline.routes), ...known });
  }
  const places = new Map(goal.routes.map((route) => [routeKey(route), routeValue(route)]));
  const routes = have.routes.filter((route) => {
    if (route.protocol === OWN_PROTOCOL || !isStaticRoute(route)) return false;
    const ours = places.get(routeKey(route));
    if (ours !== undefined) return ours !== routeValue(route);
    return goal.absentRoutes.some((pattern) => matchesRoute(pattern, route));
  });
  const rules = have.rules.filter(
    (rule) => isForeignRule(rule) && goal.absentRules.some((pattern) => matchesRule(pattern, rule)),
  );
  const sysctls = new Map(baseline.sysctls);
  for (const path of goal.sysctls.keys()) {
    const link = have.links.get(linkOf(path) ?? '');
    const value = have.sysctls.get(path);
    if (value !== undefined && !sysctls.has(path) && !(link && isOwn(link))) sysctls.set(path, value);
  }
  const first = vrfsOf(goal) && ![...have.links.values()].some(({ kind }) => kind === 'vrf');
  const made = ([4, 6] as const).filter((family) => first && !have.rules.some((r) => r.family === family && r.l3mdev));
  return {
    links,
    routes: merged(baseline.routes, routes, textOf),
    rules: merged(baseline.rules, rules, (rule) => JSON.stringify(rule)),
    sysctls,
    l3mdev: baseline.l3mdev.length > 0 ? baseline.l3mdev : made,
  };
}

const textOf = (route: RouteState): string => `${routeKey(route)} ${routeValue(route)}`;

/** The baseline without what the goal no longer touches, once all of it is as it was. */
export function prune(baseline: Baseline, goal: Goal): Baseline {
  const links = new Map<string, LinkBaseline>();
  /** They came back with their link, or would have, but for the goal. */
  const back: RouteState[] = [];
  for (const [name, was] of baseline.links) {
    const wanted = goal.links.get(name);
    const evicted = isEvicted(goal, name, was.master);
    const kept = Object.entries(was).filter(([field]) => manages(wanted, evicted, field as keyof LinkBaseline));
    if (kept.length > 0) links.set(name, Object.fromEntries(kept));
    if (!kept.some(([field]) => field === 'routes')) back.push(...(was.routes ?? []));
  }
  const places = new Set(goal.routes.map(routeKey));
  return {
    links,
    routes: merged(baseline.routes, back, textOf).filter(
      (route) => places.has(routeKey(route)) || goal.absentRoutes.some((pattern) => matchesRoute(pattern, route)),
    ),
    rules: baseline.rules.filter((rule) => goal.absentRules.some((pattern) => matchesRule(pattern, rule))),
    sysctls: new Map([...baseline.sysctls].filter(([path]) => goal.sysctls.has(path))),
    l3mdev: vrfsOf(goal) ? baseline.l3mdev : [],
  };
}

export const vrfsOf = (goal: Goal): boolean =>
  [...goal.links.values()].some(({ kind, state }) => kind === 'vrf' && state !== 'absent');

/** RTPROT_KERNEL. */
const KERNEL = 2;
export const isForeignRule = ({ protocol }: Rule): boolean => protocol !== OWN_PROTOCOL && protocol !== KERNEL;

/** The goal, or that it is put out of its controller, changes this of the link. */
function manages(goal: LinkGoal | undefined, evicted: boolean, field: keyof LinkBaseline): boolean {
  switch (field) {
    case 'up':
      return goal !== undefined;
    case 'master':
      return evicted || goal?.master !== undefined;
    case 'routes':
      return evicted || goal?.master !== undefined || goal?.state === 'down';
    // The kernel drops them with the link.
    case 'ipv6':
      return goal?.ipv6 !== undefined || goal?.state === 'down';
    default:
      return goal?.[field] !== undefined;
  }
}

/** @param taken routes of others that we took away */
function original(
  link: LinkState,
  goal: LinkGoal | undefined,
  evicted: boolean,
  have: Snapshot,
  taken: readonly RouteState[],
): LinkBaseline {
  // Ours were not there before us, whatever became of the journal.
  const addresses = (family: 4 | 6) =>
    (have.addresses.get(link.name) ?? []).filter(
      (a) => a.address.family === family && a.protocol !== OWN_PROTOCOL && isManual(a, link.mac),
    );
  const all: LinkBaseline = {
    mtu: link.mtu,
    ...(link.mac !== undefined && { mac: link.mac }),
    master: link.master,
    up: link.up,
    ...(link.stp !== undefined && { stp: link.stp }),
    ipv4: addresses(4),
    ipv6: addresses(6),
    routes: merged(
      routesOf(have, link.name),
      taken.filter((route) => throughLink(route, link.name)),
      textOf,
    ),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([field]) => manages(goal, evicted, field as keyof LinkBaseline)),
  );
}

function merged<T>(old: readonly T[], found: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const known = new Set(old.map(keyOf));
  return [...old, ...found.filter((item) => !known.has(keyOf(item)))];
}
