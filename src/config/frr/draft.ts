/**
 * FRRConfigurations as their documents alone give them. All of those that select a node are one configuration there: a
 * router for each VRF, a session for each neighbour of a router, whoever names it. `check/frr.ts` puts them together.
 */
import type { Address } from '../../lib/address.ts';
import type { Prefix } from '../../lib/prefix.ts';
import type { BfdSettings } from '../bfd.ts';
import type { AdvertisedPrefix, NextHops, ReceiveRules } from '../exchange.ts';
import type { Meta, PeerAsn, Selector } from '../model.ts';
import type { Path } from '../problem.ts';
import type { ToAdvertise } from './schema.ts';

export interface FrrDraft extends Meta {
  /** Absent: every node. */
  readonly nodeSelector?: Selector;
  readonly profiles: readonly { readonly name: string; readonly path: Path; readonly settings: BfdSettings }[];
  readonly routers: readonly RouterDraft[];
}

export interface RouterDraft {
  readonly path: Path;
  readonly asn: number;
  readonly routerId?: Address;
  /** Absent for the default VRF. */
  readonly vrf?: string;
  readonly prefixes: readonly Prefix[];
  readonly imports: readonly ImportDraft[];
  readonly neighbors: readonly NeighborDraft[];
}

export interface ImportDraft {
  /** '' for the default VRF. */
  readonly vrf: string;
  readonly path: Path;
}

/** What is absent was not given, and has the default of frr-k8s. */
export interface NeighborDraft {
  readonly path: Path;
  readonly peerAsn: PeerAsn;
  /** Exactly one of the two. */
  readonly address?: Address;
  readonly interface?: string;
  /** At most one of the two. */
  readonly sourceAddress?: Address;
  readonly sourceInterface?: string;
  readonly port?: number;
  /** Never printed. */
  readonly password?: string;
  /** Name of a Secret, in the namespace of the document. */
  readonly secret?: string;
  /** Both or none, seconds. */
  readonly holdTimeSec?: number;
  readonly keepaliveTimeSec?: number;
  readonly connectTimeSec?: number;
  readonly ebgpMultiHop?: boolean;
  readonly dualStackAddressFamily?: boolean;
  readonly localAsn?: number;
  readonly gracefulRestart?: boolean;
  readonly bfdProfile?: string;
  readonly receive: ReceiveRules;
  readonly advertise: readonly AdvertisedPrefix[];
  /** Of a router that imports: `advertise` cannot be known before the prefixes of other documents are. */
  readonly toAdvertise?: ToAdvertise;
  readonly nextHops: NextHops;
}

/** The neighbour as frr-k8s calls it: what tells one session from another. */
export const neighborId = (link: string, vrf: string | undefined): string =>
  vrf === undefined ? link : `${link}-${vrf}`;
