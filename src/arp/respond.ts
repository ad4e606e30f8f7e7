/** Which ARP requests are answered, and with what. The tests come in the order of MetalLB's, then our own. */
import { BROADCAST_MAC, isGroupMac, type Mac } from '../lib/mac.ts';
import { type ArpFault, type ArpPacket, Operation } from './packet.ts';

/**
 * What an address is to the interface a packet came in on: announced there, announced on other interfaces only,
 * given up there to another host that has it (see l2/conflict.ts), or none of ours.
 */
export type Standing = 'here' | 'elsewhere' | 'yielded' | 'none';

/** Why a frame is not answered. The first four are MetalLB's words. */
export type ArpReason =
  | 'arpReply'
  | 'ethernetDestination'
  | 'announceIP'
  | 'notMatchInterface'
  | 'yielded'
  | 'gratuitous'
  | 'senderMac'
  | ArpFault;

/** The interface that a request came in on. */
export interface ArpInterface {
  readonly mac: Mac;
  standing(ip: number): Standing;
}

/** The reply to send on the same interface, or why there is none. A probe (sender 0.0.0.0) is answered: RFC 5227 §2.1.1. */
export function respondArp(p: ArpPacket, on: ArpInterface): ArpPacket | ArpReason {
  const { mac } = on;
  if (p.operation !== Operation.request) return 'arpReply';
  if (p.destination !== BROADCAST_MAC && p.destination !== mac) return 'ethernetDestination';
  const here = on.standing(p.targetIp);
  if (here !== 'here') return notHere[here];
  // An announcement asks nothing; that it claims our address is a conflict, which is not settled by a reply to it.
  if (p.senderIp === p.targetIp) return 'gratuitous';
  // A reply to all, or to nobody, is not what a host asks for.
  if (isGroupMac(p.senderMac) || p.senderMac === 0) return 'senderMac';
  return {
    destination: p.senderMac,
    source: mac,
    operation: Operation.reply,
    senderMac: mac,
    senderIp: p.targetIp,
    targetMac: p.senderMac,
    targetIp: p.senderIp,
  };
}

/** Why there is no answer for an address that is not announced here. */
const notHere = { elsewhere: 'notMatchInterface', yielded: 'yielded', none: 'announceIP' } as const;
