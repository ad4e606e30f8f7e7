/**
 * The items of a List that was edited. It is one text, and parsed as one, but what became of an item whose text is the
 * same is used again: whoever compares documents by identity sees the edit alone.
 */
import type { Document, Stray } from './document.ts';
import type { Piece } from './parse.ts';
import { type Anchor, Source } from './position.ts';

type Read = Document | Stray;

interface Known {
  readonly type: string;
  readonly read: Read;
  readonly source: Source;
}

/** YAML in which what stands elsewhere, or after the end, may have a say: aliases, and blocks that keep blank lines. */
const open = /\*|[|>]\d?\+/;

export class Reuse {
  private readonly known = new Map<string, Known[]>();
  private readonly moves: (() => void)[] = [];

  /** @param type what it says that it is, which a typed List may say for it */
  add(read: Read, type: string): void {
    const { source } = read;
    if (!(source instanceof Source)) return;
    const one = { type, read, source };
    const same = this.known.get(source.text);
    if (same === undefined) this.known.set(source.text, [one]);
    else same.push(one);
  }

  /** What became of this piece before, if the same text stood in the same column; each is given out once. */
  take(piece: Piece, type: string, text: string, anchor: Anchor): Read | undefined {
    const same = this.known.get(text);
    if (same === undefined || open.test(text)) return undefined;
    const at = same.findIndex((one) => one.type === type && one.source.column === piece.column);
    if (at < 0) return undefined;
    const [{ read, source }] = same.splice(at, 1) as [Known];
    this.moves.push(() => source.move(anchor, piece.line, text));
    return read;
  }

  /** The new text takes the place of the old one. */
  settle(): void {
    for (const move of this.moves) move();
  }
}

/** What a piece says that it is. */
export const typeOf = ({ value }: Piece): string => {
  const { apiVersion, kind } = (value ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  return `${String(apiVersion)} ${String(kind)}`;
};
