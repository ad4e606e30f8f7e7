/**
 * How long it takes from the end of a session until the kernel has none of its routes any more, or has others in their
 * place. What is kept for a peer that restarts is no fail-over.
 */

/** Seconds. */
export const failoverBuckets = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] as const;

export class Failover {
  /** Fail-overs by the time that they took: a count for each of `failoverBuckets`, and for those beyond; and the sum, seconds. */
  readonly counts = new Float64Array(failoverBuckets.length + 1);
  sumSec = 0;
  /** When sessions ended whose routes may still be there, milliseconds, and changes made by then. */
  private pending: { readonly atMs: number; readonly changes: number }[] = [];

  /** A session has ended, and its routes are to go. @param changes of routes that the kernel has carried out so far */
  begin(nowMs: number, changes: number): void {
    this.pending.push({ atMs: nowMs, changes });
  }

  /** Everything that was decided is in the kernel. Where no change came of it, there was nothing to fail over. */
  end(nowMs: number, changes: number): void {
    for (const { atMs, changes: before } of this.pending.splice(0))
      if (changes > before) this.observe((nowMs - atMs) / 1000);
  }

  private observe(sec: number): void {
    const at = failoverBuckets.findIndex((bound) => sec <= bound);
    const bucket = at < 0 ? failoverBuckets.length : at;
    this.counts[bucket] = this.counts[bucket]! + 1;
    this.sumSec += sec;
  }
}
