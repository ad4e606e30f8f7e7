/**
 * A small file of what is void after the next boot of the machine: whose sessions are up, what of ours is in the kernel. It is
 * there when `keep` returns, so that a process that is killed next has told its successor.
 */
import { bootId, readState } from '../io/state.ts';
import { Keeper } from './keeper.ts';

type Recalled<Fields> = Readonly<Partial<Record<keyof Fields, unknown>>>;

export class BootFile<Fields extends object> {
  private readonly file: string;
  private readonly version: number;
  private readonly keeper: Keeper;

  /**
   * @param version of what is in it: another one is as good as no file
   * @param failed told once for as long as it cannot be written
   */
  constructor(file: string, version: number, failed: (reason: string) => void, retryMs?: number) {
    this.file = file;
    this.version = version;
    this.keeper = new Keeper(file, failed, retryMs);
  }

  /** What the last process of this boot kept, which anybody may have written to since; nothing after a boot, or of half a file. */
  recall(dir: string): Recalled<Fields> {
    try {
      const saved = JSON.parse(readState(dir, this.file) ?? '{}') as Record<string, unknown>;
      const { version, boot, ...fields } = saved;
      if (version === this.version && boot === bootId()) return fields as Recalled<Fields>;
    } catch {
      // As of a file that is not there.
    }
    return {} as Recalled<Fields>;
  }

  /** Nothing is written where it says so already. */
  keep(dir: string, fields: Fields): void {
    this.keeper.keepNow(dir, `${JSON.stringify({ version: this.version, boot: bootId(), ...fields })}\n`);
  }

  /** What could not be written is not tried again. */
  stop(): void {
    void this.keeper.stop();
  }
}
