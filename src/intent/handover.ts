/**
 * One Service taken back from one node without losing packets: its endpoints here are about to end, and another node has
 * ready ones. What a drain does for the whole node is done for its routes (drain.ts): they become a last choice, and go
 * with the last endpoint. Of several nodes with ready endpoints none lowers its routes, so there is always one that does not.
 */
import { firstConflict } from '../config/compatible.ts';
import { isEndingOn, readyNodes } from '../config/endpoint.ts';
import type { EndpointSlice, Pool, Service } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import type { Terminating } from '../config/speaker.ts';
import { isGivenUp } from './drain.ts';
import { memberState } from './members.ts';
import type { Note } from './reason.ts';
import type { Scope } from './scope.ts';

/** Whether it makes a difference that endpoints of the Service terminate, and so what other nodes do. */
export const handsOver = (
  service: Pick<Service, 'externalTrafficPolicy' | 'terminating'>,
  byDefault: Terminating,
): boolean => service.externalTrafficPolicy === 'Local' && (service.terminating ?? byDefault) === 'lower';

/** What is told of routes that are a last choice, so that `heir` has the traffic. */
export const handoverNote = (node: string, heir: string): Note => ({
  reason: 'endpointsTerminating',
  detail: `a last choice, as endpoints on node ${node} only terminate, and node ${heir} has a ready one`,
});

/** Endpoints on this node only terminate any more, and that is to be told. */
export const isEnding = (service: Service, slices: readonly EndpointSlice[], scope: Scope): boolean =>
  handsOver(service, scope.terminating) && isEndingOn(slices, scope.node.name);

/**
 * Another node that has a ready endpoint and announces the Service, as far as documents tell; the first by name. One of
 * which they tell nothing counts as any other, unless they list who there is.
 */
export function heirOf(
  service: Service,
  pool: Pool,
  slices: readonly EndpointSlice[],
  scope: Scope,
): string | undefined {
  const all = scope.advertisements.get(pool.name)?.all ?? [];
  const advertisements = all.filter((a) => anySelects(a.serviceSelectors, service.labels));
  const announces = (name: string): boolean => {
    const known = scope.nodes.find((node) => node.name === name);
    if (known === undefined && scope.closed) return false;
    if (known !== undefined) {
      const drained = isGivenUp(known, service, slices, scope.keepSoleLocal);
      if (memberState({ ...known, drained }) !== 'alive') return false;
    }
    const labels = scope.labels.get(name) ?? { 'kubernetes.io/hostname': name };
    const theirs = advertisements.filter((a) => anySelects(a.nodeSelectors, labels));
    return theirs.length > 0 && firstConflict(theirs, pool) === undefined;
  };
  return [...readyNodes(slices)].sort().find((name) => name !== scope.node.name && announces(name));
}
