/** Settings of the kernel, under /proc/sys. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

/**
 * Of the network namespace of the process. Throws what the system says: EACCES, EROFS, ENOENT …
 * @param path below /proc/sys
 */
export const writeSysctl = (path: string, value: string): void => writeFileSync(join('/proc/sys', path), value);

/** A bond's mode (`802.3ad`); undefined for what is no bond. */
export function bondMode(name: string): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${name}/bonding/mode`, 'utf8').split(' ')[0];
  } catch {
    return undefined;
  }
}

/** It is a radio. */
export const isWireless = (name: string): boolean =>
  ['wireless', 'phy80211'].some((entry) => existsSync(join('/sys/class/net', name, entry)));
