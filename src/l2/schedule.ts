/**
 * When an address is announced unasked, on one interface: a burst when it is taken over (or the interface comes back),
 * then at intervals if so configured.
 *
 * A burst is MetalLB's: at once, then every 1.1 s until 5 s have passed since it was last asked for, which makes five
 * rounds. Shorter intervals would fall into the lock time in which Linux ignores a second update of an ARP entry.
 * However many addresses there are, packets leave paced: neither the links' queues nor the responder, which shares a
 * thread with this, are to notice. What is said again at intervals is spread further: all hosts of the link hear it, and
 * nobody waits for it.
 */

export interface ScheduleRules {
  /** Between the rounds of a burst, ms. */
  readonly roundMs: number;
  /** No round of a burst begins later than this after the burst was last asked for, ms. */
  readonly burstMs: number;
  /** Between announcements after the burst, ms; 0: none. */
  readonly refreshMs: number;
  /** Between addresses, on average, ms. */
  readonly gapMs: number;
}

export const DEFAULT_SCHEDULE: ScheduleRules = { roundMs: 1100, burstMs: 5000, refreshMs: 0, gapMs: 0.1 };

/** So many addresses may leave in one go when none left before. */
const IN_ONE_GO = 32;
/** Between addresses that are said again at intervals, where those are long enough, ms. */
const SPREAD_MS = 2;

interface Entry<T> {
  readonly item: T;
  readonly dueMs: number;
  /** End of the burst; undefined once it is over. */
  untilMs: number | undefined;
  cancelled: boolean;
}

/**
 * The items of one interface. What waits for its first announcement, for another round or for its refresh is due in the order
 * in which it began to, so what is due next is always at the head of one of three queues, and nothing is ever sorted.
 */
export class Schedule<T> {
  private rules: ScheduleRules;
  private readonly entries = new Map<T, Entry<T>>();
  private readonly queues = [new Queue<T>(), new Queue<T>(), new Queue<T>()] as const;
  /** When the last of those that are said again at intervals is due. */
  private lastMs = Number.NEGATIVE_INFINITY;
  /** When all that has left would have left at an even pace. */
  private paidMs = Number.NEGATIVE_INFINITY;

  constructor(rules: ScheduleRules) {
    this.rules = rules;
  }

  /** Begins a burst for the item, or prolongs the one that runs. */
  announce(item: T, nowMs: number): void {
    const entry = this.entries.get(item);
    const untilMs = nowMs + this.rules.burstMs;
    if (entry?.untilMs !== undefined) {
      entry.untilMs = untilMs;
      return;
    }
    this.cancel(item);
    this.push(0, item, nowMs, untilMs);
  }

  cancel(item: T): void {
    const entry = this.entries.get(item);
    if (entry === undefined) return;
    entry.cancelled = true;
    this.entries.delete(item);
  }

  /**
   * Other rules. A burst that runs goes on; intervals are new from now on, and items that were not to be announced
   * again are when they are (`items`: all there are).
   */
  update(rules: ScheduleRules, items: Iterable<T>, nowMs: number): void {
    const { refreshMs } = this.rules;
    this.rules = rules;
    if (rules.refreshMs === refreshMs) return;
    this.lastMs = Number.NEGATIVE_INFINITY;
    const all = [...items];
    for (const item of all) {
      if (this.entries.get(item)?.untilMs !== undefined) continue;
      this.cancel(item);
      if (rules.refreshMs > 0) this.refresh(item, nowMs, all.length - 1);
    }
  }

  clear(): void {
    for (const item of [...this.entries.keys()]) this.cancel(item);
  }

  /** When `take` has something to give; undefined when never. */
  nextDueMs(): number | undefined {
    const head = this.head();
    if (head === undefined) return undefined;
    return Math.max(head.first()!.dueMs, this.paidMs - IN_ONE_GO * this.rules.gapMs);
  }

  /** An item to announce now, or undefined when none is due or it is too early for the next one. */
  take(nowMs: number): T | undefined {
    const { roundMs, refreshMs, gapMs } = this.rules;
    for (;;) {
      const queue = this.head();
      if (queue === undefined || this.nextDueMs()! > nowMs) return undefined;
      const { item, untilMs } = queue.shift();
      this.entries.delete(item);
      // A round that falls behind the end of its burst is not sent, unless it is the first. The refresh follows it.
      const over = untilMs !== undefined && nowMs > untilMs && queue !== this.queues[0];
      if (untilMs !== undefined && !over) this.push(1, item, nowMs + roundMs, untilMs);
      else if (refreshMs > 0) this.refresh(item, nowMs, untilMs === undefined ? 0 : this.entries.size);
      if (over) continue;
      this.paidMs = Math.max(this.paidMs, nowMs) + gapMs;
      return item;
    }
  }

  /**
   * An interval later; the first time as much sooner as keeps a distance from the `others`, which lasts, as each is due an
   * interval after it was said. Never before the last one that is due, for that makes a queue of them.
   */
  private refresh(item: T, nowMs: number, others: number): void {
    const { refreshMs } = this.rules;
    const latestMs = nowMs + refreshMs;
    const spreadMs = Math.min(refreshMs / 2, others * SPREAD_MS);
    const nextMs = this.lastMs + (others > 0 ? spreadMs / others : 0);
    this.lastMs = Math.min(latestMs, Math.max(latestMs - spreadMs, nextMs));
    this.push(2, item, this.lastMs, undefined);
  }

  private push(queue: 0 | 1 | 2, item: T, dueMs: number, untilMs: number | undefined): void {
    const entry: Entry<T> = { item, dueMs, untilMs, cancelled: false };
    this.entries.set(item, entry);
    this.queues[queue].push(entry);
  }

  /**
   * The queue whose first entry is due first. Whoever waits for the first announcement of an address sends to where it was
   * before, so that goes ahead of all that is said again.
   */
  private head(): Queue<T> | undefined {
    const [firsts, rounds, refreshes] = this.queues;
    if (firsts.first() !== undefined) return firsts;
    const round = rounds.first();
    const refresh = refreshes.first();
    if (round === undefined) return refresh && refreshes;
    return refresh !== undefined && refresh.dueMs < round.dueMs ? refreshes : rounds;
  }
}

/** First in, first out; what was cancelled is skipped. */
class Queue<T> {
  private list: Entry<T>[] = [];
  private at = 0;

  push(entry: Entry<T>): void {
    this.list.push(entry);
  }

  first(): Entry<T> | undefined {
    while (this.list[this.at]?.cancelled) this.at++;
    if (this.at > 1024 && 2 * this.at > this.list.length) {
      this.list = this.list.slice(this.at);
      this.at = 0;
    }
    return this.list[this.at];
  }

  /** Takes out what `first` gave. */
  shift(): Entry<T> {
    return this.list[this.at++]!;
  }
}
