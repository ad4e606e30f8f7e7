/**
 * The finite state machine of one BGP connection (RFC 4271 §8), as a table: for each state, what each event does.
 *
 * `step` is pure. It returns the next state and what is to be done, in order; session.ts does it, and keeps the
 * timers. Session attributes (RFC 4271 §8.1): AllowAutomaticStart, DampPeerOscillations, SendNOTIFICATIONwithoutOPEN
 * and, per peer, PassiveTcpEstablishment hold; DelayOpen and TrackTcpState do not, so events 12, 14, 15 and 20 cannot
 * happen. An event that a row does not name is a Finite State Machine Error once an OPEN was sent (RFC 6608), and is
 * ignored before.
 *
 * Two rows differ from the RFC, on purpose:
 * - Connect, TcpConnectionFails: Active, not Idle. In Idle the peer's own call, which may come at any moment, must wait.
 * - OpenSent, NotifMsg: nothing is sent back, since a NOTIFICATION never answers one (RFC 4271 §6.4).
 */
import { Cease, ErrorCode, FsmError, type Notification, notification } from './errors.ts';

export const states = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'] as const;
export type State = (typeof states)[number];

/** RFC 4271 §8.1, with the RFC's numbers; SendHoldTimer_Expires is RFC 9687's, RouteRefreshMsg RFC 2918's, BfdDown RFC 5882's. */
export type FsmEvent =
  | { readonly type: 'ManualStart' } // 1
  | { readonly type: 'ManualStop'; readonly notification?: Notification } // 2
  | { readonly type: 'ManualStart_with_PassiveTcpEstablishment' } // 4
  | { readonly type: 'AutomaticStop'; readonly notification: Notification } // 8
  | { readonly type: 'ConnectRetryTimer_Expires' } // 9
  | { readonly type: 'HoldTimer_Expires' } // 10
  | { readonly type: 'KeepaliveTimer_Expires' } // 11
  | { readonly type: 'IdleHoldTimer_Expires'; readonly passive: boolean } // 13
  | { readonly type: 'TcpConnected' } // 16 Tcp_CR_Acked, 17 TcpConnectionConfirmed
  | { readonly type: 'TcpConnectionFails' } // 18
  | { readonly type: 'BGPOpen'; readonly holdMs: number; readonly keepaliveMs: number } // 19
  | { readonly type: 'BGPHeaderErr'; readonly notification: Notification } // 21
  | { readonly type: 'BGPOpenMsgErr'; readonly notification: Notification } // 22
  | { readonly type: 'OpenCollisionDump' } // 23
  | { readonly type: 'NotifMsgVerErr' } // 24
  | { readonly type: 'NotifMsg' } // 25
  | { readonly type: 'KeepAliveMsg' } // 26
  | { readonly type: 'UpdateMsg' } // 27
  | { readonly type: 'UpdateMsgErr'; readonly notification: Notification } // 28
  | { readonly type: 'SendHoldTimer_Expires' } // 29
  | { readonly type: 'RouteRefreshMsg' }
  | { readonly type: 'BfdDown'; readonly notification: Notification };

export type EventName = FsmEvent['type'];
export type TimerName = 'connectRetry' | 'hold' | 'keepalive' | 'sendHold' | 'idleHold';

/** `hold` and `keepalive` run for the negotiated times; `connectRetry` and `idleHold` for what the back-off says. */
export type FsmAction =
  | { readonly type: 'arm'; readonly timer: TimerName; readonly ms?: number }
  | { readonly type: 'disarm'; readonly timer: TimerName }
  | { readonly type: 'dial' }
  | { readonly type: 'sendOpen' }
  | { readonly type: 'sendKeepalive' }
  | { readonly type: 'sendNotification'; readonly notification: Notification }
  /** Closes the connection, or gives up dialling; stops hold, keepalive and sendHold with it. */
  | { readonly type: 'drop' }
  /** Counts a failure: the idle-hold timer starts, longer each time (RFC 4271 §8.1.1, DampPeerOscillations). */
  | { readonly type: 'damp' };

/** RFC 4271 §8.2.2: "A HoldTimer value of 4 minutes is suggested" until the peer's OPEN is there. */
export const OPEN_HOLD_MS = 240_000;

type Transition = readonly [State, ...FsmAction[]];
type Outcome = readonly [State, readonly FsmAction[]];
/** A transition, or what makes it of the event. One that is always the same exists once: UPDATEs come by the thousand. */
type Row = { readonly [E in EventName]?: Outcome | ((event: Extract<FsmEvent, { type: E }>) => Transition) };

const drop: FsmAction = { type: 'drop' };
const damp: FsmAction = { type: 'damp' };
const dial: FsmAction = { type: 'dial' };
const sendOpen: FsmAction = { type: 'sendOpen' };
const sendKeepalive: FsmAction = { type: 'sendKeepalive' };
const arm = (timer: TimerName, ms?: number): FsmAction =>
  ms === undefined ? { type: 'arm', timer } : { type: 'arm', timer, ms };
const disarm = (timer: TimerName): FsmAction => ({ type: 'disarm', timer });
const send = (n: Notification): FsmAction => ({ type: 'sendNotification', notification: n });

const shutdown = notification(ErrorCode.cease, Cease.administrativeShutdown);
const collision = notification(ErrorCode.cease, Cease.connectionCollision);
const holdExpired = notification(ErrorCode.holdTimerExpired);
const sendHoldExpired = notification(ErrorCode.sendHoldTimerExpired);

const start = (): Transition => ['Connect', arm('connectRetry'), dial];
const startPassive = (): Transition => ['Active'];
const stopQuietly = (): Transition => ['Idle', disarm('connectRetry'), drop];
const opened = (): Transition => ['OpenSent', disarm('connectRetry'), sendOpen, arm('hold', OPEN_HOLD_MS)];
const fail = (): Transition => ['Idle', disarm('connectRetry'), drop, damp];
const failWith = (n: Notification): Transition => ['Idle', send(n), disarm('connectRetry'), drop, damp];
const rejectWith = (e: { readonly notification: Notification }): Transition => failWith(e.notification);
const heard: Outcome = ['Established', [arm('hold')]];
/** An end that nobody is to blame for: no damping. */
const leaveWith = (n: Notification): Transition => ['Idle', send(n), disarm('connectRetry'), drop];

const table: { readonly [S in State]: Row } = {
  Idle: {
    ManualStart: start,
    ManualStart_with_PassiveTcpEstablishment: startPassive,
    IdleHoldTimer_Expires: (e) => (e.passive ? startPassive() : start()),
    ManualStop: () => ['Idle', disarm('idleHold')],
  },
  Connect: {
    ManualStop: stopQuietly,
    AutomaticStop: stopQuietly,
    ConnectRetryTimer_Expires: () => ['Connect', drop, arm('connectRetry'), dial],
    TcpConnected: opened,
    TcpConnectionFails: () => ['Active', drop, arm('connectRetry')],
  },
  Active: {
    ManualStop: stopQuietly,
    AutomaticStop: stopQuietly,
    ConnectRetryTimer_Expires: start,
    TcpConnected: opened,
    TcpConnectionFails: fail,
  },
  OpenSent: {
    BfdDown: rejectWith,
    ManualStop: (e) => leaveWith(e.notification ?? shutdown),
    AutomaticStop: (e) => leaveWith(e.notification),
    HoldTimer_Expires: () => failWith(holdExpired),
    TcpConnectionFails: () => ['Active', drop, arm('connectRetry')],
    BGPOpen: (e) => ['OpenConfirm', sendKeepalive, arm('keepalive', e.keepaliveMs), arm('hold', e.holdMs)],
    BGPHeaderErr: rejectWith,
    BGPOpenMsgErr: rejectWith,
    OpenCollisionDump: () => leaveWith(collision),
    NotifMsgVerErr: fail,
    NotifMsg: fail,
  },
  OpenConfirm: {
    BfdDown: rejectWith,
    ManualStop: (e) => leaveWith(e.notification ?? shutdown),
    AutomaticStop: (e) => leaveWith(e.notification),
    HoldTimer_Expires: () => failWith(holdExpired),
    KeepaliveTimer_Expires: () => ['OpenConfirm', sendKeepalive, arm('keepalive')],
    TcpConnectionFails: fail,
    BGPHeaderErr: rejectWith,
    BGPOpenMsgErr: rejectWith,
    OpenCollisionDump: () => leaveWith(collision),
    NotifMsgVerErr: fail,
    NotifMsg: fail,
    KeepAliveMsg: () => ['Established', arm('hold')],
  },
  Established: {
    BfdDown: rejectWith,
    ManualStop: (e) => leaveWith(e.notification ?? shutdown),
    AutomaticStop: (e) => leaveWith(e.notification),
    HoldTimer_Expires: () => failWith(holdExpired),
    SendHoldTimer_Expires: () => failWith(sendHoldExpired),
    KeepaliveTimer_Expires: () => ['Established', sendKeepalive, arm('keepalive')],
    TcpConnectionFails: fail,
    BGPHeaderErr: rejectWith,
    OpenCollisionDump: () => leaveWith(collision),
    NotifMsgVerErr: fail,
    NotifMsg: fail,
    KeepAliveMsg: heard,
    UpdateMsg: heard,
    RouteRefreshMsg: heard,
    UpdateMsgErr: rejectWith,
  },
};

/** The subcode that names the state in which an unexpected event came (RFC 6608); none before an OPEN was sent. */
const unexpected: { readonly [S in State]?: number } = {
  OpenSent: FsmError.openSent,
  OpenConfirm: FsmError.openConfirm,
  Established: FsmError.established,
};

/** One transition: the next state and what to do, in order. `messageType` becomes the data of an FSM error (RFC 6608 §4). */
export function step(state: State, event: FsmEvent, messageType?: number): Outcome {
  const transition = table[state][event.type] as Outcome | ((e: FsmEvent) => Transition) | undefined;
  if (typeof transition === 'object') return transition;
  if (transition) {
    const [next, ...actions] = transition(event);
    return [next, actions];
  }
  const subcode = unexpected[state];
  if (subcode === undefined || event.type.startsWith('ManualStart')) return [state, []];
  const data = messageType === undefined ? undefined : Uint8Array.of(messageType);
  const [next, ...actions] = failWith(notification(ErrorCode.fsm, subcode, data));
  return [next, actions];
}
