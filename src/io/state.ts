/** Small files that survive the process. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
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

/**
 * Writes through a temporary file and a rename, on disk before it resolves; the folder is made if need be. Writes of
 * one file must not overlap.
 */
export async function writeState(dir: string, name: string, text: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const temporary = join(dir, `.${name}.new`);
  const file = await open(temporary, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, name));
}

/**
 * As `writeState`, before it returns: for a few octets that must be there if the process is killed next. With `sync` false
 * they need not be if the machine crashes, for what is void after a boot: a disk may take a tenth of a second to say that it
 * has something, in which nothing else is done.
 */
export function writeStateNow(dir: string, name: string, text: string, sync = true): void {
  mkdirSync(dir, { recursive: true, mode: 0o750 });
  const temporary = join(dir, `.${name}.now`);
  const fd = openSync(temporary, 'w', 0o640);
  try {
    // All of it, or an error: a disk that is nearly full takes a part.
    writeFileSync(fd, text);
    if (sync) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, join(dir, name));
}

/** As far as that can be done: whoever reads the file must bear that it is old. */
export function removeState(dir: string, name: string): void {
  try {
    rmSync(join(dir, name), { force: true });
  } catch {
    // As in a folder that may only be read by now.
  }
}

/** Another one after every boot of the machine; '' where the kernel does not tell. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
