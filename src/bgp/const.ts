/** Numbers of the BGP registries (IANA "BGP Parameters"), under the names that the RFCs give them. */

/** RFC 4271 §4.1. */
export const MessageType = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;
export type MessageName = keyof typeof MessageType;

export const BGP_VERSION = 4;
/** TCP port 179 (RFC 4271 §8). */
export const BGP_PORT = 179;
/** Marker, length and type (RFC 4271 §4.1). */
export const HEADER_OCTETS = 19;
/** Largest message without, and with, the extended-message capability (RFC 4271 §4.1, RFC 8654 §3). */
export const MAX_MESSAGE_OCTETS = 4096;
export const MAX_EXTENDED_MESSAGE_OCTETS = 65535;
/** Stands for a four-octet AS number where only two octets fit (RFC 6793 §9). */
export const AS_TRANS = 23456;
/** The only non-zero hold times below this are refused (RFC 4271 §4.2), seconds. */
export const MIN_HOLD_TIME_SEC = 3;

/** Address families a session can carry; the names are those of the CLI and of `show`. */
export type AddressFamily = 'ipv4' | 'ipv6';
export const Afi = { ipv4: 1, ipv6: 2 } as const;
export const Safi = { unicast: 1 } as const;
/** The family with this AFI and SAFI, or undefined for one that we do not speak. */
export function familyOf(afi: number, safi: number): AddressFamily | undefined {
  if (safi !== Safi.unicast) return undefined;
  return afi === Afi.ipv4 ? 'ipv4' : afi === Afi.ipv6 ? 'ipv6' : undefined;
}

/** Path attribute type codes (RFC 4271 §5, and the RFC beside each). */
export const AttributeCode = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8, // RFC 1997
  originatorId: 9, // RFC 4456
  clusterList: 10, // RFC 4456
  mpReach: 14, // RFC 4760
  mpUnreach: 15, // RFC 4760
  extendedCommunities: 16, // RFC 4360
  as4Path: 17, // RFC 6793
  as4Aggregator: 18, // RFC 6793
  ipv6ExtendedCommunities: 25, // RFC 5701
  aigp: 26, // RFC 7311
  largeCommunities: 32, // RFC 8092
  otc: 35, // RFC 9234
} as const;

/** Attribute flag bits (RFC 4271 §4.3). */
export const AttributeFlag = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

/** Capability codes (RFC 5492). */
export const CapabilityCode = {
  multiprotocol: 1, // RFC 4760
  routeRefresh: 2, // RFC 2918
  extendedNextHop: 5, // RFC 8950
  extendedMessage: 6, // RFC 8654
  role: 9, // RFC 9234
  gracefulRestart: 64, // RFC 4724
  fourOctetAs: 65, // RFC 6793
  addPath: 69, // RFC 7911
  enhancedRefresh: 70, // RFC 7313
  longLivedGracefulRestart: 71, // RFC 9494
  fqdn: 73, // draft-walton-bgp-hostname-capability
} as const;

/** Well-known communities (RFC 1997, RFC 8326, RFC 7999, RFC 9494). */
export const Community = {
  gracefulShutdown: 0xffff0000,
  llgrStale: 0xffff0006,
  noLlgr: 0xffff0007,
  blackhole: 0xffff029a,
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
} as const;
