/** What an advertisement, and what a Service itself, says of the routes made through it. */
import type { LargeCommunity } from '../bgp/path.ts';
import type { ServiceCommunities } from '../config/allow.ts';
import type { BgpAdvertisement, Service } from '../config/model.ts';
import type { Note } from './reason.ts';
import { compareLarge, type Policy } from './route.ts';
import { Shared } from './shared.ts';

/** Communities of a Service's own: those allowed of what it asks for, and what there is to say of the others. */
export interface OwnCommunities extends Pick<Policy, 'communities' | 'largeCommunities'> {
  readonly notes: readonly Note[];
}

const none: OwnCommunities = { communities: [], largeCommunities: [], notes: [] };

/** In order and without duplicates, so that Services which ask for the same in other words share a Policy. */
export function ownCommunities(service: Service, allowed: ServiceCommunities): OwnCommunities {
  if (service.communities.length === 0) return none;
  const communities = new Set<number>();
  const largeCommunities = new Map<string, LargeCommunity>();
  const notes: Note[] = [];
  for (const text of service.communities) {
    const judgement = allowed.judge(text);
    if ('refused' in judgement) {
      const why = judgement.refused === 'notAllowed' ? 'the Speaker does not allow it' : 'it cannot be read';
      notes.push({ reason: 'communityNotAllowed', detail: `without community "${text}": ${why}` });
      continue;
    }
    const { type, value } = judgement.community;
    if (type === 'large') largeCommunities.set(value.join(':'), value);
    else communities.add(value);
  }
  return {
    communities: [...communities].sort((a, b) => a - b),
    largeCommunities: [...largeCommunities.values()].sort(compareLarge),
    notes,
  };
}

const policies = new WeakMap<BgpAdvertisement, Shared<Policy>>();

/**
 * The one Policy of an advertisement for Services that add these communities, and for routes that are a last choice or
 * not: contributions are told apart by it.
 * @param endpoints on this node, where their number decides on the bandwidth
 */
export function policyOf(
  a: BgpAdvertisement,
  own: Pick<Policy, 'communities' | 'largeCommunities'> = none,
  drained = false,
  endpoints = 0,
): Policy {
  let shared = policies.get(a);
  if (shared === undefined) {
    shared = new Shared();
    policies.set(a, shared);
  }
  const adds = own.communities.length + own.largeCommunities.length > 0;
  const count = a.endpointMbit === undefined ? 0 : endpoints;
  const key = adds ? JSON.stringify([drained, count, own.communities, own.largeCommunities]) : `${drained} ${count}`;
  return shared.get(key, () => ({
    from: `${a.kind}/${a.name}`,
    document: a,
    communities: adds ? [...a.communities, ...own.communities] : a.communities,
    largeCommunities: adds ? [...a.largeCommunities, ...own.largeCommunities] : a.largeCommunities,
    localPref: a.localPref || undefined,
    prepend: a.prepend,
    med: a.med,
    bandwidthMbit: a.endpointMbit !== undefined && count > 0 ? a.endpointMbit * count : undefined,
    peers: a.peers.length === 0 ? 'all' : new Set(a.peers),
    drained,
    ...(adds && { plain: policyOf(a, none, drained, count) }),
  }));
}
