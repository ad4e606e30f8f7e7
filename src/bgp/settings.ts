/** What a session needs to know of its peer: plain data, compared field by field on reload. */
import type { Address } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { AddressFamily } from './const.ts';
import type { ReceivePolicy } from './receive.ts';

/** What we are to the peer (RFC 9234 §4.1). */
export type Role = 'provider' | 'routeServer' | 'routeServerClient' | 'customer' | 'peer';

/** The number, or on which side of our AS's border the peer must be. */
export type PeerAsn = number | 'internal' | 'external';

/** How BFD watches the path to the peer (RFC 5880, RFC 5882). Who runs BFD tells the session what becomes of the path. */
export interface BfdSettings {
  /** Least time between packets that we take, ms. */
  readonly receiveIntervalMs: number;
  /** Least time between packets that we send, ms. */
  readonly transmitIntervalMs: number;
  readonly detectMultiplier: number;
  /** The peer speaks first. */
  readonly passive: boolean;
  /** TTL or hop limit that packets of a multihop session arrive with at least. */
  readonly minimumTtl: number;
  /** The BGP session waits until BFD is up. */
  readonly strict: boolean;
}

export interface PeerSettings {
  /** Unique among the peers of a speaker: a document's name, or the address for an ad-hoc session. */
  readonly name: string;
  /** For an unnumbered peer, the link-local address that was discovered on `interface`. */
  readonly address: Address;
  /** Where to dial, 1..65535. */
  readonly port: number;
  /** Local address to dial from, and the only one on which this peer may call. */
  readonly sourceAddress?: Address;
  /** The link that a link-local peer is on. */
  readonly interface?: string;
  /** The VRF device whose table the session uses; absent for the default VRF. */
  readonly vrf?: string;
  /** Our AS number on this session, 1..4294967295. */
  readonly localAsn: number;
  /** Our own AS where `localAsn` stands in for it (local-as no-prepend replace-as). */
  readonly trueAsn?: number;
  readonly peerAsn: PeerAsn;
  /** Our BGP identifier as a number; unique within the AS, never 0 (RFC 6286). */
  readonly routerId: number;
  /** What we propose: 0 (no keepalives) or 3..65535 seconds. */
  readonly holdTimeSec: number;
  /** At most a third of the negotiated hold time unless given, seconds. */
  readonly keepaliveTimeSec?: number;
  /** Fixed time between dials, 1..65535 seconds; a back-off where absent. */
  readonly connectRetrySec?: number;
  readonly families: readonly AddressFamily[];
  /** Never dial: wait for the peer to call. */
  readonly passive: boolean;
  /** The peer may be more than one hop away: TTL 64 instead of 1 towards an external peer. */
  readonly multihop: boolean;
  /** GTSM (RFC 5082): the peer is this many hops away at most, 1..254. Excludes `multihop`. */
  readonly ttlSecurityHops?: number;
  /** TCP-MD5 (RFC 2385), 1..80 octets. Never printed. */
  readonly password?: string;
  /** Names we tell in the FQDN capability; absent when there is nothing to tell. */
  readonly hostname?: string;
  /** Graceful restart (RFC 4724): how long the peer is to wait for us, 1..4095 seconds; absent: helper only. */
  readonly restartTimeSec?: number;
  /** Several paths per prefix are taken from the peer (RFC 7911). */
  readonly addPathReceive?: boolean;
  readonly role?: Role;
  /** A peer that announces no role is refused (RFC 9234 §4.2). */
  readonly strictRole?: boolean;
  /** A change never resets the session. */
  readonly bfd?: BfdSettings;
  /** Next hops of what the peer is told, instead of our own address on the session. */
  readonly nextHops?: NextHops;
  /** What is for every peer is not for this one: it is told what names it. */
  readonly onlyNamed?: boolean;
  /** What of the peer's routes may be used; absent: nothing. */
  readonly receive?: ReceivePolicy;
  /** Protection against what the peer sends. */
  readonly limits?: ReceiveLimits;
}

export interface NextHops {
  readonly ipv4?: Address;
  readonly ipv6?: Address;
}

export interface ReceiveLimits {
  /** Prefixes of all families together; 1 or more. */
  readonly maxPrefixes?: number;
  /** Only warn at `maxPrefixes`, instead of ending the session (Cease, Maximum Number of Prefixes Reached). */
  readonly warnOnly?: boolean;
  /** After the session was ended for it, dial again so much later, seconds; absent: not before an operator says so. */
  readonly restartSec?: number;
  /** Longest AS_PATH, hops. */
  readonly maxAsPath?: number;
  /** Default true for external peers, but for route servers whose clients we are. */
  readonly enforceFirstAs?: boolean;
  /** Refuse next hops and prefixes that belong on no wire. */
  readonly refuseMartians?: boolean;
}

/** iBGP: both ends share the AS. For a peer whose AS is not known before its OPEN, what it must turn out to be. */
export const isInternal = ({ localAsn, peerAsn }: Pick<PeerSettings, 'localAsn' | 'peerAsn'>): boolean =>
  peerAsn === 'internal' || peerAsn === localAsn;

/** An external peer is on a link of ours, and no router forwards its packets: what RFC 4271 calls one hop away. */
export const isSingleHop = ({ multihop, ttlSecurityHops = 1 }: PeerSettings): boolean =>
  !multihop && ttlSecurityHops === 1;

/** Fields that shape what was agreed in OPEN or how the connection was made: a change of any resets the session. */
export const sessionFields = [
  'address',
  'port',
  'sourceAddress',
  'interface',
  'vrf',
  'localAsn',
  'peerAsn',
  'routerId',
  'holdTimeSec',
  'keepaliveTimeSec',
  'families',
  'passive',
  'multihop',
  'ttlSecurityHops',
  'password',
  'hostname',
  'restartTimeSec',
  'addPathReceive',
  'role',
  'strictRole',
] as const satisfies readonly (keyof PeerSettings)[];
export type SessionField = (typeof sessionFields)[number];

/** Those of `sessionFields` in which two settings differ. */
export const changedFields = (
  a: Readonly<Partial<Record<SessionField, unknown>>>,
  b: Readonly<Partial<Record<SessionField, unknown>>>,
): SessionField[] => sessionFields.filter((field) => !equal(a[field], b[field]));
