/** Files and folders of the system, most of them made by the kernel when they are read: what is not there is no error. */
import { readdirSync, readFileSync } from 'node:fs';

/** Undefined where there is no such file, or it may not be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Names of what is in a folder; none where there is no such folder, or it may not be read. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
