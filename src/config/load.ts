/**
 * Files to documents. Work is done in slices, between which others get their turn, and a chunk of a file whose text
 * did not change keeps its documents (===), so that a reload costs what the edit was worth.
 */
import { type Chunk, splitChunks } from './chunk.ts';
import type { Document, Stray } from './document.ts';
import type { Diagnostic } from './model.ts';
import { type Fault, type Parsed, parseChunk } from './parse.ts';
import type { Anchor } from './position.ts';
import { isDocument, readDocument } from './read.ts';

export interface LoadedFile {
  readonly file: string;
  /** Documents of kinds that are read, in order. */
  readonly documents: readonly Document[];
  /** The rest of the file that there is something to say about. */
  readonly strays: readonly Stray[];
  /** What kept the file, or a part of it, from being read. Problems of documents are with the documents. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface LoaderOptions {
  /** Lets others run: called, and waited for, after each slice of work. */
  readonly pause?: () => Promise<void>;
  /**
   * Runs `parseChunk` elsewhere (a worker thread) on a chunk too big for one slice, and hands its result back in
   * `batches`. Without it such a chunk is parsed here, in one go.
   */
  readonly parseFar?: (text: string) => AsyncIterable<Parsed>;
}

/** Bytes; a larger file is refused before it is looked at. */
export const fileLimit = 32 * 1024 * 1024;
/** Characters of YAML that are parsed in one slice, about a millisecond once the code is warm, some twenty before. */
const sliceLength = 2 * 1024;
/** A chunk longer than this goes far: parsing it would hold everybody up for more than 20 ms. */
export const farLength = 24 * 1024;
/** Reading a parsed object costs about this part of parsing its text. */
const readShare = 1 / 8;
/** … and finding that its text is known, this. */
const scanShare = 1 / 64;
/** Octets decoded at a time. */
const decodeLength = 1024 * 1024;

/** A chunk that was read, and where it stood. */
interface Entry extends Anchor {
  readonly text: string;
  readonly documents: readonly (Document | Stray)[];
  readonly faults: readonly Fault[];
}

export class Loader {
  private readonly options: LoaderOptions;
  /** Chunks of each file by their text; equal ones in order. */
  private readonly files = new Map<string, ReadonlyMap<string, readonly Entry[]>>();
  private work = 0;

  constructor(options: LoaderOptions = {}) {
    this.options = options;
  }

  /** Reads a file. Loads of one file must not overlap. */
  async load(file: string, bytes: Uint8Array): Promise<LoadedFile> {
    const refused = (line: number, column: number, message: string, hint?: string): LoadedFile => {
      const position = { file, line, column };
      const diagnostic = {
        severity: 'error',
        position,
        subject: '',
        path: '',
        message,
        ...(hint && { hint }),
      } as const;
      return { file, documents: [], strays: [], diagnostics: [diagnostic] };
    };
    if (bytes.length > fileLimit)
      return refused(1, 1, `the file has ${bytes.length} bytes, more than the limit of ${fileLimit}`, 'split it');
    const text = await this.decode(bytes);
    if (text === undefined) {
      const { line, column } = badOctet(bytes);
      return refused(line, column, 'not UTF-8', bytes[0]! >= 0xfe ? 'the file is UTF-16: save it as UTF-8' : undefined);
    }
    const before = this.files.get(file);
    const after = new Map<string, Entry[]>();
    const entries: Entry[] = [];
    for (const chunk of splitChunks(text)) {
      const same = after.get(chunk.text) ?? [];
      const entry = before?.get(chunk.text)?.[same.length] ?? (await this.read(file, chunk));
      entry.line = chunk.line;
      same.push(entry);
      after.set(entry.text, same);
      entries.push(entry);
      await this.spend(chunk.text.length * scanShare);
    }
    this.files.set(file, after);
    return gather(file, entries);
  }

  /** Drops what is remembered of a file that is gone. */
  forget(file: string): void {
    this.files.delete(file);
  }

  private async decode(bytes: Uint8Array): Promise<string | undefined> {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    try {
      for (let i = 0; i < bytes.length; i += decodeLength) {
        text += decoder.decode(bytes.subarray(i, i + decodeLength), { stream: true });
        await this.spend(sliceLength);
      }
      return text + decoder.decode();
    } catch {
      return undefined;
    }
  }

  private async read(file: string, chunk: Chunk): Promise<Entry> {
    const text = copyOf(chunk.text);
    const documents: (Document | Stray)[] = [];
    const faults: Fault[] = [];
    const entry: Entry = { text, line: chunk.line, documents, faults };
    const take = async (parsed: Parsed) => {
      faults.push(...parsed.faults);
      for (const piece of parsed.pieces) {
        documents.push(readDocument(piece, text, file, entry));
        await this.spend((piece.end - piece.start) * readShare);
      }
    };
    const { parseFar } = this.options;
    if (parseFar === undefined || text.length <= farLength) {
      await take(parseChunk(text));
      await this.spend(text.length);
    } else for await (const batch of parseFar(text)) await take(batch);
    return entry;
  }

  private async spend(work: number): Promise<void> {
    this.work += work;
    if (this.work < sliceLength) return;
    this.work = 0;
    await this.options.pause?.();
  }
}

/** V8 keeps a whole file for as long as a piece cut from it is in use: after many edits that is many files. */
const copyOf = (text: string): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));

function gather(file: string, entries: readonly Entry[]): LoadedFile {
  const documents: Document[] = [];
  const strays: Stray[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const entry of entries) {
    for (const document of entry.documents) {
      if (isDocument(document)) documents.push(document);
      else strays.push(document);
    }
    for (const { severity, line, column, subject, message, hint } of entry.faults) {
      const position = { file, line: entry.line + line, column };
      diagnostics.push({ severity, position, subject, path: '', message, ...(hint && { hint }) });
    }
  }
  if (documents.length === 0 && strays.length === 0 && diagnostics.length === 0) {
    const position = { file, line: 1, column: 1 };
    diagnostics.push({ severity: 'warning', position, subject: '', path: '', message: 'no document in this file' });
  }
  return { file, documents, strays, diagnostics };
}

/** Where the first octet stands that no UTF-8 text has. */
function badOctet(bytes: Uint8Array): { line: number; column: number } {
  const before = new TextDecoder('utf-8').decode(bytes).split('\ufffd', 1)[0]!;
  const line = before.split('\n').length;
  return { line, column: before.length - before.lastIndexOf('\n') };
}
