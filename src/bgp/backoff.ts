/**
 * How long to wait before the next attempt. Two waits grow separately: between dials that find nobody (connect
 * retry), and after a session failed (idle hold, RFC 4271 §8.1.1 DampPeerOscillations), when the peer's calls
 * must wait too.
 */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
const FIRST_IDLE_HOLD_MS = 500;
const MAX_IDLE_HOLD_MS = 60_000;
/** A session that lived this long is forgiven its earlier failures. */
const STABLE_MS = 60_000;

export class Backoff {
  /** A fixed time between dials, seconds, when the operator gives one. */
  connectRetrySec: number | undefined;
  private dials = 0;
  private failures = 0;
  private establishedAt: number | undefined;

  constructor(connectRetrySec?: number) {
    this.connectRetrySec = connectRetrySec;
  }

  /** Until the next dial, milliseconds: 1, 2, 4 … 30 s, or what the operator says. */
  retryMs(): number {
    if (this.connectRetrySec !== undefined) return this.connectRetrySec * 1000;
    return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.dials++);
  }

  /** In Idle after a failure, milliseconds: 0.5, 1, 2 … 60 s. */
  idleHoldMs(now: number): number {
    if (this.establishedAt !== undefined && now - this.establishedAt >= STABLE_MS) this.failures = 0;
    this.establishedAt = undefined;
    return Math.min(MAX_IDLE_HOLD_MS, FIRST_IDLE_HOLD_MS * 2 ** this.failures++);
  }

  established(now: number): void {
    this.dials = 0;
    this.establishedAt = now;
  }
}
