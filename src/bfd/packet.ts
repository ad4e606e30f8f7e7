/**
 * BFD Control packets (RFC 5880 §4.1), and the names of everything for which one is dropped.
 */
import { Reader, Writer } from '../lib/bytes.ts';

/** In the order of their numbers on the wire. */
export const states = ['AdminDown', 'Down', 'Init', 'Up'] as const;
export type State = (typeof states)[number];

/** Why a session changed its state last (RFC 5880 §4.1; 9 is RFC 6428's). */
export const Diagnostic = {
  none: 0,
  controlDetectionTimeExpired: 1,
  echoFunctionFailed: 2,
  neighborSignaledSessionDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
  misconnectivityDefect: 9,
} as const;

const diagnosticNames = new Map<number, string>(Object.entries(Diagnostic).map(([name, code]) => [code, name]));

/** The name of a diagnostic, `diagnostic 17` where it has none. */
export const diagnosticName = (code: number): string => diagnosticNames.get(code) ?? `diagnostic ${code}`;

/**
 * Why a packet is not taken. From `version` on in the order of RFC 5880 §6.8.6, which is that of the checks, so that a
 * packet with several faults is counted for the first. Without authentication in use, which is never the case here, that
 * section has no more.
 */
export const dropReasons = [
  'ttl', // it may come from further away than the peer (RFC 5881 §5, RFC 5883 §4); judged by who reads the socket
  'version', // not 1
  'length', // less than a packet of its kind has
  'truncated', // more than came
  'detectMult', // 0
  'multipoint', // the bit is set
  'myDiscriminator', // 0
  'yourDiscriminator', // no session on this path has it
  'state', // 0 as your discriminator, in a state that needs one
  'noSession', // none with that peer
  'authentication', // there, and not in use
  'adminDown', // the session is disabled: what the packet says is remembered, but nothing follows from it
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Times are microseconds, as on the wire: 0..4294967295. */
export interface ControlPacket {
  /** 0..31. */
  readonly diagnostic: number;
  readonly state: State;
  readonly poll: boolean;
  readonly final: boolean;
  /** The sender's BFD survives a restart of its control plane. */
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** 1..255. */
  readonly detectMult: number;
  readonly myDiscriminator: number;
  /** 0 while not known. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  /** 0: no periodic packets are wanted. */
  readonly requiredMinRxUs: number;
  /** 0: no Echo packets are wanted. */
  readonly requiredMinEchoRxUs: number;
  /** The authentication section as it came, type and length included; at least 2 octets. */
  readonly authentication?: Uint8Array;
}

const VERSION = 1;
const OCTETS = 24;
/** With the shortest authentication section there is: type and length. */
const AUTHENTICATED_OCTETS = 26;
/** The Length field has one octet. */
export const MAX_PACKET_OCTETS = 255;

const Flag = {
  poll: 0x20,
  final: 0x10,
  independent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
} as const;

const authenticationNames: readonly (string | undefined)[] = [
  undefined,
  'simplePassword',
  'keyedMd5',
  'meticulousKeyedMd5',
  'keyedSha1',
  'meticulousKeyedSha1',
];

/** What an authentication section is (RFC 5880 §4.1), `authentication 9` where it has no name. */
export const authenticationName = (section: Uint8Array): string =>
  authenticationNames[section[0]!] ?? `authentication ${section[0]}`;

/** A UDP payload as a packet, when it holds what can be told without its session (RFC 5880 §6.8.6). What is kept is copied. */
export function decodeControl(bytes: Uint8Array): ControlPacket | DropReason {
  if (bytes.length === 0) return 'truncated';
  if (bytes[0]! >>> 5 !== VERSION) return 'version';
  if (bytes.length < 4) return 'truncated';
  const flags = bytes[1]!;
  const length = bytes[3]!;
  const authenticated = (flags & Flag.authentication) !== 0;
  if (length < (authenticated ? AUTHENTICATED_OCTETS : OCTETS)) return 'length';
  if (length > bytes.length) return 'truncated';
  const detectMult = bytes[2]!;
  if (detectMult === 0) return 'detectMult';
  if ((flags & Flag.multipoint) !== 0) return 'multipoint';
  const r = new Reader(bytes, 4, length);
  const myDiscriminator = r.u32();
  if (myDiscriminator === 0) return 'myDiscriminator';
  return {
    diagnostic: bytes[0]! & 0x1f,
    state: states[flags >>> 6]!,
    poll: (flags & Flag.poll) !== 0,
    final: (flags & Flag.final) !== 0,
    controlPlaneIndependent: (flags & Flag.independent) !== 0,
    demand: (flags & Flag.demand) !== 0,
    detectMult,
    myDiscriminator,
    yourDiscriminator: r.u32(),
    desiredMinTxUs: r.u32(),
    requiredMinRxUs: r.u32(),
    requiredMinEchoRxUs: r.u32(),
    ...(authenticated && { authentication: r.rest() }),
  };
}

/**
 * The packet's octets, in `buffer` where there is one: a view of its beginning. Throws `OverflowError` when it is too
 * small, or the authentication section longer than Length can tell.
 */
export function encodeControl(
  packet: ControlPacket,
  buffer: Uint8Array = new Uint8Array(MAX_PACKET_OCTETS),
): Uint8Array {
  const { authentication } = packet;
  const w = new Writer(buffer, 0, Math.min(buffer.length, MAX_PACKET_OCTETS));
  w.u8((VERSION << 5) | packet.diagnostic);
  w.u8(
    (states.indexOf(packet.state) << 6) |
      (packet.poll ? Flag.poll : 0) |
      (packet.final ? Flag.final : 0) |
      (packet.controlPlaneIndependent ? Flag.independent : 0) |
      (authentication ? Flag.authentication : 0) |
      (packet.demand ? Flag.demand : 0),
  );
  w.u8(packet.detectMult).u8(OCTETS + (authentication?.length ?? 0));
  w.u32(packet.myDiscriminator).u32(packet.yourDiscriminator);
  w.u32(packet.desiredMinTxUs).u32(packet.requiredMinRxUs).u32(packet.requiredMinEchoRxUs);
  if (authentication) w.put8s(authentication);
  return buffer.subarray(0, w.at);
}
