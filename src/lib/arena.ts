/**
 * Strings of octets, many of them and of any length, in pieces of a mebibyte: to make room for more copies nothing that
 * is there, and what is given back goes a piece at a time.
 */
import { grown, zeros } from './room.ts';

const PIECE_BITS = 20;
/** The longest string there can be, octets. */
const PIECE = 1 << PIECE_BITS;
const WITHIN = PIECE - 1;
/** What a position of 32 bits can tell apart. */
const MAX_PIECES = 1 << (32 - PIECE_BITS);
/** A small arena's piece grows from here, octets. */
const SMALL = 4096;
/** Less garbage is not worth a move. */
const WORTH = 1 << 16;

/**
 * A string lies in one piece, at a position that its owner keeps with its length. Those of pieces that are half garbage
 * are to be moved by the owner: see `isWasteful`.
 */
export class Arena {
  private readonly pieces: Uint8Array[] = [new Uint8Array(SMALL)];
  /** Of each piece: octets given out. */
  private readonly filled: number[] = [0];
  /** Of each piece: octets of those that somebody has. */
  private readonly living: number[] = [0];
  private readonly leaving: boolean[] = [false];
  /** Pieces that are none. */
  private readonly spare: number[] = [];
  /** The piece that is being filled. */
  private current = 0;
  /** Sum of `filled`. */
  private used = 0;
  /** Of those, octets that nobody has any more. */
  private garbage = 0;

  /**
   * Copies octets in and returns their position, 0..2^32-1.
   * @throws RangeError for more than a mebibyte, and when 4 GiB are full
   */
  put(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    if (this.filled[this.current]! + length > this.pieces[this.current]!.length) this.makeRoom(length);
    const { current } = this;
    const piece = this.pieces[current]!;
    const at = this.filled[current]!;
    // A short loop beats `set(subarray)`, which allocates a view.
    for (let i = 0; i < length; i++) piece[at + i] = bytes[start + i]!;
    this.filled[current] = at + length;
    this.living[current] = this.living[current]! + length;
    this.used += length;
    return current * PIECE + at;
  }

  /** The piece that a position is in. */
  piece(position: number): Uint8Array {
    return this.pieces[position >>> PIECE_BITS]!;
  }

  /** Where in its piece a position is. */
  within(position: number): number {
    return position & WITHIN;
  }

  /** Gives a string back. */
  drop(position: number, length: number): void {
    if (length === 0) return;
    const n = position >>> PIECE_BITS;
    const left = this.living[n]! - length;
    this.living[n] = left;
    this.garbage += length;
    if (left === 0) this.empty(n);
  }

  /** Moves a string from a piece that is to go, and returns where it is now. */
  move(position: number, length: number): number {
    if (length === 0 || !this.leaving[position >>> PIECE_BITS]!) return position;
    const at = position & WITHIN;
    const moved = this.put(this.piece(position), at, at + length);
    this.drop(position, length);
    return moved;
  }

  /** More than half of it is garbage: time to call `leave`, and `move` for every string that is there then. */
  get isWasteful(): boolean {
    return this.garbage > WORTH && this.garbage * 2 > this.used;
  }

  /** Every piece that is half garbage takes no more strings, and goes with its last one. */
  leave(): void {
    for (let n = 0; n < this.pieces.length; n++) this.leaving[n] = this.living[n]! * 2 < this.filled[n]!;
    if (this.leaving[this.current]!) this.open(0);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.pieces.reduce((n, piece) => n + piece.byteLength, 0);
  }

  private empty(n: number): void {
    const filled = this.filled[n]!;
    this.used -= filled;
    this.garbage -= filled;
    this.filled[n] = 0;
    this.leaving[n] = false;
    if (n === this.current) return;
    this.pieces[n] = NONE;
    this.spare.push(n);
  }

  private makeRoom(length: number): void {
    const { current } = this;
    const wanted = this.filled[current]! + length;
    if (wanted > PIECE) {
      if (length > PIECE) throw new RangeError(`${length} octets are more than a piece of an arena has`);
      this.open(length);
      return;
    }
    let capacity = this.pieces[current]!.length;
    while (capacity < wanted) capacity *= 2;
    this.pieces[current] = grown(this.pieces[current]!, capacity);
  }

  /** Begins another piece: a large one where there is much already. */
  private open(length: number): void {
    const n = this.spare.pop() ?? this.pieces.length;
    if (n === MAX_PIECES) throw new RangeError('an arena of 4 GiB is full');
    let capacity = this.used - this.garbage > PIECE / 2 ? PIECE : SMALL;
    while (capacity < length) capacity *= 2;
    this.pieces[n] = zeros(Uint8Array, capacity);
    this.filled[n] = 0;
    this.living[n] = 0;
    this.leaving[n] = false;
    this.current = n;
  }
}

const NONE = new Uint8Array(0);
