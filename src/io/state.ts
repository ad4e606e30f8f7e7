/** Small files that survive the process. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The file's text, or undefined when there is none. */
export function readState(dir: string, name: string): string | undefined {
  try {
    return readFileSync(join(dir, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes through a temporary file and a rename, on disk before it returns. The folder is made if need be. */
export function writeState(dir: string, name: string, text: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o750 });
  const temporary = join(dir, `.${name}.new`);
  const fd = openSync(temporary, 'w', 0o640);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, join(dir, name));
}
