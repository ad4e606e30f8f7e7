/** One BFD session as the fast worker runs it: the pure session, the socket it sends by, and what is counted. */
import { type ControlPacket, type DropReason, encodeControl, MAX_PACKET_OCTETS } from '../../bfd/packet.ts';
import { type BfdAction, type BfdEvent, dueMs, newSession, step } from '../../bfd/session.ts';
import type { Session, SessionConfig } from '../../bfd/state.ts';
import { noCounters, type SessionView, viewOf } from '../../bfd/view.ts';
import type { Lateness } from '../../lib/late.ts';
import type { BfdNews, BfdOrder } from './protocol.ts';

/** What it sends by (io/bfdsocket.ts). */
export interface Sender {
  /** @returns the word for what went wrong; undefined when sent */
  send(packet: Uint8Array): string | undefined;
  close(): void;
}

export interface WatchHost {
  nowMs(): number;
  /** In [0, 1). */
  random(): number;
  readonly late: Lateness;
  news(watch: Watch, news: BfdNews): void;
  /** It sends less often from now on, since it was so late. */
  widened(lateMs: number, txMs: number): void;
}

const buffer = new Uint8Array(MAX_PACKET_OCTETS);

export class Watch {
  order: BfdOrder;
  sender: Sender | undefined;
  /** Index of the interface that a link-local peer is on, as the sender and the demultiplexer have it. */
  scope = 0;
  /** Index of the VRF device that the sender is confined to. */
  deviceIndex = 0;
  /** Why there is no session on the wire; undefined while there is. */
  problem: string | undefined;
  /** Nobody wants it any more, and the peer is told. */
  leaving = false;
  /** The peer was told for long enough. */
  over = false;
  /** Something was counted that was not reported. */
  dirty = true;
  /** When the last packet of the peer came, also where the session has forgotten it, ms. */
  heardMs: number | undefined;
  private config: SessionConfig;
  private session: Session;
  private readonly counters = noCounters();
  private readonly host: WatchHost;

  constructor(order: BfdOrder, localDiscriminator: number, host: WatchHost) {
    this.order = order;
    this.host = host;
    this.config = configOf(order, localDiscriminator);
    this.session = newSession(this.config, host.nowMs());
  }

  get discriminator(): number {
    return this.config.localDiscriminator;
  }

  /** Takes over what is asked for now: a session is never begun anew for it. */
  reorder(order: BfdOrder): void {
    this.order = order;
    this.config = configOf(order, this.config.localDiscriminator);
    this.dirty = true;
    if (this.leaving) {
      this.leaving = false;
      this.over = false;
      this.do({ type: 'enable' });
    }
    this.do({ type: 'configured' });
  }

  get dueMs(): number | undefined {
    return dueMs(this.session);
  }

  /** The peer will be taken to be gone at this time, unless it is heard before. */
  get detectDueMs(): number | undefined {
    return this.session.timers.detect;
  }

  get isUp(): boolean {
    return this.session.state === 'Up';
  }

  drop(reason: DropReason, count = 1): void {
    const { dropped } = this.counters;
    dropped[reason] = (dropped[reason] ?? 0) + count;
    this.dirty = true;
  }

  received(packet: ControlPacket): void {
    this.counters.received++;
    this.dirty = true;
    this.do({ type: 'received', packet });
  }

  do(event: BfdEvent, nowMs: number = this.host.nowMs()): void {
    const due = this.session.timers.transmit;
    const wasSent = this.session.sentMs;
    const [session, actions] = step(this.config, this.session, event, nowMs, this.host.random());
    this.session = session;
    this.heardMs = session.heardMs ?? this.heardMs;
    for (const action of actions) this.perform(action);
    // Its first packet has no schedule to be late for.
    if (due === undefined || due > nowMs || wasSent === undefined || session.sentMs === wasSent) return;
    const lateMs = this.host.nowMs() - due;
    this.host.late.add(lateMs);
    // Unless Up there is nothing to lose.
    if (session.state === 'Up') this.do({ type: 'widen', lateMs }, nowMs);
  }

  private perform(action: BfdAction): void {
    const { counters, host } = this;
    switch (action.type) {
      case 'send':
        return this.send(action.packet);
      case 'dropped':
        return this.drop(action.reason);
      case 'widened':
        this.dirty = true;
        return host.widened(action.lateMs, action.txMs);
      case 'farewellOver':
        this.over = true;
        return;
      case 'changed':
        if (action.to === 'Up') counters.ups++;
        if (action.from === 'Up') counters.downs++;
        return host.news(this, action);
      default:
        return host.news(this, action);
    }
  }

  private send(packet: ControlPacket): void {
    const { counters } = this;
    this.dirty = true;
    if (this.sender === undefined) return;
    const problem = this.sender.send(encodeControl(packet, buffer));
    if (problem === undefined) counters.sent++;
    else {
      counters.sendErrors++;
      counters.lastSendError = problem;
    }
  }

  view(): SessionView {
    return viewOf(this.config, this.session, this.counters);
  }
}

const configOf = ({ settings }: BfdOrder, localDiscriminator: number): SessionConfig => ({
  localDiscriminator,
  passive: settings.passive,
  desiredMinTxMs: settings.transmitIntervalMs,
  requiredMinRxMs: settings.receiveIntervalMs,
  detectMult: settings.detectMultiplier,
});
