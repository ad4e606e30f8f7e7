/**
 * A file in the state directory that is to say the newest of something. What cannot be written (the disk is full) is told of
 * once, and tried again until it can.
 */
import { writeState } from '../io/state.ts';

/** Between two tries, ms. */
const RETRY_MS = 10_000;

interface Written {
  readonly dir: string;
  readonly text: string;
}

const nothing: Written = { dir: '', text: '' };

export class Keeper {
  private readonly file: string;
  private readonly failed: (reason: string) => void;
  private readonly retryMs: number;
  private wanted = nothing;
  private written = nothing;
  private writing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private failing = false;

  /** @param failed told once for as long as it cannot be written */
  constructor(file: string, failed: (reason: string) => void, retryMs = RETRY_MS) {
    this.file = file;
    this.failed = failed;
    this.retryMs = retryMs;
  }

  /** Resolves when it is in the file, or could not be. */
  keep(dir: string, text: string): Promise<void> {
    this.wanted = { dir, text };
    return this.write();
  }

  /** Waits for what is under way; nothing is tried again. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.writing;
    clearTimeout(this.timer);
  }

  private write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeNow());
    return this.writing;
  }

  private async writeNow(): Promise<void> {
    const { wanted, written } = this;
    if (wanted.dir === written.dir && wanted.text === written.text) return;
    try {
      await writeState(wanted.dir, this.file, wanted.text);
      this.written = wanted;
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.failed((error as Error).message);
      this.failing = true;
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        void this.write();
      }, this.retryMs).unref();
    }
  }
}
