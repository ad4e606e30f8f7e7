/**
 * Documents on disk as the current configuration: read, watched, read again. A configuration with an error in it is
 * reported and not applied; the last good one stays.
 */
import { type Assembled, assembleSorted } from '../config/assemble.ts';
import { formatDiagnostic, sortDiagnostics } from '../config/format.ts';
import { type LoadedFile, Loader, type LoaderOptions } from '../config/load.ts';
import type { Configuration, Diagnostic } from '../config/model.ts';
import { retain } from '../config/retain.ts';
import { Sorter } from '../config/sorter.ts';
import { monotonicMs, wallClock } from '../io/clock.ts';
import type { FileContent } from '../io/content.ts';
import { Files } from '../io/files.ts';
import { hostName } from '../io/interfaces.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';
import { withExposed } from './exposure.ts';
import { parseFar } from './parsefar.ts';

/** The outcome of reading the documents, as `show config` tells it. */
export interface Reading {
  /** When this outcome was reached, ISO 8601. */
  readonly at: string;
  /** It was applied. */
  readonly valid: boolean;
  /** The errors could pass by themselves (a missing Secret): not marked invalid upstream. */
  readonly transient: boolean;
  readonly files: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface DocumentsOptions {
  readonly paths: readonly string[];
  readonly node: string | undefined;
  /** A configuration without errors is about to be applied: errors where it cannot be, here and now. */
  admit(config: Configuration): readonly Diagnostic[];
  /** A configuration without errors; called again whenever it changes. */
  apply(config: Configuration): void;
  /** Every outcome, good or not. */
  read(reading: Reading): void;
  /** Changes in this folder will not be seen. */
  blind(folder: string, reason: string): void;
}

/** Documents by file, brought up to date by what changed. */
class Shelf {
  private readonly loader: Loader;
  private readonly sorter = new Sorter();
  private readonly loaded = new Map<string, LoadedFile>();
  /** How many documents each file held when it was last read. */
  private readonly held = new Map<string, number>();

  constructor(options: LoaderOptions) {
    this.loader = new Loader(options);
  }

  get files(): string[] {
    return [...this.loaded.keys()].sort();
  }

  async take(changes: ReadonlyMap<string, FileContent>): Promise<void> {
    for (const [file, content] of changes) {
      if (content === undefined) this.drop(file);
      else if ('error' in content) this.loaded.set(file, unreadable(file, content.error));
      else {
        const loaded = await this.load(file, content.bytes);
        this.loaded.set(file, content.open ? withExposed(loaded) : loaded);
      }
    }
  }

  /** Documents of all files by what they hold, which `assemble` starts from. */
  sort(): void {
    this.sorter.sort(this.files.map((file) => this.loaded.get(file)!));
  }

  assemble(node: string | undefined): Assembled {
    const assembled = assembleSorted(this.sorter, { node, hostname: hostName() });
    if (assembled.configuration === undefined || assembled.configuration.documents.length > 0) return assembled;
    // Nothing at all is a mistake far more often than the wish to withdraw everything.
    const [file] = this.files;
    const error = refusal(file ?? 'configuration', 'there is no document at all');
    return { configuration: undefined, diagnostics: [...assembled.diagnostics, error] };
  }

  private async load(file: string, bytes: Uint8Array): Promise<LoadedFile> {
    const held = this.held.get(file) ?? 0;
    // What a crash or a full disk leaves of a file.
    if (bytes.length === 0 && held > 0)
      return unreadable(file, `is empty now and held ${held} document${held === 1 ? '' : 's'}: remove it to drop them`);
    try {
      const loaded = await this.loader.load(file, bytes);
      this.held.set(file, loaded.documents.length);
      return loaded;
    } catch (error) {
      return unreadable(file, `cannot be parsed: ${(error as Error).message}`);
    }
  }

  private drop(file: string): void {
    this.loaded.delete(file);
    this.held.delete(file);
    this.loader.forget(file);
  }
}

export class Documents {
  /** The last outcome. */
  reading: Reading | undefined;
  /** Outcomes so far, and those among them that were refused. */
  readings = 0;
  refusals = 0;
  /** The configuration in force: that of the last good outcome. */
  config: Configuration | undefined;
  private readonly options: DocumentsOptions;
  private readonly files: Files;
  private readonly shelf = new Shelf({
    pause: nextTurn,
    parseFar,
    release: (bytes) => this.files.reuse(bytes),
  });
  /** Read, and not taken in yet: the newest content of each file. */
  private pending = new Map<string, FileContent>();
  /** One step at a time. */
  private queue: Promise<void> = Promise.resolve();
  /** The last reload, and one that has not begun. */
  private last: Promise<unknown> = Promise.resolve();
  private next: Promise<Reading> | undefined;
  private closed = false;

  constructor(options: DocumentsOptions) {
    this.options = options;
    this.files = new Files(options.paths, {
      changed: (changes) => this.changed(changes),
      blind: (folder, reason) => options.blind(folder, reason),
    });
  }

  /** Reads everything, now and whenever it changes. */
  async start(): Promise<void> {
    this.files.watch();
    await this.reload().catch((error: Error) => {
      if (!this.closed) throw error;
    });
  }

  /**
   * Reads everything again; what did not change is not parsed again. One that is under way may have looked already at what
   * changes now: whoever asks meanwhile, and however many they are, gets the next one. Rejects where nothing was read before
   * `close`.
   */
  reload(): Promise<Reading> {
    this.next ??= this.last.then(() => {
      this.next = undefined;
      return this.readAll();
    });
    this.last = this.next.catch(() => {});
    return this.next;
  }

  close(): void {
    this.closed = true;
    this.files.close();
  }

  private async readAll(): Promise<Reading> {
    const before = this.queue;
    await this.files.readAll();
    // There is no file: that is to be told as well.
    if (this.queue === before) this.changed(new Map());
    await this.queue;
    if (this.reading === undefined) throw new Error('the daemon ends');
    return this.reading;
  }

  private changed(changes: ReadonlyMap<string, FileContent>): void {
    for (const [file, content] of changes) this.pending.set(file, content);
    // One that failed is not to be the last: whoever asked for it was told.
    this.queue = this.queue.catch(() => {}).then(() => this.take());
  }

  private async take(): Promise<void> {
    if (this.reading !== undefined && this.pending.size === 0) return;
    const changes = this.pending;
    this.pending = new Map();
    await this.shelf.take(changes);
    if (this.closed) return;
    await sliced(() => this.shelf.sort());
    const assembled = await sliced(() => this.shelf.assemble(this.options.node));
    if (this.closed) return;
    const { configuration, diagnostics } = this.admitted(assembled);
    const errors = diagnostics.filter((d) => d.severity === 'error');
    this.reading = {
      at: wallClock(),
      valid: configuration !== undefined,
      transient: errors.length > 0 && errors.every((d) => d.transient),
      files: this.shelf.files,
      diagnostics,
    };
    this.readings++;
    if (configuration === undefined) this.refusals++;
    else {
      this.config = retain(this.config, configuration);
      this.options.apply(this.config);
    }
    this.options.read(this.reading);
  }

  private admitted({ configuration, diagnostics }: Assembled): Assembled {
    const errors = configuration === undefined ? [] : this.options.admit(configuration);
    if (errors.length === 0) return { configuration, diagnostics };
    return { configuration: undefined, diagnostics: sortDiagnostics([...diagnostics, ...errors]) };
  }
}

/** Work that may be a slice by itself: others get their turn after it. */
async function sliced<T>(work: () => T): Promise<T> {
  const start = monotonicMs();
  const result = work();
  if (monotonicMs() - start > SLICE_MS) await nextTurn();
  return result;
}

/** Reads documents once, in the foreground. */
export async function readDocuments(paths: readonly string[], node: string | undefined): Promise<Assembled> {
  const shelf = new Shelf({});
  const read = new Map<string, FileContent>();
  const files = new Files(paths, {
    changed: (changes) => {
      for (const [file, content] of changes) read.set(file, content);
    },
    blind: () => {},
  });
  await files.readAll();
  await shelf.take(read);
  shelf.sort();
  return shelf.assemble(node);
}

const refusal = (file: string, message: string): Diagnostic => ({
  severity: 'error',
  position: { file, line: 1, column: 1 },
  subject: '',
  path: '',
  message,
});

const unreadable = (file: string, message: string): LoadedFile => ({
  file,
  documents: [],
  strays: [],
  diagnostics: [refusal(file, message)],
});

/** Sorted by place among each. */
export const errorsFirst = (diagnostics: readonly Diagnostic[]): Diagnostic[] => [
  ...diagnostics.filter((d) => d.severity === 'error'),
  ...diagnostics.filter((d) => d.severity !== 'error'),
];

/** The first error, and how many more there are. */
export function firstError(reading: Reading | undefined): string {
  const [first, ...more] = (reading?.diagnostics ?? []).filter((d) => d.severity === 'error');
  if (first === undefined) return 'nothing was read';
  return `${formatDiagnostic(first)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
}
