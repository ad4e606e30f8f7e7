/** Callers that wait until something is over, each for so long at most. */
export class Waiters {
  private readonly waiting: ((outcome: boolean) => void)[] = [];

  /** Resolves with what `end` is given next, or with false after this time, ms. */
  wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.waiting.push((outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
    });
  }

  end(outcome: boolean): void {
    for (const resolve of this.waiting.splice(0)) resolve(outcome);
  }
}
