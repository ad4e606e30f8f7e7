/**
 * What one process has for itself: a folder, or a name in its network namespace. Both are the kernel's, and end with the
 * process however that ends: nothing is left behind that could be taken for a holder, and no number of a process is kept that
 * another might have by now.
 *
 * What cannot be locked counts as had: without native calls nothing of a network namespace is changed, and where a folder
 * cannot be opened nothing is written.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { monotonicMs } from './clock.ts';
import { nativeProblem, SystemError, sysBind, sysClose, sysFlock } from './native.ts';
import { mayChangeNetwork } from './privileges.ts';
import { delay } from './turn.ts';
import { listenerPid, unixAddress, unixSocket } from './unix.ts';

export interface Lock {
  /** To be called once. */
  release(): void;
}

/** Somebody else has it. */
export interface Holder {
  /** As it is numbered here; absent where it is not seen from here, as the process of another container. */
  readonly pid?: number;
}

export const isHeld = (result: Lock | Holder): result is Holder => !('release' in result);

const NOTHING: Lock = { release: () => {} };

/** Takes a folder, which is made if need be. */
export function lockFolder(folder: string): Lock | Holder {
  if (nativeProblem() !== undefined) return NOTHING;
  let fd: number | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const open = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    fd = open;
    if (sysFlock(open)) return { release: () => closeSync(open) };
    const holder = holderOf(open);
    closeSync(open);
    return holder;
  } catch {
    // It may not be read, or its file system has no locks of folders (NFS).
    if (fd !== undefined) closeSync(fd);
    return NOTHING;
  }
}

/** How long a folder is waited for that others have for a moment only, and how often it is tried, ms. */
const TURN_MS = 1_000;
const TRY_MS = 5;

/** Waits until the folder is free, for a second at most; whoever has it for longer does not have it for this. */
export async function folderTurn(folder: string): Promise<Lock> {
  const until = monotonicMs() + TURN_MS;
  for (;;) {
    const result = lockFolder(folder);
    if (!isHeld(result)) return result;
    if (monotonicMs() >= until) return NOTHING;
    await delay(TRY_MS);
  }
}

/** From /proc/locks, which names a file by the device's numbers in hexadecimal and the inode in decimal. */
function holderOf(fd: number): Holder {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const hex = (n: bigint) => n.toString(16).padStart(2, '0');
  const line = new RegExp(` FLOCK +ADVISORY +WRITE +(\\d+) ${hex(major)}:${hex(minor)}:${ino} `);
  try {
    const pid = Number(line.exec(readFileSync('/proc/locks', 'utf8'))?.[1] ?? 0);
    return pid > 0 ? { pid } : {};
  } catch {
    return {};
  }
}

/** Whoever has a name listens a moment later: how often it is asked, and how long it is waited for, ms. */
const ASKED = 4;
const ASK_MS = 5;

/**
 * Takes a name in this network namespace, whatever file system its processes see: that of an abstract unix socket (unix(7)).
 * Who may not change the network needs none, and one that such a process has keeps nobody from anything.
 */
export function lockName(name: string): Lock | Holder {
  if (nativeProblem() !== undefined || !mayChangeNetwork()) return NOTHING;
  const address = unixAddress(`@${name}`);
  if (address === undefined) throw new RangeError(`not a name of a socket: ${name}`);
  for (let asked = 0; asked < ASKED; asked++) {
    const lock = bound(address);
    if (lock !== undefined) return lock;
    const pid = listenerPid(address);
    if (pid === 0) return {};
    if (pid !== undefined) return mayChangeNetwork(pid) ? { pid } : NOTHING;
    // It has ended since, or has yet to listen.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ASK_MS);
  }
  return NOTHING;
}

/** Undefined where somebody has it. Listens, since the kernel tells callers alone which process that is. */
function bound(address: Uint8Array): Lock | undefined {
  let fd: number | undefined;
  try {
    fd = unixSocket();
    sysBind(fd, address);
  } catch (error) {
    if (fd !== undefined) sysClose(fd);
    return error instanceof SystemError && error.code === 'EADDRINUSE' ? undefined : NOTHING;
  }
  const server = createServer((caller) => caller.destroy());
  server.on('error', () => {});
  server.listen({ fd }).unref();
  return { release: () => void server.close() };
}
