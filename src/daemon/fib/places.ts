/**
 * Where this program has put routes, on disk: what a process before this one left in a table, or with a metric, that is
 * of no use any more is found and taken away, and nobody else's routes are looked at for it.
 */
import { BootFile } from '../bootfile.ts';

const FILE = 'routes.json';
const VERSION = 1;

/** Ours are the routes of a table with this protocol and metric. */
export interface Place {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
}

export const samePlace = (a: Place, b: Place): boolean =>
  a.table === b.table && a.protocol === b.protocol && a.metric === b.metric;

export class Places {
  private readonly stateDir: () => string;
  private readonly file: BootFile<{ readonly places: readonly Place[] }>;
  private known: readonly Place[] | undefined;

  /** @param failed told once for as long as the file cannot be written */
  constructor(stateDir: () => string, failed: (reason: string) => void) {
    this.stateDir = stateDir;
    this.file = new BootFile(FILE, VERSION, failed);
  }

  /** Those of this process, and at first of the processes before it, since the machine was started. */
  all(dir: string): readonly Place[] {
    if (this.known === undefined) {
      const { places } = this.file.recall(dir);
      this.known = Array.isArray(places) ? places.filter(isPlace) : [];
    }
    return this.known;
  }

  /** Before the first route is put there. */
  add(place: Place): void {
    const known = this.all(this.stateDir());
    if (!known.some((p) => samePlace(p, place))) this.keep([...known, place]);
  }

  /** Nothing is left there. */
  delete(place: Place): void {
    this.keep(this.all(this.stateDir()).filter((p) => !samePlace(place, p)));
  }

  /** The state directory may be another. */
  moved(): void {
    const { known = [] } = this;
    if (known.length > 0) this.keep(known);
  }

  private keep(places: readonly Place[]): void {
    this.known = places;
    this.file.keep(this.stateDir(), { places });
  }
}

function isPlace(value: unknown): value is Place {
  const { table, protocol, metric } = (value ?? {}) as Record<string, unknown>;
  return [table, protocol, metric].every(Number.isInteger);
}
