/** Routes in the kernel, and those that should be there, as `show routes` prints them. */
import { formatAddress } from '../lib/address.ts';
import { formatPrefix } from '../lib/prefix.ts';
import type { Hop } from '../netlink/hop.ts';
import type { Fib } from './fib/fib.ts';
import type { Instances } from './instances.ts';
import { type Filter, wanted } from './views.ts';

/** Rows come one by one, in no order; undefined for what the filter leaves out. */
export function* routeRows(fib: Fib | undefined, instances: Instances, filter: Filter) {
  if (fib === undefined) return;
  const byTable = new Map([...instances.all].map((instance) => [instance.table, instance]));
  for (const [table, pair] of fib.all) {
    const instance = byTable.get(table);
    const vrf = instance?.vrf ?? '';
    if (filter.vrf !== undefined && filter.vrf !== vrf) continue;
    for (const routes of [pair.ipv4, pair.ipv6]) {
      const { settings, sets } = routes;
      for (const { prefix, set, state, error } of routes.rows()) {
        if (!wanted(prefix, filter)) {
          yield undefined;
          continue;
        }
        const origin = instance?.originOf(prefix);
        yield {
          table,
          vrf,
          ...(origin && { importedFrom: origin.vrf ?? '' }),
          prefix: formatPrefix(prefix),
          metric: settings.metric,
          protocol: settings.protocol,
          nexthops: sets.hops(set).map((hop) => hopView(hop, fib)),
          state,
          error,
        };
      }
    }
  }
}

function hopView({ gateway, link, weight }: Hop, fib: Fib) {
  return {
    via: gateway ? formatAddress(gateway) : null,
    dev: link === undefined ? null : (fib.nameOf(link) ?? `${link}`),
    weight: weight ?? 1,
  };
}

type RowOf<G extends (...args: never[]) => Iterable<unknown>> =
  ReturnType<G> extends Iterable<infer R> ? NonNullable<R> : never;
export type RouteRow = RowOf<typeof routeRows>;
