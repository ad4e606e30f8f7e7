/** In which order Services are given addresses. */
import type { Service } from '../config/model.ts';
import type { Allocator } from './allocate.ts';
import { serviceKey } from './lease.ts';

/**
 * The order in which Services are to be assigned so that the result depends on the order of their arrival as little
 * as possible: those with addresses in their status, those that hold some, those that ask for particular ones, the
 * rest; by name among each.
 */
export function allocationOrder(services: Iterable<Service>, allocator: Pick<Allocator, 'holds'>): Service[] {
  const rank = (service: Service, key: string): number => {
    if (service.ingress.length > 0) return 0;
    if (allocator.holds(key)) return 1;
    return service.request.addresses.length > 0 ? 2 : 3;
  };
  return Array.from(services, (service) => {
    const key = serviceKey(service);
    return { service, key, rank: rank(service, key) };
  })
    .sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1))
    .map(({ service }) => service);
}
