/** From a captured packet to the TCP segment in it, through the link layers that captures of routers have. */
import { type Address, addressFrom } from '../lib/address.ts';
import { Reader, TruncatedError } from '../lib/bytes.ts';

/** The payload is a view of the packet. */
export interface Segment {
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly syn: boolean;
  /** FIN or RST: the sender has nothing to say any more. */
  readonly last: boolean;
  readonly payload: Uint8Array;
  /** Octets of payload that the capture did not keep (its snapshot length). */
  readonly cut: number;
}

/** Why there is none. What is `other` is of no concern; the rest may be missing from a conversation. */
export type SegmentReason = 'other' | 'fragment' | 'truncated' | 'linkType';

const LinkType = { null: 0, ethernet: 1, raw: 101, loop: 108, sll: 113, ipv4: 228, ipv6: 229, sll2: 276 } as const;
const EtherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const tags = new Set([0x8100, 0x88a8, 0x9100]);
const TCP = 6;

export function segmentOf(linkType: number, bytes: Uint8Array): Segment | SegmentReason {
  const r = new Reader(bytes);
  try {
    switch (linkType) {
      case LinkType.ethernet:
        r.skip(12);
        return ethernet(r, r.u16());
      case LinkType.sll:
        r.skip(14);
        return ethernet(r, r.u16());
      case LinkType.sll2: {
        const protocol = r.u16();
        r.skip(18);
        return ethernet(r, protocol);
      }
      case LinkType.null:
      case LinkType.loop:
        r.skip(4);
        return ip(r);
      case LinkType.raw:
      case LinkType.ipv4:
      case LinkType.ipv6:
      case 12: // what some systems write for raw
        return ip(r);
      default:
        return 'linkType';
    }
  } catch (error) {
    if (error instanceof TruncatedError) return 'truncated';
    throw error;
  }
}

function ethernet(r: Reader, type: number): Segment | SegmentReason {
  while (tags.has(type)) {
    r.skip(2);
    type = r.u16();
  }
  return type === EtherType.ipv4 || type === EtherType.ipv6 ? ip(r) : 'other';
}

function ip(r: Reader): Segment | SegmentReason {
  if (r.done) return 'truncated';
  const version = r.bytes[r.at]! >> 4;
  return version === 4 ? ipv4(r) : version === 6 ? ipv6(r) : 'other';
}

function ipv4(r: Reader): Segment | SegmentReason {
  const start = r.at;
  const headerOctets = (r.u8() & 15) * 4;
  r.skip(1);
  const length = r.u16();
  r.skip(2);
  const fragment = r.u16() & 0x3fff;
  r.skip(1);
  const protocol = r.u8();
  r.skip(2);
  const source = addressFrom(r.copy(4));
  const destination = addressFrom(r.copy(4));
  if (protocol !== TCP) return 'other';
  if (fragment !== 0) return 'fragment';
  r.skip(headerOctets - (r.at - start));
  // 0: the network card was to cut it (TSO), and the capture came before.
  return tcp(r, source, destination, length === 0 ? r.remaining : length - headerOctets);
}

/** Extension headers that have a length in units of eight octets: hop-by-hop, routing, destination, mobility. */
const extensions = new Set([0, 43, 60, 135]);
const FRAGMENT = 44;

function ipv6(r: Reader): Segment | SegmentReason {
  r.skip(4);
  let length = r.u16();
  let next = r.u8();
  r.skip(1);
  const source = addressFrom(r.copy(16));
  const destination = addressFrom(r.copy(16));
  if (length === 0) length = r.remaining;
  while (extensions.has(next)) {
    next = r.u8();
    const octets = 8 * (r.u8() + 1);
    r.skip(octets - 2);
    length -= octets;
  }
  if (next === FRAGMENT) return 'fragment';
  return next === TCP ? tcp(r, source, destination, length) : 'other';
}

/** @param length octets of header and payload, as IP has them: what a short frame was filled up with is behind */
function tcp(r: Reader, source: Address, destination: Address, length: number): Segment | SegmentReason {
  const start = r.at;
  const sourcePort = r.u16();
  const destinationPort = r.u16();
  const sequence = r.u32();
  r.skip(4);
  const headerOctets = (r.u8() >> 4) * 4;
  const flags = r.u8();
  r.skip(headerOctets - (r.at - start));
  const wanted = length - headerOctets;
  if (wanted < 0) return 'truncated';
  const payload = r.view(Math.min(wanted, r.remaining));
  return {
    source,
    destination,
    sourcePort,
    destinationPort,
    sequence,
    syn: (flags & 0x02) !== 0,
    last: (flags & 0x05) !== 0,
    payload,
    cut: wanted - payload.length,
  };
}
