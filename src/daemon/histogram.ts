/** Histograms whose counts are kept elsewhere than in the library, which has no notion of that: as Prometheus' text. */

/** From what a machine does at once to what people wait for, seconds. */
export const durationBuckets = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] as const;

/** How long things took. */
export class Durations {
  /** A count for each of the buckets, and for those beyond. */
  readonly counts: Float64Array;
  sumSec = 0;
  private readonly buckets: readonly number[];

  /** @param buckets upper bounds, seconds */
  constructor(buckets: readonly number[] = durationBuckets) {
    this.buckets = buckets;
    this.counts = new Float64Array(buckets.length + 1);
  }

  /** @param times so many took so long */
  observe(sec: number, times = 1): void {
    const at = this.buckets.findIndex((bound) => sec <= bound);
    const bucket = at < 0 ? this.buckets.length : at;
    this.counts[bucket] = this.counts[bucket]! + times;
    this.sumSec += times * sec;
  }

  text(name: string, help: string): string {
    return histogramText(name, help, this.buckets, this.counts, this.sumSec);
  }
}

export function histogramText(
  name: string,
  help: string,
  bounds: readonly number[],
  /** By class; that of what is beyond all bounds last. Absent: none. */
  counts: ArrayLike<number>,
  sum: number,
): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
  let n = 0;
  for (const [i, bound] of [...bounds, '+Inf'].entries()) {
    n += counts[i] ?? 0;
    text += `${name}_bucket{le="${bound}"} ${n}\n`;
  }
  return `${text}${name}_sum ${sum}\n${name}_count ${n}\n`;
}
