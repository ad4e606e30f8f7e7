/**
 * Files to documents. Work is done in slices, between which others get their turn, and a chunk of a file whose text
 * did not change keeps its documents (===), so that a reload costs what the edit was worth.
 */
import { BYTE_ORDER_MARK, type Chunk, countLines, hasMark, isNothing, MARKER_OCTETS, splitChunks } from './chunk.ts';
import type { Document, Stray } from './document.ts';
import type { Diagnostic } from './model.ts';
import { commonHead, commonTail } from './overlap.ts';
import { type Fault, type Parsed, parseChunk } from './parse.ts';
import type { Anchor } from './position.ts';
import { isDocument, readDocument } from './read.ts';
import { Reuse, typeOf } from './reuse.ts';

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
  /** Gets octets that `load` was given once it has no use for them any more. */
  readonly release?: (bytes: Uint8Array) => void;
}

/** Bytes; a larger file is refused before it is looked at. */
export const fileLimit = 32 * 1024 * 1024;
/** Characters of YAML that are parsed in one slice, about a millisecond once the code is warm, some twenty before. */
const sliceLength = 2 * 1024;
/** A chunk longer than this goes far: parsing it would hold everybody up for more than 20 ms. */
export const farLength = 24 * 1024;
/** Reading a parsed object costs about this part of parsing its text. */
const readShare = 1 / 8;
/** … finding that its text is known, this, … */
const scanShare = 1 / 64;
/** … and handing out its documents, this. */
const gatherShare = 1 / 512;

/** A chunk that was read, and where it stands. */
interface Entry extends Anchor {
  start: number;
  end: number;
  readonly text: string;
  readonly documents: readonly (Document | Stray)[];
  /** What each of the documents says that it is. */
  readonly types: readonly string[];
  readonly faults: readonly Fault[];
}

/** A file as it was read last. */
interface Known {
  readonly bytes: Uint8Array;
  readonly entries: readonly Entry[];
}

export class Loader {
  private readonly options: LoaderOptions;
  private readonly files = new Map<string, Known>();
  private work = 0;

  constructor(options: LoaderOptions = {}) {
    this.options = options;
  }

  /** Reads a file, and keeps `bytes` until it does so again. Loads of one file must not overlap. */
  async load(file: string, bytes: Uint8Array): Promise<LoadedFile> {
    if (bytes.length > fileLimit)
      return refused(file, 1, 1, `the file has ${bytes.length} bytes, more than the limit of ${fileLimit}`, 'split it');
    const before = this.files.get(file) ?? { bytes: new Uint8Array(), entries: [] };
    const shift = bytes.length - before.bytes.length;
    const head = before.entries.slice(0, headEntries(before, bytes));
    const tail = before.entries.slice(tailEntries(before, bytes, head.length));
    const last = head.at(-1);
    const from = last?.end ?? (hasMark(bytes, 0) ? BYTE_ORDER_MARK.length : 0);
    const to = tail.length > 0 ? tail[0]!.start + shift : bytes.length;
    const line = last === undefined ? 1 : last.line + countLines(bytes, last.start, last.end);
    const changed = before.entries.slice(head.length, before.entries.length - tail.length);
    const middle = await this.readChunks(file, bytes, splitChunks(bytes, from, to, line), changed);
    if (middle === undefined) {
      const at = badOctet(bytes);
      const hint = bytes[0]! >= 0xfe ? 'the file is UTF-16: save it as UTF-8' : undefined;
      return refused(file, at.line, at.column, 'not UTF-8', hint);
    }
    const moved = tail.length > 0 ? line + countLines(bytes, from, to) - tail[0]!.line : 0;
    for (const entry of tail) {
      entry.line += moved;
      entry.start += shift;
      entry.end += shift;
    }
    const entries = [...head, ...middle, ...tail];
    this.files.set(file, { bytes, entries });
    if (before.bytes !== bytes) this.options.release?.(before.bytes);
    return this.gather(file, entries);
  }

  /** Drops what is remembered of a file that is gone. */
  forget(file: string): void {
    this.files.delete(file);
  }

  /** Entries of chunks: those of `before` whose text is the same, equal ones in order, and new ones. Undefined: no UTF-8. */
  private async readChunks(
    file: string,
    bytes: Uint8Array,
    chunks: Iterable<Chunk>,
    before: readonly Entry[],
  ): Promise<Entry[] | undefined> {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const known = new Map<string, Entry[]>();
    for (const entry of before) known.set(entry.text, [...(known.get(entry.text) ?? []), entry]);
    const found: Entry[] = [];
    const kept: [Entry, Chunk][] = [];
    const reuse = new Reuse();
    for (const chunk of chunks) {
      let text: string;
      try {
        text = decoder.decode(bytes.subarray(chunk.start, chunk.end));
      } catch {
        return undefined;
      }
      if (isNothing(text)) continue;
      const same = known.get(text)?.shift();
      if (same !== undefined) kept.push([same, chunk]);
      // A List is one chunk: where one changed, its items may be in what stands there now.
      else if (before.length === 1 && known.get(before[0]!.text)?.shift() !== undefined)
        await this.dissolve(before[0]!, reuse);
      found.push(same ?? (await this.read(file, chunk, text, reuse)));
      await this.spend(text.length * scanShare);
    }
    for (const [entry, chunk] of kept) Object.assign(entry, chunk);
    reuse.settle();
    return found;
  }

  private async dissolve({ documents, types, text }: Entry, into: Reuse): Promise<void> {
    for (const [i, document] of documents.entries()) {
      into.add(document, types[i]!);
      await this.spend((text.length * scanShare) / documents.length);
    }
  }

  private async read(file: string, chunk: Chunk, text: string, reuse: Reuse): Promise<Entry> {
    const documents: (Document | Stray)[] = [];
    const types: string[] = [];
    const faults: Fault[] = [];
    const entry: Entry = { ...chunk, text, documents, types, faults };
    const take = async (parsed: Parsed) => {
      faults.push(...parsed.faults);
      for (const piece of parsed.pieces) {
        const type = typeOf(piece);
        const known = reuse.take(piece, type, text.slice(piece.start, piece.end), entry);
        const document = known ?? readDocument(piece, text, file, entry);
        documents.push(document);
        types.push(type);
        await this.spend((piece.end - piece.start) * (known === undefined ? readShare : scanShare));
      }
    };
    const { parseFar } = this.options;
    if (parseFar === undefined || text.length <= farLength) {
      await take(parseChunk(text));
      await this.spend(text.length);
    } else for await (const batch of parseFar(text)) await take(batch);
    return entry;
  }

  private async gather(file: string, entries: readonly Entry[]): Promise<LoadedFile> {
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
      await this.spend((entry.end - entry.start) * gatherShare);
    }
    if (documents.length === 0 && strays.length === 0 && diagnostics.length === 0) {
      const position = { file, line: 1, column: 1 };
      diagnostics.push({ severity: 'warning', position, subject: '', path: '', message: 'no document in this file' });
    }
    return { file, documents, strays, diagnostics };
  }

  private async spend(work: number): Promise<void> {
    this.work += work;
    if (this.work < sliceLength) return;
    this.work = 0;
    await this.options.pause?.();
  }
}

/** How many entries from the first on are in `bytes` where they were. */
function headEntries({ bytes: old, entries }: Known, bytes: Uint8Array): number {
  const octets = commonHead(old, bytes);
  const first = entries.findIndex(({ end }) => end + MARKER_OCTETS > octets);
  return first < 0 ? entries.length : first;
}

/** The first of the entries, none before `first`, from which on all are in `bytes` as far from its end as they were. */
function tailEntries({ bytes: old, entries }: Known, bytes: Uint8Array, first: number): number {
  // Nothing may be head and tail at once, in the new text neither.
  const floor = first === 0 ? BYTE_ORDER_MARK.length : entries[first - 1]!.end;
  const from = Math.max(floor, floor + old.length - bytes.length, old.length - commonTail(old, bytes));
  let at = entries.length;
  while (at > first && entries[at - 1]!.start - MARKER_OCTETS >= from) at--;
  return at;
}

function refused(file: string, line: number, column: number, message: string, hint?: string): LoadedFile {
  const position = { file, line, column };
  const diagnostic = { severity: 'error', position, subject: '', path: '', message, ...(hint && { hint }) } as const;
  return { file, documents: [], strays: [], diagnostics: [diagnostic] };
}

/** Where the first octet stands that no UTF-8 text has. */
function badOctet(bytes: Uint8Array): { line: number; column: number } {
  const before = new TextDecoder('utf-8').decode(bytes).split('\ufffd', 1)[0]!;
  const line = before.split('\n').length;
  return { line, column: before.length - before.lastIndexOf('\n') };
}
