/**
 * Configuration files: what is there, and what changes. A path is a file, or a folder whose `*.yaml` and `*.yml` files
 * count (not those of its sub-folders, nor hidden ones).
 *
 * Changes come from the kernel (inotify), one file at a time, so that an edit among 10,000 files costs one read. A
 * rename is a whole new file and is taken at once; a file written in place is read when it has been quiet for a moment,
 * since half a file is a valid file too.
 */
import { type FSWatcher, readdirSync, readFileSync, type Stats, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from './clock.ts';

/** A file's octets, or why it could not be read; undefined when it is gone. */
export type FileContent = { readonly bytes: Uint8Array } | { readonly error: string } | undefined;

/** Files larger than this are not read, octets: a configuration is not that big, a wrong path may be. */
export const MAX_FILE_OCTETS = 32 * 1024 * 1024;
/** How long a file that is written in place must be quiet before it is read, ms. */
const SETTLE_MS = 25;
/** Work per turn of the event loop while many files are read, ms. */
const SLICE_MS = 10;

const isDocument = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith('.');

/** Reads one file; `undefined` when there is none. */
export function readContent(file: string): FileContent {
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) return { error: 'is a directory inside a folder of documents' };
    if (!stats.isFile()) return { error: 'is not a regular file' };
    if (stats.size > MAX_FILE_OCTETS)
      return {
        error: `is ${Math.round(stats.size / 1048576)} MB large, more than the ${MAX_FILE_OCTETS / 1048576} MB a configuration file may have`,
      };
    return { bytes: readFileSync(file) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') return { error: 'cannot be read: permission denied' };
    return { error: `cannot be read: ${message}` };
  }
}

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });
const exists = (path: string): boolean => statOf(path) !== undefined;
const isFolder = (path: string): boolean => statOf(path)?.isDirectory() ?? false;
/** A file that somebody is about to write is empty at first. */
const isEmpty = (path: string): boolean => statOf(path)?.size === 0;

/** Identifies one state of a file without reading it. */
const stampOf = (s: Stats): string => `${s.ino} ${s.size} ${s.mtimeMs} ${s.ctimeMs}`;

export class Files {
  private readonly paths: readonly string[];
  private readonly watchers: FSWatcher[] = [];
  /** Files given out, with the stamp they had. */
  private readonly known = new Map<string, string>();
  private readonly settling = new Map<string, NodeJS.Timeout>();
  private onChange: (changes: ReadonlyMap<string, FileContent>) => void = () => {};

  constructor(paths: readonly string[]) {
    this.paths = paths;
  }

  /** Every file, read in slices. A path that names nothing comes back as an error under its own name. */
  async readAll(): Promise<Map<string, FileContent>> {
    const out = new Map<string, FileContent>();
    let sliceEnd = monotonicMs() + SLICE_MS;
    for (const file of this.list(out)) {
      out.set(file, this.read(file));
      if (monotonicMs() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = monotonicMs() + SLICE_MS;
    }
    for (const file of [...this.known.keys()]) if (!out.has(file)) this.known.delete(file);
    return out;
  }

  /** Reports changes from now on: files that appeared, changed or went (undefined). */
  watch(onChange: (changes: ReadonlyMap<string, FileContent>) => void): void {
    this.onChange = onChange;
    for (const path of this.paths) {
      const folder = isFolder(path);
      const dir = folder ? path : dirname(path);
      try {
        this.watchers.push(
          watch(dir, (type, name) => this.event(type, dir, name, folder ? undefined : basename(path))),
        );
      } catch {
        // The folder is not there: readAll has said so, and a reload looks again.
      }
    }
  }

  close(): void {
    for (const w of this.watchers.splice(0)) w.close();
    for (const timer of this.settling.values()) clearTimeout(timer);
    this.settling.clear();
  }

  private event(type: string, dir: string, name: string | null, only: string | undefined): void {
    if (name !== null && (only === undefined ? isDocument(name) : name === only)) {
      const file = join(dir, name);
      if (type === 'rename' && !this.settling.has(file) && !isEmpty(file)) return this.take(file);
      clearTimeout(this.settling.get(file));
      this.settling.set(
        file,
        setTimeout(() => this.settled(file), SETTLE_MS),
      );
    } else if (name === null || (!isDocument(name) && type === 'rename')) {
      // The queue overflowed, or a link that files here go through was swapped (as kubelet does with `..data`).
      clearTimeout(this.settling.get(''));
      this.settling.set(
        '',
        setTimeout(() => void this.rescan(), SETTLE_MS),
      );
    }
  }

  private settled(file: string): void {
    this.settling.delete(file);
    this.take(file);
  }

  /** Reports one file if it changed. */
  private take(file: string): void {
    const before = this.known.get(file);
    const content = this.read(file);
    if (before !== this.known.get(file)) this.onChange(new Map([[file, content]]));
  }

  private async rescan(): Promise<void> {
    this.settling.delete('');
    const before = new Map(this.known);
    const now = await this.readAll();
    const changes = new Map<string, FileContent>();
    for (const [file, content] of now) if (before.get(file) !== this.known.get(file)) changes.set(file, content);
    for (const file of before.keys()) if (!now.has(file)) changes.set(file, undefined);
    if (changes.size > 0) this.onChange(changes);
  }

  private read(file: string): FileContent {
    const stats = statOf(file);
    if (stats) this.known.set(file, stampOf(stats));
    else this.known.delete(file);
    return readContent(file);
  }

  private *list(problems: Map<string, FileContent>): Generator<string> {
    for (const path of this.paths) {
      if (!isFolder(path)) {
        if (exists(path)) yield path;
        else problems.set(path, { error: 'no such file or folder' });
        continue;
      }
      const names = readdirSync(path).filter(isDocument).sort();
      for (const name of names) yield join(path, name);
    }
  }
}
