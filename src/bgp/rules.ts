/** The import rules of a session, from what is configured and what its peer turned out to be. */
import type { Address } from '../lib/address.ts';
import type { Agreement } from './handshake.ts';
import type { ImportRules } from './import.ts';
import { isInternal, type PeerSettings } from './settings.ts';

/** @param agreement of the session under way; without one, what is configured stands in */
export function importRules(
  settings: PeerSettings,
  agreement: Agreement | undefined,
  isLocal: (address: Address) => boolean,
): ImportRules {
  const { limits = {}, localAsn, trueAsn, peerAsn, routerId, role } = settings;
  const { maxAsPath, enforceFirstAs, refuseMartians } = limits;
  return {
    internal: agreement?.context.internal ?? isInternal(settings),
    peerAsn: agreement?.peerAsn ?? (typeof peerAsn === 'number' ? peerAsn : 0),
    localAsns: trueAsn === undefined ? [localAsn] : [localAsn, trueAsn],
    routerId,
    // A route server does not put itself in front (RFC 7947 §2.2.2.1).
    enforceFirstAs: enforceFirstAs ?? role !== 'routeServerClient',
    refuseMartians: refuseMartians ?? false,
    isLocal,
    ...(maxAsPath !== undefined && { maxAsPath }),
    ...(role && { role }),
  };
}
