/**
 * A file cut at its document markers. A line that starts with `---` or `...` ends a document in YAML wherever it
 * stands, block scalars included (YAML 1.2 §9.1.2), so cutting by line is exact: each piece is parsed on its own,
 * and one whose text did not change need not be parsed again.
 */

/** Octets of a file, with its `---` line when it has one. */
export interface Chunk {
  readonly start: number;
  /** One past the last. */
  readonly end: number;
  /** 1-based line of the file on which it starts. */
  readonly line: number;
}

/** Octets before and after a cut that have a say in where it is: byte order mark, marker, and the one that follows it. */
export const MARKER_OCTETS = 7;

/** What may stand before any document of a stream (YAML 1.2 §5.2), as where files were put one behind the other. */
export const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf];

const [TAB, LINE_FEED, RETURN, SPACE, DASH, DOT] = [0x09, 0x0a, 0x0d, 0x20, 0x2d, 0x2e];

/** Cuts what stands from `from`, the start of a line numbered `line`, to `to`. */
export function* splitChunks(bytes: Uint8Array, from: number, to: number, line: number): Generator<Chunk> {
  let start = from;
  let startLine = line;
  for (let i = from; i < to; line++) {
    const at = hasMark(bytes, i) ? i + BYTE_ORDER_MARK.length : i;
    const c = bytes[at]!;
    if ((c === DASH || c === DOT) && bytes[at + 1] === c && bytes[at + 2] === c && isBlank(bytes[at + 3])) {
      if (i > start) yield { start, end: i, line: startLine };
      start = c === DOT ? at + 3 : at;
      startLine = line;
    }
    while (i < to && bytes[i] !== LINE_FEED) i++;
    i++;
  }
  if (to > start) yield { start, end: to, line: startLine };
}

export const hasMark = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === BYTE_ORDER_MARK[0] && BYTE_ORDER_MARK.every((octet, i) => bytes[at + i] === octet);

const isBlank = (octet: number | undefined): boolean =>
  octet === LINE_FEED || octet === SPACE || octet === undefined || octet === RETURN || octet === TAB;

export function countLines(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0;
  for (let i = from; i < to; i++) if (bytes[i] === LINE_FEED) lines++;
  return lines;
}

const marker = /^---[ \t]*/;
const blank = /(?:[ \t]*(?:#.*)?|%.*)(?:\r?\n|$)/y;

/** Blank lines, comments and directives: nothing that makes a document. Line by line, as millions of them may be. */
export function isNothing(text: string): boolean {
  for (let at = marker.exec(text)?.[0].length ?? 0; at < text.length; at = blank.lastIndex) {
    blank.lastIndex = at;
    if (!blank.test(text)) return false;
  }
  return true;
}
