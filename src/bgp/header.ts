/** The header that every message starts with (RFC 4271 §4.1): its checks, and writing it. */
import type { Writer } from '../lib/bytes.ts';
import { HEADER_OCTETS, MAX_MESSAGE_OCTETS, MessageType } from './const.ts';
import { BgpError, ErrorCode, HeaderError } from './errors.ts';

/** Smallest whole message by type code (RFC 4271 §6.1); ROUTE-REFRESH checks its own length (RFC 7313 §5). */
const smallest: Readonly<Record<number, number>> = {
  [MessageType.open]: 29,
  [MessageType.update]: 23,
  [MessageType.notification]: 21,
  [MessageType.keepalive]: HEADER_OCTETS,
  [MessageType.routeRefresh]: HEADER_OCTETS,
};

/**
 * Checks as much of the header at `at` as lies before `end` (RFC 4271 §6.1).
 * @returns the length of the whole message, or 0 while the header is incomplete
 */
export function decodeHeader(bytes: Uint8Array, at: number, end: number, maxMessage: number): number {
  const marker = Math.min(end, at + 16);
  for (let i = at; i < marker; i++)
    if (bytes[i] !== 0xff)
      throw new BgpError('marker is not all ones', ErrorCode.messageHeader, HeaderError.connectionNotSynchronized);
  if (end - at < HEADER_OCTETS) return 0;
  const length = (bytes[at + 16]! << 8) | bytes[at + 17]!;
  const type = bytes[at + 18]!;
  const least = smallest[type];
  // An unknown type has no length rule but the header's own, so its length is checked first all the same.
  const most =
    type === MessageType.keepalive
      ? HEADER_OCTETS
      : type === MessageType.open // never extended (RFC 8654 §4)
        ? MAX_MESSAGE_OCTETS
        : maxMessage;
  if (length < (least ?? HEADER_OCTETS) || length > most)
    throw new BgpError(
      `message of type ${type} has ${length} octets`,
      ErrorCode.messageHeader,
      HeaderError.badMessageLength,
      Uint8Array.of(length >>> 8, length),
    );
  if (least === undefined)
    throw new BgpError(
      `message type ${type}`,
      ErrorCode.messageHeader,
      HeaderError.badMessageType,
      Uint8Array.of(type),
    );
  return length;
}

/** Writes a header whose length `endMessage` fills in; returns where the message starts. */
export function beginMessage(w: Writer, type: number): number {
  const start = w.at;
  for (let i = 0; i < 4; i++) w.u32(0xffffffff);
  w.u16(0).u8(type);
  return start;
}

export function endMessage(w: Writer, start: number): void {
  const length = w.at - start;
  w.bytes[start + 16] = length >>> 8;
  w.bytes[start + 17] = length;
}
