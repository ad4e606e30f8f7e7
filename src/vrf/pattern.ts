/** What `state: absent` means: whatever matches, and what a pattern does not say matches anything. */
import { equal } from '../lib/diff.ts';
import type { Rule } from '../netlink/rule.ts';
import type { RoutePattern, RulePattern } from './goal.ts';
import type { RouteState } from './state.ts';

/** The metric does not count. */
export function matchesRoute(pattern: RoutePattern, route: RouteState): boolean {
  const { destination, table, device, gateway, type, source } = pattern;
  return (
    (destination === undefined || equal(destination, route.destination)) &&
    (table === undefined || table === route.table) &&
    (device === undefined || route.hops.some((hop) => hop.device === device)) &&
    (gateway === undefined || hasGateway(route, gateway)) &&
    (type === undefined || type === route.type) &&
    (source === undefined || equal(source, route.preferredSource))
  );
}

const hasGateway = ({ hops }: RouteState, gateway: RoutePattern['gateway']): boolean =>
  gateway === null ? hops.every((hop) => hop.gateway === undefined) : hops.some((hop) => equal(hop.gateway, gateway));

export const matchesRule = (pattern: RulePattern, rule: Rule): boolean =>
  Object.entries(pattern).every(([field, value]) => value === undefined || equal(rule[field as keyof Rule], value));
