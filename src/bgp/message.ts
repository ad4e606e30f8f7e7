/** The five messages (RFC 4271 §4, RFC 2918), as values and as octets. UPDATE has files of its own: update.ts, nlri.ts, attr.ts. */
import { Reader, TruncatedError, Writer } from '../lib/bytes.ts';
import { type Capability, decodeCapabilities, encodeCapabilities } from './capability.ts';
import { BGP_VERSION, HEADER_OCTETS, MAX_MESSAGE_OCTETS, MessageType, MIN_HOLD_TIME_SEC } from './const.ts';
import { BgpError, ErrorCode, HeaderError, type Notification, OpenError, RouteRefreshError } from './errors.ts';

export interface OpenMessage {
  readonly type: 'open';
  readonly version: number;
  /** The two-octet My Autonomous System field: AS_TRANS where the number does not fit. */
  readonly myAs: number;
  readonly holdTimeSec: number;
  /** The router ID as an unsigned number. */
  readonly bgpIdentifier: number;
  readonly capabilities: readonly Capability[];
}

export interface NotificationMessage extends Notification {
  readonly type: 'notification';
}

export interface KeepaliveMessage {
  readonly type: 'keepalive';
}

export interface RouteRefreshMessage {
  readonly type: 'routeRefresh';
  readonly afi: number;
  readonly safi: number;
  /** Plain request, or the begin and end marks of enhanced route refresh (RFC 7313 §3.2). */
  readonly subtype: 'request' | 'beginOfRefresh' | 'endOfRefresh';
}

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

function message(type: number, body: (w: Writer) => void): Uint8Array {
  const w = new Writer(MAX_MESSAGE_OCTETS);
  beginMessage(w, type);
  body(w);
  endMessage(w, 0);
  return w.finish();
}

/** Optional parameter types (RFC 5492 §4, RFC 9072 §2). */
const CAPABILITIES = 2;
const EXTENDED = 255;

/** A whole OPEN. Throws `OverflowError` when the capabilities do not fit 4,096 octets. */
export function encodeOpen(open: OpenMessage): Uint8Array {
  const parameters = new Writer(MAX_MESSAGE_OCTETS);
  encodeCapabilities(parameters, open.capabilities);
  const n = parameters.at;
  return message(MessageType.open, (w) => {
    w.u8(open.version).u16(open.myAs).u16(open.holdTimeSec).u32(open.bgpIdentifier);
    if (n === 0) w.u8(0);
    else if (n + 2 <= 255)
      w.u8(n + 2)
        .u8(CAPABILITIES)
        .u8(n);
    else
      w.u8(EXTENDED)
        .u8(EXTENDED)
        .u16(n + 3)
        .u8(CAPABILITIES)
        .u16(n);
    w.put8s(parameters.bytes.subarray(0, n));
  });
}

/**
 * The body of an OPEN, with the checks that need nothing but the message (RFC 4271 §6.2): version, hold time,
 * optional parameters. Throws `BgpError` 2/x. `checkOpen` of open.ts does those that need the peer's settings.
 */
export function decodeOpen(bytes: Uint8Array, start: number, end: number): OpenMessage {
  try {
    const r = new Reader(bytes, start, end);
    const version = r.u8();
    if (version !== BGP_VERSION)
      throw new BgpError(
        `BGP version ${version}`,
        ErrorCode.open,
        OpenError.unsupportedVersion,
        Uint8Array.of(0, BGP_VERSION),
      );
    const myAs = r.u16();
    const holdTimeSec = r.u16();
    if (holdTimeSec !== 0 && holdTimeSec < MIN_HOLD_TIME_SEC)
      throw new BgpError(`hold time of ${holdTimeSec} s`, ErrorCode.open, OpenError.unacceptableHoldTime);
    const bgpIdentifier = r.u32();
    return { type: 'open', version, myAs, holdTimeSec, bgpIdentifier, capabilities: decodeParameters(r) };
  } catch (error) {
    if (!(error instanceof TruncatedError)) throw error;
    throw new BgpError('optional parameters are malformed', ErrorCode.open, OpenError.unspecific);
  }
}

/** The optional parameters, in the format of RFC 4271 §4.2 or the extended one (RFC 9072 §2). */
function decodeParameters(r: Reader): Capability[] {
  let length = r.u8();
  // RFC 9072 §2: type 255 first marks the extended format, whatever the one-octet length says, unless that is 0.
  const extended = length !== 0 && r.remaining > 0 && r.bytes[r.at] === EXTENDED;
  if (extended) {
    r.skip(1);
    length = r.u16();
  }
  if (length !== r.remaining) throw new TruncatedError(length, r.remaining);
  const capabilities: Capability[] = [];
  while (!r.done) {
    const type = r.u8();
    const value = r.sub(extended ? r.u16() : r.u8());
    if (type !== CAPABILITIES)
      throw new BgpError(`optional parameter ${type}`, ErrorCode.open, OpenError.unsupportedOptionalParameter);
    capabilities.push(...decodeCapabilities(value));
  }
  return capabilities;
}

/** A whole NOTIFICATION; data beyond what 4,096 octets hold is cut, since it only explains. */
export function encodeNotification(n: Notification): Uint8Array {
  return message(MessageType.notification, (w) => w.u8(n.code).u8(n.subcode).put8s(n.data.subarray(0, w.room)));
}

/** The body of a NOTIFICATION. Throws `BgpError` 1/2 when it has no code and subcode. */
export function decodeNotification(bytes: Uint8Array, start: number, end: number): NotificationMessage {
  if (end - start < 2) throw badLength(start, end);
  const data = Uint8Array.prototype.slice.call(bytes, start + 2, end);
  return { type: 'notification', code: bytes[start]!, subcode: bytes[start + 1]!, data };
}

export function encodeKeepalive(): Uint8Array {
  return message(MessageType.keepalive, () => {});
}

const subtypes = ['request', 'beginOfRefresh', 'endOfRefresh'] as const;

export function encodeRouteRefresh(m: Omit<RouteRefreshMessage, 'type'>): Uint8Array {
  return message(MessageType.routeRefresh, (w) => w.u16(m.afi).u8(subtypes.indexOf(m.subtype)).u8(m.safi));
}

/**
 * The body of a ROUTE-REFRESH, or undefined for a subtype that must be ignored (RFC 7313 §5).
 * Throws `BgpError` 7/1 with the whole message as data when the body has not four octets: outbound route filters
 * (RFC 5291), which would make it longer, are never negotiated.
 */
export function decodeRouteRefresh(bytes: Uint8Array, start: number, end: number): RouteRefreshMessage | undefined {
  const body = bytes.subarray(start, end);
  const subtype = subtypes[body[2] ?? 0];
  if (subtype === undefined) return undefined;
  if (body.length !== 4) {
    const data = message(MessageType.routeRefresh, (w) => w.put8s(body.subarray(0, w.room)));
    const text = `ROUTE-REFRESH body of ${body.length} octets`;
    throw new BgpError(text, ErrorCode.routeRefresh, RouteRefreshError.invalidLength, data);
  }
  return { type: 'routeRefresh', afi: (body[0]! << 8) | body[1]!, safi: body[3]!, subtype };
}

function badLength(start: number, end: number): BgpError {
  const length = HEADER_OCTETS + end - start;
  const data = Uint8Array.of(length >>> 8, length);
  return new BgpError(`message of ${length} octets`, ErrorCode.messageHeader, HeaderError.badMessageLength, data);
}
