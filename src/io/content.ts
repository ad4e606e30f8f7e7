/** What a configuration file holds, or why that cannot be told. */
import { closeSync, lstatSync, openSync, readFileSync, readSync, type Stats, statSync } from 'node:fs';

/** A file's octets, or why it could not be read; undefined when it is gone. */
export type FileContent =
  /** `open`: everybody on this machine may read it. */
  | { readonly bytes: Uint8Array; readonly open?: true }
  /** `passes`: by itself, as where no descriptor is left. */
  | { readonly error: string; readonly passes?: true }
  | undefined;

/** Files larger than this are not read, octets: a configuration is not that big, a wrong path may be. */
export const MAX_FILE_OCTETS = 32 * 1024 * 1024;

const MEGA = 1024 * 1024;

/** From this size on memory is worth being used twice, octets: pages that are new to the process take longer than to fill them. */
const ROOM_OCTETS = 256 * 1024;

/** Whether it is worth keeping for the next large file. */
export const isRoomy = (bytes: Uint8Array): boolean => bytes.buffer.byteLength >= ROOM_OCTETS;

/**
 * Reads one file; `undefined` when there is none.
 * @param spare memory that nobody uses: a large file that fits is read into it
 */
export function readContent(file: string, spare?: Uint8Array): FileContent {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) return { error: 'is a folder, where a file is expected' };
    // Neither is opened: a FIFO would hold up the whole process.
    if (!stats.isFile()) return { error: 'is not a regular file' };
    if (stats.size > MAX_FILE_OCTETS) {
      const [size, limit] = [Math.ceil(stats.size / MEGA), MAX_FILE_OCTETS / MEGA];
      return { error: `has ${size} MB, more than the ${limit} MB that a configuration file may have` };
    }
    const bytes = stats.size < ROOM_OCTETS ? readFileSync(file) : readLarge(file, stats.size, spare);
    return { bytes, ...((stats.mode & 0o004) !== 0 && { open: true }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      return { error: readError(error), ...(isPassing(error) && { passes: true }) };
    return linkStatOf(file) ? { error: 'is a symbolic link to nothing' } : undefined;
  }
}

/** Into memory with room to grow: the next version may be longer. */
function readLarge(file: string, size: number, spare?: Uint8Array): Uint8Array {
  const fits = spare !== undefined && spare.buffer.byteLength > size;
  const room = fits ? new Uint8Array(spare.buffer) : new Uint8Array(ROOM_OCTETS * Math.ceil((size + 1) / ROOM_OCTETS));
  const fd = openSync(file, 'r');
  try {
    let at = 0;
    while (at < room.length) {
      const octets = readSync(fd, room, at, room.length - at, null);
      if (octets === 0) return room.subarray(0, at);
      at += octets;
    }
  } finally {
    closeSync(fd);
  }
  // It grew meanwhile.
  return readFileSync(file);
}

/** What is the matter is not the file, but that there is too little of something now, or a disk of a network is slow. */
export const isPassing = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EIO', 'ESTALE', 'ETIMEDOUT'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );

/** Why a file or folder cannot be read, for people. */
export function readError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file or folder';
  if (code === 'EACCES') return 'cannot be read: permission denied';
  if (code === 'ELOOP') return 'cannot be read: its symbolic links run in a circle';
  return `cannot be read: ${message}`;
}

/** Undefined where nothing is, or nothing can be seen. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The last octet of a file; undefined where it is empty or cannot be read. */
export function lastOctet(file: string, size: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const octet = new Uint8Array(1);
    return readSync(fd, octet, 0, 1, size - 1) === 1 ? octet[0] : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function linkStatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A file as it is now, told from every other state of it without reading it. */
export interface FileState {
  readonly stamp: string;
  /** Octets. */
  readonly size: number;
}

/** Undefined where there is nothing; a link that leads nowhere is something. */
export function stateOf(file: string): FileState | undefined {
  const s = statOf(file) ?? linkStatOf(file);
  return s && { stamp: `${s.dev} ${s.ino} ${s.size} ${s.mtimeMs} ${s.ctimeMs}`, size: s.size };
}
