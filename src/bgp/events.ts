/** What a session and its host say to each other. Connections are numbers that both use for one TCP connection. */
import type { AddressFamily } from './const.ts';
import type { Notification } from './errors.ts';
import type { LocalAddresses } from './export.ts';
import type { State } from './fsm.ts';
import type { Agreement } from './handshake.ts';
import type { Loss } from './restart.ts';
import type { Update } from './update.ts';

/** What the host tells a session. */
export type SessionEvent =
  | { readonly type: 'start' }
  /** Ends the session for good, with this Cease (default: Administrative Shutdown), for that reason (default: STOPPED). */
  | { readonly type: 'stop'; readonly notification?: Notification; readonly reason?: string }
  /** A dialled connection is up. */
  | { readonly type: 'connected'; readonly connection: number; readonly local: LocalAddresses }
  /** The peer called. */
  | { readonly type: 'accepted'; readonly connection: number; readonly local: LocalAddresses }
  /** The octets may be views: they are not used after `handle` returns. */
  | { readonly type: 'received'; readonly connection: number; readonly bytes: Uint8Array }
  /** The transport has taken all octets of one `send`; sends are taken in order. */
  | { readonly type: 'sent'; readonly connection: number }
  /** A connection ended, or could not be made. */
  | { readonly type: 'closed'; readonly connection: number; readonly error?: string }
  /** The Adj-RIB-Out has changed. */
  | { readonly type: 'routes' }
  /** Our addresses on the peer's link have changed: next hops may. */
  | { readonly type: 'addresses'; readonly local: LocalAddresses }
  /**
   * The path to the peer is down (BFD, RFC 5882 §3.2): the session ends at once. `independent`: and that is not since the
   * peer's control plane restarts. `hold`: it does not begin again before `start`.
   */
  | { readonly type: 'pathDown'; readonly reason: string; readonly independent: boolean; readonly hold: boolean }
  /** It works again: what waits for another attempt need not wait any longer. */
  | { readonly type: 'pathUp' }
  /** Time has passed: timers that are due fire. */
  | { readonly type: 'tick' };

/** What a session asks of its host, in order. */
export type SessionAction =
  | { readonly type: 'dial'; readonly connection: number }
  /** `bytes` belong to the host from now on. */
  | { readonly type: 'send'; readonly connection: number; readonly bytes: Uint8Array }
  /** Close once everything sent has left, and soon anyway. */
  | { readonly type: 'close'; readonly connection: number }
  /**
   * `agreement` is there when `to` is Established, `ended` when `from` was: what held until then, and how it ended. The
   * session itself may have moved on already.
   */
  | {
      readonly type: 'state';
      readonly from: State;
      readonly to: State;
      readonly reason: string;
      readonly agreement?: Agreement;
      readonly ended?: { readonly agreement: Agreement; readonly loss: Loss };
    }
  /**
   * Routes from the peer. They are views of the octets received: to be taken in before the next event. The host
   * releases the attribute sets of `reach`, which would otherwise not outlive the actions before this one.
   */
  | { readonly type: 'update'; readonly update: Update }
  /** A mark of the peer's around all its routes of a family, which it sends anew (RFC 7313 §4). */
  | {
      readonly type: 'refresh';
      readonly family: AddressFamily;
      readonly mark: 'beginOfRefresh' | 'endOfRefresh';
    };
