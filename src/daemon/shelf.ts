/** Documents by file, brought up to date by what changed. */
import { type Assembled, assembleSorted } from '../config/assemble.ts';
import { type LoadedFile, Loader, type LoaderOptions } from '../config/load.ts';
import type { Hearing } from '../config/membership.ts';
import type { Diagnostic } from '../config/model.ts';
import { Sorter } from '../config/sorter.ts';
import type { FileContent } from '../io/content.ts';
import { hostName } from '../io/interfaces.ts';
import { withExposed } from './exposure.ts';

export class Shelf {
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

  /** What the files held, in their order; it stays as it is while they change. */
  get documents(): readonly LoadedFile[] {
    return this.files.map((file) => this.loaded.get(file)!);
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
    this.sorter.sort(this.documents);
  }

  assemble(node: string | undefined, hearing?: Hearing): Assembled {
    const assembled = assembleSorted(this.sorter, { node, hostname: hostName(), hearing });
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
