/**
 * The generations of one peer's routes in one address family, and how many routes are in each.
 *
 * At most two generations count: the current one, and the one before while it is kept as stale (RFC 4724 §4.2). All
 * older ones are dead: nobody sees them, and they are removed when there is time. So the end of a session costs one
 * store, however many routes it had, and they cannot be confused with those of a session that follows at once.
 */

/** Generations are counted modulo this, in an octet. */
const GENERATIONS = 256;

/**
 * Paths to one prefix that are kept of a peer (RFC 7911), as many as can ever be used at once. Whatever looks at a prefix
 * looks at all of them: a peer that sends a hundred thousand would take the time of everybody.
 */
export const MAX_PATHS_OF_PEER = 256;

/** How many routes a peer has in a family, by what becomes of them. */
export interface RouteCounts {
  readonly received: number;
  /** Of those received, what import policy lets through. */
  readonly accepted: number;
  /** Of those received, what is left from before a restart. */
  readonly stale: number;
}

export class Source {
  /** Generation of the routes that come in now. */
  current = 0;
  dead = 0;
  private keepsStale = false;
  private fresh = 0;
  private stale = 0;
  /** Parts of `fresh` and `stale`. */
  private acceptedFresh = 0;
  private acceptedStale = 0;
  /** Generations begun since no route was dead. */
  private begun = 0;

  /** The count of generations would come round to one that still has dead routes: remove them first. */
  get exhausted(): boolean {
    return this.dead > 0 && this.begun >= GENERATIONS - 2;
  }

  /** Begins a generation. The routes so far are stale when `keep` is set, those already stale dead; else all are dead. */
  begin(keep: boolean): void {
    if (this.dead === 0) this.begun = 0;
    this.begun++;
    this.endStale();
    this.stale = this.fresh;
    this.acceptedStale = this.acceptedFresh;
    this.fresh = 0;
    this.acceptedFresh = 0;
    this.current = (this.current + 1) % GENERATIONS;
    this.keepsStale = true;
    if (!keep) this.endStale();
  }

  /** The routes that are still stale are dead from now on. */
  endStale(): void {
    this.keepsStale = false;
    this.dead += this.stale;
    this.stale = 0;
    this.acceptedStale = 0;
  }

  /** Routes of this generation count. */
  isLive(generation: number): boolean {
    const age = (this.current - generation) & (GENERATIONS - 1);
    return age === 0 || (age === 1 && this.keepsStale);
  }

  /** Adds a route to the counts, or takes it out of them (-1). */
  count(generation: number, accepted: boolean, by: 1 | -1): void {
    if (generation === this.current) {
      this.fresh += by;
      if (accepted) this.acceptedFresh += by;
    } else if (this.isLive(generation)) {
      this.stale += by;
      if (accepted) this.acceptedStale += by;
    } else this.dead += by;
  }

  get counts(): RouteCounts {
    return {
      received: this.fresh + this.stale,
      accepted: this.acceptedFresh + this.acceptedStale,
      stale: this.stale,
    };
  }
}
