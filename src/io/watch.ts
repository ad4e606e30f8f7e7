/** Folders under the kernel's watch (inotify): what happened to which of their entries. */
import { type FSWatcher, watch } from 'node:fs';
import { statOf } from './content.ts';

/** `rename`: the entry came or went. `change`: it was written to, or its mode changed. */
export type EntryEvent = 'rename' | 'change';

interface Watch {
  readonly watcher: FSWatcher;
  /** Device and inode: another folder may take the place of the one that is watched. */
  readonly identity: string;
}

export interface WatchEvents {
  entry(event: EntryEvent, folder: string, name: string | null): void;
  /** Changes in this folder will not be seen; told once. */
  blind(folder: string, reason: string): void;
}

export class Watches {
  private readonly events: WatchEvents;
  private readonly watches = new Map<string, Watch>();
  /** Why these folders cannot be watched. */
  private readonly failures = new Map<string, string>();

  constructor(events: WatchEvents) {
    this.events = events;
  }

  /** Watches exactly these folders, through symbolic links. Those that do not exist are left out. */
  set(folders: ReadonlySet<string>): void {
    for (const [folder, { identity }] of this.watches)
      if (!folders.has(folder) || identityOf(folder) !== identity) this.end(folder);
    for (const folder of folders) if (!this.watches.has(folder)) this.begin(folder);
  }

  close(): void {
    this.set(new Set());
  }

  private begin(folder: string): void {
    const identity = identityOf(folder);
    if (identity === undefined) return;
    try {
      const watcher = watch(folder, (event, name) => this.events.entry(event, folder, name));
      watcher.on('error', (error) => {
        this.end(folder);
        this.fail(folder, error);
      });
      this.watches.set(folder, { watcher, identity });
      this.failures.delete(folder);
    } catch (error) {
      this.fail(folder, error);
    }
  }

  private fail(folder: string, error: unknown): void {
    const reason = watchError(error);
    if (this.failures.get(folder) === reason) return;
    this.failures.set(folder, reason);
    this.events.blind(folder, reason);
  }

  private end(folder: string): void {
    this.watches.get(folder)?.watcher.close();
    this.watches.delete(folder);
  }
}

function identityOf(folder: string): string | undefined {
  const stats = statOf(folder);
  return stats?.isDirectory() ? `${stats.dev} ${stats.ino}` : undefined;
}

function watchError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'no inotify watch is left: raise fs.inotify.max_user_watches';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EMFILE') return 'no inotify instance is left: raise fs.inotify.max_user_instances';
  return message;
}
