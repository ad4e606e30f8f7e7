/**
 * Documents on disk as the current configuration: read, watched, read again. A configuration with an error in it is
 * reported and not applied; the last good one stays.
 */
import { type Assembled, assemble } from '../config/assemble.ts';
import { formatDiagnostic } from '../config/format.ts';
import { type LoadedFile, Loader } from '../config/load.ts';
import type { Configuration, Diagnostic } from '../config/model.ts';
import { retain } from '../config/retain.ts';
import { wallClock } from '../io/clock.ts';
import { type FileContent, Files } from '../io/files.ts';
import { hostName } from '../io/interfaces.ts';
import { nextTurn } from '../io/turn.ts';
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
  readonly hostname: string;
  /** A configuration without errors; called again whenever it changes. */
  apply(config: Configuration): void;
  /** Every outcome, good or not. */
  read(reading: Reading): void;
}

export class Documents {
  /** The last outcome. */
  reading: Reading | undefined;
  /** The configuration in force: that of the last good outcome. */
  config: Configuration | undefined;
  private readonly options: DocumentsOptions;
  private readonly files: Files;
  private readonly loader = new Loader({ pause: nextTurn, parseFar });
  private readonly loaded = new Map<string, LoadedFile>();
  /** Changes are taken in one after the other. */
  private queue: Promise<void> = Promise.resolve();

  constructor(options: DocumentsOptions) {
    this.options = options;
    this.files = new Files(options.paths);
  }

  /** Reads everything, now and whenever it changes. */
  async start(): Promise<void> {
    this.files.watch((changes) => void this.enqueue(() => this.take(changes, false)));
    await this.reload();
  }

  /** Reads everything again; what did not change is not parsed again. */
  reload(): Promise<Reading> {
    return this.enqueue(async () => this.take(await this.files.readAll(), true)).then(() => this.reading!);
  }

  close(): void {
    this.files.close();
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }

  private async take(changes: ReadonlyMap<string, FileContent>, whole: boolean): Promise<void> {
    if (whole) for (const file of [...this.loaded.keys()]) if (!changes.has(file)) this.drop(file);
    for (const [file, content] of changes) {
      if (content === undefined) this.drop(file);
      else if ('error' in content) this.loaded.set(file, unreadable(file, content.error));
      else this.loaded.set(file, await this.loader.load(file, content.bytes));
    }
    this.assemble();
  }

  private drop(file: string): void {
    this.loaded.delete(file);
    this.loader.forget(file);
  }

  private assemble(): void {
    const { node, hostname } = this.options;
    const files = [...this.loaded.keys()].sort();
    const { configuration, diagnostics } = assemble(
      files.map((f) => this.loaded.get(f)!),
      { node, hostname },
    );
    const errors = diagnostics.filter((d) => d.severity === 'error');
    this.reading = {
      at: wallClock(),
      valid: configuration !== undefined,
      transient: errors.length > 0 && errors.every((d) => d.transient),
      files,
      diagnostics,
    };
    if (configuration !== undefined) {
      this.config = retain(this.config, configuration);
      this.options.apply(this.config);
    }
    this.options.read(this.reading);
  }
}

/** Reads documents once, in the foreground. */
export async function readDocuments(paths: readonly string[], node: string | undefined): Promise<Assembled> {
  const loader = new Loader();
  const loaded: LoadedFile[] = [];
  for (const [file, content] of await new Files(paths).readAll())
    loaded.push(
      content && 'bytes' in content
        ? await loader.load(file, content.bytes)
        : unreadable(file, content?.error ?? 'no such file'),
    );
  return assemble(loaded, { node, hostname: hostName() });
}

const unreadable = (file: string, message: string): LoadedFile => ({
  file,
  documents: [],
  strays: [],
  diagnostics: [{ severity: 'error', position: { file, line: 1, column: 1 }, subject: '', path: '', message }],
});

/** The diagnostics as lines, errors first. */
export const diagnosticLines = (diagnostics: readonly Diagnostic[]): string[] =>
  [...diagnostics]
    .sort((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0))
    .map(formatDiagnostic);
