/** Keeps what the allocator gave out on disk, some moments behind: a restart gives every Service its address again. */
import type { Remembered } from '../intent/assignment.ts';
import { Keeper } from './keeper.ts';
import { ASSIGNMENTS, assignmentsText, loadAssignments } from './state.ts';

/** How long changes gather before they are written, ms. */
const GATHER_MS = 100;

export interface MemoryOptions {
  stateDir(): string;
  snapshot(): readonly Remembered[];
  /** What was remembered cannot be used, or what is to be remembered cannot be written (told once). */
  failed(what: 'recall' | 'save', reason: string): void;
  /** How long what could not be written waits. */
  readonly retryMs?: number;
}

export class Memory {
  private readonly options: MemoryOptions;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly keeper: Keeper;
  /** Where what is remembered is. */
  private dir = '';

  constructor(options: MemoryOptions) {
    this.options = options;
    this.keeper = new Keeper(ASSIGNMENTS, (reason) => options.failed('save', reason), options.retryMs);
  }

  /** What the last run left; nothing where that is not usable. */
  recall(): readonly Remembered[] {
    this.dir = this.options.stateDir();
    try {
      return loadAssignments(this.dir);
    } catch (error) {
      this.options.failed('recall', (error as Error).message);
      return [];
    }
  }

  /** Something was given out or taken back. */
  changed(): void {
    this.timer ??= setTimeout(() => void this.save(), GATHER_MS);
  }

  /** The state directory may be another. */
  moved(): void {
    if (this.options.stateDir() !== this.dir) this.changed();
  }

  /** Writes what has not been written yet. */
  async flush(): Promise<void> {
    if (this.timer) await this.save();
    await this.writing;
    await this.keeper.stop();
  }

  private save(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(async () => {
      const text = await assignmentsText(this.options.snapshot());
      this.dir = this.options.stateDir();
      await this.keeper.keep(this.dir, text);
    });
    return this.writing;
  }
}
