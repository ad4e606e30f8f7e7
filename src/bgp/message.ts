/** The five messages (RFC 4271 §4, RFC 2918), as values and as octets. UPDATE has files of its own: update.ts, nlri.ts, attr.ts. */
import { Reader, TruncatedError, Writer } from '../lib/bytes.ts';
import { type Capability, decodeCapabilities, encodeCapabilities, lastOf } from './capability.ts';
import { AS_TRANS, BGP_VERSION, HEADER_OCTETS, MAX_MESSAGE_OCTETS, MessageType, MIN_HOLD_TIME_SEC } from './const.ts';
import { BgpError, ErrorCode, HeaderError, type Notification, OpenError, RouteRefreshError } from './errors.ts';
import { beginMessage, endMessage } from './header.ts';

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
 * optional parameters. Throws `BgpError` 2/x. `checkOpen` does those that need the peer's settings.
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
  const seen = new Set<string>();
  while (!r.done) {
    const type = r.u8();
    const value = r.sub(extended ? r.u16() : r.u8());
    if (type !== CAPABILITIES)
      throw new BgpError(`optional parameter ${type}`, ErrorCode.open, OpenError.unsupportedOptionalParameter);
    capabilities.push(...decodeCapabilities(value, seen));
  }
  return capabilities;
}

/** What a peer's OPEN must satisfy. */
export interface OpenExpectation {
  readonly peerAsn: number;
  /** Our own BGP identifier. */
  readonly routerId: number;
  /** The peer is in our AS. */
  readonly internal: boolean;
  /** Capabilities without which the session is not wanted; multiprotocol ones are compared with their family. */
  readonly required?: readonly Capability[];
  /** Our BGP role (RFC 9234 §4.1); with `strictRole` a peer without one is refused. */
  readonly role?: number;
  readonly strictRole?: boolean;
}

/**
 * The checks of RFC 4271 §6.2 that need to know whom we expect.
 * Throws `BgpError` 2/2, 2/3, 2/7 (with the missing capabilities as data) or 2/11.
 */
export function checkOpen(open: OpenMessage, expected: OpenExpectation): void {
  const asn = asnOf(open);
  if (asn !== expected.peerAsn) throw badPeerAs(`peer is in AS ${asn}, not ${expected.peerAsn}`);
  // RFC 6286 §2.2: any identifier but zero will do, and it must differ from ours only within the AS.
  if (open.bgpIdentifier === 0 || (expected.internal && open.bgpIdentifier === expected.routerId))
    throw new BgpError(
      `BGP identifier is ${open.bgpIdentifier === 0 ? 'zero' : 'our own'}`,
      ErrorCode.open,
      OpenError.badBgpIdentifier,
    );
  checkRequired(open.capabilities, expected.required ?? []);
  // RFC 9234 §3.1: roles are for external sessions alone.
  if (!expected.internal) checkRole(open.capabilities, expected);
}

/**
 * The peer's AS: the four-octet number where the capability gives one (RFC 6793 §4.1). Throws `BgpError` 2/2 where the
 * two contradict each other, and for AS 0, which never stands for anybody (RFC 7607 §2).
 */
export function asnOf(open: OpenMessage): number {
  const asn = lastOf(open.capabilities, 'fourOctetAs')?.asn ?? open.myAs;
  if (asn === 0) throw badPeerAs('peer claims AS 0');
  if (asn === AS_TRANS) throw badPeerAs('peer claims AS_TRANS for itself');
  if (open.myAs !== asn && open.myAs !== AS_TRANS)
    throw badPeerAs(`My Autonomous System ${open.myAs} contradicts the capability's ${asn}`);
  return asn;
}

const badPeerAs = (text: string): BgpError => new BgpError(text, ErrorCode.open, OpenError.badPeerAs);

function checkRequired(received: readonly Capability[], required: readonly Capability[]): void {
  const missing = required.filter((want) => !received.some((have) => satisfies(have, want)));
  if (missing.length === 0) return;
  const w = new Writer(4000);
  encodeCapabilities(w, missing);
  const names = missing.map((c) => c.type).join(', ');
  throw new BgpError(`missing capability: ${names}`, ErrorCode.open, OpenError.unsupportedCapability, w.finish());
}

function satisfies(have: Capability, want: Capability): boolean {
  if (have.type === 'multiprotocol' && want.type === 'multiprotocol')
    return have.afi === want.afi && have.safi === want.safi;
  if (have.type === 'unknown' && want.type === 'unknown') return have.code === want.code;
  return have.type === want.type;
}

/** The peer's role that goes with ours (RFC 9234 §4.2): provider and customer, route server and client, peer and peer. */
const counterpart: Readonly<Record<number, number>> = { 0: 3, 3: 0, 1: 2, 2: 1, 4: 4 };

function checkRole(received: readonly Capability[], expected: OpenExpectation): void {
  const roles = received.filter((c) => c.type === 'role').map((c) => c.role);
  const mismatch = (text: string) => new BgpError(text, ErrorCode.open, OpenError.roleMismatch);
  // Exact repetitions are gone by now, so several roles contradict each other (RFC 9234 §4.2).
  if (roles.length > 1) throw mismatch(`peer claims the roles ${roles.join(' and ')}`);
  if (expected.role === undefined) return;
  const [role] = roles;
  if (role === undefined) {
    if (expected.strictRole) throw mismatch('peer announced no role');
  } else if (counterpart[expected.role] !== role) throw mismatch(`peer has role ${role}, we have ${expected.role}`);
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
