/**
 * Documents on disk as the current configuration: read, watched, read again. A configuration with an error in it is
 * reported and not applied; the last good one stays.
 */
import { type Assembled, assemble } from '../config/assemble.ts';
import { formatDiagnostic, sortDiagnostics } from '../config/format.ts';
import type { LoadedFile } from '../config/load.ts';
import type { Hearing } from '../config/membership.ts';
import type { Configuration, Diagnostic } from '../config/model.ts';
import { retain } from '../config/retain.ts';
import { monotonicMs, wallClock } from '../io/clock.ts';
import type { FileContent } from '../io/content.ts';
import { Files } from '../io/files.ts';
import { hostName } from '../io/interfaces.ts';
import { comesOnce, readOnce } from '../io/stream.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';
import { equal } from '../lib/diff.ts';
import { parseFar } from './parsefar.ts';
import { Shelf } from './shelf.ts';

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
  /** Who of the cluster is heard of, for documents that rest on it; `heard` tells of news. */
  hearing(): Hearing;
  /** A configuration without errors is about to be applied: errors where it cannot be, here and now. */
  admit(config: Configuration): readonly Diagnostic[];
  /** A configuration without errors; called again whenever it changes. */
  apply(config: Configuration): void;
  /** Every outcome, good or not. */
  read(reading: Reading): void;
  /** Changes in this folder will not be seen. */
  blind(folder: string, reason: string): void;
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
  /** What it was made of: files may have been broken since. */
  private good: readonly LoadedFile[] = [];
  /** And what was heard of whom by then. */
  hearing: Hearing | undefined;
  /** That what this node is to carry now gives it sessions, say, that contradict others. */
  private complaint: Reading | undefined;
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

  /** Who of the cluster is heard of may have changed: what rests on it is worked out again, from the last good documents. */
  heard(): void {
    if (this.follows()) this.queue = this.queue.catch(() => {}).then(() => this.follow());
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
    const hearing = this.options.hearing();
    const assembled = await sliced(() => this.shelf.assemble(this.options.node, hearing));
    if (this.closed) return;
    const { configuration, diagnostics } = this.admitted(assembled);
    this.reading = readingOf(configuration !== undefined, this.shelf.files, diagnostics);
    this.complaint = undefined;
    this.readings++;
    if (configuration === undefined) this.refusals++;
    else {
      this.good = this.shelf.documents;
      this.put(configuration, hearing);
    }
    this.options.read(this.reading);
  }

  private put(configuration: Configuration, hearing: Hearing): void {
    this.hearing = hearing;
    this.config = retain(this.config, configuration);
    this.options.apply(this.config);
  }

  /** Which node carries an EgressService is all that rests on it. */
  private follows(): boolean {
    const { config, hearing, closed } = this;
    if (closed || config === undefined || config.egress.size === 0) return false;
    return config.speaker.membership.type === 'bfd' && !equal(hearing, this.options.hearing());
  }

  private async follow(): Promise<void> {
    if (!this.follows()) return;
    const hearing = this.options.hearing();
    const options = { node: this.options.node, hostname: hostName(), hearing };
    const assembled = await sliced(() => assemble(this.good, options));
    if (this.closed) return;
    const { configuration, diagnostics } = this.admitted(assembled);
    const valid = configuration !== undefined;
    const before = this.complaint;
    if (valid) this.put(configuration, hearing);
    // It is not tried again before something changes.
    else this.hearing = hearing;
    if (valid && before === undefined) return;
    const reading = readingOf(valid, this.shelf.files, diagnostics);
    this.complaint = valid ? undefined : reading;
    // What is wrong with files is wrong still.
    if (this.reading?.valid || this.reading === before) this.reading = reading;
    this.options.read(reading);
  }

  private admitted({ configuration, diagnostics }: Assembled): Assembled {
    const errors = configuration === undefined ? [] : this.options.admit(configuration);
    if (errors.length === 0) return { configuration, diagnostics };
    return { configuration: undefined, diagnostics: sortDiagnostics([...diagnostics, ...errors]) };
  }
}

function readingOf(valid: boolean, files: readonly string[], diagnostics: readonly Diagnostic[]): Reading {
  const errors = diagnostics.filter((d) => d.severity === 'error');
  const transient = errors.length > 0 && errors.every((d) => d.transient);
  return { at: wallClock(), valid, transient, files, diagnostics };
}

/** Work that may be a slice by itself: others get their turn after it. */
async function sliced<T>(work: () => T): Promise<T> {
  const start = monotonicMs();
  const result = work();
  if (monotonicMs() - start > SLICE_MS) await nextTurn();
  return result;
}

/** Reads documents once, in the foreground; `-` is standard input. */
export const readDocuments = async (paths: readonly string[], node: string | undefined): Promise<Assembled> =>
  (await loadDocuments(paths)).assemble(node);

/** The same, for whoever learns only then which node they are for. */
export async function loadDocuments(paths: readonly string[]): Promise<Pick<Shelf, 'assemble'>> {
  const shelf = new Shelf({});
  const read = new Map<string, FileContent>();
  const once = new Set(paths.filter(comesOnce));
  const files = new Files(
    paths.filter((path) => !once.has(path)),
    {
      changed: (changes) => {
        for (const [file, content] of changes) read.set(file, content);
      },
      blind: () => {},
    },
  );
  await files.readAll();
  for (const path of once) read.set(path, await readOnce(path));
  await shelf.take(read);
  shelf.sort();
  return shelf;
}

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
