/** One Kubernetes object of a file: what it is, what it says, and what is wrong with it. */
import type { BfdProfile } from './bfd.ts';
import type { EgressService } from './egress.ts';
import type { Extras } from './extras.ts';
import type { FrrDraft } from './frr/draft.ts';
import type { ProviderNetwork, Subnet, Vlan } from './kubeovn.ts';
import type {
  BgpAdvertisement,
  EndpointSlice,
  Layer2Advertisement,
  Meta,
  Namespace,
  Node,
  Peer,
  Pool,
  Position,
  Secret,
  Selector,
  Service,
} from './model.ts';
import type { NetworkPolicy } from './network.ts';
import type { FabricUnderlay, Overlay } from './openperouter.ts';
import type { Path, Problem } from './problem.ts';
import type { Speaker } from './speaker.ts';

/** An advertisement as its document alone gives it: pools not yet selected, communities not yet resolved. */
export interface AdvertisementDraft extends Omit<BgpAdvertisement, 'communities' | 'largeCommunities' | 'pools'> {
  readonly communities: readonly string[];
  readonly poolNames: readonly string[];
  readonly poolSelectors: readonly Selector[];
}

/** The same for layer 2. */
export interface Layer2Draft extends Omit<Layer2Advertisement, 'pools'> {
  readonly poolNames: readonly string[];
  readonly poolSelectors: readonly Selector[];
}

/** Patterns of names of interfaces that answer nothing. */
export interface ExcludedInterfaces {
  readonly patterns: readonly string[];
}

/** A peer as its document alone gives it: the password may be in a Secret, and `bfd` is in a profile. */
export interface PeerDraft extends Peer {
  /** Name of that Secret. */
  readonly secret?: string;
}

/** Aliases that one Community document defines, in order. */
export interface CommunityAliases {
  readonly aliases: readonly { readonly name: string; readonly value: string }[];
}

/** Made once, so that putting 10,000 of them together costs a map entry each. */
export interface ServiceItem {
  readonly type: 'service';
  readonly value: Service;
  /** `namespace/name` */
  readonly id: string;
  /** It is a load balancer and asks for something: `claims` or its request must be looked at, if its class is ours. */
  readonly asks: boolean;
  /** What is wrong with the addresses it asks for. */
  readonly claims: readonly Problem[];
  /** Where it asks for communities, and for which. */
  readonly communities: readonly { readonly text: string; readonly path: Path }[];
}

/** What a document holds, by kind. */
export type Item =
  | { readonly type: 'pool'; readonly value: Pool }
  | { readonly type: 'advertisement'; readonly value: AdvertisementDraft }
  | { readonly type: 'layer2'; readonly value: Layer2Draft }
  | { readonly type: 'excluded'; readonly value: ExcludedInterfaces }
  | { readonly type: 'peer'; readonly value: PeerDraft }
  | { readonly type: 'bfdProfile'; readonly value: BfdProfile }
  | { readonly type: 'network'; readonly value: NetworkPolicy }
  | { readonly type: 'community'; readonly value: CommunityAliases }
  | ServiceItem
  | { readonly type: 'endpointSlice'; readonly value: EndpointSlice }
  | { readonly type: 'node'; readonly value: Node }
  | { readonly type: 'namespace'; readonly value: Namespace }
  | { readonly type: 'secret'; readonly value: Secret }
  | { readonly type: 'egress'; readonly value: EgressService }
  | { readonly type: 'overlay'; readonly value: Overlay }
  | { readonly type: 'fabric'; readonly value: FabricUnderlay }
  | { readonly type: 'subnet'; readonly value: Subnet }
  | { readonly type: 'vlan'; readonly value: Vlan }
  | { readonly type: 'providerNetwork'; readonly value: ProviderNetwork }
  | { readonly type: 'extras'; readonly value: Extras }
  | { readonly type: 'frr'; readonly value: FrrDraft }
  | { readonly type: 'speaker'; readonly value: Speaker };

/** A place that can be asked for the line and column of a field. */
export interface Located extends Position {
  locate(path: Path, atKey?: boolean): { readonly line: number; readonly column: number };
}

/** A document of a kind that is read. It is the same object (===) as long as its text does not change. */
export interface Document {
  readonly meta: Meta;
  readonly source: Located;
  /** Undefined: its problems say why. */
  readonly item: Item | undefined;
  /** Of one without an item, where it is only for some nodes: any of the selectors selects them. */
  readonly nodes?: readonly Selector[];
  readonly problems: readonly Problem[];
}

/** Anything else in a file: of no use, but its problems are to be told. */
export interface Stray {
  readonly subject: string;
  readonly source: Located;
  readonly problems: readonly Problem[];
}
