/**
 * Configuration files: what is there, and what changes. A path is a file, or a folder whose `*.yaml`, `*.yml` and
 * `*.json` files count, as for kubectl (not those of its sub-folders, nor hidden ones).
 *
 * Changes come from the kernel, one file at a time, so that an edit among 10,000 files costs one read. What is read in
 * one pass over many files is given out together, so that a swapped folder is one change.
 *
 *   watch ─► Settler (is it whole?) ─► batch ─► changed
 *   readAll, rescan (swapped links and folders, lost events) ─┘
 */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { monotonicMs } from './clock.ts';
import {
  type FileContent,
  type FileState,
  isPassing,
  isRoomy,
  lastOctet,
  readContent,
  readError,
  stateOf,
  statOf,
} from './content.ts';
import { QUIET_MS, Settler } from './settle.ts';
import { nextTurn, SLICE_MS } from './turn.ts';
import { type EntryEvent, Watches } from './watch.ts';

/** How long a file must be gone: editors move the old one away before they write the new one, ms. */
const GONE_MS = 250;
/** How long a file must be quiet that got shorter, or does not end in a line feed: more may be on its way, ms. */
const HALF_MS = 1_000;
/** Until what could not be read is tried again, where that may pass by itself, ms. */
const AGAIN_MS = 2_000;
/** The kernel queues 16,384 events and forgets the rest silently: after so many everything is looked at. */
const BURST = 4_096;

const LINE_FEED = 10;

export interface FileEvents {
  /** Files that appeared, changed or went (undefined). */
  changed(changes: ReadonlyMap<string, FileContent>): void;
  /** Changes in this folder will not be seen. */
  blind(folder: string, reason: string): void;
}

const isDocument = (name: string): boolean => /\.(?:ya?ml|json)$/.test(name) && !name.startsWith('.');
const isFolder = (path: string): boolean => statOf(path)?.isDirectory() ?? false;

export class Files {
  private readonly paths: ReadonlySet<string>;
  private readonly events: FileEvents;
  private readonly watches: Watches;
  private readonly settler: Settler;
  private watching = false;
  /** Files as they were when they were read. */
  private readonly known = new Map<string, FileState>();
  /** Symbolic links among the files, with the file that each led to. */
  private readonly links = new Map<string, string>();
  /** Paths that were folders when they were listed. */
  private readonly folders = new Set<string>();
  /** Paths with an error of their own. */
  private readonly broken = new Set<string>();
  private batch = new Map<string, FileContent>();
  private spare: Uint8Array | undefined;
  /** Passes over many files: one after the other, and nothing is given out in the middle of one. */
  private passes: Promise<void> = Promise.resolve();
  private passing = false;
  private rescanTimer: NodeJS.Timeout | undefined;
  private againTimer: NodeJS.Timeout | undefined;
  private burst = 0;

  constructor(paths: readonly string[], events: FileEvents) {
    this.paths = new Set(paths.map((path) => (path.length > 1 ? path.replace(/\/+$/, '') : path)));
    this.events = events;
    this.watches = new Watches({
      entry: (event, folder, name) => this.entry(event, folder, name),
      blind: (folder, reason) => events.blind(folder, reason),
    });
    this.settler = new Settler({
      patience: (file, written) => this.patience(file, written),
      ripe: (file) => {
        if (this.isChanged(file)) this.take(file);
      },
      done: () => this.giveOut(),
    });
  }

  /** Reads every file, in slices, and gives all of them out. A path that names nothing is an error under its own name. */
  readAll(): Promise<void> {
    return this.pass(() => true);
  }

  /** Reports changes from now on. */
  watch(): void {
    this.watching = true;
    this.rewatch();
  }

  /** Octets of a file that nobody has any use for: the next one may be read into them. */
  reuse(bytes: Uint8Array): void {
    if (isRoomy(bytes)) this.spare = bytes;
  }

  close(): void {
    this.watching = false;
    this.watches.close();
    this.settler.close();
    clearTimeout(this.rescanTimer);
    clearTimeout(this.againTimer);
  }

  private entry(event: EntryEvent, folder: string, name: string | null): void {
    if (name === null || ++this.burst === BURST) return this.rescanSoon();
    const path = join(folder, name);
    if (this.paths.has(path) && (this.folders.has(path) || isFolder(path))) return this.rescanSoon();
    const here = this.paths.has(path) || (this.paths.has(folder) && isDocument(name));
    const files = here ? [path] : [];
    for (const [link, target] of this.links) if (target === path) files.push(link);
    for (const file of files) this.settler.touch(file, event);
    // A link that files here go through may have been swapped, as kubelet does with `..data`.
    if (files.length === 0 && event === 'rename' && this.links.size > 0) this.rescanSoon();
  }

  /** Half a file is a valid file too, and to take it would be to withdraw what it does not say yet. */
  private patience(file: string, written: boolean): number {
    const state = stateOf(file);
    if (state === undefined) return GONE_MS;
    if (state.size === 0) return HALF_MS;
    if (!written) return 0;
    const shorter = state.size < (this.known.get(file)?.size ?? 0);
    return shorter || lastOctet(file, state.size) !== LINE_FEED ? HALF_MS : QUIET_MS;
  }

  private isChanged(file: string): boolean {
    return this.known.get(file)?.stamp !== stateOf(file)?.stamp;
  }

  private rescanSoon(): void {
    clearTimeout(this.rescanTimer);
    this.rescanTimer = setTimeout(() => {
      this.burst = 0;
      void this.pass((file) => this.isChanged(file) && !this.settler.has(file));
    }, QUIET_MS);
  }

  private pass(wanted: (file: string) => boolean): Promise<void> {
    this.passes = this.passes.then(() => this.look(wanted));
    return this.passes;
  }

  /** Looks at every file there is, in slices; those that `wanted` names are read. */
  private async look(wanted: (file: string) => boolean): Promise<void> {
    this.passing = true;
    this.rewatch();
    const present = new Set<string>();
    let sliceEnd = monotonicMs() + SLICE_MS;
    for (const file of this.list()) {
      present.add(file);
      if (wanted(file)) this.take(file);
      if (monotonicMs() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = monotonicMs() + SLICE_MS;
    }
    for (const file of [...this.known.keys()]) if (!present.has(file) && wanted(file)) this.take(file);
    this.passing = false;
    this.giveOut();
  }

  private giveOut(): void {
    if (this.passing || this.batch.size === 0) return;
    const changes = this.batch;
    this.batch = new Map();
    this.rewatch();
    this.events.changed(changes);
  }

  private take(file: string): void {
    const state = stateOf(file);
    const wasUnread = this.known.get(file)?.stamp === UNREAD;
    if (state) this.known.set(file, state);
    else this.known.delete(file);
    const target = targetOf(file);
    if (target === undefined) this.links.delete(file);
    else this.links.set(file, target);
    const content = readContent(file, this.spare);
    if (content && 'bytes' in content && content.bytes.buffer === this.spare?.buffer) this.spare = undefined;
    if (content === undefined && this.paths.has(file)) return this.blame(file, 'no such file or folder');
    this.broken.delete(file);
    if (content && 'passes' in content) {
      this.known.set(file, { size: 0, ...state, stamp: UNREAD });
      this.again();
      // That was told.
      if (wasUnread) return;
    }
    this.batch.set(file, content);
  }

  /** What could not be read is looked at later, though nothing of it may change. */
  private again(): void {
    if (!this.watching) return;
    this.againTimer ??= setTimeout(() => {
      this.againTimer = undefined;
      this.rescanSoon();
    }, AGAIN_MS).unref();
  }

  /** The folders, those that hold the paths (they may be replaced), and those that links lead to. */
  private rewatch(): void {
    if (!this.watching) return;
    const folders = new Set<string>();
    for (const path of this.paths) {
      if (basename(path) !== '') folders.add(dirname(path));
      if (isFolder(path)) folders.add(path);
    }
    for (const target of this.links.values()) folders.add(dirname(target));
    this.watches.set(folders);
  }

  private *list(): Generator<string> {
    for (const path of this.paths) {
      if (!isFolder(path)) {
        if (this.folders.delete(path)) this.take(path);
        yield path;
        continue;
      }
      try {
        const names = readdirSync(path).filter(isDocument).sort();
        if (this.broken.delete(path)) this.batch.set(path, undefined);
        this.folders.add(path);
        for (const name of names) yield join(path, name);
      } catch (error) {
        const passes = isPassing(error);
        if (passes) this.again();
        if (!passes || !this.broken.has(path)) this.blame(path, readError(error));
      }
    }
  }

  private blame(path: string, error: string): void {
    this.broken.add(path);
    this.batch.set(path, { error });
  }
}

/** Of no file. */
const UNREAD = 'unread';

/** Where a symbolic link leads in the end; undefined for anything else. */
function targetOf(file: string): string | undefined {
  try {
    return lstatSync(file).isSymbolicLink() ? realpathSync(file) : undefined;
  } catch {
    return undefined;
  }
}
