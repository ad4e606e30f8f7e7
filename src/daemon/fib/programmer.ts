/**
 * Carries changes of routes to the kernel, a batch at a time, while the event loop goes on. What the kernel refuses is
 * tried again: later each time, or when somebody says that things have changed.
 */
import { monotonicMs } from '../../io/clock.ts';
import type { RequestSocket } from '../../io/netlink.ts';
import { Waiters } from '../../io/waiters.ts';
import { RouteBatch } from '../../netlink/batch.ts';
import { errorCode } from '../../netlink/errors.ts';
import type { Routes } from '../../vrf/routes.ts';
import { Durations } from '../histogram.ts';

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
/** Of more than these, the way to the kernel and back is a small part of the cost. */
const WORTH_SENDING = 2_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
/** Linux's numbers: whoever gets these may not, or there is no room; the next route would fare no better. */
const stopping: ReadonlySet<number> = new Set([1, 12, 13, 28, 105]);
/** EPERM, EACCES. */
const forbidding: ReadonlySet<number> = new Set([1, 13]);

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
  /** Changes by how long they waited at most. */
  readonly latency = new Durations(latencyBuckets);
  private readonly socket: BatchSocket;
  private readonly events: ProgrammerEvents;
  /** While the kernel has one, the next is filled. */
  private readonly batches = [0, 1].map(() => new RouteBatch(BATCH_MESSAGES, BATCH_OCTETS));
  /** Filled last, so that the other's sequence numbers follow. */
  private latest = this.batches[0]!;
  /** The kernel has it. */
  private sent: Load | undefined;
  private next: Load | undefined;
  /** Calls that have not returned: more than one where it was seen before that a batch is done. */
  private calls = 0;
  private readonly all = new Set<Routes>();
  private scheduled = false;
  private closed = false;
  private readonly told = new Set<string>();
  private retryTimer: NodeJS.Timeout | undefined;
  private retryMs = FIRST_RETRY_MS;
  private paused = false;
  /** We may not: what is to go does not go either. */
  private forbidden = false;
  private insisting = false;
  /** Since when the first change that is not carried out waits. */
  private waitingSince: number | undefined;
  private readonly idlers = new Waiters();

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

  /** For whoever works for long, now and then: the kernel may have done its work long before this thread's turn is over. */
  advance(): void {
    if (this.closed) return;
    this.waitingSince ??= monotonicMs();
    this.fill();
    if (this.next === undefined || this.next.batch.size < WORTH_SENDING) return;
    if (this.sent?.batch.collect(this.socket)) this.receive(this.sent);
    else this.send();
  }

  /** As `kick`, at once: for whoever has gathered changes already. */
  flush(): void {
    if (this.closed) return;
    this.waitingSince ??= monotonicMs();
    if (this.sent?.batch.collect(this.socket)) return this.receive(this.sent);
    this.send();
    if (this.sent !== undefined) this.fill();
    else if (!this.paused) {
      this.waitingSince = undefined;
      if (this.insisting && this.hasDeferred) this.retryLater();
      else this.idlers.end(true);
      this.events.idle();
    }
  }

  /** Links or routes of others have changed: what was refused may be possible now. */
  retry(): void {
    if (this.paused) return;
    for (const routes of this.all) routes.retry();
    this.kick();
  }

  /** It is the end: what is refused is tried again at once, then ever later, and `settled` waits for it. */
  insist(): void {
    this.insisting = true;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.retryMs = FIRST_RETRY_MS;
    this.again();
  }

  /** True when all changes are carried out, or refused; false when they are forbidden, or after this time. */
  settled(timeoutMs: number): Promise<boolean> {
    this.kick();
    return this.idlers.wait(timeoutMs);
  }

  /** Nothing is sent any more. Resolves when the kernel has done what it was told: the socket may be closed then. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retryTimer);
    while (this.calls > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /**
   * Gives the kernel something to do.
   * @param answered came back, and is still to be read
   */
  private send(answered?: RouteBatch): void {
    if (this.sent !== undefined || this.forbidden || this.closed) return;
    this.fill(answered);
    const load = this.next;
    if (load === undefined) return;
    this.next = undefined;
    this.sent = load;
    this.calls++;
    this.socket.sendAside(load.batch.finish(), () => {
      this.calls--;
      if (this.sent !== load) return;
      load.batch.collect(this.socket);
      this.receive(load);
    });
  }

  /** Adds to the batch that is sent next, which is not the one that is in use. */
  private fill(used = this.sent?.batch): void {
    // Where there is no room, what is to go makes some.
    const going = this.paused;
    if (this.next !== undefined) {
      this.next.routes.take(this.next.batch, going);
      return;
    }
    const batch = this.batches.find((b) => b !== used)!;
    for (const routes of this.all) {
      if (!(going ? routes.isGoing : routes.busy)) continue;
      batch.clear(this.latest);
      if (routes.take(batch, going) === 0) continue;
      this.latest = batch;
      this.next = { batch, routes, waitedFrom: this.waitingSince ?? monotonicMs() };
      if (!this.isBusy) this.waitingSince = undefined;
      return;
    }
  }

  /** All answers to a batch that are to be had have been read. */
  private receive({ batch, routes, waitedFrom }: Load): void {
    this.sent = undefined;
    // What could not be sent was not answered either.
    batch.end();
    const { failures } = batch;
    // First of all: while this thread notes what has changed, the kernel goes on. Unless there is no room.
    if (failures.size === 0) this.send(batch);
    let stopped = false;
    routes.done(batch, (errno) => {
      stopped ||= stopping.has(errno);
      this.forbidden ||= forbidding.has(errno);
      this.refuse(errno);
    });
    const carried = batch.size - failures.size;
    this.changes += carried;
    this.latency.observe((monotonicMs() - waitedFrom) / 1000, carried);
    if (carried > 0 && !stopped) this.retryMs = FIRST_RETRY_MS;
    this.paused ||= stopped;
    if (this.forbidden) this.idlers.end(false);
    if (stopped || routes.hasDeferred) this.retryLater();
    if (this.told.size > 0 && !this.paused && !this.hasDeferred) {
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

  private get hasDeferred(): boolean {
    for (const routes of this.all) if (routes.hasDeferred) return true;
    return false;
  }

  private refuse(errno: number): void {
    const error = errorCode(errno);
    this.refusals.set(error, (this.refusals.get(error) ?? 0) + 1);
    // Another's route in the place of ours is told when it is known to be that.
    if (error === 'EEXIST' || this.told.has(error)) return;
    this.told.add(error);
    this.events.refused(error, stopping.has(errno));
  }

  private retryLater(): void {
    if (this.retryTimer !== undefined || this.closed) return;
    const again = () => {
      this.retryTimer = undefined;
      this.again();
    };
    this.retryTimer = setTimeout(again, this.retryMs).unref();
    this.retryMs = Math.min(MAX_RETRY_MS, 2 * this.retryMs);
  }

  private again(): void {
    this.paused = false;
    this.forbidden = false;
    this.retry();
  }
}
