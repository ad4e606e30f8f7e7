/** What a session needs to know of its peer: plain data, compared field by field on reload. */
import type { Address } from '../lib/address.ts';
import type { AddressFamily } from './const.ts';

export interface PeerSettings {
  /** Unique among the peers of a speaker: a document's name, or the address for an ad-hoc session. */
  readonly name: string;
  readonly address: Address;
  /** Where to dial, 1..65535. */
  readonly port: number;
  /** Local address to dial from, and the only one on which this peer may call. */
  readonly sourceAddress?: Address;
  /** Our AS number on this session, 1..4294967295. */
  readonly localAsn: number;
  readonly peerAsn: number;
  /** Our BGP identifier as a number; unique within the AS, never 0 (RFC 6286). */
  readonly routerId: number;
  /** What we propose: 0 (no keepalives) or 3..65535 seconds. */
  readonly holdTimeSec: number;
  /** At most a third of the negotiated hold time unless given, seconds. */
  readonly keepaliveTimeSec?: number;
  /** First wait before dialling again, seconds; the back-off starts here. */
  readonly connectRetrySec?: number;
  readonly families: readonly AddressFamily[];
  /** Never dial: wait for the peer to call. */
  readonly passive: boolean;
  /** The peer may be more than one hop away (eBGP only). */
  readonly multihop: boolean;
  /** Names we tell in the FQDN capability; absent when there is nothing to tell. */
  readonly hostname?: string;
}

/** iBGP: both ends share the AS. */
export const isInternal = (settings: Pick<PeerSettings, 'localAsn' | 'peerAsn'>): boolean =>
  settings.localAsn === settings.peerAsn;

/** Fields that shape what was agreed in OPEN or how the connection was made: a change of any resets the session. */
export const sessionFields = [
  'address',
  'port',
  'sourceAddress',
  'localAsn',
  'peerAsn',
  'routerId',
  'holdTimeSec',
  'keepaliveTimeSec',
  'families',
  'passive',
  'multihop',
  'hostname',
] as const satisfies readonly (keyof PeerSettings)[];
