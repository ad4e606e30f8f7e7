/** How many prefixes a peer may send. */
import { type AddressFamily, Afi, Safi } from '../bgp/const.ts';
import { Cease, ErrorCode, type Notification, notification } from '../bgp/errors.ts';
import { Writer } from '../lib/bytes.ts';
import type { Peer } from './peer.ts';

export interface Excess {
  /** Of all families. */
  readonly prefixes: number;
  readonly limit: number;
  /** Names the family with the most prefixes, and the limit (RFC 4486 §4). */
  readonly cease: Notification;
}

/**
 * Undefined while the peer keeps to its limit, or has none. What is kept from before its restart does not count: it has
 * not sent that in this session, and may be about to send others in its place.
 */
export function excessOf(peer: Peer): Excess | undefined {
  const limit = peer.settings.limits?.maxPrefixes;
  if (limit === undefined) return undefined;
  const sent = (family: AddressFamily): number => {
    const { received, stale } = peer.counts(family);
    return received - stale;
  };
  const [ipv4, ipv6] = [sent('ipv4'), sent('ipv6')];
  const prefixes = ipv4 + ipv6;
  if (prefixes <= limit) return undefined;
  const data = new Writer(7)
    .u16(ipv4 >= ipv6 ? Afi.ipv4 : Afi.ipv6)
    .u8(Safi.unicast)
    .u32(limit);
  return { prefixes, limit, cease: notification(ErrorCode.cease, Cease.maximumPrefixes, data.bytes) };
}
