/** Histograms whose counts are kept elsewhere than in the library, which has no notion of that: as Prometheus' text. */

/** From what a machine does at once to what people wait for, seconds. */
export const durationBuckets = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] as const;

/** How long things took. */
export class Durations {
  /** A count for each of `durationBuckets`, and for those beyond. */
  readonly counts = new Float64Array(durationBuckets.length + 1);
  sumSec = 0;

  observe(sec: number): void {
    const at = durationBuckets.findIndex((bound) => sec <= bound);
    const bucket = at < 0 ? durationBuckets.length : at;
    this.counts[bucket] = this.counts[bucket]! + 1;
    this.sumSec += sec;
  }

  text(name: string, help: string): string {
    return histogramText(name, help, durationBuckets, this.counts, this.sumSec);
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
