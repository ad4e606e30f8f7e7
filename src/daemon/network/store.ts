/** The journal on disk. */

import type { Wish } from '../../intent/network.ts';
import { bootId, readState, removeState, writeStateNow } from '../../io/state.ts';
import { emptyJournal, type Journal, journalText, readJournal } from '../../vrf/journal.ts';

const FILE = 'network.json';

export type NetworkJournal = Journal<Wish>;

export interface Store {
  /** Throws with a message for the operator when there is a journal that cannot be used. */
  load(): NetworkJournal;
  /** On disk before it returns. Throws when that cannot be. */
  save(journal: NetworkJournal): void;
  /** It is elsewhere from now on. */
  remove(): void;
}

export class FileStore implements Store {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  load(): NetworkJournal {
    const text = readState(this.dir, FILE);
    const boot = bootId();
    if (text === undefined) return emptyJournal(boot);
    try {
      const journal = readJournal<Wish>(text);
      // Nothing survives a boot of the machine that the journal knows of.
      return journal.boot === boot ? journal : emptyJournal(boot);
    } catch (error) {
      throw new Error(`${this.dir}/${FILE} cannot be used: ${(error as Error).message}`);
    }
  }

  save(journal: NetworkJournal): void {
    writeStateNow(this.dir, FILE, journalText(journal));
  }
  remove(): void {
    removeState(this.dir, FILE);
  }
}
