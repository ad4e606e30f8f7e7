/** A yes or no that survives the process: something of ours may be left in the kernel. */
import { BootFile } from './bootfile.ts';

const VERSION = 1;

export class Note {
  private readonly stateDir: () => string;
  private readonly file: BootFile<{ readonly left: boolean }>;
  private known: boolean | undefined;

  constructor(stateDir: () => string, file: string) {
    this.stateDir = stateDir;
    // Others tell that the state directory is not writable; what is wanted is repaired without the note.
    this.file = new BootFile(file, VERSION, () => {});
  }

  get(dir = this.stateDir()): boolean {
    this.known ??= this.file.recall(dir).left === true;
    return this.known;
  }

  /** On disk when it returns, as far as the folder can be written; a yes in that, too, which a reload has given since. */
  set(value: boolean): void {
    if (!value && !this.get()) return;
    this.known = value;
    this.file.keep(this.stateDir(), { left: value });
  }
}
