import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commonHead, commonTail } from '../../src/config/overlap.ts';

/** Octet by octet. */
function slowly(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 8, max: 1 }),
  fc.integer({ min: 0, max: 150_000 }).map((n) => new Uint8Array(n)),
);
const joined = (pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

it('what is counted in blocks is what is counted octet by octet', () => {
  fc.assert(
    fc.property(piece, piece, piece, piece, (same, one, other, end) => {
      const [a, b] = [joined([same, one, end]), joined([same, other, end])];
      expect(commonHead(a, b)).toBe(slowly(a, b));
      expect(commonTail(a, b)).toBe(slowly(a.toReversed(), b.toReversed()));
    }),
    { numRuns: 60 },
  );
});

it.each([
  [[], [], 0, 0],
  [[1], [], 0, 0],
  [[1, 2, 3], [1, 2, 3], 3, 3],
  [[1, 2, 3], [1, 9, 3], 1, 1],
  [[1, 1], [1, 1, 1], 2, 2],
])('%j and %j', (a, b, head, tail) => {
  const [x, y] = [Uint8Array.from(a), Uint8Array.from(b)];
  expect([commonHead(x, y), commonTail(x, y), commonHead(y, x), commonTail(y, x)]).toEqual([head, tail, head, tail]);
});
