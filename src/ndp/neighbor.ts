/**
 * Neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4, §7.1) as whole Ethernet frames: what a packet socket
 * gives and takes. An ICMPv6 socket would not do, since it never sees a unicast solicitation for an address that is
 * announced but not configured, and every neighbour that has learnt the address sends those.
 */
import { type Address, addressFrom } from '../lib/address.ts';
import { Reader, TruncatedError, Writer } from '../lib/bytes.ts';
import { type Mac, macBytes } from '../lib/mac.ts';
import {
  allNodes,
  type DropReason,
  decodeOptions,
  encodeOptions,
  ND_HOP_LIMIT,
  NdType,
  openMessage,
  writeHeader,
} from './message.ts';

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

/** A message with the headers around it. `to` and `from` of a frame that was read are views into it. */
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

/** Reads a frame; what follows the IPv6 packet is padding and ignored. */
export function decodeNeighbor(frame: Uint8Array): NeighborFrame | NeighborFault {
  try {
    return decode(new Reader(frame));
  } catch (error) {
    if (error instanceof TruncatedError) return 'truncated';
    throw error;
  }
}

function decode(r: Reader): NeighborFrame | NeighborFault {
  const destination = r.u48();
  const source = r.u48();
  if (r.u16() !== ETHERTYPE_IPV6) return 'etherType';
  if (r.u8() >> 4 !== 6) return 'version';
  r.skip(3);
  const length = r.u16();
  if (r.u8() !== NEXT_HEADER_ICMPV6) return 'nextHeader';
  const hopLimit = r.u8();
  const from = addressFrom(r.view(16));
  const to = addressFrom(r.view(16));
  const bytes = r.view(length);
  const type = bytes[0];
  if (type !== NdType.neighborSolicitation && type !== NdType.neighborAdvertisement) return 'messageType';
  // Last of the sums: of what is well-formed, nothing else costs a look at every octet.
  const message = decodeMessage(type, { source: from, hopLimit, bytes }, to);
  if (typeof message === 'string') return message;
  if (checksum(from, to, bytes) !== 0) return 'checksum';
  return { destination, source, from, to, message };
}

function decodeMessage(
  type: number,
  packet: Parameters<typeof openMessage>[0],
  to: Address,
): NeighborFrame['message'] | NeighborFault {
  const r = openMessage(packet, 24);
  if (typeof r === 'string') return r as Exclude<DropReason, 'type' | 'source'>;
  const flags = r.u8();
  r.skip(3);
  const target = addressFrom(r.view(16));
  if (isMulticast(target)) return 'target';
  const options = decodeOptions(r);
  if (options === undefined) return 'option';
  const link = type === NdType.neighborSolicitation ? options.sourceLinkLayer : options.targetLinkLayer;
  if (link !== undefined && link.length !== 6) return 'option';
  const mac = link && new Reader(link).u48();
  if (type === NdType.neighborAdvertisement) {
    const solicited = (flags & SOLICITED) !== 0;
    // RFC 4861 §7.1.2: one that goes to many answers nobody.
    if (solicited && isMulticast(to)) return 'destination';
    return {
      type: 'advertisement',
      router: (flags & ROUTER) !== 0,
      solicited,
      override: (flags & OVERRIDE) !== 0,
      target,
      ...(mac !== undefined && { targetLinkLayer: mac }),
    };
  }
  if (isUnspecified(packet.source)) {
    if (!isSolicitedNode(to)) return 'destination';
    if (mac !== undefined) return 'sourceLinkLayer';
  }
  return { type: 'solicitation', target, ...(mac !== undefined && { sourceLinkLayer: mac }) };
}

/** The frame, written into `buffer` where one of at least `NEIGHBOR_FRAME_OCTETS` is given. */
export function encodeNeighbor(
  { destination, source, from, to, message }: NeighborFrame,
  buffer: Uint8Array = new Uint8Array(NEIGHBOR_FRAME_OCTETS),
): Uint8Array {
  const w = new Writer(buffer);
  w.u48(destination).u48(source).u16(ETHERTYPE_IPV6);
  w.u32(0x6000_0000);
  const length = w.at;
  w.u16(0).u8(NEXT_HEADER_ICMPV6).u8(ND_HOP_LIMIT).put8s(from.bytes).put8s(to.bytes);
  const start = w.at;
  if (message.type === 'solicitation') {
    writeHeader(w, NdType.neighborSolicitation);
    w.u32(0).put8s(message.target.bytes);
    if (message.sourceLinkLayer !== undefined) encodeOptions(w, { sourceLinkLayer: macBytes(message.sourceLinkLayer) });
  } else {
    writeHeader(w, NdType.neighborAdvertisement);
    const { router, solicited, override } = message;
    w.u8((router ? ROUTER : 0) | (solicited ? SOLICITED : 0) | (override ? OVERRIDE : 0)).zeros(3);
    w.put8s(message.target.bytes);
    if (message.targetLinkLayer !== undefined) encodeOptions(w, { targetLinkLayer: macBytes(message.targetLinkLayer) });
  }
  const bytes = buffer.subarray(start, w.at);
  new Writer(buffer, length).u16(bytes.length);
  new Writer(buffer, start + 2).u16(checksum(from, to, bytes));
  return w.at === buffer.length ? buffer : buffer.subarray(0, w.at);
}

/** RFC 4443 §2.3, over the pseudo-header too: the field's value when it is 0 in `bytes`, and 0 when it is right. */
function checksum(from: Address, to: Address, bytes: Uint8Array): number {
  let sum = bytes.length + NEXT_HEADER_ICMPV6;
  for (let i = 0; i < 16; i += 2) {
    sum += (from.bytes[i]! << 8) | from.bytes[i + 1]!;
    sum += (to.bytes[i]! << 8) | to.bytes[i + 1]!;
  }
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}

const isMulticast = (a: Address): boolean => a.bytes[0] === 0xff;

export const isUnspecified = (a: Address): boolean => a.bytes.every((octet) => octet === 0);

const isSolicitedNode = ({ bytes }: Address): boolean =>
  bytes[0] === 0xff &&
  bytes[1] === 2 &&
  bytes[11] === 1 &&
  bytes[12] === 0xff &&
  bytes.subarray(2, 11).every((o) => o === 0);

/** ff02::1:ffXX:XXXX with the last 24 bits of the address (RFC 4291 §2.7.1). */
export function solicitedNode({ bytes }: Address): Address {
  const group = new Uint8Array(16);
  group.set([0xff, 2]);
  group.set([1, 0xff, ...bytes.subarray(13)], 11);
  return addressFrom(group);
}

/** The Ethernet address of an IPv6 multicast group (RFC 2464 §7). */
export const groupMac = ({ bytes }: Address): Mac => 0x3333_0000_0000 + new Reader(bytes, 12).u32();

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
