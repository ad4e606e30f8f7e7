/**
 * How long addresses on layer 2 have nobody when the node that had them is gone: from its last BFD packet, and from the
 * moment at which it was taken to be gone, until this node has told the link for the first time that it has the address.
 *
 * All times are those of the fast thread, which hears the packets and sends the announcements: what the main thread makes of
 * it in between, and how long it takes, is part of what is measured. Where nobody watches the members (`static`) nobody
 * knows when one is gone, and nothing is measured.
 */
import type { ServiceDecision } from '../intent/service.ts';
import { formatAddress } from '../lib/address.ts';
import { Durations } from './histogram.ts';

/** The end of a BFD session that was up, on the clock of the fast thread, ms. */
export interface Loss {
  /** The last packet of the other end; one that says that it leaves is such a packet. */
  readonly heardMs: number;
  /** The session ended. */
  readonly noticedMs: number;
}

/** What became of the addresses of one node. */
export interface TakenOver {
  readonly node: string;
  readonly addresses: number;
  /** From its last packet to the announcement that was the last to be first sent, ms. */
  readonly failoverMs: number;
  /** The same from the end of the session, ms. */
  readonly takeoverMs: number;
}

interface Gone {
  readonly node: string;
  readonly loss: Loss;
  /** Addresses that were announced, and when the last of them was, ms. */
  addresses: number;
  lastMs: number;
  /** Addresses that are not announced yet. */
  waiting: number;
}

export class Takeovers {
  /** Since the last packet. */
  readonly failover = new Durations();
  /** Since the node was taken to be gone. */
  readonly takeover = new Durations();
  private readonly gone = new Map<string, Gone>();
  /** Addresses that are to be announced, by their text. */
  private readonly waiting = new Map<string, Gone>();
  private readonly told: (taken: TakenOver) => void;

  /** @param told once all addresses that a node had and this one takes over are announced */
  constructor(told: (taken: TakenOver) => void) {
    this.told = told;
  }

  /** A member of the cluster is gone, and decisions that rest on that will follow. */
  lost(node: string, loss: Loss): void {
    this.gone.set(node, { node, loss, addresses: 0, lastMs: 0, waiting: 0 });
  }

  /**
   * This node announces the addresses of a Service from now on.
   * @param has whether it announces an address already, for another Service
   */
  decided({ ips }: ServiceDecision, before: ServiceDecision | undefined, has: (ip: string) => boolean): void {
    if (before === undefined || before.layer2.announced) return;
    const gone = this.gone.get(before.layer2.owner ?? '');
    if (gone === undefined) return;
    const had = new Set(before.ips.map(formatAddress));
    for (const ip of ips.map(formatAddress)) {
      if (!had.has(ip) || has(ip) || this.waiting.has(ip)) continue;
      this.waiting.set(ip, gone);
      gone.waiting++;
    }
  }

  /** All decisions are up to date: those that rest on a loss were made. */
  settled(): void {
    this.gone.clear();
  }

  /** @param atMs when the first announcement of the last burst left, on the clock of the fast thread */
  announced(ip: string, atMs: number): void {
    const gone = this.waiting.get(ip);
    // What was counted before belongs to an earlier time at which this node had the address.
    if (gone === undefined || atMs < gone.loss.noticedMs) return;
    this.waiting.delete(ip);
    this.failover.observe((atMs - gone.loss.heardMs) / 1000);
    this.takeover.observe((atMs - gone.loss.noticedMs) / 1000);
    gone.addresses++;
    gone.lastMs = Math.max(gone.lastMs, atMs);
    this.less(gone);
  }

  /** The address is not announced here after all: another node has it, or its Service is gone. */
  forget(ip: string): void {
    const gone = this.waiting.get(ip);
    if (gone === undefined) return;
    this.waiting.delete(ip);
    this.less(gone);
  }

  /** Forgets what is not to be announced any more. */
  keep(isOurs: (ip: string) => boolean): void {
    for (const ip of this.waiting.keys()) if (!isOurs(ip)) this.forget(ip);
  }

  private less(gone: Gone): void {
    gone.waiting--;
    const { node, loss, addresses, lastMs, waiting } = gone;
    if (waiting > 0 || addresses === 0) return;
    gone.addresses = 0;
    this.told({ node, addresses, failoverMs: lastMs - loss.heardMs, takeoverMs: lastMs - loss.noticedMs });
  }
}

/** For the journal: `2 addresses, 912 ms after its last packet, 12 ms after it was missed`. */
export function takenText({ addresses, failoverMs, takeoverMs }: Omit<TakenOver, 'node'>): string {
  const what = addresses === 1 ? '1 address' : `${addresses} addresses`;
  return `${what}, ${Math.round(failoverMs)} ms after its last packet, ${Math.round(takeoverMs)} ms after it was missed`;
}

/** Also where no member is watched: alerts ask for metrics that there are. */
export function* takeoverText({ failover, takeover }: Takeovers): Generator<string> {
  const packet =
    'From the last BFD packet of the node that had an address until this one announced it for the first time.';
  yield failover.text('waypost_layer2_failover_seconds', packet);
  const missed =
    'From the end of the BFD session with the node that had an address until this one announced it for the first time.';
  yield takeover.text('waypost_layer2_takeover_seconds', missed);
}
