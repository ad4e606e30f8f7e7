/** How much two versions of a file have in common: compared in blocks, of which the runtime does a gigabyte or so a second. */

const BLOCK_OCTETS = 1 << 16;

/** Octets that both begin with. */
export function commonHead(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let at = 0;
  while (at < limit) {
    const end = Math.min(at + BLOCK_OCTETS, limit);
    if (Buffer.compare(a.subarray(at, end), b.subarray(at, end)) !== 0) break;
    at = end;
  }
  while (at < limit && a[at] === b[at]) at++;
  return at;
}

/** Octets that both end with. */
export function commonTail(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let octets = 0;
  while (octets < limit) {
    const next = Math.min(octets + BLOCK_OCTETS, limit);
    const [x, y] = [a, b].map((bytes) => bytes.subarray(bytes.length - next, bytes.length - octets));
    if (Buffer.compare(x!, y!) !== 0) break;
    octets = next;
  }
  while (octets < limit && a[a.length - 1 - octets] === b[b.length - 1 - octets]) octets++;
  return octets;
}
