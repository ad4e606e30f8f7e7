/** Keeps what the allocator gave out on disk, some moments behind: a restart gives every Service its address again. */
import type { Remembered } from '../intent/assignment.ts';
import { assignmentsText, loadAssignments, saveAssignments } from './state.ts';

/** How long changes gather before they are written, ms. */
const GATHER_MS = 100;

export interface MemoryOptions {
  stateDir(): string;
  snapshot(): readonly Remembered[];
  /** What was remembered cannot be used, or what is to be remembered cannot be written (told once). */
  failed(what: 'recall' | 'save', reason: string): void;
}

export class Memory {
  private readonly options: MemoryOptions;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  /** The last write. */
  private saved = { dir: '', text: '' };
  private failing = false;

  constructor(options: MemoryOptions) {
    this.options = options;
  }

  /** What the last run left; nothing where that is not usable. */
  recall(): readonly Remembered[] {
    try {
      return loadAssignments(this.options.stateDir());
    } catch (error) {
      this.options.failed('recall', (error as Error).message);
      return [];
    }
  }

  /** Something was given out or taken back. */
  changed(): void {
    this.timer ??= setTimeout(() => void this.save(), GATHER_MS);
  }

  /** Writes what has not been written yet. */
  async flush(): Promise<void> {
    if (this.timer) await this.save();
    await this.writing;
  }

  private save(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  private async write(): Promise<void> {
    const dir = this.options.stateDir();
    const text = await assignmentsText(this.options.snapshot());
    if (dir === this.saved.dir && text === this.saved.text) return;
    try {
      await saveAssignments(dir, text);
      this.saved = { dir, text };
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.options.failed('save', (error as Error).message);
      this.failing = true;
    }
  }
}
