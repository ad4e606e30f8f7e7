/**
 * A file cut at its document markers. A line that starts with `---` or `...` ends a document in YAML wherever it
 * stands, block scalars included (YAML 1.2 §9.1.2), so cutting by line is exact: each piece is parsed on its own,
 * and one whose text did not change need not be parsed again.
 */

export interface Chunk {
  /** With its `---` line, when it has one. */
  readonly text: string;
  /** 1-based line of the file on which `text` starts. */
  readonly line: number;
}

const marker = /^(?:---|\.\.\.)(?=[ \t\r\n]|$)/gm;
/** Blank lines, comments and directives: nothing that makes a document. */
const nothing = /^(?:---[ \t]*)?(?:(?:[ \t]*(?:#.*)?|%.*)(?:\r?\n|$))*$/;

/** Cuts `text` into its documents, empty ones left out. */
export function* splitChunks(text: string): Generator<Chunk> {
  let start = 0;
  let line = 1;
  let counted = 0;
  const lineAt = (offset: number): number => {
    for (let i = text.indexOf('\n', counted); i >= 0 && i < offset; i = text.indexOf('\n', counted)) {
      counted = i + 1;
      line++;
    }
    return line;
  };
  const cut = function* (end: number): Generator<Chunk> {
    const piece = text.slice(start, end);
    if (!nothing.test(piece)) yield { text: piece, line: lineAt(start) };
  };
  for (const match of text.matchAll(marker)) {
    yield* cut(match.index);
    start = match.index + (match[0] === '...' ? 3 : 0);
  }
  yield* cut(text.length);
}
