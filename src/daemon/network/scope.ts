/** What of the node's network a goal is about. */
import { RouteTable } from '../../netlink/const.ts';
import { type Baseline, isEvicted, isOwn } from '../../vrf/baseline.ts';
import { type Goal, isStaticRoute } from '../../vrf/goal.ts';
import { OWN_PROTOCOL } from '../../vrf/mark.ts';
import { nextHopsBy } from '../../vrf/nexthop.ts';
import { matchesRoute, matchesRule } from '../../vrf/pattern.ts';
import { ruleKey } from '../../vrf/rules.ts';
import { routeKey, type Snapshot } from '../../vrf/state.ts';
import type { Scope } from './kernel.ts';

/** All that the goal may touch, and what it touched before. */
export function wholeScope(goal: Goal, baseline: Baseline): Scope {
  const links = [...new Set([...goal.links.keys(), ...baseline.links.keys()])];
  const tables = new Set([...goal.routes, ...baseline.routes].map(({ table }) => table));
  for (const { table } of goal.links.values()) if (table !== undefined) tables.add(table);
  const remembered = [...baseline.links.values()].flatMap(({ routes = [] }) => routes);
  for (const { table } of remembered) tables.add(table);
  if (remembered.length > 0) tables.add(RouteTable.main);
  return { ...lightScope(goal, baseline), links, tables: goal.absentRoutes.length > 0 ? 'all' : [...tables] };
}

/** Enough to see whether all is as it should be. */
export const lightScope = (goal: Goal, baseline: Baseline): Scope => ({
  sysctls: ['net/ipv4/conf/all/rp_filter', ...new Set([...goal.sysctls.keys(), ...baseline.sysctls.keys()])],
  links: [],
  tables: goal.absentRoutes.length > 0 ? 'all' : [],
});

/** The part of a snapshot that a change to this goal may touch: what must be known to take it back. */
export function touched(have: Snapshot, goal: Goal, baseline: Baseline): Snapshot {
  const links = new Map(
    [...have.links].filter(
      ([name, link]) =>
        goal.links.has(name) || baseline.links.has(name) || isOwn(link) || isEvicted(goal, name, link.master),
    ),
  );
  const places = new Set([...goal.routes, ...baseline.routes].map(routeKey));
  const taken = new Set(baseline.rules.map(ruleKey));
  return {
    links,
    addresses: new Map([...have.addresses].filter(([name]) => links.has(name))),
    neighbours: new Map([...(have.neighbours ?? [])].filter(([name]) => links.has(name))),
    nextHops: nextHopsBy(have.nextHops ?? [], (device) => links.has(device)),
    routes: have.routes.filter(
      (route) =>
        route.protocol === OWN_PROTOCOL ||
        (isStaticRoute(route) &&
          (places.has(routeKey(route)) ||
            route.hops.some(({ device }) => links.has(device ?? '')) ||
            goal.absentRoutes.some((pattern) => matchesRoute(pattern, route)))),
    ),
    // Those of others come and go: only what was taken away is put back.
    rules: have.rules.filter(
      (rule) =>
        rule.protocol === OWN_PROTOCOL ||
        rule.l3mdev ||
        taken.has(ruleKey(rule)) ||
        goal.absentRules.some((pattern) => matchesRule(pattern, rule)),
    ),
    sysctls: new Map([...have.sysctls].filter(([path]) => goal.sysctls.has(path) || baseline.sysctls.has(path))),
  };
}
