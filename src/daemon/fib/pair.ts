/** Routes of one table, both families. */
import type { Family } from '../../lib/address.ts';
import { Routes } from '../../vrf/routes.ts';
import type { Place } from './places.ts';

export interface TableRoutes {
  readonly ipv4: Routes;
  readonly ipv6: Routes;
}

export const both = ({ ipv4, ipv6 }: TableRoutes): readonly [Routes, Routes] => [ipv4, ipv6];

export function routesAt(place: Place, mtu?: number): TableRoutes {
  const of = (family: Family) => new Routes({ ...place, family, ...(mtu !== undefined && { mtu }) });
  return { ipv4: of(4), ipv6: of(6) };
}
