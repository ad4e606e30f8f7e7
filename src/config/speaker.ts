/** The Speaker document: what this node is called, and everything about it that no other document says. */
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Kernel } from './kernel.ts';
import type { Labels, PeerAsn, Position } from './model.ts';
import type { NetworkSettings } from './network.ts';

/**
 * What becomes of the routes of a Service under the Local policy while its endpoints on this node are about to end, and
 * another node has ready ones. `keep`: nothing. `lower`: they are a last choice.
 */
export type Terminating = 'keep' | 'lower';

/** Our own document; every default is filled in. */
export interface Speaker {
  /** This node's name. */
  readonly name: string;
  /** This node's: those of its Node document, the Speaker's over them, and kubernetes.io/hostname in any case. */
  readonly labels: Labels;
  readonly routerId?: Address;
  /** LOCAL_PREF on iBGP where no advertisement gives one, 0..4294967295. */
  readonly defaultLocalPref: number;
  /** No address: dial only. */
  readonly listen: { readonly addresses: readonly Address[]; readonly port: number };
  /** Who may call without a BGPPeer of their own; the most specific prefix first, none twice. */
  readonly dynamicPeers: readonly DynamicPeers[];
  /** Communities that Services may ask for, as written: `65000:*`, `large:65000:*:*`, or names. */
  readonly serviceCommunities: readonly string[];
  readonly drain: {
    /** Between lowering the preference of every route and withdrawing it, milliseconds. */
    readonly waitMs: number;
    /** Also before the process ends. */
    readonly onShutdown: boolean;
    /** Services under the Local policy that nobody else could serve stay announced, as long as the process lives. */
    readonly keepSoleLocal: boolean;
    /** For Services that do not say it themselves. */
    readonly terminating: Terminating;
    /** Told to peers in the Cease (RFC 9003), 1..255 octets. */
    readonly message?: string;
  };
  /** Taken from no peer, with everything inside them. */
  readonly alwaysBlock: readonly Prefix[];
  /** Learned routes in the kernel. */
  readonly kernel: Kernel;
  readonly layer2: {
    /** Between announcements that nobody asked for, after the burst at the beginning, milliseconds; 0: none. */
    readonly gratuitousIntervalMs: number;
    /** What is done when another host claims an address. */
    readonly conflict: 'report' | 'defend' | 'yield';
    /** Which of the nodes that may have an address and are preferred alike has it: MetalLB's hash, or who has fewest. */
    readonly spread: 'hash' | 'even';
    /** Addresses stay with the node that has them, for as long as it can announce them. */
    readonly stickiness: boolean;
    /** After a start no address is taken over for this long, milliseconds. */
    readonly holdDownMs: number;
    /** What interfaces are asked to pass up beside what is for them. */
    readonly reception: 'normal' | 'allMulticast' | 'promiscuous';
  };
  readonly membership: Membership;
  /** By which protocols an address must be announced for it to be put on the loopback; none twice. */
  readonly loopbackAddresses: readonly ('bgp' | 'layer2')[];
  readonly network: NetworkSettings;
  readonly loadBalancerClass: string;
  /** Announce even with the label node.kubernetes.io/exclude-from-external-load-balancers. */
  readonly ignoreExcludeLabel: boolean;
  readonly stateDir: string;
  /** Where it was given; absent when no document of that kind was loaded. */
  readonly position?: Position;
}

/** How speakers know of each other. */
export interface Membership {
  /** `static`: every member counts as alive. `bfd`: those that answer. */
  readonly type: 'static' | 'bfd';
  /** Names of all that have a speaker; empty: this node, and every one with a Node document or an entry in `addresses`. */
  readonly nodes: readonly string[];
  /** By name: where members are to be reached, over what their Node documents say. */
  readonly addresses: ReadonlyMap<string, Address>;
  /** Name of the BFDProfile that they are watched by; absent: that of a profile without fields. */
  readonly bfdProfile?: string;
}

/** Peers that call from a range of addresses. */
export interface DynamicPeers {
  readonly prefix: Prefix;
  readonly myAsn: number;
  readonly peerAsn: PeerAsn;
  /** Sessions at a time, 1 or more. */
  readonly limit: number;
  /** Prefixes that each may send, 1 or more; absent: any number. */
  readonly maxPrefixes?: number;
  /** 1..80 octets. Never printed. */
  readonly password?: string;
  readonly ebgpMultiHop: boolean;
  readonly families: readonly ('ipv4' | 'ipv6')[];
}
