/** How the network was before a change that another one takes the place of, before it was confirmed. */
import { isOwn } from './baseline.ts';
import { OWN_PROTOCOL } from './mark.ts';
import { routeKey, type Snapshot } from './state.ts';

/**
 * @param origin how it was before the first change, as far as that touched it
 * @param have how it is, as far as the next one will touch it
 * @returns how it was, as far as both do: what the first change made was not there
 */
export function asItWas(origin: Snapshot, have: Snapshot): Snapshot {
  const links = new Map([...[...have.links].filter(([, link]) => !isOwn(link)), ...origin.links]);
  const places = new Set(origin.routes.map(routeKey));
  const inBoth = <T>(was: ReadonlyMap<string, T> = new Map(), is: ReadonlyMap<string, T> = new Map()) =>
    new Map([...[...is].filter(([name]) => links.has(name)), ...was]);
  const others = have.routes.filter((route) => route.protocol !== OWN_PROTOCOL && !places.has(routeKey(route)));
  const { nextHops = [] } = origin;
  const ids = new Set(nextHops.map(({ id }) => id));
  return {
    links,
    addresses: inBoth(origin.addresses, have.addresses),
    neighbours: inBoth(origin.neighbours, have.neighbours),
    nextHops: [...nextHops, ...(have.nextHops ?? []).filter(({ id }) => !ids.has(id))],
    routes: [...origin.routes, ...others],
    rules: origin.rules,
    sysctls: new Map([...have.sysctls, ...origin.sysctls]),
  };
}
