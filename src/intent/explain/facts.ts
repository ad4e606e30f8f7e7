/** What explanations are made from: what this node decided, and, where a daemon runs, what became of it. */
import type { AdmissionReason } from '../../bgp/admission.ts';
import type { Exclusion, Loss } from '../../bgp/decision.ts';
import type { Configuration } from '../../config/model.ts';
import type { Advertisements } from '../advertise.ts';
import type { EgressDecision } from '../egress.ts';
import type { PoolUsage } from '../ledger.ts';
import type { NodePeers } from '../peers.ts';
import type { Reason } from '../reason.ts';
import type { ServiceDecision, ServiceInput } from '../service.ts';

export interface Facts {
  readonly config: Configuration;
  /** By `namespace/name`. */
  readonly decisions: ReadonlyMap<string, ServiceDecision>;
  /** What a decision was made from; undefined where there is no such Service. */
  inputOf(key: string): ServiceInput | undefined;
  usage(pool: string): PoolUsage;
  readonly advertisements: Advertisements;
  readonly peers: NodePeers;
  /** What was decided about a Service's EgressService; undefined where there is none. */
  egress?(key: string): EgressFound | undefined;
  /** Absent: nothing runs, and only decisions are explained. */
  readonly live?: Live;
}

/** Who answers for an address on layer 2, or why nobody does. */
export interface Answering {
  readonly interfaces: readonly string[];
  readonly reason: Reason | null;
  /** Interfaces that cannot answer, and why, where none can. */
  readonly lacking: readonly (readonly [name: string, why: string])[];
}

export interface EgressFound {
  readonly decision: EgressDecision;
  /** What is in the way of carrying it out. */
  readonly problems: readonly string[];
}

/** What a running daemon sees. */
export interface Live {
  readonly sessions: readonly SessionFacts[];
  /** Routes from peers that have to do with what is explained. */
  readonly received: readonly ReceivedFacts[];
  /** What the kernel has of them, or should have. */
  readonly installed: readonly InstalledFacts[];
  /** Why no route at all is put into the kernel, in its words; absent while routes are. */
  readonly unread?: string;
  /** What is in the way of an address that this node is to answer for. */
  answering(ip: string, decision: ServiceDecision): Answering;
  /** Segments that this host's kernel dropped for their TCP-MD5 signature, since the host started; undefined: not known. */
  readonly unsigned?: number;
}

/** A session as `show peers` has it. */
export interface SessionFacts {
  readonly name: string;
  /** '' where nobody was found on the link. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string | null;
  readonly localAsn: number;
  readonly peerAsn: number | string;
  readonly state: string;
  readonly uptimeSec: number;
  readonly families: readonly string[];
  readonly flaps: number;
  readonly lastError: string;
  readonly lastChange: string | null;
  readonly prefixes: { readonly advertised: number; readonly received: number; readonly accepted: number };
  /** Prefixes that the peer cannot be told; those of `messageTooLong` by name. */
  readonly unsent: readonly {
    readonly family: string;
    readonly prefixes: number;
    readonly reason: Reason;
    readonly detail: string;
  }[];
  readonly oversized: readonly string[];
}

/** Why a received route is not used, or only beside others. */
export type ReceivedReason = AdmissionReason | Loss | Exclusion;

/** Why a route that is used is not in the kernel. */
export type KernelReason = 'kernelConflict' | 'kernelRefused' | 'kernelUnread';

/** A received route as `show received` has it. */
export interface ReceivedFacts {
  readonly peer: string;
  /** '' is the default VRF. */
  readonly vrf: string;
  readonly prefix: string;
  readonly nextHop: string | null;
  readonly asPath: readonly unknown[];
  readonly accepted: boolean;
  readonly reason: string | null;
  readonly best: boolean;
  readonly stale: boolean;
}

/** A route of ours in the kernel, or one that should be there, as `show routes` has it. */
export interface InstalledFacts {
  readonly table: number;
  /** '' is the default VRF. */
  readonly vrf: string;
  /** The VRF that learned it, where that is another. */
  readonly importedFrom?: string;
  readonly prefix: string;
  readonly metric: number;
  readonly nexthops: readonly { readonly via: string | null; readonly dev: string | null }[];
  readonly state: string;
  readonly error: string | null;
}
