/** Which neighbour solicitations are answered, and with what. */
import type { Address } from '../lib/address.ts';
import { isGroupMac, type Mac } from '../lib/mac.ts';
import { isUnspecified, type NeighborFault, type NeighborFrame, unsolicitedAdvertisement } from './neighbor.ts';

/**
 * What an address is to the interface a packet came in on: announced there, announced on other interfaces only,
 * given up there to another host that has it (see l2/conflict.ts), or none of ours.
 */
export type Standing = 'here' | 'elsewhere' | 'yielded' | 'none';

/** Why a frame is not answered. The first four are MetalLB's words. */
export type NdReason =
  | 'messageType'
  | 'noSourceLL'
  | 'announceIP'
  | 'notMatchInterface'
  | 'ethernetDestination'
  | 'yielded'
  | 'sourceMac'
  | NeighborFault;

/** The interface that a solicitation came in on. */
export interface NdInterface {
  readonly mac: Mac;
  standing(address: Address): Standing;
}

/**
 * The advertisement to send on the same interface, or why there is none. Its source is the target: hosts take it from
 * there (`ndisc6` from nowhere else), and it needs no link-local address of ours.
 *
 * Multicast solicitations must name the sender's link-layer address (RFC 4861 §4.3); unicast ones, which check whether
 * a neighbour is still there, need not, and the frame's own source is used. A probe for duplicates is answered to all
 * nodes, so that the prober does not take the address (RFC 4861 §7.2.4, RFC 4862 §5.4.4).
 */
export function respondNeighbor(f: NeighborFrame, on: NdInterface): NeighborFrame | NdReason {
  const { mac } = on;
  const { message } = f;
  if (message.type !== 'solicitation') return 'messageType';
  const probe = isUnspecified(f.from);
  const group = isGroupMac(f.destination);
  if (!group && f.destination !== mac) return 'ethernetDestination';
  const asker = message.sourceLinkLayer ?? (group ? undefined : f.source);
  if (asker === undefined && !probe) return 'noSourceLL';
  const here = on.standing(message.target);
  if (here !== 'here') return notHere[here];
  if (probe) return unsolicitedAdvertisement(mac, message.target);
  if (asker === undefined || isGroupMac(asker) || asker === 0) return 'sourceMac';
  return {
    destination: asker,
    source: mac,
    from: message.target,
    to: f.from,
    message: {
      type: 'advertisement',
      router: false,
      solicited: true,
      override: false,
      target: message.target,
      targetLinkLayer: mac,
    },
  };
}

/** Why there is no answer for an address that is not announced here. */
const notHere = { elsewhere: 'notMatchInterface', yielded: 'yielded', none: 'announceIP' } as const;
