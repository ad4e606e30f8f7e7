/**
 * Taking a node's routes back without losing packets (RFC 8326): first every route is made the last choice, so that
 * peers move to others while ours still works, then it is withdrawn. The daemon keeps the time between the two.
 */
import type { PathAttributes } from '../bgp/path.ts';
import { isSoleHolder } from '../config/endpoint.ts';
import type { EndpointSlice, Service } from '../config/model.ts';
import type { ThisNode } from './node.ts';

export interface Drain {
  /** `lowered`: routes are the last choice. `withdrawn`: they are gone. */
  readonly stage: 'lowered' | 'withdrawn';
  /** Services that only this node could serve are left alone. */
  readonly keepSoleLocal: boolean;
}

/** The well-known community 65535:0 (RFC 8326 §4.1). */
export const GRACEFUL_SHUTDOWN = 0xffff_0000;

/**
 * The same route as a last choice: with GRACEFUL_SHUTDOWN, which external peers are to act on, and the lowest local
 * preference, which internal ones do (RFC 8326 §4.2).
 */
export function drainedAttributes(attributes: PathAttributes): PathAttributes {
  const { communities = [] } = attributes;
  const marked = communities.includes(GRACEFUL_SHUTDOWN)
    ? communities
    : [...communities, GRACEFUL_SHUTDOWN].sort((a, b) => a - b);
  return { ...attributes, localPref: 0, communities: marked };
}

/**
 * Under the Local policy nobody else could serve this Service as well: its only ready endpoints, or its only usable
 * ones, are on this node. Without any slice every node counts as having one.
 */
export const isSoleLocalHolder = (
  service: Pick<Service, 'externalTrafficPolicy'>,
  slices: readonly EndpointSlice[],
  node: Pick<ThisNode, 'name'>,
): boolean => service.externalTrafficPolicy === 'Local' && isSoleHolder(slices, node.name);

/** The node is drained, and what it announces of this Service is not to stay. */
export const isGivenUp = (
  { name, drained }: Pick<ThisNode, 'name' | 'drained'>,
  service: Pick<Service, 'externalTrafficPolicy'>,
  slices: readonly EndpointSlice[],
  keepSoleLocal: boolean,
): boolean => drained && !(keepSoleLocal && isSoleLocalHolder(service, slices, { name }));
