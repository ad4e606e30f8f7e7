/**
 * One TCP connection's share of a session: its FSM state and timers, framing, the OPEN exchange and the flow of
 * routes out. A session has one, and a second while both ends have called each other (RFC 4271 §6.8).
 *
 * The FSM decides (fsm.ts), `perform` does. What concerns the peer as a whole is asked of the host, session.ts.
 */
import { jitter, nextDue } from '../lib/timers.ts';
import { type Initiator, isCollision } from './collision.ts';
import { MessageType } from './const.ts';
import { maxMessageOf } from './context.ts';
import { BgpError, describeNotification, ErrorCode, FsmError, type Notification, OpenError } from './errors.ts';
import type { LocalAddresses } from './export.ts';
import { type Frame, Framer } from './framer.ts';
import { type FsmAction, type FsmEvent, type State, step, type TimerName } from './fsm.ts';
import { type Agreement, agree, offer } from './handshake.ts';
import type { Host } from './host.ts';
import {
  decodeNotification,
  decodeOpen,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  type OpenMessage,
} from './message.ts';
import { isHardReset } from './restart.ts';
import { silence } from './symptom.ts';

/** A dial that takes longer is given up and tried anew. */
const DIAL_TIMEOUT_MS = 5_000;
/** RFC 4271 §4.4: no two within a second, jitter or not. */
const MIN_KEEPALIVE_MS = 1_000;
/** RFC 9687 §6: the greater of 8 minutes and twice the hold time. */
const MIN_SEND_HOLD_MS = 480_000;

export class Connection {
  state: State;
  readonly timers: { [K in TimerName]?: number | undefined } = {};
  /** The number both sides use for the TCP connection in use or being dialled; undefined when there is none. */
  id: number | undefined;
  initiator: Initiator = 'local';
  local: LocalAddresses | undefined;
  agreement: Agreement | undefined;
  private readonly host: Host;
  private framer = new Framer();
  private open: OpenMessage | undefined;
  /** Sends that the transport has not yet taken whole; the last of them with routes, 0 when none is under way. */
  private unsent = 0;
  private batch = 0;

  constructor(host: Host, state: State = 'Idle') {
    this.host = host;
    this.state = state;
  }

  attach(id: number, initiator: Initiator): void {
    this.id = id;
    this.initiator = initiator;
  }

  /** The connection is up, dialled or accepted. */
  connected(local: LocalAddresses): void {
    this.local = local;
    this.fire({ type: 'TcpConnected' });
  }

  /** The connection is gone, or could not be made: there is nothing left to close. */
  closed(): void {
    this.id = undefined;
    this.fire({ type: 'TcpConnectionFails' });
  }

  /** Runs one event through the FSM. `messageType` is the message that caused it, for an FSM error's data. */
  fire(event: FsmEvent, messageType?: number): void {
    const from = this.state;
    const [next, actions] = step(from, event, messageType);
    this.state = next;
    for (const action of actions) this.perform(action);
    if (next !== from) this.host.moved(this, from);
  }

  private perform(action: FsmAction): void {
    switch (action.type) {
      case 'arm':
        return this.arm(action.timer, action.ms);
      case 'disarm':
        this.timers[action.timer] = undefined;
        return;
      case 'dial':
        this.attach(this.host.newConnection(), 'local');
        return this.host.do({ type: 'dial', connection: this.id! });
      case 'sendOpen':
        this.open = offer(this.host.settings, this.host.past);
        return this.send(MessageType.open, encodeOpen(this.open));
      case 'sendKeepalive':
        return this.send(MessageType.keepalive, encodeKeepalive());
      case 'sendNotification':
        // To lose a collision is no failure.
        if (!isCollision(action.notification))
          this.host.blame(`sent ${describeNotification(action.notification)}`, 'notification');
        return this.send(MessageType.notification, encodeNotification(action.notification));
      case 'drop':
        if (this.id !== undefined) this.host.do({ type: 'close', connection: this.id });
        return this.detach();
      case 'damp':
        return this.arm('idleHold', jitter(this.host.idleHoldMs(this), this.host.random()));
    }
  }

  private arm(timer: TimerName, given?: number): void {
    const { host } = this;
    let ms = given ?? 0;
    if (timer === 'hold') ms = given ?? this.agreement!.holdMs;
    else if (timer === 'keepalive') {
      ms = given ?? this.agreement!.keepaliveMs;
      if (ms > 0) ms = Math.max(MIN_KEEPALIVE_MS, jitter(ms, host.random()));
    } else if (timer === 'connectRetry') {
      if (host.settings.passive) return;
      // RFC 4271 has one ConnectRetryTimer for both: the limit of a dial, and the wait between two.
      ms = this.state === 'Connect' ? DIAL_TIMEOUT_MS : jitter(host.retryMs(), host.random());
    }
    if (ms > 0) this.timers[timer] = host.now + ms;
    else this.timers[timer] = undefined;
  }

  private send(type: number, bytes: Uint8Array): void {
    this.host.count('sent', type);
    this.transmit(bytes);
  }

  private transmit(bytes: Uint8Array): void {
    this.unsent++;
    if (this.timers.sendHold === undefined) this.armSendHold();
    this.host.do({ type: 'send', connection: this.id!, bytes });
  }

  /** Without a hold time a peer may be as slow as it likes (RFC 9687 §4.3). */
  private armSendHold(): void {
    const { holdMs } = this.agreement ?? { holdMs: 0 };
    if (this.state !== 'Established' || holdMs === 0) return;
    this.timers.sendHold = this.host.now + Math.max(MIN_SEND_HOLD_MS, 2 * holdMs);
  }

  /** The transport has taken one send whole. */
  taken(): void {
    this.unsent--;
    if (this.batch > 0) this.batch--;
    this.timers.sendHold = undefined;
    if (this.unsent > 0) this.armSendHold();
    this.pump();
  }

  /** Hands the transport the next batch of routes, once it has taken the one before: a slow peer costs one batch. */
  pump(): void {
    if (this.state !== 'Established' || this.batch > 0) return;
    const bytes = this.host.pull();
    if (bytes === undefined) return;
    this.transmit(bytes);
    this.batch = this.unsent;
  }

  /** Forgets the TCP connection and what belonged to it; connect-retry and idle-hold timers keep running. */
  private detach(): void {
    this.id = undefined;
    this.local = undefined;
    this.framer = new Framer();
    this.open = undefined;
    this.agreement = undefined;
    this.unsent = 0;
    this.batch = 0;
    this.timers.hold = undefined;
    this.timers.keepalive = undefined;
    this.timers.sendHold = undefined;
  }

  /** When the next timer is due, milliseconds, or undefined when none runs. */
  get nextDue(): number | undefined {
    return nextDue<TimerName>(this.timers)?.at;
  }

  /** Fires the timers that are due, the earliest first. */
  tick(): void {
    for (;;) {
      const next = nextDue<TimerName>(this.timers);
      if (next === undefined || next.at > this.host.now) return;
      this.timers[next.name] = undefined;
      this.expire(next.name);
    }
  }

  private expire(timer: TimerName): void {
    const { host } = this;
    switch (timer) {
      case 'connectRetry':
        if (this.state === 'Connect') host.blame(silence(host.settings));
        return this.fire({ type: 'ConnectRetryTimer_Expires' });
      case 'hold':
        host.blame('hold timer expired: the peer was silent', 'hold');
        return this.fire({ type: 'HoldTimer_Expires' });
      case 'keepalive':
        return this.fire({ type: 'KeepaliveTimer_Expires' });
      case 'sendHold':
        host.blame('send hold timer expired: the peer does not read');
        return this.fire({ type: 'SendHoldTimer_Expires' });
      case 'idleHold':
        return this.fire({ type: 'IdleHoldTimer_Expires', passive: host.settings.passive || host.called });
    }
  }

  /** Octets from the peer; they may be views and are not used afterwards. */
  receive(bytes: Uint8Array): void {
    const { id } = this;
    try {
      this.framer.push(bytes);
      for (let m = this.framer.next(); m && this.id === id; m = this.framer.next()) this.message(m);
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.host.blame(error.message);
      const { code } = error.notification;
      const type =
        code === ErrorCode.open ? 'BGPOpenMsgErr' : code === ErrorCode.update ? 'UpdateMsgErr' : 'BGPHeaderErr';
      this.fire({ type, notification: error.notification });
    }
  }

  private message(m: Frame): void {
    const { host } = this;
    host.count('received', m.type);
    switch (m.type) {
      case MessageType.open:
        return this.openMessage(m);
      case MessageType.keepalive:
        if (this.waits) host.chosen(this);
        return this.fire({ type: 'KeepAliveMsg' }, m.type);
      case MessageType.update:
        if (this.state === 'Established') host.deliver(this, m);
        return this.fire({ type: 'UpdateMsg' }, m.type);
      case MessageType.notification:
        return this.notified(decodeNotification(m.bytes, m.start, m.end));
      default:
        if (this.state === 'Established') host.refresh(m);
        return this.fire({ type: 'RouteRefreshMsg' }, m.type);
    }
  }

  private openMessage(m: Frame): void {
    if (this.waits) throw new BgpError('a second OPEN', ErrorCode.fsm, FsmError.openSent, Uint8Array.of(m.type));
    if (this.state !== 'OpenSent') return this.fire({ type: 'BGPOpen', holdMs: 0, keepaliveMs: 0 }, m.type);
    const agreement = agree(this.host.settings, this.open!, decodeOpen(m.bytes, m.start, m.end));
    this.agreement = agreement;
    // RFC 8654 §4: who has announced it takes extended messages, even from a peer that has not.
    this.framer.maxMessage = maxMessageOf(agreement.sent.some(({ type }) => type === 'extendedMessage'));
    this.host.opened(this, agreement);
  }

  /** The peer's OPEN is accepted, but a collision is not decided. */
  get waits(): boolean {
    return this.state === 'OpenSent' && this.agreement !== undefined;
  }

  /** Answers the peer's OPEN. */
  confirm(): void {
    const { holdMs, keepaliveMs } = this.agreement!;
    this.fire({ type: 'BGPOpen', holdMs, keepaliveMs });
  }

  private notified(n: Notification): void {
    const lost = isCollision(n);
    if (!lost || this.state === 'Established' || this.host.alone(this))
      this.host.blame(`received ${describeNotification(n)}`, isHardReset(n) ? 'hardReset' : 'notification');
    if (n.code === ErrorCode.open && n.subcode === OpenError.unsupportedVersion)
      return this.fire({ type: 'NotifMsgVerErr' });
    // The peer kept the other connection of a collision: nothing failed, and the other one is on its way to us.
    this.fire(lost && this.state === 'OpenSent' ? { type: 'TcpConnectionFails' } : { type: 'NotifMsg' });
  }
}
