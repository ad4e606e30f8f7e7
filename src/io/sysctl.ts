/** Settings of the kernel, under /proc/sys. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './text.ts';

/**
 * A setting's value without its line end; undefined where there is none.
 * @param path the parts of its name, as names of interfaces may hold dots
 */
export const readSysctl = (...path: readonly string[]): string | undefined =>
  textOf(join('/proc/sys', ...path))?.trimEnd();

/** Of an interface and all together, where the greater of the two counts: rp_filter, arp_ignore (ip-sysctl.rst). 0 where there is none. */
export const greaterOfAll = (setting: string, name: string, read = readSysctl): number =>
  Math.max(...['all', name].map((which) => Number(read('net', 'ipv4', 'conf', which, setting) ?? 0)));

/**
 * Of the network namespace of the process. Throws what the system says: EACCES, EROFS, ENOENT …
 * @param path below /proc/sys
 */
export const writeSysctl = (path: string, value: string): void => writeFileSync(join('/proc/sys', path), value);

/** A bond's mode (`802.3ad`); undefined for what is no bond. */
export const bondMode = (name: string): string | undefined =>
  textOf(`/sys/class/net/${name}/bonding/mode`)?.split(' ')[0];

/** It is a radio. */
export const isWireless = (name: string): boolean =>
  ['wireless', 'phy80211'].some((entry) => existsSync(join('/sys/class/net', name, entry)));
