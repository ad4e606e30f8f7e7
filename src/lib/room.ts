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

interface Kind<T> {
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

/** Up to here arrays grow twofold, entries; above, somebody would ask why half of them is empty. */
const LARGE = 1 << 20;

/** The capacity after `capacity`. */
export const roomier = (capacity: number): number =>
  Math.max(64, capacity < LARGE ? 2 * capacity : Math.ceil(1.5 * capacity));

/**
 * The array, or a longer copy when the id comes near its end. To copy megabytes takes milliseconds, so parallel arrays do
 * not do it in the same moment.
 * @param turn of an array among those that are parallel, 0..15: the later, the earlier it is copied
 */
export function roomFor<T extends Words>(array: T, id: number, turn: number): T {
  const { length } = array;
  if (id + turn * (length >> 6) < length) return array;
  let capacity = roomier(length);
  while (capacity <= id) capacity = roomier(capacity);
  return grown(array, capacity);
}
