/**
 * Text of one chunk to plain values. Pure and structured-clone safe in and out, so that a big chunk can be parsed in
 * a worker thread: give `parseChunk`'s result to `batches` there and post them one by one.
 */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Tags,
  type YAMLError,
} from 'yaml';
import { explain, tooDeep, twice } from './fault.ts';
import { doubleKey, itemOffsets } from './json.ts';

/** One Kubernetes object found in a chunk; an item of a List is a piece of its own. */
export interface Piece {
  readonly value: unknown;
  /** Offsets into the chunk's text: first character, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Lines between the chunk's first line and `start`. */
  readonly line: number;
  /** 1-based column of `start`. */
  readonly column: number;
}

/** What keeps a chunk from being read. */
export interface Fault {
  readonly severity: 'error' | 'warning';
  /** Lines after the chunk's first one. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** `Kind/name` when the text could be read that far. */
  readonly subject: string;
  readonly message: string;
  readonly hint?: string;
}

export interface Parsed {
  readonly pieces: readonly Piece[];
  readonly faults: readonly Fault[];
}

/** Aliases of one document may not multiply its nodes by more than this. Programs that write YAML make hundreds of one. */
const maxAliasCount = 10_000;
/** … nor make more of it than so many values, beyond what its length alone allows. */
const maxValues = 1_000_000;

/**
 * The one way this program parses YAML: 1.2 core schema plus `<<`, unique keys, no source text in messages. A number that
 * begins with a zero is text, which no field for numbers takes: to kubectl it is octal, and to YAML 1.2 decimal.
 */
export const parseTree = (text: string, lineCounter: LineCounter): Document.Parsed =>
  parseDocument(text, {
    lineCounter,
    customTags: withoutZeros,
    merge: true,
    prettyErrors: false,
    logLevel: 'silent',
  }) as Document.Parsed;

const INT = 'tag:yaml.org,2002:int';
const withoutZeros = (tags: Tags): Tags => {
  ours ??= tags.map((tag) =>
    typeof tag === 'object' && tag.collection === undefined && tag.tag === INT && tag.format === undefined
      ? { ...tag, test: /^[-+]?(?:0|[1-9][0-9]*)$/ }
      : tag,
  );
  return ours;
};
let ours: Tags | undefined;

/** Parses the text of one chunk. Never throws on bad input: what is wrong is among the faults. */
export function parseChunk(text: string): Parsed {
  return parseJson(text) ?? parseYaml(text);
}

/** Cuts a result into results of at most `size` pieces, small enough to be received between two turns of an engine. */
export function* batches(parsed: Parsed, size = 50): Generator<Parsed> {
  yield { pieces: parsed.pieces.slice(0, size), faults: parsed.faults };
  for (let i = size; i < parsed.pieces.length; i += size)
    yield { pieces: parsed.pieces.slice(i, i + size), faults: [] };
}

/** JSON is YAML, and a hundred times faster to read as what it is. Undefined when it is not JSON after all. */
function parseJson(text: string): Parsed | undefined {
  const start = /^(?:---(?=\s))?\s*(?=\{)/.exec(text)?.[0].length;
  if (start === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(start));
  } catch {
    return undefined;
  }
  const place = placer(text);
  const double = doubleKey(text, start);
  if (double !== undefined) {
    const { line, column } = place(double.offset);
    return fault('', line, column, twice(double.key));
  }
  const items = listItems(value);
  if (items === undefined) return { pieces: [{ value, start, end: text.length, ...place(start) }], faults: [] };
  const offsets = itemOffsets(text, start);
  const pieces = items.map((item, i) => {
    const [from, to] = offsets[i] ?? [start, text.length];
    return { value: item, start: from, end: to, ...place(from) };
  });
  return { pieces, faults: [] };
}

function parseYaml(text: string): Parsed {
  const counter = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseTree(text, counter);
  } catch (error) {
    return fault('', 0, 1, deep(error));
  }
  const at = (offset: number) => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(0, line - 1), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    const subject = subjectOf(document);
    return { pieces: [], faults: explain(text, document.errors as YAMLError[], subject, at) };
  }
  // The parser only warns, and reads `password: !abc` as an empty text with a tag.
  const tagged = document.warnings.find(({ code }) => code === 'TAG_RESOLVE_FAILED');
  if (tagged !== undefined) {
    const { line, column } = at(tagged.pos[0]);
    const hint = 'quote the value when the exclamation mark is part of it';
    return fault(subjectOf(document), line, column, 'a tag (!) that nobody knows', hint);
  }
  const contents = document.contents;
  const start = contents?.range?.[0] ?? 0;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount });
    const most = Math.max(maxValues, text.length);
    if (text.includes('*') && countValues(value, new Map()) > most) throw new ReferenceError(bomb);
  } catch (error) {
    const { line, column } = at(start);
    return (
      unresolved(text, document, error, at) ??
      fault(subjectOf(document), line, column, error instanceof ReferenceError ? bomb : deep(error))
    );
  }
  if (value === null || value === undefined) return { pieces: [], faults: [] };
  const items = listItems(value);
  const sequence = items === undefined || !isMap(contents) ? undefined : contents.get('items', true);
  if (items === undefined || !isSeq(sequence))
    return { pieces: [{ value, start, end: text.length, ...at(start) }], faults: [] };
  const pieces = items.map((item, i) => {
    const node: unknown = sequence.items[i];
    const [from, to] = (isNode(node) && node.range) || [start, text.length];
    return { value: item, start: from, end: to, ...at(from) };
  });
  return { pieces, faults: [] };
}

/**
 * The items of a `List`, or of a typed one (`ServiceList`), whose items may leave their kind to it.
 * @returns undefined when the value is no list
 */
function listItems(value: unknown): unknown[] | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, apiVersion, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return undefined;
  const itemKind = kind.slice(0, -'List'.length);
  if (itemKind === '') return items;
  return items.map((item: unknown) => (isRecord(item) ? { apiVersion, kind: itemKind, ...item } : item));
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function subjectOf(document: Document.Parsed): string {
  const contents = document.contents;
  if (!isMap(contents)) return '';
  const text = (node: unknown) => (isScalar(node) && typeof node.value === 'string' ? node.value : undefined);
  const kind = text(contents.get('kind', true));
  const metadata: unknown = contents.get('metadata', true);
  const name = isMap(metadata) ? text(metadata.get('name', true)) : undefined;
  if (kind === undefined) return '';
  return name !== undefined && /^[\w.-]+$/.test(name) ? `${kind}/${name}` : kind;
}

const bomb = 'YAML aliases multiply this document beyond reason: refused';

/** Values in all, those of an alias each time that it stands there. */
function countValues(value: unknown, known: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  // What holds itself has no end.
  known.set(value, Number.POSITIVE_INFINITY);
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner, known);
  known.set(value, count);
  return count;
}

/** An alias without an anchor, which the parser notices only now. Its name is not told: it may be meant as a value. */
function unresolved(
  text: string,
  document: Document.Parsed,
  error: unknown,
  at: (offset: number) => { line: number; column: number },
): Parsed | undefined {
  const name = /^Unresolved alias.*: (\S+)$/.exec(error instanceof Error ? error.message : '')?.[1];
  if (name === undefined) return undefined;
  const { line, column } = at(text.indexOf(`*${name}`));
  const hint = 'quote the value when the asterisk is part of it';
  return fault(subjectOf(document), line, column, 'an alias (*) without its anchor (&)', hint);
}

function deep(error: unknown): string {
  return error instanceof RangeError
    ? tooDeep
    : `cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`;
}

const fault = (subject: string, line: number, column: number, message: string, hint?: string): Parsed => ({
  pieces: [],
  faults: [{ severity: 'error', line, column, subject, message, ...(hint !== undefined && { hint }) }],
});

/** Line (0-based) and column (1-based) of growing offsets. */
function placer(text: string): (offset: number) => { line: number; column: number } {
  let line = 0;
  let start = 0;
  return (offset) => {
    for (let i = text.indexOf('\n', start); i >= 0 && i < offset; i = text.indexOf('\n', start)) {
      start = i + 1;
      line++;
    }
    return { line, column: offset - start + 1 };
  };
}
