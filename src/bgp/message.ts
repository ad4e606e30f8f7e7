/** The five messages (RFC 4271 §4, RFC 2918), as values and as octets. UPDATE has files of its own: update.ts, nlri.ts, attr.ts. */
import type { Capability } from './capability.ts';
import type { Notification } from './errors.ts';

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
