/** How late something was done, counted in classes: what a histogram of metrics wants, and enough for percentiles. */

/** Upper bounds of the classes, ms; one more class has none. */
export const lateBoundsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;

export interface LateCounts {
  /** By class, the one without a bound last. */
  readonly counts: readonly number[];
  readonly sumMs: number;
  readonly maxMs: number;
}

const CLASSES = lateBoundsMs.length + 1;
const SUM = CLASSES;
const MAX = CLASSES + 1;

export class Lateness {
  static readonly OCTETS = 8 * (CLASSES + 2);
  private readonly cells: Float64Array;

  /** @param memory OCTETS of it, which another thread may share: it reads, this one adds */
  constructor(memory: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(Lateness.OCTETS)) {
    this.cells = new Float64Array(memory);
  }

  add(lateMs: number): void {
    const { cells } = this;
    const found = lateBoundsMs.findIndex((bound) => lateMs <= bound);
    const index = found < 0 ? lateBoundsMs.length : found;
    cells[index] = cells[index]! + 1;
    cells[SUM] = cells[SUM]! + lateMs;
    if (lateMs > cells[MAX]!) cells[MAX] = lateMs;
  }

  /** Since the beginning. */
  get totals(): LateCounts {
    const { cells } = this;
    return { counts: [...cells.subarray(0, CLASSES)], sumMs: cells[SUM]!, maxMs: cells[MAX]! };
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
