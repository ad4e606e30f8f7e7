/**
 * Capabilities of an OPEN (RFC 5492): the values, their codec as one loop over rows, and what two sets of them
 * negotiate. `show peers` prints the three columns: sent, received, negotiated.
 */
import type { AddressFamily } from './const.ts';

/** One capability. `unknown` keeps what this speaker has no row for. */
export type Capability =
  | { readonly type: 'multiprotocol'; readonly afi: number; readonly safi: number }
  | { readonly type: 'routeRefresh' }
  | { readonly type: 'enhancedRefresh' }
  | { readonly type: 'extendedMessage' }
  | { readonly type: 'fourOctetAs'; readonly asn: number }
  | {
      readonly type: 'extendedNextHop';
      readonly entries: readonly { readonly afi: number; readonly safi: number; readonly nextHopAfi: number }[];
    }
  | {
      readonly type: 'gracefulRestart';
      /** The sender has just restarted (R bit, RFC 4724 §3) and honours NOTIFICATION as RFC 8538 says (N bit). */
      readonly restarting: boolean;
      readonly notification: boolean;
      /** 0..4095 seconds. */
      readonly restartTimeSec: number;
      readonly families: readonly { readonly afi: number; readonly safi: number; readonly forwarding: boolean }[];
    }
  | {
      readonly type: 'longLivedGracefulRestart';
      readonly families: readonly {
        readonly afi: number;
        readonly safi: number;
        readonly forwarding: boolean;
        /** 0..16777215 seconds. */
        readonly staleTimeSec: number;
      }[];
    }
  | {
      readonly type: 'addPath';
      readonly entries: readonly {
        readonly afi: number;
        readonly safi: number;
        readonly send: boolean;
        readonly receive: boolean;
      }[];
    }
  /** 0 provider, 1 route server, 2 route-server client, 3 customer, 4 peer (RFC 9234 §4.1). */
  | { readonly type: 'role'; readonly role: number }
  | { readonly type: 'fqdn'; readonly hostname: string; readonly domain: string }
  | { readonly type: 'unknown'; readonly code: number; readonly value: Uint8Array };

/** The outcome of two capability sets; session.ts adds what the AS numbers decide and makes the codecs' Context of it. */
export interface Negotiated {
  readonly fourOctetAs: boolean;
  readonly families: readonly AddressFamily[];
  readonly routeRefresh: boolean;
  readonly enhancedRefresh: boolean;
  readonly extendedMessage: boolean;
  readonly extendedNextHop: boolean;
  readonly addPathReceive: readonly AddressFamily[];
  readonly addPathSend: readonly AddressFamily[];
}
