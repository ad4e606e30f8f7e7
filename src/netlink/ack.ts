/** How a request ended: NLMSG_ERROR and NLMSG_DONE, with the kernel's explanation (extended acknowledgements). */
import { attributeAt, decodeAttributes, table } from './attr.ts';
import { HEADER_OCTETS, MessageFlag, MessageType } from './const.ts';
import { NetlinkError } from './errors.ts';
import { HostReader } from './host.ts';
import { codecs, type Kind } from './kinds.ts';
import type { Message } from './message.ts';
import { h32, property, text } from './row.ts';

/** What was said of a request. `errno` is 0 when it was carried out. */
export interface Ack {
  readonly errno: number;
  readonly text?: string;
  /** Octets from the start of the request's header to the attribute that is wrong. */
  readonly offset?: number;
  /** The attribute that is missing. */
  readonly missing?: number;
  /** Octets to the attribute that it is missing in; absent when that is the message. */
  readonly missingIn?: number;
}

type Draft = { -readonly [K in keyof Ack]: Ack[K] };

const rows = table<Draft>([
  property('NLMSGERR_ATTR_MSG', 1, 'text', text),
  property('NLMSGERR_ATTR_OFFS', 2, 'offset', h32),
  property('NLMSGERR_ATTR_MISS_TYPE', 5, 'missing', h32),
  property('NLMSGERR_ATTR_MISS_NEST', 6, 'missingIn', h32),
]);

/** Reads the body of NLMSG_ERROR or NLMSG_DONE. Throws `MalformedError` or `TruncatedError`. */
export function decodeAck({ type, flags, body: r }: Message): Ack {
  // Some dumps end with a bare header.
  const code = type === MessageType.done && r.done ? 0 : r.i32();
  const ack: Draft = { errno: code < 0 ? -code : 0 };
  if (type === MessageType.error) {
    const length = r.h32();
    r.skip(HEADER_OCTETS - 4);
    // An error repeats the whole request, unless the socket asked for the header alone (NETLINK_CAP_ACK).
    if (code !== 0 && (flags & MessageFlag.capped) === 0)
      r.skip(Math.min((length - HEADER_OCTETS + 3) & ~3, r.remaining));
  }
  if ((flags & MessageFlag.ackAttributes) !== 0) decodeAttributes(r, rows, ack);
  return ack;
}

/** The error that an acknowledgement is, in terms of the request that it was for. */
export function errorOf(ack: Ack, kind: Kind, request: Uint8Array): NetlinkError {
  return new NetlinkError(ack.errno, ack.text, attributeOf(ack, kind, request));
}

function attributeOf({ offset, missing, missingIn }: Ack, kind: Kind, request: Uint8Array): string | undefined {
  const { headOctets, attributes } = codecs[kind];
  const start = HEADER_OCTETS + headOctets;
  const length = new HostReader(request).h32();
  const at = (o: number) => attributeAt(request, start, Math.min(length, request.length), o, attributes);
  if (missing !== undefined) {
    const inside = missingIn === undefined ? undefined : at(missingIn);
    const name =
      missingIn === undefined ? (attributes.byCode[missing]?.name ?? `attribute ${missing}`) : `attribute ${missing}`;
    return inside === undefined ? name : `${inside}.${name}`;
  }
  return offset === undefined ? undefined : at(offset);
}
