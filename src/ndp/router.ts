/** Router solicitation and advertisement (RFC 4861 §4.1, §4.2, rules in §6.1). */
import { isLinkLocal } from '../lib/address.ts';
import { type Reader, Writer } from '../lib/bytes.ts';
import {
  type DropReason,
  decodeOptions,
  encodeOptions,
  type NdOptions,
  type NdPacket,
  NdType,
  openMessage,
  writeHeader,
} from './message.ts';

export interface RouterSolicitation {
  readonly type: 'solicitation';
  readonly options: NdOptions;
}

export interface RouterAdvertisement {
  readonly type: 'advertisement';
  /** What hosts should send with; 0: no opinion. */
  readonly currentHopLimit: number;
  /** The octet of flags: managed 0x80, other 0x40, preference 0x18 (RFC 4191). */
  readonly flags: number;
  /** How long this may be a default router, 0..65535 seconds; 0: it is none. */
  readonly lifetimeSec: number;
  /** 0: no opinion. */
  readonly reachableMs: number;
  /** 0: no opinion. */
  readonly retransmitMs: number;
  readonly options: NdOptions;
}

export type RouterMessage = RouterSolicitation | RouterAdvertisement;

/** RFC 4861 §6.1.1 and §6.1.2. What comes back shares no memory with the packet. */
export function decodeRouter(packet: NdPacket): RouterMessage | DropReason {
  switch (packet.bytes[0]) {
    case NdType.routerSolicitation:
      return decodeSolicitation(packet);
    case NdType.routerAdvertisement:
      return decodeAdvertisement(packet);
    default:
      return 'type';
  }
}

function decodeSolicitation(packet: NdPacket): RouterSolicitation | DropReason {
  const r = openMessage(packet, 8);
  if (typeof r === 'string') return r;
  r.skip(4);
  const options = decodeOptions(r);
  if (options === undefined) return 'option';
  const unspecified = packet.source.bytes.every((octet) => octet === 0);
  return unspecified && options.sourceLinkLayer ? 'sourceLinkLayer' : { type: 'solicitation', options };
}

function decodeAdvertisement(packet: NdPacket): RouterAdvertisement | DropReason {
  if (!isLinkLocal(packet.source)) return 'source';
  const r: Reader | DropReason = openMessage(packet, 16);
  if (typeof r === 'string') return r;
  const fixed = {
    currentHopLimit: r.u8(),
    flags: r.u8(),
    lifetimeSec: r.u16(),
    reachableMs: r.u32(),
    retransmitMs: r.u32(),
  };
  const options = decodeOptions(r);
  return options === undefined ? 'option' : { type: 'advertisement', ...fixed, options };
}

/** The smallest MTU less the IPv6 header. */
const MAX_OCTETS = 1240;

/** The ICMPv6 message with a checksum of zero. Throws `OverflowError` past `capacity` octets. */
export function encodeRouter(message: RouterMessage, capacity = MAX_OCTETS): Uint8Array {
  const w = new Writer(capacity);
  if (message.type === 'solicitation') {
    writeHeader(w, NdType.routerSolicitation);
    w.u32(0);
  } else {
    writeHeader(w, NdType.routerAdvertisement);
    w.u8(message.currentHopLimit).u8(message.flags).u16(message.lifetimeSec);
    w.u32(message.reachableMs).u32(message.retransmitMs);
  }
  encodeOptions(w, message.options);
  return w.finish();
}
