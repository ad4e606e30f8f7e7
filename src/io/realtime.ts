/**
 * Real-time scheduling of the calling thread (sched(7)): it runs as soon as it can, whatever else there is to do. A
 * thread that never stops would take a processor from everybody else, so one that is busy nearly all the time falls
 * back to ordinary scheduling until that is over.
 */
import { errnoName, sysSetRealtime } from './native.ts';

/** Above ordinary work, below the kernel's own threads (50). */
const PRIORITY = 10;
const WINDOW_MS = 200;
const MOST_BUSY = 0.8;
const REST_MS = 1000;

export class Realtime {
  private readonly set: (priority: number) => number;
  private on = false;
  private windowMs = 0;
  private busyMs = 0;
  private restUntilMs = 0;
  /** Why it is not to be had; undefined when it is. */
  readonly problem: string | undefined;

  /** @param set applies a priority to the calling thread and gives the errno; 0 is ordinary scheduling */
  constructor(nowMs: number, set: (priority: number) => number = sysSetRealtime) {
    this.set = set;
    const errno = set(PRIORITY);
    this.problem = errno === 0 ? undefined : errnoName(errno);
    this.on = errno === 0;
    this.windowMs = nowMs;
  }

  /** The thread worked from `fromMs` to `nowMs` without waiting. */
  worked(fromMs: number, nowMs: number): void {
    if (this.problem !== undefined) return;
    this.busyMs += nowMs - fromMs;
    const lengthMs = nowMs - this.windowMs;
    if (lengthMs < WINDOW_MS) return;
    const busy = this.busyMs / lengthMs > MOST_BUSY;
    this.windowMs = nowMs;
    this.busyMs = 0;
    if (busy) this.restUntilMs = nowMs + REST_MS;
    const on = nowMs >= this.restUntilMs;
    if (on === this.on) return;
    this.on = on;
    this.set(on ? PRIORITY : 0);
  }
}
