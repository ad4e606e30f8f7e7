/**
 * When a file that somebody touched may be read. One that a rename put in place is whole, and ripe at once; one that
 * is written in place is ripe when it has been quiet for a moment, and if it looks half written, for a longer one.
 */
import { monotonicMs } from './clock.ts';
import { nextTurn, SLICE_MS } from './turn.ts';
import type { EntryEvent } from './watch.ts';

/** How long a file that is written in place must be quiet in any case, ms. */
export const QUIET_MS = 25;

export interface SettlerEvents {
  /** How long the file as it is now must have been quiet, ms. */
  patience(file: string, written: boolean): number;
  ripe(file: string): void;
  /** Those that were ripe together have all been named. */
  done(): void;
}

interface Touched {
  /** In place, as far as we saw. */
  readonly written: boolean;
  /** Of the last event. */
  readonly at: number;
}

export class Settler {
  private readonly events: SettlerEvents;
  private readonly waiting = new Map<string, Touched & { readonly timer: NodeJS.Timeout }>();
  private readonly due = new Map<string, Touched>();
  private running = false;

  constructor(events: SettlerEvents) {
    this.events = events;
  }

  /** The file was touched lately, and is neither ripe nor forgotten yet. */
  has(file: string): boolean {
    return this.waiting.has(file) || this.due.has(file);
  }

  touch(file: string, event: EntryEvent): void {
    const before = this.waiting.get(file) ?? this.due.get(file);
    const touched = { written: event === 'change' || (before?.written ?? false), at: monotonicMs() };
    this.forget(file);
    if (before === undefined && event === 'rename') this.examineSoon(file, touched);
    else this.wait(file, touched, QUIET_MS);
  }

  close(): void {
    for (const file of [...this.waiting.keys(), ...this.due.keys()]) this.forget(file);
  }

  private forget(file: string): void {
    clearTimeout(this.waiting.get(file)?.timer);
    this.waiting.delete(file);
    this.due.delete(file);
  }

  private wait(file: string, { written, at }: Touched, ms: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(file);
      this.examineSoon(file, { written, at });
    }, ms);
    this.waiting.set(file, { written, at, timer });
  }

  private examineSoon(file: string, touched: Touched): void {
    this.due.set(file, touched);
    if (!this.running) void this.run();
  }

  /** Begins in the next turn: by then the kernel has said whether a file that appeared is being written to. */
  private async run(): Promise<void> {
    this.running = true;
    await nextTurn();
    let sliceEnd = monotonicMs() + SLICE_MS;
    for (const [file, touched] of this.due) {
      this.due.delete(file);
      const left = touched.at + this.events.patience(file, touched.written) - monotonicMs();
      if (left > 0) this.wait(file, touched, left);
      else this.events.ripe(file);
      if (monotonicMs() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = monotonicMs() + SLICE_MS;
    }
    this.running = false;
    this.events.done();
  }
}
