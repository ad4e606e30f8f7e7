/**
 * Where things stand in a file. No syntax tree is kept: a document remembers its text, and the line and column of a
 * field are found by parsing that text once more when a message needs them.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Pair,
  type YAMLMap,
} from 'yaml';
import type { Position } from './model.ts';
import { parseTree } from './parse.ts';
import type { Path } from './problem.ts';

/** The line at which a chunk starts. It moves when something above is edited; the documents in it stay the same. */
export interface Anchor {
  line: number;
}

/**
 * The text of one document and where it starts: a `Position` whose line follows the file's edits. What it prints or
 * serialises to is the position alone, never the text, which may hold a password.
 */
export class Source {
  readonly file: string;
  /** 1-based column of the document's first character. */
  readonly column: number;
  #anchor: Anchor;
  #offset: number;
  #text: string;
  /** Places that were found, the line counted from 0 at the document's first: an assembly asks for the same ones again. */
  #found: Map<string, Place> | undefined;

  /**
   * @param offset lines between the start of the chunk and the document's first character
   * @param text the document as it stands, from its first character on
   */
  constructor(file: string, anchor: Anchor, offset: number, column: number, text: string) {
    this.file = file;
    this.column = column;
    this.#anchor = anchor;
    this.#offset = offset;
    this.#text = text;
  }

  /** 1-based line of the document's first character. */
  get line(): number {
    return this.#anchor.line + this.#offset;
  }

  /** The document as it stands. */
  get text(): string {
    return this.#text;
  }

  /** The same document, in the same column, found in another text: the old one need not be kept. */
  move(anchor: Anchor, offset: number, text: string): void {
    this.#anchor = anchor;
    this.#offset = offset;
    this.#text = text;
  }

  toJSON(): { file: string; line: number; column: number } {
    return { file: this.file, line: this.line, column: this.column };
  }

  /**
   * The place of a field: of its value when that is a scalar and `atKey` is not set, else of its key. The nearest
   * parent when the field is absent. A last step that is the number of a line, from 0, is that line of a block of text.
   */
  locate(path: Path, atKey = false): Place {
    const key = JSON.stringify([path, atKey]);
    this.#found ??= new Map();
    const place = this.#found.get(key) ?? this.#find(path, atKey);
    this.#found.set(key, place);
    return { line: this.line + place.line, column: place.column };
  }

  #find(path: Path, atKey: boolean): Place {
    const start = { line: 0, column: this.column };
    if (path.length === 0) return start;
    try {
      const { document, counter } = treeOf(this, this.#text, this.column);
      const offset = find(document, path, atKey, ' '.repeat(this.column - 1) + this.#text);
      if (offset === undefined) return start;
      const { line, col } = counter.linePos(offset);
      return { line: line - 1, column: col };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return start; // JSON nested deeper than the YAML parser's stack
    }
  }
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** The line of a field, or of the nearest parent that is there; of the document itself where its text is not at hand. */
export const fieldLine = (position: Position, path: Path): number =>
  position instanceof Source ? position.locate(path).line : position.line;

interface Tree {
  readonly source: Source;
  readonly document: Document.Parsed;
  readonly counter: LineCounter;
}

/** Messages come in runs for one document: the last tree is kept. */
let last: Tree | undefined;

function treeOf(source: Source, text: string, column: number): Tree {
  if (last?.source === source) return last;
  const counter = new LineCounter();
  // The first line is padded so that the keys of an item of a List, which starts after its dash, stay in one column.
  const document = parseTree(' '.repeat(column - 1) + text, counter);
  last = { source, document, counter };
  return last;
}

function find(document: Document.Parsed, path: Path, atKey: boolean, text: string): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const [i, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = pairOf(node, step, document);
      if (pair === undefined) return offset;
      node = pair.value;
      const onKey = isCollection(node) || (atKey && i === path.length - 1);
      offset = (onKey ? undefined : startOf(node)) ?? startOf(pair.key) ?? offset;
    } else if (isSeq(node) && typeof step === 'number') {
      const item: unknown = node.items[step];
      if (item === undefined) return offset;
      node = item;
      offset = startOf(item) ?? offset;
    } else if (isScalar(node) && node.type === 'BLOCK_LITERAL' && typeof step === 'number')
      return lineOf(text, startOf(node)!, step) ?? offset;
    else return offset;
  }
  return offset;
}

/**
 * The field of that name: the mapping's own, or one that it takes over from another (`<<`). Where that other one is in
 * another item of a List, whose text is not at hand, the key that names it.
 */
function pairOf({ items }: YAMLMap, step: string | number, document: Document.Parsed): Pair | undefined {
  const own = items.find(({ key }) => isScalar(key) && String(key.value) === step);
  if (own !== undefined) return own;
  let elsewhere: Pair | undefined;
  for (const merge of items) {
    if (!isScalar(merge.key) || typeof merge.key.value !== 'symbol') continue;
    for (const source of isSeq(merge.value) ? merge.value.items : [merge.value]) {
      const node: unknown = isAlias(source) ? source.resolve(document) : source;
      if (node === undefined) elsewhere ??= merge;
      const found = isMap(node) ? pairOf(node, step, document) : undefined;
      if (found !== undefined) return found;
    }
  }
  return elsewhere && new Pair(elsewhere.key);
}

/** The first word of a line of a block of text whose sign is at `start`; the first line is 0. */
function lineOf(text: string, start: number, line: number): number | undefined {
  let at = start;
  for (let n = 0; n <= line; n++) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0) return undefined;
  }
  return at + /^ */.exec(text.slice(at))![0].length;
}

/** An absent value (`key:` and nothing more) has no start of its own. */
function startOf(node: unknown): number | undefined {
  const range = isNode(node) ? (node as Node).range : undefined;
  return range === undefined || range === null || range[0] === range[1] ? undefined : range[0];
}
