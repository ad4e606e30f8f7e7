/**
 * Callers from a range whose sessions end soon after their call, again and again: how long each is turned away, before any
 * state is built (DampPeerOscillations, RFC 4271 §8.1.1). A peer with a document has that in its session, which outlives
 * connections; of a caller nothing else is left. Those that failed last are remembered, and no more than so many.
 */

/** Failures in a row that cost nothing: a router that restarts is back at once. */
const FREE_FAILURES = 2;
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
/** Who stayed for so long, or away for so long after his wait, is forgiven. */
const STABLE_MS = 60_000;
const FORGOTTEN_AFTER_MS = 600_000;
const MAX_CALLERS = 1_024;

interface Failures {
  readonly count: number;
  readonly untilMs: number;
}

export class Damping {
  /** Who failed last is the last. */
  private readonly callers = new Map<string, Failures>();

  /** Callers that are remembered. */
  get size(): number {
    return this.callers.size;
  }

  /** How long a caller is still turned away, ms; 0: not at all. */
  waitMs(caller: string, nowMs: number): number {
    return Math.max(0, (this.callers.get(caller)?.untilMs ?? 0) - nowMs);
  }

  /** A caller's session is over. @param upMs how long after its call, where it came up; undefined where it never did */
  ended(caller: string, upMs: number | undefined, nowMs: number): void {
    const before = this.callers.get(caller);
    this.callers.delete(caller);
    if (upMs !== undefined && upMs >= STABLE_MS) return;
    const known = before !== undefined && nowMs - before.untilMs < FORGOTTEN_AFTER_MS;
    const count = (known ? before.count : 0) + 1;
    const waitMs = count <= FREE_FAILURES ? 0 : Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - FREE_FAILURES - 1));
    this.callers.set(caller, { count, untilMs: nowMs + waitMs });
    if (this.callers.size > MAX_CALLERS) this.callers.delete(this.callers.keys().next().value!);
  }
}
