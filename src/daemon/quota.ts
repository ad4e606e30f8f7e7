/**
 * How much of what others cause is told: a peer whose every UPDATE has a fault, or callers by the thousand, must not fill
 * the disk with log lines, nor drive everything else out of the journal.
 */

const MINUTE_MS = 60_000;

export class Quota {
  private readonly limit: number;
  private readonly told = new Set<string>();
  private since = Number.NEGATIVE_INFINITY;
  private untold = 0;

  /** @param limit of different things that are told within a minute; the same is told once */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Undefined: not to be told. Else it is, with how many were not since the last that was. */
  take(what: string, nowMs: number): number | undefined {
    if (nowMs - this.since >= MINUTE_MS) {
      this.since = nowMs;
      this.told.clear();
    }
    if (this.told.has(what) || this.told.size >= this.limit) {
      this.untold++;
      return undefined;
    }
    const { untold } = this;
    this.told.add(what);
    this.untold = 0;
    return untold;
  }
}
