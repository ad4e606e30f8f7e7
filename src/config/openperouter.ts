/** What OpenPERouter's documents say that matters to a host: with which router of the fabric it has a session. */
import { type Address, fromBigInt, toBigInt } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Meta, Selector } from './model.ts';

/** The leg between the router and the host; of all four generations of the API. */
export interface HostSession {
  /** The router's AS. */
  readonly asn: number;
  /** Ours; `external`: any other than the router's. */
  readonly hostAsn: number | 'external';
  /** One of each family at most. */
  readonly localCidrs: readonly Prefix[];
  /** Where in the document it stands. */
  readonly path: readonly string[];
}

/** An overlay, or the way past them (L3Passthrough). */
export interface Overlay extends Meta {
  /** Empty: every node. */
  readonly nodeSelectors: readonly Selector[];
  /** 1..16777215; absent for what is no VXLAN. */
  readonly vni?: number;
  readonly vrf?: string;
  readonly session?: HostSession;
}

/** The fabric below. Its sessions are the router's, not ours. */
export interface FabricUnderlay extends Meta {
  readonly nodeSelectors: readonly Selector[];
  readonly asn: number;
}

/**
 * The router's address on the leg, the same on every node: the first of the prefix, or the second where the first one
 * ends in a zero octet, as the address of a network does.
 */
export function routerAddress(cidr: Prefix): Address {
  const first = toBigInt(cidr);
  return fromBigInt(cidr.family, cidr.bytes.at(-1) === 0 ? first + 1n : first);
}
