/**
 * Neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4, §7.1) as whole Ethernet frames: what a packet socket
 * gives and takes. An ICMPv6 socket would not do, since it never sees a unicast solicitation for an address that is
 * announced but not configured, and every neighbour that has learnt the address sends those.
 */
import { type Address, addressFrom, toU32 } from '../lib/address.ts';
import { Writer } from '../lib/bytes.ts';
import type { Mac } from '../lib/mac.ts';
import { allNodes, type DropReason, ND_HOP_LIMIT, NdType } from './message.ts';

export const ETHERTYPE_IPV6 = 0x86dd;
const NEXT_HEADER_ICMPV6 = 58;
const ETHERNET_OCTETS = 14;
const IPV6_OCTETS = 40;
/** A message with one link-layer address, and the Ethernet and IPv6 headers. */
export const NEIGHBOR_FRAME_OCTETS = ETHERNET_OCTETS + IPV6_OCTETS + 32;

const ROUTER = 0x80;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;

export interface Solicitation {
  readonly type: 'solicitation';
  readonly target: Address;
  readonly sourceLinkLayer?: Mac;
}

export interface Advertisement {
  readonly type: 'advertisement';
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  readonly target: Address;
  readonly targetLinkLayer?: Mac;
}

/** A message with the headers around it. The addresses of a frame that was read are views into it. */
export interface NeighborFrame {
  /** Of the Ethernet header. */
  readonly destination: Mac;
  readonly source: Mac;
  readonly from: Address;
  readonly to: Address;
  readonly message: Solicitation | Advertisement;
}

/** Why a frame holds no valid solicitation or advertisement. */
export type NeighborFault =
  | Exclude<DropReason, 'type' | 'source'>
  | 'truncated'
  | 'etherType'
  | 'version'
  | 'nextHeader' // extension headers too: RFC 6980 forbids fragments, and nothing else has them
  | 'messageType'
  | 'checksum'
  | 'target' // multicast
  | 'destination'; // a probe from the unspecified address that did not go to a solicited-node group

/** Where things are in a frame: nothing before the options has a variable length. */
const At = { type: 12, version: 14, length: 18, nextHeader: 20, hopLimit: 21, from: 22, to: 38, icmp: 54 } as const;
const FLAGS_AT = At.icmp + 4;
const TARGET_AT = At.icmp + 8;
const OPTIONS_AT = At.icmp + 24;

const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;

/**
 * Reads a frame; what follows the IPv6 packet is padding and ignored. It is read in place, with hardly anything made for
 * it: a host waits for the answer, and what was not looked at for a millisecond is slow to touch.
 */
export function decodeNeighbor(frame: Uint8Array): NeighborFrame | NeighborFault {
  if (frame.length < ETHERNET_OCTETS) return 'truncated';
  if (u16(frame, At.type) !== ETHERTYPE_IPV6) return 'etherType';
  if (frame.length < At.icmp) return 'truncated';
  if (frame[At.version]! >> 4 !== 6) return 'version';
  if (frame[At.nextHeader] !== NEXT_HEADER_ICMPV6) return 'nextHeader';
  const length = u16(frame, At.length);
  const end = At.icmp + length;
  if (end > frame.length) return 'truncated';
  const type = length > 0 ? frame[At.icmp] : undefined;
  if (type !== NdType.neighborSolicitation && type !== NdType.neighborAdvertisement) return 'messageType';
  if (frame[At.hopLimit] !== ND_HOP_LIMIT) return 'hopLimit';
  if (length < OPTIONS_AT - At.icmp) return 'length';
  if (frame[At.icmp + 1] !== 0) return 'code';
  if (frame[TARGET_AT] === 0xff) return 'target';
  const message = decodeMessage(frame, type, end);
  if (typeof message === 'string') return message;
  // Last of the sums: of what is well-formed, nothing else costs a look at every octet.
  if (checksum(frame, end) !== 0) return 'checksum';
  const { from, to } = viewsOf(frame);
  return { destination: u48(frame, 0), source: u48(frame, 6), from, to, message };
}

function decodeMessage(frame: Uint8Array, type: number, end: number): NeighborFrame['message'] | NeighborFault {
  const solicitation = type === NdType.neighborSolicitation;
  const at = findLinkLayer(frame, solicitation ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER, end);
  if (at === undefined) return 'option';
  const mac = at === 0 ? undefined : u48(frame, at);
  const { from, to, target } = viewsOf(frame);
  if (!solicitation) {
    const flags = frame[FLAGS_AT]!;
    const solicited = (flags & SOLICITED) !== 0;
    // RFC 4861 §7.1.2: one that goes to many answers nobody.
    if (solicited && to.bytes[0] === 0xff) return 'destination';
    const router = (flags & ROUTER) !== 0;
    const override = (flags & OVERRIDE) !== 0;
    const message: Advertisement = { type: 'advertisement', router, solicited, override, target };
    return mac === undefined ? message : { ...message, targetLinkLayer: mac };
  }
  if (isUnspecified(from)) {
    if (!isSolicitedNode(to)) return 'destination';
    if (mac !== undefined) return 'sourceLinkLayer';
  }
  return mac === undefined ? { type: 'solicitation', target } : { type: 'solicitation', target, sourceLinkLayer: mac };
}

/**
 * Where the address is in the first option of this kind, 0 when there is none. Undefined when the options' lengths lie, or
 * it is no Ethernet address.
 */
function findLinkLayer(frame: Uint8Array, kind: number, end: number): number | undefined {
  let found = 0;
  let units = 0;
  for (let at = OPTIONS_AT; at < end; at += 8 * units) {
    if (end - at < 2) return undefined;
    units = frame[at + 1]!;
    if (units === 0 || 8 * units > end - at) return undefined;
    if (frame[at] !== kind || found !== 0) continue;
    if (units !== 1) return undefined;
    found = at + 2;
  }
  return found;
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

const u48 = (bytes: Uint8Array, at: number): Mac => u16(bytes, at) * 0x1_0000_0000 + toU32(bytes, at + 2);

/** A frame's addresses. */
interface Views {
  readonly buffer: ArrayBufferLike;
  readonly at: number;
  readonly from: Address;
  readonly to: Address;
  readonly target: Address;
}

let views: Views | undefined;

/** Frames come in the same buffer again and again: the views into it are made once. */
function viewsOf({ buffer, byteOffset }: Uint8Array): Views {
  if (views?.buffer === buffer && views.at === byteOffset) return views;
  const address = (at: number) => addressFrom(new Uint8Array(buffer, byteOffset + at, 16));
  views = { buffer, at: byteOffset, from: address(At.from), to: address(At.to), target: address(TARGET_AT) };
  return views;
}

/** The frame, written into `buffer` where one of at least `NEIGHBOR_FRAME_OCTETS` is given. */
export function encodeNeighbor(
  { destination, source, from, to, message }: NeighborFrame,
  buffer: Uint8Array = new Uint8Array(NEIGHBOR_FRAME_OCTETS),
): Uint8Array {
  const solicitation = message.type === 'solicitation';
  const mac = message.type === 'solicitation' ? message.sourceLinkLayer : message.targetLinkLayer;
  const length = OPTIONS_AT - At.icmp + (mac === undefined ? 0 : 8);
  const w = new Writer(buffer);
  w.u48(destination).u48(source).u16(ETHERTYPE_IPV6);
  w.u32(0x6000_0000).u16(length).u8(NEXT_HEADER_ICMPV6).u8(ND_HOP_LIMIT).put8s(from.bytes).put8s(to.bytes);
  w.u8(solicitation ? NdType.neighborSolicitation : NdType.neighborAdvertisement)
    .u8(0)
    .u16(0);
  w.u32(message.type === 'solicitation' ? 0 : flagsOf(message) * 0x100_0000).put8s(message.target.bytes);
  if (mac !== undefined)
    w.u8(solicitation ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER)
      .u8(1)
      .u48(mac);
  const end = w.at;
  const sum = checksum(buffer, end);
  buffer[CHECKSUM_AT] = sum >>> 8;
  buffer[CHECKSUM_AT + 1] = sum;
  return end === buffer.length ? buffer : buffer.subarray(0, end);
}

const flagsOf = ({ router, solicited, override }: Advertisement): number =>
  (router ? ROUTER : 0) | (solicited ? SOLICITED : 0) | (override ? OVERRIDE : 0);

const CHECKSUM_AT = At.icmp + 2;

/**
 * RFC 4443 §2.3, of the message that ends at `end` and the pseudo-header, whose addresses stand right before it: the field's
 * value when it is 0 in the frame, and 0 when it is right.
 */
function checksum(frame: Uint8Array, end: number): number {
  let sum = end - At.icmp + NEXT_HEADER_ICMPV6;
  const even = end - (end % 2);
  for (let i = At.from; i < even; i += 2) sum += (frame[i]! << 8) | frame[i + 1]!;
  if (even < end) sum += frame[even]! << 8;
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}

export function isUnspecified({ bytes }: Address): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function isSolicitedNode({ bytes }: Address): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== 2 || bytes[11] !== 1 || bytes[12] !== 0xff) return false;
  for (let i = 2; i < 11; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** ff02::1:ffXX:XXXX with the last 24 bits of the address (RFC 4291 §2.7.1). */
export function solicitedNode({ bytes }: Address): Address {
  const group = new Uint8Array(16);
  group.set([0xff, 2]);
  group.set([1, 0xff, ...bytes.subarray(13)], 11);
  return addressFrom(group);
}

/** The Ethernet address of an IPv6 multicast group (RFC 2464 §7). */
export const groupMac = ({ bytes }: Address): Mac => 0x3333_0000_0000 + toU32(bytes, 12);

/** Tells all nodes of the link that an address is at `mac`, whatever they knew before (RFC 4861 §7.2.6). */
export const unsolicitedAdvertisement = (mac: Mac, target: Address): NeighborFrame => ({
  destination: groupMac(allNodes),
  source: mac,
  from: target,
  to: allNodes,
  message: { type: 'advertisement', router: false, solicited: false, override: true, target, targetLinkLayer: mac },
});

/** Asks whether somebody has the address without claiming it (RFC 4862 §5.4.2). */
export function neighborProbe(mac: Mac, target: Address): NeighborFrame {
  const to = solicitedNode(target);
  return {
    ...{ destination: groupMac(to), source: mac, from: unspecified, to },
    message: { type: 'solicitation', target },
  };
}

const unspecified = addressFrom(new Uint8Array(16));
