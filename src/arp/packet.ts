/**
 * ARP for IPv4 over Ethernet (RFC 826), as whole frames: what a packet socket gives and takes.
 *
 * A frame carries each hardware address twice, in its Ethernet header and in the ARP packet. The two are kept apart,
 * since the one says where a frame went and the other what it claims.
 */
import { Reader, TruncatedError, Writer } from '../lib/bytes.ts';
import { BROADCAST_MAC, type Mac } from '../lib/mac.ts';

export const ETHERTYPE_ARP = 0x0806;

export const Operation = { request: 1, reply: 2 } as const;

const HARDWARE_ETHERNET = 1;
const ETHERTYPE_IPV4 = 0x0800;

/** Octets of Ethernet header and packet. Drivers pad to Ethernet's minimum, so frames that arrive may be longer. */
export const ARP_FRAME_OCTETS = 42;

/** IPv4 addresses are 32-bit numbers, as `toU32` gives them. */
export interface ArpPacket {
  /** Of the Ethernet header. */
  readonly destination: Mac;
  readonly source: Mac;
  /** 1 request, 2 reply; anything else is kept as it came. */
  readonly operation: number;
  readonly senderMac: Mac;
  readonly senderIp: number;
  readonly targetMac: Mac;
  readonly targetIp: number;
}

/** Why a frame is no ARP packet for IPv4 over Ethernet. */
export type ArpFault = 'truncated' | 'etherType' | 'hardwareType' | 'protocolType' | 'addressLength';

/** Reads a frame; what follows the packet is padding and ignored. */
export function decodeArp(frame: Uint8Array): ArpPacket | ArpFault {
  try {
    const r = new Reader(frame);
    const destination = r.u48();
    const source = r.u48();
    if (r.u16() !== ETHERTYPE_ARP) return 'etherType';
    if (r.u16() !== HARDWARE_ETHERNET) return 'hardwareType';
    if (r.u16() !== ETHERTYPE_IPV4) return 'protocolType';
    if (r.u16() !== 0x0604) return 'addressLength';
    const operation = r.u16();
    const senderMac = r.u48();
    const senderIp = r.u32();
    const targetMac = r.u48();
    return { destination, source, operation, senderMac, senderIp, targetMac, targetIp: r.u32() };
  } catch (error) {
    if (error instanceof TruncatedError) return 'truncated';
    throw error;
  }
}

/** The frame, without padding, written into `buffer` where one of at least `ARP_FRAME_OCTETS` is given. */
export function encodeArp(p: ArpPacket, buffer: Uint8Array = new Uint8Array(ARP_FRAME_OCTETS)): Uint8Array {
  const w = new Writer(buffer);
  w.u48(p.destination).u48(p.source).u16(ETHERTYPE_ARP);
  w.u16(HARDWARE_ETHERNET).u16(ETHERTYPE_IPV4).u16(0x0604).u16(p.operation);
  w.u48(p.senderMac).u32(p.senderIp).u48(p.targetMac).u32(p.targetIp);
  return w.at === buffer.length ? buffer : buffer.subarray(0, w.at);
}

/**
 * A gratuitous request and a gratuitous reply, both broadcast with the address as sender and target. Some stacks and
 * switches learn from the one, some from the other, so both are sent, as MetalLB does (RFC 5227 §3 has the history).
 */
export const gratuitousArp = (mac: Mac, ip: number): readonly [ArpPacket, ArpPacket] => {
  const announce = (operation: number): ArpPacket => ({
    destination: BROADCAST_MAC,
    source: mac,
    operation,
    senderMac: mac,
    senderIp: ip,
    targetMac: BROADCAST_MAC,
    targetIp: ip,
  });
  return [announce(Operation.request), announce(Operation.reply)];
};

/** Asks whether somebody has the address without claiming it (RFC 5227 §2.1.1). */
export const arpProbe = (mac: Mac, ip: number): ArpPacket => ({
  destination: BROADCAST_MAC,
  source: mac,
  operation: Operation.request,
  senderMac: mac,
  senderIp: 0,
  targetMac: 0,
  targetIp: ip,
});
