/**
 * Typed arrays that grow with a table. Where memory is touched for the first time the kernel steps in for every page of
 * it, which is much of what a table costs while it comes: whoever can have that done for all of it at once says how.
 */

export type Words = Uint8Array | Uint16Array | Uint32Array;

/** Less is not worth a call, octets. */
const WORTH = 1 << 16;

let take = (octets: number): Uint8Array => new Uint8Array(octets);

/** Memory of 64 KiB and more comes from here, all zeros, beginning at a multiple of 4 octets. */
export function takeRoomFrom(memory: (octets: number) => Uint8Array): void {
  take = memory;
}

/** A class of typed arrays. */
export interface Kind<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): T;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** So many zeros. */
export function zeros<T extends Words>(kind: Kind<T>, length: number): T {
  const octets = length * kind.BYTES_PER_ELEMENT;
  if (octets < WORTH) return new kind(length);
  const { buffer, byteOffset } = take(octets);
  return new kind(buffer, byteOffset, length);
}

/** A longer copy, zeros at its end. */
export function grown<T extends Words>(old: T, capacity: number): T {
  const out = zeros(old.constructor as Kind<T>, capacity);
  out.set(old);
  return out;
}
