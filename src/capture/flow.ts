/** One direction of a TCP connection put together again (RFC 9293 §3.4): what came twice, late or not at all. */

/** Octets in their order, or how many are missing before those that follow. */
export type FlowPiece = { readonly bytes: Uint8Array } | { readonly missing: number };

/** Octets kept while those before them have not come: a receiver's window is hardly larger. */
const MAX_WAITING_OCTETS = 4 * 1024 * 1024;
/** As many segments: all of them are looked at for each that comes. */
const MAX_WAITING = 1024;

export class Flow {
  /** The next sequence number, once one was seen. */
  private next: number | undefined;
  /** What came too early. */
  private waiting: { readonly sequence: number; readonly bytes: Uint8Array }[] = [];
  private waitingOctets = 0;

  /** Takes a segment and gives what can be read now. Octets may be a view of `payload`. */
  take(sequence: number, syn: boolean, payload: Uint8Array, cut: number): FlowPiece[] {
    if (syn) {
      // A new connection on the old ports.
      if (this.next !== undefined && after(this.next, sequence + 1) !== 0) this.drop();
      this.next = (sequence + 1) >>> 0;
      return [];
    }
    if (payload.length === 0) return [];
    this.next ??= sequence;
    const pieces: FlowPiece[] = [];
    const early = after(sequence, this.next);
    if (early > 0) {
      this.waiting.push({ sequence, bytes: payload.slice() });
      this.waitingOctets += payload.length;
      if (this.waitingOctets > MAX_WAITING_OCTETS || this.waiting.length > MAX_WAITING) this.giveUp(pieces);
      return pieces;
    }
    this.append(sequence, payload, pieces);
    // Of what is sent again, no more is missing than the first time.
    const missing = cut > 0 ? after(sequence + payload.length + cut, this.next) : 0;
    if (missing > 0) {
      pieces.push({ missing });
      this.next = (this.next + missing) >>> 0;
    }
    this.release(pieces);
    return pieces;
  }

  /** There is nothing to wait for any more. */
  end(): FlowPiece[] {
    const pieces: FlowPiece[] = [];
    while (this.waiting.length > 0) this.giveUp(pieces);
    return pieces;
  }

  private append(sequence: number, bytes: Uint8Array, pieces: FlowPiece[]): void {
    const known = -after(sequence, this.next!);
    if (known >= bytes.length) return;
    pieces.push({ bytes: known > 0 ? bytes.subarray(known) : bytes });
    this.next = (sequence + bytes.length) >>> 0;
  }

  /** Appends what was waiting and is next now. */
  private release(pieces: FlowPiece[]): void {
    for (let found = true; found && this.waiting.length > 0; ) {
      found = false;
      const still: typeof this.waiting = [];
      for (const piece of this.waiting.sort((a, b) => after(a.sequence, b.sequence)))
        if (after(piece.sequence, this.next!) > 0) still.push(piece);
        else {
          this.append(piece.sequence, piece.bytes, pieces);
          this.waitingOctets -= piece.bytes.length;
          found = true;
        }
      this.waiting = still;
    }
  }

  /** The capture lost what comes next: goes on with the first that waits. */
  private giveUp(pieces: FlowPiece[]): void {
    const first = this.waiting.reduce((a, b) => (after(a.sequence, b.sequence) <= 0 ? a : b));
    pieces.push({ missing: after(first.sequence, this.next!) });
    this.next = first.sequence;
    this.release(pieces);
  }

  private drop(): void {
    this.waiting = [];
    this.waitingOctets = 0;
  }
}

/** By how much sequence number `a` is after `b`: negative when it is before. */
const after = (a: number, b: number): number => (a - b) | 0;
