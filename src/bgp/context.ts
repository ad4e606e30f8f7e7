/** What both sides of a session agreed on, as a frozen value: codecs get it as an argument and never see a peer. */
import { type AddressFamily, MAX_EXTENDED_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS } from './const.ts';

export interface Context {
  /** AS numbers take four octets in AS_PATH and AGGREGATOR (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** iBGP: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST belong on this session (RFC 7606 §7.5, §7.9, §7.10). */
  readonly internal: boolean;
  /** Largest message we may send and must accept, octets (RFC 8654). */
  readonly maxMessage: number;
  readonly families: readonly AddressFamily[];
  /** Families whose NLRI carry a path identifier, by direction (RFC 7911). */
  readonly addPathReceive: readonly AddressFamily[];
  readonly addPathSend: readonly AddressFamily[];
  /** IPv4 NLRI may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The session is between link-local addresses: of two next hops of a route, that on the link is the way (RFC 2545 §3). */
  readonly linkLocal?: true;
}

/** Before OPEN, and for decoding without a session: four-octet AS numbers, both families, nothing else. */
export const DEFAULT_CONTEXT: Context = Object.freeze({
  fourOctetAs: true,
  internal: false,
  maxMessage: MAX_MESSAGE_OCTETS,
  families: Object.freeze<AddressFamily[]>(['ipv4', 'ipv6']),
  addPathReceive: Object.freeze<AddressFamily[]>([]),
  addPathSend: Object.freeze<AddressFamily[]>([]),
  extendedNextHop: false,
});

export const maxMessageOf = (extended: boolean): number =>
  extended ? MAX_EXTENDED_MESSAGE_OCTETS : MAX_MESSAGE_OCTETS;
