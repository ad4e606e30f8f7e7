/** A peer of this speaker: its session, its place in the RIB, and the one host timer that its session needs. */
import { lastOf } from '../bgp/capability.ts';
import type { AddressFamily } from '../bgp/const.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { Session } from '../bgp/session.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { RouteCounts } from '../bgp/source.ts';
import type { Update } from '../bgp/update.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Instance } from './instance.ts';
import type { Retention } from './retention.ts';

export class Peer {
  readonly session: Session;
  /** The routes of its VRF. */
  readonly instance: Instance;
  readonly retention: Retention;
  /** The peer's number in the RIB, 0..65535. */
  readonly slot: number;
  /** When the session came up or the peer last said something of routes, and the families of which it has told all. */
  readonly heard = { at: 0, complete: new Set<AddressFamily>() };
  /** It marks the end of its table. */
  private marks = false;
  /** It has sent more prefixes than it may. */
  overLimit = false;
  /** Its session was ended for that, and is not to begin again yet. */
  cutOff = false;
  /** It is to begin as soon as BFD permits. */
  waiting = false;
  private restart: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;
  private timerDue = Number.POSITIVE_INFINITY;

  constructor(session: Session, slot: number, instance: Instance, retention: Retention) {
    this.session = session;
    this.instance = instance;
    this.retention = retention;
    this.slot = slot;
  }

  get settings(): PeerSettings {
    return this.session.settings;
  }

  get name(): string {
    return this.session.settings.name;
  }

  /** Of what the peer has told us. */
  counts(family: AddressFamily): RouteCounts {
    return this.instance.rib.counts(this.slot, family);
  }

  /** The session is up, with this agreement; it may have ended again already, and have none any more. */
  begin(agreement: Agreement): void {
    this.heard.at = monotonicMs();
    this.heard.complete.clear();
    this.overLimit = false;
    this.marks = lastOf(agreement.received, 'gracefulRestart') !== undefined;
    this.instance.intake.update(this, agreement);
    this.instance.established(this, agreement);
    this.retention.up(agreement);
  }

  /** What the peer says of routes; `counts`: these go into the RIB. */
  take(update: Update, counts: boolean): void {
    if (counts) this.instance.rib.apply(this.slot, update);
    this.heard.at = monotonicMs();
    if (update.endOfRib === undefined) return;
    this.heard.complete.add(update.endOfRib);
    this.retention.endOfRib(update.endOfRib);
  }

  /**
   * It sends a family anew, or has done so: what it has not sent again goes then. A mark before it has sent the family for
   * the first time counts for nothing (RFC 7313 §4).
   * @returns whether it counts
   */
  refresh(mark: 'beginOfRefresh' | 'endOfRefresh', family: AddressFamily): boolean {
    this.heard.at = monotonicMs();
    const counts = !this.marks || this.heard.complete.has(family);
    if (counts) this.retention.refresh(mark, family);
    return counts;
  }

  /** It is no peer any more: nothing of it stays. */
  end(): void {
    clearTimeout(this.restart);
    clearTimeout(this.timer);
    if (this.turn) clearImmediate(this.turn);
    this.timerDue = Number.POSITIVE_INFINITY;
    this.retention.end();
    this.instance.intake.remove(this);
    this.instance.remove(this);
  }

  /**
   * Sees to it that `tick` runs when the session's next timer is due. A timer that moved later, as the hold timer does
   * with every message, is left alone: it fires early, the session finds nothing due, and it is set anew.
   *
   * After a stall of the process, timers would come before the octets that arrived meanwhile, and find the peer silent:
   * so the sockets are read once before `tick`.
   */
  schedule(tick: () => void): void {
    const due = this.session.nextDue;
    if (due === undefined || due >= this.timerDue) return;
    clearTimeout(this.timer);
    this.timerDue = due;
    const fire = () => {
      this.turn = setImmediate(() => {
        this.timerDue = Number.POSITIVE_INFINITY;
        tick();
      });
    };
    this.timer = setTimeout(fire, Math.max(0, Math.ceil(due - monotonicMs())));
  }

  /** Calls `start` after this time, unless the peer is gone by then, or has begun before. */
  restartIn(ms: number, start: () => void): void {
    clearTimeout(this.restart);
    this.restart = setTimeout(start, ms);
  }

  /** Its session may begin: whatever had ended it is over. */
  release(): void {
    clearTimeout(this.restart);
    this.cutOff = false;
  }
}
