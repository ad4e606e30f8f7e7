/** Settings of the kernel, under /proc/sys. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A setting's value without its line end; undefined where there is none.
 * @param path the parts of its name, as names of interfaces may hold dots
 */
export function readSysctl(...path: readonly string[]): string | undefined {
  try {
    return readFileSync(join('/proc/sys', ...path), 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}
