/**
 * How long it takes from the end of a session until the kernel has none of its routes any more, or has others in their
 * place. What is kept for a peer that restarts is no fail-over.
 */
import { Durations } from './histogram.ts';

export class Failover extends Durations {
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
}
