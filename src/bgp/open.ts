/** The checks of an OPEN that need to know whom we expect (RFC 4271 §6.2), as a pure function. */
import { Writer } from '../lib/bytes.ts';
import { type Capability, encodeCapabilities, lastOf } from './capability.ts';
import { AS_TRANS } from './const.ts';
import { BgpError, ErrorCode, OpenError } from './errors.ts';
import type { OpenMessage } from './message.ts';

/** What a peer's OPEN must satisfy. */
export interface OpenExpectation {
  readonly localAs: number;
  readonly localId: number;
  /** The peer's AS, or only on which side of the border it must be. */
  readonly peerAs: number | 'internal' | 'external';
  /** Capabilities without which the session is not wanted. Multiprotocol ones are compared with their family. */
  readonly required?: readonly Capability[];
  /** Our BGP role (RFC 9234 §4.1); with `strictRole` a peer without one is refused. */
  readonly role?: number;
  readonly strictRole?: boolean;
}

/**
 * The peer's AS number when the OPEN is acceptable.
 * Throws `BgpError` 2/2, 2/3, 2/7 (with the missing capabilities as data) or 2/11.
 */
export function checkOpen(open: OpenMessage, expected: OpenExpectation): number {
  const peerAs = peerAsOf(open);
  const internal = peerAs === expected.localAs;
  const wanted =
    expected.peerAs === 'internal' ? internal : expected.peerAs === 'external' ? !internal : peerAs === expected.peerAs;
  if (!wanted) throw badPeerAs(`peer is in AS ${peerAs}, not ${expected.peerAs}`);
  // RFC 6286 §2.2: any identifier but zero will do, and it must differ from ours only within the AS.
  if (open.bgpIdentifier === 0 || (internal && open.bgpIdentifier === expected.localId))
    throw new BgpError(
      open.bgpIdentifier === 0 ? 'BGP identifier is zero' : 'BGP identifier is our own',
      ErrorCode.open,
      OpenError.badBgpIdentifier,
    );
  checkRequired(open.capabilities, expected.required ?? []);
  // RFC 9234 §3.1: roles are for external sessions alone.
  if (!internal) checkRole(open.capabilities, expected);
  return peerAs;
}

/** The four-octet number where the capability gives one (RFC 6793 §4.1); AS 0 never stands for anybody (RFC 7607 §2). */
function peerAsOf(open: OpenMessage): number {
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
