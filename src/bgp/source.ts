/**
 * The generations of one peer's routes in one address family, and how many routes are in each.
 *
 * The current generation counts, and the one before while it is kept as stale (RFC 4724 §4.2); older ones only during a
 * long-lived time (RFC 9494 §4.2). All others are dead: nobody sees them, and they are removed when there is time. So the
 * end of a session costs one store, however many routes it had, and they cannot be confused with those of a session that
 * follows at once.
 */

/** Generations are counted modulo this, in an octet. */
const GENERATIONS = 256;
/** Stale generations at a time: of a peer that has come and gone more often without telling all, the older ones go. */
const MAX_KEPT = 100;

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

/** What becomes of a peer's routes when its session ends. */
export type Keep = 'none' | 'fresh' | 'all';

export class Source {
  /** Generation of the routes that come in now. */
  current = 0;
  dead = 0;
  /** Generations before the current one that count, as stale. */
  private kept = 0;
  private fresh = 0;
  private stale = 0;
  /** Parts of `fresh` and `stale`. */
  private acceptedFresh = 0;
  private acceptedStale = 0;
  /** Generations back to the oldest that has routes. */
  private begun = 0;

  /** The count of generations would come round to one that still has dead routes: remove them first. */
  get exhausted(): boolean {
    return this.dead > 0 && this.begun >= GENERATIONS - 2;
  }

  /**
   * Begins a generation. The routes so far are dead, or stale: with `fresh` those of the last generation, with `all` what was
   * stale before, too.
   */
  begin(keep: Keep): void {
    if (this.dead === 0) this.begun = this.kept;
    this.begun++;
    if (keep !== 'all' || this.kept === MAX_KEPT) this.endStale();
    this.stale += this.fresh;
    this.acceptedStale += this.acceptedFresh;
    this.fresh = 0;
    this.acceptedFresh = 0;
    this.current = (this.current + 1) % GENERATIONS;
    this.kept++;
    if (keep === 'none') this.endStale();
  }

  /** The routes that are still stale are dead from now on. */
  endStale(): void {
    this.kept = 0;
    this.dead += this.stale;
    this.stale = 0;
    this.acceptedStale = 0;
  }

  /** Routes of this generation count. */
  isLive(generation: number): boolean {
    return ((this.current - generation) & (GENERATIONS - 1)) <= this.kept;
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
