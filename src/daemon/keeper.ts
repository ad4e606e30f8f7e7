/**
 * A file in the state directory that is to say the newest of something. What cannot be written (the disk is full) is told of
 * once, and tried again until it can.
 */
import { writeState, writeStateNow } from '../io/state.ts';

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

  /** Resolves when it is on disk, or could not be. Not to be mixed with `keepNow`. */
  keep(dir: string, text: string): Promise<void> {
    this.wanted = { dir, text };
    return this.write();
  }

  /**
   * Before it returns, for what must be there if the process is killed next; not if the machine crashes. So it is for what is
   * void after a boot.
   */
  keepNow(dir: string, text: string): void {
    this.wanted = { dir, text };
    this.writeNow();
  }

  /** Waits for what is under way; nothing is tried again. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.writing;
    clearTimeout(this.timer);
  }

  private write(): Promise<void> {
    this.writing = this.writing.then(async () => {
      const { wanted } = this;
      if (this.isWritten(wanted)) return;
      try {
        await writeState(wanted.dir, this.file, wanted.text);
        this.succeed(wanted);
      } catch (error) {
        this.fail(error as Error, () => void this.write());
      }
    });
    return this.writing;
  }

  private writeNow(): void {
    const { wanted } = this;
    if (this.isWritten(wanted)) return;
    try {
      writeStateNow(wanted.dir, this.file, wanted.text, false);
      this.succeed(wanted);
    } catch (error) {
      this.fail(error as Error, () => this.writeNow());
    }
  }

  private isWritten({ dir, text }: Written): boolean {
    return dir === this.written.dir && text === this.written.text;
  }

  private succeed(written: Written): void {
    this.written = written;
    this.failing = false;
  }

  private fail({ message }: Error, again: () => void): void {
    if (!this.failing) this.failed(message);
    this.failing = true;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      again();
    }, this.retryMs).unref();
  }
}
