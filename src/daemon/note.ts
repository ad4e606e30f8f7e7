/** A yes or no that survives the process: something of ours may be left in the kernel. */
import { readState, writeStateNow } from '../io/state.ts';

export class Note {
  private readonly stateDir: () => string;
  private readonly file: string;
  private known: boolean | undefined;

  constructor(stateDir: () => string, file: string) {
    this.stateDir = stateDir;
    this.file = file;
  }

  get(): boolean {
    if (this.known === undefined) {
      try {
        this.known = readState(this.stateDir(), this.file) === 'yes\n';
      } catch {
        this.known = false; // as at a first start
      }
    }
    return this.known;
  }

  /** On disk when it returns, as far as the folder can be written. */
  set(value: boolean): void {
    if (this.get() === value) return;
    this.known = value;
    try {
      writeStateNow(this.stateDir(), this.file, value ? 'yes\n' : 'no\n');
    } catch {
      // Others tell that the state directory is not writable; what is wanted is repaired without the note.
    }
  }
}
