/**
 * Numbers by id, for tables that keep what they know of an id in columns (struct of arrays). A column is in pieces of
 * 65,536, so that growing copies nothing that is there, and has no more room than is needed.
 */
import { grown, type Kind, type Words, zeros } from './room.ts';

const PIECE_BITS = 16;
const PIECE = 1 << PIECE_BITS;
const WITHIN = PIECE - 1;
/** The first piece begins small, for tables of few. */
const FIRST = 64;
/** Columns by the same ids get their next piece at different ones, since each costs the kernel's time. */
const TURN = PIECE >> 6;
let turns = 0;

export class Column {
  /** Ids below this have room. */
  capacity = FIRST;
  private readonly kind: Kind<Words>;
  private readonly pieces: Words[];
  private readonly ahead = TURN * (turns++ & 15);
  /** Ids below this need nothing to be done. */
  private until = FIRST;

  /** @param kind what a number is kept in: `Uint8Array` for 0..255 and so on */
  constructor(kind: Kind<Words>) {
    this.kind = kind;
    this.pieces = [new kind(FIRST)];
  }

  /** Of an id that there is room for. */
  get(id: number): number {
    return this.pieces[id >>> PIECE_BITS]![id & WITHIN]!;
  }

  /** Of an id that there is room for. */
  set(id: number, value: number): void {
    this.pieces[id >>> PIECE_BITS]![id & WITHIN] = value;
  }

  /** Makes room for an id; what is new there is 0. */
  room(id: number): void {
    if (id >= this.until) this.grow(id);
  }

  /** Everything is 0 again. */
  clear(): void {
    for (const piece of this.pieces) piece.fill(0);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.pieces.reduce((n, piece) => n + piece.byteLength, 0);
  }

  private grow(id: number): void {
    if (this.capacity < PIECE) {
      let length = this.capacity;
      while (length <= id && length < PIECE) length *= 2;
      this.pieces[0] = grown(this.pieces[0]!, length);
      this.capacity = length;
    }
    for (; this.capacity >= PIECE && this.capacity <= id + this.ahead; this.capacity += PIECE)
      this.pieces.push(zeros(this.kind, PIECE));
    this.until = this.capacity < PIECE ? this.capacity : this.capacity - this.ahead;
  }
}
