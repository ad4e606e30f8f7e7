/**
 * What becomes of a peer's routes while its session is down: carries out what bgp/restart.ts decides, on the RIB and
 * with timers.
 */
import { type AddressFamily, Community } from '../bgp/const.ts';
import type { Agreement } from '../bgp/handshake.ts';
import {
  type Loss,
  NO_RESTART,
  type RestartEvent,
  type RestartState,
  type RestartTimer,
  step,
} from '../bgp/restart.ts';
import type { Instance } from './instance.ts';

export class Retention {
  private readonly instance: Pick<Instance, 'rib' | 'locRib'>;
  private readonly slot: number;
  private readonly changed: () => void;
  private readonly forgotten: () => void;
  private readonly timers = new Map<RestartTimer, NodeJS.Timeout>();
  private state: RestartState = NO_RESTART;

  /**
   * @param changed called after the RIB was: it has something to sweep
   * @param forgotten called when the peer did not come back in time, and nothing is kept any more
   */
  constructor(instance: Pick<Instance, 'rib' | 'locRib'>, slot: number, changed: () => void, forgotten: () => void) {
    this.instance = instance;
    this.slot = slot;
    this.changed = changed;
    this.forgotten = forgotten;
  }

  /** Families whose routes are from before the peer's restart. */
  get stale(): readonly AddressFamily[] {
    return this.state.stale;
  }

  lost(agreement: Agreement, loss: Loss): void {
    this.take({ type: 'lost', agreement, loss });
  }

  up(agreement: Agreement): void {
    this.take({ type: 'up', agreement });
  }

  endOfRib(family: AddressFamily): void {
    this.take({ type: 'endOfRib', family });
  }

  /** See `Peer.refresh`. */
  refresh(mark: 'beginOfRefresh' | 'endOfRefresh', family: AddressFamily): void {
    this.take({ type: mark, family });
  }

  /** Nothing can be forwarded to the peer, and not since it restarts. */
  pathDown(): void {
    this.take({ type: 'pathDown' });
  }

  /** The peer is no peer any more: nothing of it stays. */
  end(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.state = NO_RESTART;
    this.instance.rib.withdrawPeer(this.slot);
    this.changed();
  }

  private take(event: RestartEvent): void {
    const [state, actions] = step(this.state, event);
    this.state = state;
    const { rib, locRib } = this.instance;
    for (const action of actions) {
      switch (action.type) {
        case 'markStale':
          // Those that were long-lived go, and others are stale from now on.
          locRib.setLongLived(this.slot, action.family, false);
          rib.markStale(this.slot, action.family);
          break;
        case 'addStale':
          rib.addStale(this.slot, action.family);
          rib.dropStale(this.slot, action.family, Community.noLlgr);
          // What it had sent meanwhile is a last resort, too.
          locRib.reconsider(action.family);
          break;
        case 'sweepStale':
          rib.sweepStale(this.slot, action.family);
          locRib.setLongLived(this.slot, action.family, false);
          break;
        case 'withdraw':
          rib.withdrawFamily(this.slot, action.family);
          break;
        case 'longLived':
          rib.dropStale(this.slot, action.family, Community.noLlgr);
          locRib.setLongLived(this.slot, action.family, true);
          break;
        case 'arm':
          this.arm(action.timer, action.ms);
          break;
        case 'disarm':
          clearTimeout(this.timers.get(action.timer));
          this.timers.delete(action.timer);
      }
    }
    if (actions.length > 0) this.changed();
    const over = event.type === 'expired' || (event.type === 'pathDown' && actions.length > 0);
    if (over && state.stale.length === 0 && !state.up) this.forgotten();
  }

  private arm(timer: RestartTimer, ms: number): void {
    clearTimeout(this.timers.get(timer));
    const now = Math.min(ms, MAX_TIMEOUT_MS);
    const fire = () => {
      if (ms > now) return this.arm(timer, ms - now);
      this.timers.delete(timer);
      this.take({ type: 'expired', timer });
    };
    this.timers.set(timer, setTimeout(fire, now).unref());
  }
}

/** Node's timers hold no more than 24 days; a long-lived time may be 194 (RFC 9494 §3), and takes several. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
