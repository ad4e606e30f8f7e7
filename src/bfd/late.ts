/** How late packets were sent, counted in classes: what a histogram of metrics wants, and enough for percentiles. */

/** Upper bounds of the classes, ms; one more class has none. */
export const lateBoundsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;

export interface LateCounts {
  /** By class, the one without a bound last. */
  readonly counts: readonly number[];
  readonly sumMs: number;
  readonly maxMs: number;
}

export class Lateness {
  private readonly counts = new Array<number>(lateBoundsMs.length + 1).fill(0);
  private sumMs = 0;
  private maxMs = 0;

  add(lateMs: number): void {
    const found = lateBoundsMs.findIndex((bound) => lateMs <= bound);
    const index = found < 0 ? lateBoundsMs.length : found;
    this.counts[index] = this.counts[index]! + 1;
    this.sumMs += lateMs;
    if (lateMs > this.maxMs) this.maxMs = lateMs;
  }

  /** Since the beginning. */
  get totals(): LateCounts {
    return { counts: [...this.counts], sumMs: this.sumMs, maxMs: this.maxMs };
  }
}

/**
 * The bound below which a part of all packets were late, ms: that of the class in which it falls, and the greatest
 * lateness where it has none. 0 when nothing was sent.
 * @param part in 0..1
 */
export function latePercentile({ counts, maxMs }: LateCounts, part: number): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= part * all) return Math.min(maxMs, lateBoundsMs[i] ?? maxMs);
  }
  return 0;
}
