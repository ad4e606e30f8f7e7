/** Hand-built values of the configuration model, in the fewest words; what is not said is what a document's default is. */
import { kernelDefaults } from '../../src/config/kernel.ts';
import type {
  BgpAdvertisement,
  Configuration,
  Endpoint,
  EndpointSlice,
  Labels,
  Layer2Advertisement,
  Meta,
  Namespace,
  Node,
  Peer,
  Pool,
  Selector,
  Service,
} from '../../src/config/model.ts';
import type { Speaker } from '../../src/config/speaker.ts';
import { networkDefaults } from '../../src/config/sysctl.ts';
import { type Address, address } from '../../src/lib/address.ts';
import { prefix, summarize } from '../../src/lib/prefix.ts';

let line = 1;

function meta(kind: string, namespace: string, name: string, labels: Labels = {}): Meta {
  return {
    kind,
    namespace,
    name,
    key: `${kind}/${namespace}/${name}`,
    labels,
    annotations: {},
    position: { file: 'test.yaml', line: line++, column: 1 },
  };
}

/** `selector({zone: 'east'})`: matchLabels. */
export const selector = (labels: Labels): Selector => ({
  requirements: Object.entries(labels).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
});

/** `192.0.2.0/24` or `192.0.2.1-192.0.2.9` each. */
export function pool(name: string, addresses: readonly string[], more: Partial<Pool> = {}): Pool {
  const entries = addresses.map((text) => {
    const [first, last] = text.split('-');
    const prefixes = last === undefined ? [prefix(text)] : summarize(address(first!), address(last));
    return { text, prefixes };
  });
  return {
    ...meta('IPAddressPool', 'metallb-system', name),
    addresses: entries,
    autoAssign: true,
    avoidBuggyIps: false,
    ...more,
  };
}

/** A pinned pool's serviceAllocation. */
export const allocation = (more: Partial<NonNullable<Pool['allocation']>> = {}): NonNullable<Pool['allocation']> => ({
  priority: 0,
  namespaces: [],
  namespaceSelectors: [],
  serviceSelectors: [],
  ...more,
});

export const advertisement = (
  name: string,
  pools: readonly string[],
  more: Partial<BgpAdvertisement> = {},
): BgpAdvertisement => ({
  ...meta('BGPAdvertisement', 'metallb-system', name),
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: 0,
  communities: [],
  largeCommunities: [],
  pools,
  nodeSelectors: [],
  peers: [],
  serviceSelectors: [],
  ...more,
});

export const layer2Advertisement = (
  name: string,
  pools: readonly string[],
  more: Partial<Layer2Advertisement> = {},
): Layer2Advertisement => ({
  ...meta('L2Advertisement', 'metallb-system', name),
  pools,
  nodeSelectors: [],
  serviceSelectors: [],
  interfaces: [],
  preferences: [],
  ...more,
});

export const peer = (name: string, at: string, more: Partial<Peer> = {}): Peer => ({
  ...meta('BGPPeer', 'metallb-system', name),
  myAsn: 64500,
  peerAsn: 64501,
  address: address(at),
  port: 179,
  nodeSelectors: [],
  ebgpMultiHop: false,
  dualStackAddressFamily: false,
  passive: false,
  addPathReceive: false,
  strictRole: false,
  limits: {},
  ...more,
});

/** `name` may be `namespace/name`. */
export function service(name: string, more: Partial<Service> = {}): Service {
  const [first, second] = name.split('/');
  const [namespace, bare] = second === undefined ? ['default', first!] : [first!, second];
  return {
    ...meta('Service', namespace, bare, more.labels),
    type: 'LoadBalancer',
    ingress: [],
    loadBalancerClass: '',
    externalTrafficPolicy: 'Cluster',
    ipFamilies: [],
    ipFamilyPolicy: 'SingleStack',
    clusterIps: [],
    ports: [{ protocol: 'TCP', port: 80 }],
    selector: '',
    request: { addresses: [], sharingKey: '' },
    communities: [],
    ...more,
  };
}

/** status.loadBalancer.ingress with these addresses; what is none stays text. */
export const ingress = (...texts: readonly string[]): Service['ingress'] =>
  texts.map((text) => (/^[0-9a-f.:]+$/.test(text) ? { text, address: address(text) } : { text }));

export const request = (
  more: Partial<Omit<Service['request'], 'addresses'>> & { addresses?: readonly string[] } = {},
): Service['request'] => ({ sharingKey: '', ...more, addresses: (more.addresses ?? []).map(address) });

export const endpoint = (more: Partial<Endpoint> = {}): Endpoint => ({ addresses: ['10.244.0.5'], ...more });

export const slice = (of: Service, ...endpoints: readonly Endpoint[]): EndpointSlice => ({
  ...meta('EndpointSlice', of.namespace, `${of.name}-x`),
  serviceName: of.name,
  endpoints,
});

export const node = (name: string, labels: Labels = {}, more: Partial<Node> = {}): Node => ({
  ...meta('Node', '', name, labels),
  networkUnavailable: false,
  ready: true,
  addresses: [],
  ...more,
});

export const namespace = (name: string, labels: Labels = {}): Namespace => meta('Namespace', '', name, labels);

/** A static membership of these nodes. */
export const listed = (...nodes: readonly string[]): Speaker['membership'] => ({
  type: 'static',
  nodes,
  addresses: new Map(),
});

export const speaker = (more: Partial<Speaker> = {}): Speaker => ({
  name: 'node-a',
  labels: {},
  defaultLocalPref: 100,
  listen: { addresses: [], port: 179 },
  dynamicPeers: [],
  serviceCommunities: [],
  alwaysBlock: [],
  kernel: kernelDefaults,
  layer2: {
    ...{ gratuitousIntervalMs: 0, conflict: 'defend', stickiness: false, holdDownMs: 0 },
    ...{ spread: 'hash', reception: 'normal' },
  },
  membership: listed(),
  loopbackAddresses: [],
  drain: { waitMs: 5000, onShutdown: true, keepSoleLocal: true, terminating: 'keep' },
  network: networkDefaults,
  loadBalancerClass: '',
  ignoreExcludeLabel: false,
  stateDir: '/var/lib/waypost',
  ...more,
});

export interface Documents {
  readonly speaker?: Speaker;
  readonly pools?: readonly Pool[];
  readonly advertisements?: readonly BgpAdvertisement[];
  readonly layer2Advertisements?: readonly Layer2Advertisement[];
  readonly peers?: readonly Peer[];
  readonly aliases?: Configuration['aliases'];
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  readonly nodes?: readonly Node[];
  readonly namespaces?: readonly Namespace[];
  readonly egress?: Configuration['egress'];
  readonly kubeOvn?: Configuration['kubeOvn'];
}

export function configuration(documents: Documents = {}): Configuration {
  const byName = <T extends Meta>(list: readonly T[] = []) => new Map(list.map((d) => [d.name, d] as const));
  const slices = new Map<string, EndpointSlice[]>();
  for (const s of documents.slices ?? []) {
    const key = `${s.namespace}/${s.serviceName}`;
    slices.set(key, [...(slices.get(key) ?? []), s]);
  }
  return {
    speaker: documents.speaker ?? speaker(),
    members: [],
    pools: byName(documents.pools),
    advertisements: documents.advertisements ?? [],
    layer2Advertisements: documents.layer2Advertisements ?? [],
    excludedInterfaces: [],
    peers: documents.peers ?? [],
    imports: new Map(),
    networkPolicies: [],
    aliases: documents.aliases ?? new Map(),
    services: new Map((documents.services ?? []).map((s) => [`${s.namespace}/${s.name}`, s] as const)),
    endpointSlices: slices,
    nodes: byName(documents.nodes),
    namespaces: byName(documents.namespaces),
    egress: documents.egress ?? new Map(),
    kubeOvn: documents.kubeOvn ?? { subnets: [], vlans: new Map(), networks: new Map() },
    documents: [],
  };
}

/** Addresses as text, for comparisons. */
export const addresses = (...texts: readonly string[]): Address[] => texts.map(address);
