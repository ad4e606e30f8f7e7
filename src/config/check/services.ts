/** What Services of our class ask for, against the pools there are. */
import { formatAddress } from '../../lib/address.ts';
import { contains } from '../../lib/prefix.ts';
import { annotation } from '../kinds/core.ts';
import type { Pool, Service } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Problem } from '../problem.ts';
import type { Report } from '../report.ts';
import type { Found } from './nodes.ts';

export function checkServices(
  services: readonly (Found<Service> & { readonly claims: readonly Problem[] })[],
  pools: readonly Found<Pool>[],
  poolNames: ReadonlySet<string>,
  loadBalancerClass: string,
  report: Report,
): void {
  const byName = new Map(pools.map(({ value }) => [value.name, value]));
  for (const { document, value: service, claims } of services) {
    if (service.type !== 'LoadBalancer' || service.loadBalancerClass !== loadBalancerClass) continue;
    for (const claim of claims) report.add(document, claim);
    const { pool: name, addresses } = service.request;
    if (name === undefined) continue;
    const path = annotation(service.annotations, 'address-pool')!.path;
    if (!poolNames.has(name)) {
      report.warn(
        document,
        path,
        `no IPAddressPool is named ${JSON.stringify(name)}: gets no address`,
        didYouMean(name, poolNames),
      );
      continue;
    }
    const pool = byName.get(name);
    const outside =
      pool && addresses.find((a) => !pool.addresses.some(({ prefixes }) => prefixes.some((p) => contains(p, a))));
    if (outside !== undefined)
      report.error(
        document,
        path,
        `requested loadBalancer IP ${formatAddress(outside)} is not in pool ${JSON.stringify(name)}`,
      );
  }
}
