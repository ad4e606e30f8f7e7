/**
 * From how a node's network is to how it is to be: the first stage of steps that are still to be taken, in the order
 * that keeps packets out of wrong tables. VRFs exist, end in an unreachable route and are up before a link goes into
 * them; addresses come after that, since the kernel drops some on the way, then routes, and rules last.
 */
import { equal } from '../lib/diff.ts';
import { AddressFlag } from '../netlink/ifaddr.ts';
import { isForeignRule, isOwn } from './baseline.ts';
import { isStaticRoute } from './goal.ts';
import { OWN_PROTOCOL, UNREACHABLE_METRIC } from './mark.ts';
import { darkNextHops, nextHopSteps } from './nexthop.ts';
import { matchesRoute, matchesRule } from './pattern.ts';
import { diffRules, ruleKey } from './rules.ts';
import {
  addressKey,
  isStatic,
  type LinkState,
  neighbourKey,
  type RouteState,
  routeKey,
  routeValue,
  type Snapshot,
} from './state.ts';
import { describeStep, type LinkChange, type Stage, type Step } from './step.ts';
import type { LinkTarget, Target } from './target.ts';

/**
 * @param skip steps that cannot be taken
 * @returns undefined when nothing is left to do
 */
export function nextStage(target: Target, have: Snapshot, skip: (step: Step) => boolean): Stage | undefined {
  const stages: readonly (readonly [Stage['name'], () => Step[]])[] = [
    ['remove', () => removals(target, have)],
    ['release', () => releases(target, have)],
    ['make', () => makings(target, have)],
    ['set', () => settings(target, have)],
    ['sysctls', () => sysctls(target, have)],
    ['addresses', () => addresses(target, have)],
    ['neighbours', () => neighbours(target, have)],
    ['nextHops', () => nextHopSteps(target, have)],
    ['routes', () => routes(target, have)],
    ['rules', () => rules(target, have)],
  ];
  for (const [name, work] of stages) {
    const steps = work().filter((step) => !skip(step));
    if (steps.length > 0) return { name, steps };
  }
  return undefined;
}

const isOurs = ({ protocol }: RouteState): boolean => protocol === OWN_PROTOCOL;

function removals(target: Target, have: Snapshot): Step[] {
  const wanted = new Set(target.routes.map(routeKey));
  // As long as there is a VRF, its table ends.
  const closing = new Set(doomedIn(target, have).map(({ table }) => table));
  const ends = ({ priority, table }: RouteState) => priority === UNREACHABLE_METRIC && closing.has(table);
  const gone = have.routes.filter((route) =>
    isOurs(route)
      ? !wanted.has(routeKey(route)) && !ends(route)
      : isStaticRoute(route) &&
        !wanted.has(routeKey(route)) &&
        target.absentRoutes.some((pattern) => matchesRoute(pattern, route)),
  );
  return [
    ...gone.map((route): Step => ({ do: 'deleteRoute', route })),
    ...[...target.links.values()].flatMap((link) => strayAddresses(link, have)),
  ];
}

/** Static addresses of families whose addresses are all known, and ours on links where they are not. */
function strayAddresses({ name, ipv4, ipv6 }: LinkTarget, have: Snapshot): Step[] {
  const there = have.addresses.get(name) ?? [];
  const wanted = new Set([...(ipv4 ?? []), ...(ipv6 ?? [])].map(addressKey));
  return there
    .filter((a) => {
      const exact = (a.address.family === 4 ? ipv4 : ipv6) !== undefined;
      return !wanted.has(addressKey(a)) && ((exact && isStatic(a)) || a.protocol === OWN_PROTOCOL);
    })
    .map((address): Step => ({ do: 'deleteAddress', name, address }));
}

/** Links leave what they are in, and what we made and nobody wants goes. */
function releases(target: Target, have: Snapshot): Step[] {
  const doomed = new Set(doomedIn(target, have).map(({ name }) => name));
  const leaving = [...have.links.values()].filter(({ name, master }) => {
    if (master === null || doomed.has(name)) return false;
    const wanted = target.links.get(name)?.master;
    return doomed.has(master) || (wanted !== undefined && wanted !== master);
  });
  // What is above another link goes first.
  const order = [...doomed].sort((a, b) => height(have, b) - height(have, a));
  return [
    ...leaving.map(({ name }): Step => ({ do: 'setLink', name, to: { master: null } })),
    ...order.map((name): Step => ({ do: 'deleteLink', name })),
  ];
}

const doomedIn = (target: Target, have: Snapshot): LinkState[] =>
  [...have.links.values()].filter((link) => isOwn(link) && !stays(link, target.links.get(link.name)));

/** A table or a tag cannot be changed: such a link is made anew. */
function stays(link: LinkState, wanted: LinkTarget | undefined): boolean {
  if (wanted?.make === undefined) return false;
  const { kind, table, vlan } = wanted.make;
  return (
    kind === link.kind &&
    (table === undefined || table === link.table) &&
    (vlan === undefined || equal(vlan, link.vlan))
  );
}

function height(have: Snapshot, name: string): number {
  let levels = 0;
  for (let base = have.links.get(name)?.vlan?.base; base !== undefined && levels < 8; levels++)
    base = have.links.get(base)?.vlan?.base;
  return levels;
}

/** What is below another link is made first. The tables of VRFs get their end before anything can be looked up there. */
function makings(target: Target, have: Snapshot): Step[] {
  const missing = [...target.links.values()].filter(({ name, make }) => make !== undefined && !have.links.has(name));
  const steps: Step[] = [];
  const made = new Set(have.links.keys());
  for (let left = missing; left.length > 0; ) {
    const next = left.filter(({ make }) => make?.vlan === undefined || made.has(make.vlan.base));
    if (next.length === 0) break;
    for (const { name, make } of next) {
      steps.push({ do: 'makeLink', name, link: make! });
      made.add(name);
    }
    left = left.filter(({ name }) => !made.has(name));
  }
  const ends = target.routes.filter(({ priority }) => priority === UNREACHABLE_METRIC);
  return [...steps, ...wantedRoutes(ends, have)];
}

/**
 * Controllers come up before what is put into them, and links before those above them, which the kernel otherwise refuses
 * (ENETDOWN), as it does a VLAN's MTU that is more than that of the link below (ERANGE).
 */
function settings(target: Target, have: Snapshot): Step[] {
  const changes: { readonly name: string; readonly to: LinkChange }[] = [];
  for (const link of target.links.values()) {
    const is = have.links.get(link.name);
    const to = is && changeOf(link, is, have);
    if (to !== undefined && Object.keys(to).length > 0) changes.push({ name: link.name, to });
  }
  const isController = (name: string) => [...target.links.values()].some(({ master }) => master === name);
  changes.sort(
    (a, b) =>
      Number(isController(b.name)) - Number(isController(a.name)) || height(have, a.name) - height(have, b.name),
  );
  return changes.map(({ name, to }): Step => ({ do: 'setLink', name, to }));
}

function changeOf(link: LinkTarget, is: LinkState, have: Snapshot): LinkChange {
  const { mtu, mac, master, up, stp } = link;
  return {
    ...(mtu !== undefined && mtu !== is.mtu && { mtu }),
    ...(mac !== undefined && mac !== is.mac && { mac }),
    // One that is gone cannot be gone back to.
    ...(master !== undefined && master !== is.master && (master === null || have.links.has(master)) && { master }),
    ...(up !== undefined && up !== is.up && { up }),
    ...(stp !== undefined && is.stp !== undefined && stp !== is.stp && { stp }),
  };
}

function sysctls(target: Target, have: Snapshot): Step[] {
  return [...target.sysctls]
    .filter(([path, value]) => have.sysctls.has(path) && have.sysctls.get(path) !== value)
    .map(([path, value]): Step => ({ do: 'sysctl', path, value }));
}

function addresses(target: Target, have: Snapshot): Step[] {
  const steps: Step[] = [];
  for (const { name, ipv4 = [], ipv6 = [] } of target.links.values()) {
    if (!have.links.has(name)) continue;
    const there = new Map((have.addresses.get(name) ?? []).map((address) => [addressKey(address), address]));
    for (const address of [...ipv4, ...ipv6, ...(target.keep.get(name) ?? [])]) {
      const is = there.get(addressKey(address));
      // One that was somebody else's before us, and is among ours, is theirs again.
      const isLent = is?.protocol === OWN_PROTOCOL && address.protocol !== OWN_PROTOCOL;
      if (is === undefined || isLent) steps.push({ do: 'addAddress', name, address });
    }
  }
  return steps;
}

/** The kernel forgets those of links that change VRFs. */
function neighbours(target: Target, have: Snapshot): Step[] {
  const steps: Step[] = [];
  for (const [name, wanted] of target.neighbours) {
    if (!have.links.has(name)) continue;
    const there = new Set((have.neighbours?.get(name) ?? []).map(neighbourKey));
    for (const neighbour of wanted)
      if (!there.has(neighbourKey(neighbour))) steps.push({ do: 'addNeighbour', name, neighbour });
  }
  return steps;
}

function routes(target: Target, have: Snapshot): Step[] {
  const textOf = (route: RouteState) => `${routeKey(route)} ${routeValue(route)}`;
  const there = new Set(have.routes.map(textOf));
  // By a link that is down none can be put back.
  const isUp = ({ hops }: RouteState) => hops.every(({ device = '' }) => target.links.get(device)?.up !== false);
  const missing = target.restore.filter((r) => !there.has(textOf(r)) && isUp(r) && mayLeave(r, have));
  const restored = new Map(missing.map((route) => [textOf(route), route]));
  return [
    ...wantedRoutes(target.routes, have),
    ...byDistance([...restored.values()]).map((route): Step => ({ do: 'addRoute', route })),
  ];
}

/** A route of somebody else that says the same does ours' work. */
function wantedRoutes(wanted: readonly RouteState[], have: Snapshot): Step[] {
  const there = new Map<string, RouteState[]>();
  for (const route of have.routes) {
    const key = routeKey(route);
    there.set(key, [...(there.get(key) ?? []), route]);
  }
  const steps: Step[] = [];
  for (const route of byDistance(wanted)) {
    if (!mayLeave(route, have)) continue;
    const same = there.get(routeKey(route)) ?? [];
    if (same.some((other) => routeValue(other) === routeValue(route))) continue;
    steps.push({ do: same.length === 0 ? 'addRoute' : 'replaceRoute', route });
  }
  return steps;
}

/** All links and the next-hop object that it leaves by are there, and the kernel takes its source. */
const mayLeave = (route: RouteState, have: Snapshot): boolean =>
  route.hops.every(({ device }) => device === undefined || have.links.has(device)) &&
  (route.nextHop === undefined || (have.nextHops?.some(({ id }) => id === route.nextHop) ?? true)) &&
  !isUnverified(route, have);

/** The kernel takes no IPv6 address as a source that may still be a duplicate (RFC 4862 §5.4). */
const isUnverified = ({ preferredSource: source }: RouteState, { addresses }: Snapshot): boolean =>
  source?.family === 6 &&
  [...addresses.values()].some((all) =>
    all.some(({ address, flags = 0 }) => (flags & AddressFlag.tentative) !== 0 && equal(address, source)),
  );

/** What cannot be done yet, and will be possible by itself. */
export interface Waiting {
  readonly reason: string;
  /** The rest may stay without it. */
  readonly optional: boolean;
}

export function waitingIn(target: Target, have: Snapshot): readonly Waiting[] {
  const there = new Set(have.routes.map(routeKey));
  const routes = [...target.routes, ...target.restore].filter(
    (route) => !there.has(routeKey(route)) && isUnverified(route, have),
  );
  return [
    ...routes.map((route) => ({
      reason: `${describeStep({ do: 'addRoute', route })}: its source address is not verified`,
      optional: false,
    })),
    ...darkNextHops(target, have).map((nextHop) => ({
      reason: `${describeStep({ do: 'addNextHop', nextHop })}: ${nextHop.device} has no carrier`,
      optional: true,
    })),
  ];
}

/** Those without a gateway first: others lead over them. */
const byDistance = (all: readonly RouteState[]): RouteState[] =>
  [...all].sort((a, b) => Number(hasGateway(a)) - Number(hasGateway(b)));
const hasGateway = ({ hops }: RouteState): boolean => hops.some(({ gateway }) => gateway !== undefined);

function rules(target: Target, have: Snapshot): Step[] {
  const { add, remove } = diffRules(target.rules, have.rules, OWN_PROTOCOL);
  const keys = new Set(have.rules.map(ruleKey));
  const wanted = new Set(target.rules.map(ruleKey));
  const restored = target.restoreRules.filter((rule) => !keys.has(ruleKey(rule)));
  const absent = have.rules.filter(
    (rule) =>
      isForeignRule(rule) &&
      !wanted.has(ruleKey(rule)) &&
      target.absentRules.some((pattern) => matchesRule(pattern, rule)),
  );
  const vrfs = [...have.links.values()].some(({ kind }) => kind === 'vrf');
  const idle = vrfs
    ? []
    : have.rules.filter((r) => r.l3mdev && target.withoutL3mdev.includes(r.family) && r.protocol !== OWN_PROTOCOL);
  return [
    ...add.map((rule): Step => ({ do: 'addRule', rule, protocol: OWN_PROTOCOL })),
    ...restored.map(({ flags: _, protocol, ...rule }): Step => ({ do: 'addRule', rule, protocol })),
    ...[...remove, ...absent, ...idle].map((rule): Step => ({ do: 'deleteRule', rule })),
  ];
}
