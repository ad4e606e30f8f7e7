/** What is exchanged on a session beside the routes of Services, and what of it is used. */
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Meta } from './model.ts';

/** Which received prefixes may be used: all but default routes and prefixes of this node, or those that a rule allows. */
export interface ReceiveRules {
  readonly all: boolean;
  /** Length of the prefix <= ge <= le <= 32 or 128; with neither, the prefix itself. */
  readonly rules: readonly PrefixRule[];
}

/** The first that matches decides. */
export interface PrefixRule {
  readonly prefix: Prefix;
  readonly ge?: number;
  readonly le?: number;
  readonly deny?: boolean;
}

/** A prefix that a document has one session tell of, whether or not there is a route to it. */
export interface AdvertisedPrefix {
  /** The document that says so. */
  readonly document: Meta;
  readonly prefix: Prefix;
  readonly localPref?: number;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly (readonly [number, number, number])[];
}

/** Next hops of everything that a session tells of, instead of our own address there. */
export interface NextHops {
  readonly ipv4?: Address;
  readonly ipv6?: Address;
}
