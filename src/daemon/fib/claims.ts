/**
 * Which places of routes this process has for itself. Two that look after the same ones would take each other's routes for
 * their own, and put back and take away without end: whoever comes second waits until the first one ends.
 */
import type { Claim } from '../../io/claim.ts';
import type { Place } from './places.ts';

export interface ClaimsEvents {
  /** Other processes have these places: others than before, or none any more. */
  others(places: readonly Place[]): void;
  /** A process that had a place has ended, and may have left anything there. */
  won(): void;
}

/** Between two looks whether another process is still there. */
const AGAIN_MS = 1_000;

export class Claims {
  /** A place for this process alone; undefined where another has it. */
  private readonly take: (place: Place) => Claim | undefined;
  private readonly events: ClaimsEvents;
  private readonly held = new Map<string, Claim>();
  private readonly missed = new Map<string, Place>();
  private timer: NodeJS.Timeout | undefined;

  constructor(take: (place: Place) => Claim | undefined, events: ClaimsEvents) {
    this.take = take;
    this.events = events;
  }

  /** Places that other processes have, as far as somebody here wants them. */
  get others(): readonly Place[] {
    return [...this.missed.values()];
  }

  isOthers(place: Place): boolean {
    return this.missed.has(textOf(place));
  }

  /** @returns whether the place is this process's from now on; it is asked for again and again where not */
  ask({ table, protocol, metric }: Place): boolean {
    const place = { table, protocol, metric };
    if (this.isOthers(place) || this.grab(place)) return !this.isOthers(place);
    this.missed.set(textOf(place), place);
    this.events.others(this.others);
    this.later();
    return false;
  }

  /** Nobody here has use for the place any more. */
  release(place: Place): void {
    const text = textOf(place);
    this.held.get(text)?.close();
    this.held.delete(text);
    if (this.missed.delete(text)) this.events.others(this.others);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const claim of this.held.values()) claim.close();
    this.held.clear();
  }

  private grab(place: Place): boolean {
    const text = textOf(place);
    if (this.held.has(text)) return true;
    const claim = this.take(place);
    if (claim !== undefined) this.held.set(text, claim);
    return claim !== undefined;
  }

  private later(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const won = this.others.filter((place) => this.grab(place));
      for (const place of won) this.missed.delete(textOf(place));
      if (won.length > 0) {
        this.events.others(this.others);
        this.events.won();
      }
      if (this.missed.size > 0) this.later();
    }, AGAIN_MS);
  }
}

const textOf = ({ table, protocol, metric }: Place): string => `${table} ${protocol} ${metric}`;
