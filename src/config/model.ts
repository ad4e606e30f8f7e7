/**
 * The validated configuration: what the documents say, in our own words. Selectors are kept (which node is this one?
 * is intent's question), everything else is parsed: addresses, durations, communities, references to pools.
 *
 * A value of this model is never changed after it was built, and a document whose text did not change keeps its
 * identity (===) over a reload: intent relies on that to redo only what a change touches.
 */
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { BfdSettings } from './bfd.ts';
import type { Community } from './community.ts';
import type { Egress } from './egress.ts';
import type { AdvertisedPrefix, NextHops, ReceiveRules } from './exchange.ts';
import type { KubeOvn } from './kubeovn.ts';
import type { MemberPath } from './membership.ts';
import type { NetworkPolicy } from './network.ts';
import type { Path } from './problem.ts';
import type { Speaker, Terminating } from './speaker.ts';

/**
 * A place in a file, both 1-based. That of a document is live: its line follows when text above it comes or goes,
 * while the document stays the same.
 */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly position: Position;
  /** `Kind/name`, or '' when the file could not be read that far. */
  readonly subject: string;
  /** Dotted path of the field, `spec.addresses[0]`; '' for the document itself. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /**
   * The cause may go away by itself (a missing Secret, an unknown alias): not applied, yet not marked invalid
   * upstream. Errors only.
   */
  readonly transient?: boolean;
}

/**
 * What every document has. `key` is `Kind/namespace/name`, unique; its namespace is '' for cluster-scoped kinds and for
 * those of MetalLB, whose names are unique over all namespaces.
 */
export interface Meta {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Where the document starts. */
  readonly position: Position;
}

/** A field of a document. */
export interface Place {
  readonly document: Meta;
  readonly path: Path;
}

export type Labels = Readonly<Record<string, string>>;

/** metav1.LabelSelector, matchLabels folded into requirements. No requirement matches everything. */
export interface Selector {
  readonly requirements: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

export interface Pool extends Meta {
  /** One entry of spec.addresses each, in order: the text and the prefixes it summarises to. */
  readonly addresses: readonly { readonly text: string; readonly prefixes: readonly Prefix[] }[];
  readonly autoAssign: boolean;
  readonly avoidBuggyIps: boolean;
  /** Present: the pool is pinned. Empty lists restrict nothing. */
  readonly allocation?: {
    /** Lower first; 0 is last. */
    readonly priority: number;
    readonly namespaces: readonly string[];
    readonly namespaceSelectors: readonly Selector[];
    readonly serviceSelectors: readonly Selector[];
  };
}

export interface BgpAdvertisement extends Meta {
  /** Bits, 1..32 and 0..128. */
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  /** 0 when not given, as upstream has it. */
  readonly localPref: number;
  /** Aliases resolved; sorted, without duplicates. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** Names of the pools this selects, resolved by name and label. */
  readonly pools: readonly string[];
  /** Any of them; empty means every node. */
  readonly nodeSelectors: readonly Selector[];
  /** BGPPeer names; empty means every peer. */
  readonly peers: readonly string[];
  /** Any of them; empty means every Service. */
  readonly serviceSelectors: readonly Selector[];
  /** From annotations: how often our AS stands in the path beyond the once it does anyway, 1..32 (eBGP). */
  readonly prepend?: number;
  /** From annotations: MULTI_EXIT_DISC. */
  readonly med?: number;
  /** From annotations: link bandwidth for each endpoint on the node under the Local policy, Mbit/s, 1..1000000. */
  readonly endpointMbit?: number;
}

/** Where addresses of pools are answered for on layer 2. */
export interface Layer2Advertisement extends Meta {
  /** Names of the pools this selects, resolved by name and label. */
  readonly pools: readonly string[];
  /** Any of them; empty means every node. */
  readonly nodeSelectors: readonly Selector[];
  /** Any of them; empty means every Service. */
  readonly serviceSelectors: readonly Selector[];
  /** Names and patterns (lib/cover.ts); empty means every interface. */
  readonly interfaces: readonly string[];
  /** Nodes that had better announce; weights, 1..100, of all that select a node add up. */
  readonly preferences: readonly { readonly weight: number; readonly selector: Selector }[];
}

/** The number, or on which side of our AS's border the peer must be. */
export type PeerAsn = number | 'internal' | 'external';

export interface Peer extends Meta {
  readonly myAsn: number;
  readonly peerAsn: PeerAsn;
  /** The AS we pretend to be in towards this peer, instead of `myAsn`; never on iBGP. */
  readonly localAsn?: number;
  /** The interface whose address is the source address, instead of that. */
  readonly sourceInterface?: string;
  /** Exactly one of `address` and `interface` is there: an unnumbered peer is whoever is found on that link. */
  readonly address?: Address;
  readonly interface?: string;
  /** The VRF device; absent for the default VRF. */
  readonly vrf?: string;
  readonly port: number;
  readonly sourceAddress?: Address;
  /** Seconds; both absent where the document gives neither, else one derived from the other. */
  readonly holdTimeSec?: number;
  readonly keepaliveTimeSec?: number;
  readonly connectTimeSec?: number;
  readonly routerId?: Address;
  readonly nodeSelectors: readonly Selector[];
  readonly ebgpMultiHop: boolean;
  readonly dualStackAddressFamily: boolean;
  /** Graceful restart is on; 1..4095 seconds. */
  readonly restartTimeSec?: number;
  /** 1..80 octets, from the document or from the Secret that it names. Never printed. */
  readonly password?: string;
  /** Name of the BFDProfile, and what it says: BFD watches the path to the peer. */
  readonly bfdProfile?: string;
  readonly bfd?: BfdSettings;
  /** Which of its routes may be used; absent: none. */
  readonly receive?: ReceiveRules;
  /** Where that is written, if not in its own document. */
  readonly receiveFrom?: readonly Place[];
  /** What it is told beside the routes of Services. */
  readonly advertise?: readonly AdvertisedPrefix[];
  readonly nextHops?: NextHops;
  /** It is no BGPPeer: only what names it is told to it, and not what is for every BGPPeer. */
  readonly onlyNamed?: boolean;
  /** What follows comes from annotations of ours (docs/annotations.md). */
  readonly passive: boolean;
  /** 1..254; never with `ebgpMultiHop`. */
  readonly ttlSecurityHops?: number;
  readonly addPathReceive: boolean;
  /** What we are to the peer (RFC 9234); never on iBGP. */
  readonly role?: 'provider' | 'routeServer' | 'routeServerClient' | 'customer' | 'peer';
  readonly strictRole: boolean;
  /** The BGP session waits for BFD; never without a profile. */
  readonly bfdStrict?: boolean;
  /** Empty where no annotation gives a limit. */
  readonly limits: {
    readonly maxPrefixes?: number;
    readonly warnOnly?: boolean;
    /** Seconds. */
    readonly restartSec?: number;
    readonly maxAsPath?: number;
    readonly enforceFirstAs?: boolean;
    readonly refuseMartians?: boolean;
  };
}

export type TrafficPolicy = 'Cluster' | 'Local';

export interface Service extends Meta {
  readonly type: string;
  /** status.loadBalancer.ingress[].ip as written; a host name or an unparsable entry keeps its text with no address. */
  readonly ingress: readonly { readonly text: string; readonly address?: Address }[];
  readonly loadBalancerClass: string;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** spec.ipFamilies; empty when not given. */
  readonly ipFamilies: readonly (4 | 6)[];
  readonly ipFamilyPolicy: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
  readonly clusterIps: readonly Address[];
  readonly ports: readonly { readonly protocol: string; readonly port: number; readonly nodePort?: number }[];
  /** spec.selector as sorted `key=value,key=value`: the backend key of a shared address under the Local policy. */
  readonly selector: string;
  /** From annotations and spec.loadBalancerIP (API reference of MetalLB's Service fields). */
  readonly request: {
    readonly pool?: string;
    readonly addresses: readonly Address[];
    readonly sharingKey: string;
    /** Why it cannot be met as written (two fields contradict, an address does not parse): allocation fails with it. */
    readonly invalid?: string;
  };
  /**
   * Communities that an annotation or labels ask for, as written, without duplicates: names, `A:B` or `large:G:L1:L2`.
   * What of them counts is up to the Speaker (`ServiceCommunities`).
   */
  readonly communities: readonly string[];
  /** Over what the Speaker says. */
  readonly terminating?: Terminating | undefined;
}

/** One endpoint of an EndpointSlice. */
export interface Endpoint {
  readonly addresses: readonly string[];
  readonly nodeName?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
}

export interface EndpointSlice extends Meta {
  /** The Service it belongs to (label kubernetes.io/service-name), in the slice's namespace. */
  readonly serviceName: string;
  readonly endpoints: readonly Endpoint[];
}

export interface Node extends Meta {
  /** The condition NetworkUnavailable is True. */
  readonly networkUnavailable: boolean;
  /** The condition Ready is True, or is not told. */
  readonly ready: boolean;
  /** Of status.addresses: what the node itself has, and pods with the network of their host. */
  readonly addresses: readonly Address[];
}

export interface Namespace extends Meta {}

/** A Secret as far as a session may need it. */
export interface Secret extends Meta {
  readonly type: string;
  /** The value under the key `password`, decoded. Never printed. */
  readonly password?: string;
}

export interface Configuration {
  readonly speaker: Speaker;
  /** The other members of the cluster that are watched, by name; none under a static membership. */
  readonly members: readonly MemberPath[];
  /** In document order; by name. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly advertisements: readonly BgpAdvertisement[];
  readonly layer2Advertisements: readonly Layer2Advertisement[];
  /** Patterns of names of interfaces that answer nothing on layer 2, matched anywhere in the name. */
  readonly excludedInterfaces: readonly string[];
  readonly peers: readonly Peer[];
  /** By VRF, '' for the default one: VRFs whose learned routes its table has too, in the order in which they count. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** Of all nodes, in document order. */
  readonly networkPolicies: readonly NetworkPolicy[];
  /** Communities by the names that Community documents give them. */
  readonly aliases: ReadonlyMap<string, Community>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  /** Slices of each Service, by the Service's `namespace/name`. */
  readonly endpointSlices: ReadonlyMap<string, readonly EndpointSlice[]>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /** EgressServices and who carries them, by the Service's `namespace/name`. */
  readonly egress: ReadonlyMap<string, Egress>;
  readonly kubeOvn: KubeOvn;
  /** Every document that was read, for `show config`. */
  readonly documents: readonly Meta[];
}
