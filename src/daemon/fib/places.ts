/**
 * Where this program has put routes, on disk: what a process before this one left in a table, or with a metric, that is
 * of no use any more is found and taken away, and nobody else's routes are looked at for it.
 */
import { bootId, readState, writeStateNow } from '../../io/state.ts';

const FILE = 'routes.json';
const VERSION = 1;

/** Ours are the routes of a table with this protocol and metric. */
export interface Place {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
}

interface Saved {
  readonly version: number;
  readonly boot: string;
  readonly places: readonly Place[];
}

export const samePlace = (a: Place, b: Place): boolean =>
  a.table === b.table && a.protocol === b.protocol && a.metric === b.metric;

export class Places {
  private readonly stateDir: () => string;
  private readonly failed: (reason: string) => void;
  private known: Place[] = [];

  /** @param failed told when the file cannot be written */
  constructor(stateDir: () => string, failed: (reason: string) => void) {
    this.stateDir = stateDir;
    this.failed = failed;
  }

  /** Those of the processes before this one, since the machine was started. */
  recall(): readonly Place[] {
    try {
      const saved = JSON.parse(readState(this.stateDir(), FILE) ?? '{}') as Partial<Saved>;
      const numbers = (p: Place) => [p.table, p.protocol, p.metric].every(Number.isInteger);
      if (saved.version === VERSION && saved.boot === bootId()) this.known = (saved.places ?? []).filter(numbers);
    } catch {
      // Half a file or none: nothing is looked for.
    }
    return this.known;
  }

  /** Before the first route is put there. */
  add(place: Place): void {
    if (this.known.some((p) => samePlace(p, place))) return;
    this.known = [...this.known, place];
    this.write();
  }

  /** Nothing is left there. */
  delete(place: Place): void {
    this.known = this.known.filter((p) => !samePlace(place, p));
    this.write();
  }

  private write(): void {
    const saved: Saved = { version: VERSION, boot: bootId(), places: this.known };
    try {
      writeStateNow(this.stateDir(), FILE, `${JSON.stringify(saved)}\n`);
    } catch (error) {
      this.failed((error as Error).message);
    }
  }
}
