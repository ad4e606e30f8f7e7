/**
 * Carries changes of routes to the kernel, a batch at a time, while the event loop goes on. What the kernel refuses is
 * tried again: later each time, or when somebody says that things have changed.
 */
import { monotonicMs } from '../../io/clock.ts';
import type { RequestSocket } from '../../io/netlink.ts';
import { RouteBatch } from '../../netlink/batch.ts';
import { errorCode } from '../../netlink/errors.ts';
import type { Routes } from '../../vrf/routes.ts';

export interface ProgrammerEvents {
  /** The kernel refuses changes for this reason (`EPERM`, `ENETUNREACH` …); once until none is refused any more. */
  refused(error: string, paused: boolean): void;
  /** After `refused`: it refuses nothing any more. */
  accepted(): void;
  /** A batch came back: some of the routes may need an audit. */
  done(): void;
  /** Nothing is left to be sent. */
  idle(): void;
}

/** Of the time that changes wait, seconds. */
export const latencyBuckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const;

/** One batch keeps the kernel busy for some 30 ms: longer than turns of the event loop take, so that it seldom idles. */
const BATCH_MESSAGES = 8_000;
const BATCH_OCTETS = 3 << 18;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
/** Linux's numbers: whoever gets these may not, or there is no room; the next route would fare no better. */
const stopping: ReadonlySet<number> = new Set([1, 12, 13, 28, 105]);

/** Changes of one table. */
interface Load {
  readonly batch: RouteBatch;
  readonly routes: Routes;
  readonly waitedFrom: number;
}

export type BatchSocket = Pick<RequestSocket, 'portId' | 'sendAside' | 'receive'>;

export class Programmer {
  /** Changes that the kernel has carried out, and those that it refused, by reason. */
  changes = 0;
  readonly refusals = new Map<string, number>();
  /** Changes by how long they waited at most: a count for each of `latencyBuckets`, and for those beyond; and the sum, seconds. */
  readonly latency = new Float64Array(latencyBuckets.length + 1);
  latencySum = 0;
  private readonly socket: BatchSocket;
  private readonly events: ProgrammerEvents;
  /** While the kernel has one, the next is filled. */
  private readonly batches = [0, 1].map(() => new RouteBatch(BATCH_MESSAGES, BATCH_OCTETS));
  /** Filled last, so that the other's sequence numbers follow. */
  private latest = this.batches[0]!;
  private sent: Load | undefined;
  private next: Load | undefined;
  private readonly all = new Set<Routes>();
  private scheduled = false;
  private closed = false;
  private readonly told = new Set<string>();
  private retryTimer: NodeJS.Timeout | undefined;
  private retryMs = FIRST_RETRY_MS;
  private paused = false;
  /** Since when the first change that is not carried out waits. */
  private waitingSince: number | undefined;
  private readonly idlers: (() => void)[] = [];

  constructor(socket: BatchSocket, events: ProgrammerEvents) {
    this.socket = socket;
    this.events = events;
  }

  add(routes: Routes): void {
    this.all.add(routes);
  }

  delete(routes: Routes): void {
    this.all.delete(routes);
  }

  /** Changes may wait. Those of this turn go out together. */
  kick(): void {
    if (this.scheduled || this.closed) return;
    this.waitingSince ??= monotonicMs();
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /** As `kick`, at once: for whoever has gathered changes already. */
  flush(): void {
    if (this.paused || this.closed) return;
    this.waitingSince ??= monotonicMs();
    this.send();
    if (this.sent !== undefined) this.fill();
    else {
      this.waitingSince = undefined;
      this.settle();
      this.events.idle();
    }
  }

  /** Links or routes of others have changed: what was refused may be possible now. */
  retry(): void {
    if (this.paused) return;
    for (const routes of this.all) routes.retry();
    this.kick();
  }

  /** Resolves when all changes are carried out or refused, or after this time. */
  settled(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.idlers.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.kick();
    });
  }

  /** Nothing is sent any more. Resolves when the kernel has done what it was told: the socket may be closed then. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retryTimer);
    while (this.sent !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /**
   * Gives the kernel something to do.
   * @param answered came back, and is still to be read
   */
  private send(answered?: RouteBatch): void {
    if (this.sent !== undefined || this.paused || this.closed) return;
    this.fill(answered);
    const load = this.next;
    if (load === undefined) return;
    this.next = undefined;
    this.sent = load;
    this.socket.sendAside(load.batch.finish(), () => this.receive(load));
  }

  /** Adds to the batch that is sent next, which is not the one that is in use. */
  private fill(used = this.sent?.batch): void {
    if (this.next !== undefined) {
      this.next.routes.take(this.next.batch);
      return;
    }
    const batch = this.batches.find((b) => b !== used)!;
    for (const routes of this.all) {
      if (!routes.busy) continue;
      batch.clear(this.latest);
      if (routes.take(batch) === 0) continue;
      this.latest = batch;
      this.next = { batch, routes, waitedFrom: this.waitingSince ?? monotonicMs() };
      if (!this.isBusy) this.waitingSince = undefined;
      return;
    }
  }

  private receive({ batch, routes, waitedFrom }: Load): void {
    this.sent = undefined;
    // First of all: while this thread looks at the answers, the kernel goes on.
    this.send(batch);
    const failures = new Map<number, number>();
    // What could not be sent was not answered either.
    batch.collect(this.socket, (index, errno) => failures.set(index, errno));
    let stopped = false;
    routes.done(batch, failures, (errno) => {
      stopped ||= stopping.has(errno);
      this.refuse(errno);
    });
    const carried = batch.size - failures.size;
    this.changes += carried;
    this.observe(carried, (monotonicMs() - waitedFrom) / 1000);
    if (carried > 0 && !stopped) this.retryMs = FIRST_RETRY_MS;
    if (stopped) this.pause();
    else if (routes.hasDeferred) this.retryLater();
    if (this.told.size > 0 && !stopped && ![...this.all].some((r) => r.hasDeferred)) {
      this.told.clear();
      this.events.accepted();
    }
    this.events.done();
    this.flush();
  }

  private get isBusy(): boolean {
    for (const routes of this.all) if (routes.busy) return true;
    return false;
  }

  private observe(changes: number, sec: number): void {
    const at = latencyBuckets.findIndex((bound) => sec <= bound);
    const bucket = at < 0 ? latencyBuckets.length : at;
    this.latency[bucket] = this.latency[bucket]! + changes;
    this.latencySum += changes * sec;
  }

  private refuse(errno: number): void {
    const error = errorCode(errno);
    this.refusals.set(error, (this.refusals.get(error) ?? 0) + 1);
    // Another's route in the place of ours is told when it is known to be that.
    if (error === 'EEXIST' || this.told.has(error)) return;
    this.told.add(error);
    this.events.refused(error, stopping.has(errno));
  }

  private pause(): void {
    this.paused = true;
    this.settle();
    this.retryLater();
  }

  private retryLater(): void {
    if (this.retryTimer !== undefined || this.closed) return;
    const again = () => {
      this.retryTimer = undefined;
      this.paused = false;
      this.retry();
    };
    this.retryTimer = setTimeout(again, this.retryMs).unref();
    this.retryMs = Math.min(MAX_RETRY_MS, 2 * this.retryMs);
  }

  private settle(): void {
    for (const resolve of this.idlers.splice(0)) resolve();
  }
}
