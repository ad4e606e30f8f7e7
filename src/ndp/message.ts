/**
 * What all neighbour discovery messages share (RFC 4861 §4, §6.1, §7.1): types, the rules that each is held to before it
 * is looked at, and the options. The messages themselves are beside this file, one family each.
 */
import { type Address, address } from '../lib/address.ts';
import { Reader, type Writer } from '../lib/bytes.ts';

/** ICMPv6 types (RFC 4861 §4). */
export const NdType = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
} as const;

/** Messages are sent with it, and with less they have passed a router and are not taken. */
export const ND_HOP_LIMIT = 255;

export const allNodes = address('ff02::1');
export const allRouters = address('ff02::2');

/** A message as it came: ICMPv6 header and body, the checksum verified by whoever read it. */
export interface NdPacket {
  readonly source: Address;
  /** Undefined when the socket did not tell, which counts as wrong. */
  readonly hopLimit: number | undefined;
  readonly bytes: Uint8Array;
}

/** Why a message is not taken. Each is silent on the wire (RFC 4861: "MUST silently discard"). */
export type DropReason =
  | 'type' // not a message that was asked for
  | 'hopLimit' // not 255: it comes from another link
  | 'code' // not 0
  | 'length' // shorter than its fixed part
  | 'option' // an option of length 0, or one that runs past the end
  | 'source' // an advertisement from no link-local address
  | 'sourceLinkLayer'; // a link-layer address from the unspecified address

/** Options that are understood; of several of a kind the first counts, of prefixes all. Others are passed over. */
export interface NdOptions {
  /** Of the sender; 6 octets on Ethernet. */
  readonly sourceLinkLayer?: Uint8Array;
  /** Of the target; 6 octets on Ethernet. */
  readonly targetLinkLayer?: Uint8Array;
  /** Octets. */
  readonly mtu?: number;
  /** Prefix information (RFC 4861 §4.6.2) without type and length: 30 octets each, as they came. */
  readonly prefixes?: readonly Uint8Array[];
}

const Option = { sourceLinkLayer: 1, targetLinkLayer: 2, prefix: 3, mtu: 5 } as const;

/** The reader behind the ICMPv6 header, when type-independent rules hold. `fixed`: octets the message has at least. */
export function openMessage({ hopLimit, bytes }: NdPacket, fixed: number): Reader | DropReason {
  if (hopLimit !== ND_HOP_LIMIT) return 'hopLimit';
  if (bytes.length < fixed) return 'length';
  return bytes[1] === 0 ? new Reader(bytes, 4) : 'code';
}

/** Type, code and room for the checksum, which the kernel fills in on a raw ICMPv6 socket. */
export function writeHeader(w: Writer, type: number): void {
  w.u8(type).u8(0).u16(0);
}

/** Reads options to the end. Undefined when their lengths lie. What is kept is copied. */
export function decodeOptions(r: Reader): NdOptions | undefined {
  let sourceLinkLayer: Uint8Array | undefined;
  let targetLinkLayer: Uint8Array | undefined;
  let mtu: number | undefined;
  const prefixes: Uint8Array[] = [];
  while (!r.done) {
    if (r.remaining < 2) return undefined;
    const type = r.u8();
    const octets = 8 * r.u8() - 2;
    if (octets < 0 || octets > r.remaining) return undefined;
    const body = r.sub(octets);
    if (type === Option.sourceLinkLayer) sourceLinkLayer ??= body.rest();
    else if (type === Option.targetLinkLayer) targetLinkLayer ??= body.rest();
    else if (type === Option.prefix && octets === 30) prefixes.push(body.rest());
    else if (type === Option.mtu && octets === 6 && mtu === undefined) {
      body.skip(2);
      mtu = body.u32();
    }
  }
  return {
    ...(sourceLinkLayer && { sourceLinkLayer }),
    ...(targetLinkLayer && { targetLinkLayer }),
    ...(mtu !== undefined && { mtu }),
    ...(prefixes.length > 0 && { prefixes }),
  };
}

/** Throws `RangeError` for a body that does not end on a multiple of eight octets, header included. */
export function encodeOptions(w: Writer, options: NdOptions): void {
  const put = (type: number, body: Uint8Array) => {
    const units = (body.length + 2) / 8;
    if (!Number.isInteger(units) || units > 255)
      throw new RangeError(`option ${type}: ${body.length} octets do not fill units of eight with their header`);
    w.u8(type).u8(units).put8s(body);
  };
  if (options.sourceLinkLayer) put(Option.sourceLinkLayer, options.sourceLinkLayer);
  if (options.targetLinkLayer) put(Option.targetLinkLayer, options.targetLinkLayer);
  if (options.mtu !== undefined) w.u8(Option.mtu).u8(1).u16(0).u32(options.mtu);
  for (const prefix of options.prefixes ?? []) {
    if (prefix.length !== 30) throw new RangeError(`prefix information has 30 octets, not ${prefix.length}`);
    put(Option.prefix, prefix);
  }
}
