/** A folder of its own under the system's temporary one. */
import { mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch {
  readonly path: string;
  /** Puts a file there whole, by a rename. */
  write(name: string, text: string): void;
  remove(name: string): void;
  dispose(): void;
}

export function scratchFolder(prefix: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), prefix));
  return {
    path,
    write(name, text) {
      writeFileSync(join(path, `.${name}`), text);
      renameSync(join(path, `.${name}`), join(path, name));
    },
    remove: (name) => unlinkSync(join(path, name)),
    dispose: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The text of a file of this package, by its path from the package's root. */
export const packageFile = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
