/** Which Services this node announces in which VRF, and what they need there: read from the documents alone. */
import { type Address, formatAddress, parseAddress } from '../lib/address.ts';
import { candidatePools } from './candidates.ts';
import type { Egress } from './egress.ts';
import type { BgpAdvertisement, EndpointSlice, Labels, Namespace, Peer, Pool, Service } from './model.ts';
import { anySelects } from './selector.ts';
import type { Inner, VrfUse } from './symmetry.ts';

export interface UseGround {
  readonly node: { readonly labels: Labels };
  readonly loadBalancerClass: string;
  readonly peers: readonly Peer[];
  readonly advertisements: readonly BgpAdvertisement[];
  readonly pools: readonly Pool[];
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  readonly egress: ReadonlyMap<string, Egress>;
}

export interface Use extends VrfUse {
  readonly vrf: string;
  /** `namespace/name`, in document order. */
  readonly services: readonly string[];
}

/** By VRF; none where no peer is in one. */
export function usesOf(ground: UseGround): ReadonlyMap<string, Use> {
  const { node, peers, services } = ground;
  const here = peers.filter(({ vrf, nodeSelectors }) => vrf !== undefined && anySelects(nodeSelectors, node.labels));
  const uses = new Map<string, MutableUse>();
  if (here.length === 0) return uses;
  for (const [key, service] of services) {
    const vrfs = new Set(
      advertisementsFor(service, ground)
        .filter(({ nodeSelectors }) => anySelects(nodeSelectors, node.labels))
        .flatMap((value) => here.filter((peer) => isTold(value, peer)).map(({ vrf }) => vrf!)),
    );
    for (const vrf of vrfs) addUse(uses, vrf, key, service, ground);
  }
  return uses;
}

/** Whether an advertisement is for the peer: one that is no BGPPeer must be named. */
export const isTold = ({ peers }: BgpAdvertisement, { name, onlyNamed }: Peer): boolean =>
  peers.length === 0 ? !onlyNamed : peers.includes(name);

/** Advertisements that bring a Service to peers, from whichever nodes they select. */
export function advertisementsFor(
  service: Service,
  {
    loadBalancerClass,
    pools,
    namespaces,
    advertisements,
  }: Pick<UseGround, 'loadBalancerClass' | 'pools' | 'namespaces' | 'advertisements'>,
): readonly BgpAdvertisement[] {
  if (service.type !== 'LoadBalancer' || service.loadBalancerClass !== loadBalancerClass) return [];
  const candidates = candidatePools(service, pools, namespaces);
  return advertisements.filter(
    (value) =>
      anySelects(value.serviceSelectors, service.labels) && candidates.some(({ name }) => value.pools.includes(name)),
  );
}

interface MutableUse extends Use {
  readonly families: Set<4 | 6>;
  readonly clusterIps: Map<string, Inner>;
  readonly endpoints: Map<string, Inner>;
  masquerade: boolean;
  readonly services: string[];
}

function addUse(uses: Map<string, MutableUse>, vrf: string, key: string, service: Service, ground: UseGround): void {
  const use: MutableUse = uses.get(vrf) ?? {
    vrf,
    families: new Set(),
    clusterIps: new Map(),
    endpoints: new Map(),
    masquerade: false,
    services: [],
  };
  uses.set(vrf, use);
  use.services.push(key);
  for (const family of familiesOf(service, ground)) use.families.add(family);
  const of = `Service ${key}`;
  const note = (to: Map<string, Inner>, address: Address) => {
    const text = formatAddress(address);
    if (!to.has(text)) to.set(text, { address, of });
  };
  for (const address of service.clusterIps) note(use.clusterIps, address);
  for (const { endpoints } of ground.slices.get(key) ?? [])
    for (const address of endpoints.flatMap(({ addresses }) => addresses.flatMap((text) => parseAddress(text) ?? [])))
      note(use.endpoints, address);
  if (ground.egress.has(key)) use.masquerade = true;
}

/** Those that the Service has or asks for, or else those of the pools that it may get its address from. */
function familiesOf(service: Service, { pools, namespaces }: UseGround): readonly (4 | 6)[] {
  const own = service.ingress.flatMap(({ address }) => address?.family ?? []);
  if (own.length > 0) return own;
  const candidates = candidatePools(service, pools, namespaces);
  const offered = new Set(
    candidates.flatMap((pool) => pool.addresses.flatMap(({ prefixes }) => prefixes.map((p) => p.family))),
  );
  const wanted = service.ipFamilies.filter((family) => offered.has(family));
  return wanted.length > 0 ? wanted : [...offered];
}
