/** Which pools a Service may get its addresses from. */
import { contains } from '../lib/prefix.ts';
import type { Namespace, Pool, Service } from './model.ts';
import { anySelects } from './selector.ts';

/**
 * The pool's serviceAllocation admits this Service: by namespace (named, or selected by its labels) and by the
 * Service's own labels, both where both are given.
 *
 * namespaceSelectors that match nothing admit nothing. (Upstream, a pool whose selectors match no namespace can be
 * requested by everybody.) Every namespace has the label kubernetes.io/metadata.name, as the API server sets it.
 */
export function admits(pool: Pool, service: Service, namespaces: ReadonlyMap<string, Namespace>): boolean {
  const rule = pool.allocation;
  if (rule === undefined) return true;
  if (rule.namespaces.length > 0 || rule.namespaceSelectors.length > 0) {
    const { namespace } = service;
    const labels = { 'kubernetes.io/metadata.name': namespace, ...namespaces.get(namespace)?.labels };
    const selected = rule.namespaceSelectors.length > 0 && anySelects(rule.namespaceSelectors, labels);
    if (!selected && !rule.namespaces.includes(namespace)) return false;
  }
  return anySelects(rule.serviceSelectors, service.labels);
}

/**
 * The pools whose addresses the Service has, asks for, or may be given: what can be said before anything is allocated,
 * and of a Service that other nodes allocate for.
 */
export function candidatePools(
  service: Service,
  pools: readonly Pool[],
  namespaces: ReadonlyMap<string, Namespace>,
): readonly Pool[] {
  const { ingress, request } = service;
  const own = ingress.length > 0 ? ingress.flatMap(({ address }) => address ?? []) : request.addresses;
  if (own.length > 0)
    return pools.filter((pool) =>
      pool.addresses.some(({ prefixes }) =>
        prefixes.some((prefix) => own.some((address) => contains(prefix, address))),
      ),
    );
  if (request.pool !== undefined) return pools.filter(({ name }) => name === request.pool);
  return pools.filter((pool) => pool.autoAssign && admits(pool, service, namespaces));
}
