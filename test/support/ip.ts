/** Arbitrary addresses and prefixes for properties. */
import * as fc from 'fast-check';
import type { Address, Family } from '../../src/lib/address.ts';
import { type Prefix, prefixOf } from '../../src/lib/prefix.ts';

/** Octets that are often zero or all ones: runs of zero groups, prefixes of one another and mapped addresses all occur. */
const octet = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constant(0xff), fc.integer({ min: 0, max: 0xff }));

export const anyAddress = (family?: Family): fc.Arbitrary<Address> =>
  (family === undefined ? fc.constantFrom<Family>(4, 6) : fc.constant(family)).chain((f) =>
    fc.uint8Array({ minLength: f === 4 ? 4 : 16, maxLength: f === 4 ? 4 : 16 }).chain((random) =>
      fc
        .oneof(
          fc.constant(random),
          fc.tuple(...[...random].map(() => octet)).map((list) => Uint8Array.from(list)),
          f === 6 ? fc.constant(mapped(random)) : fc.constant(random),
        )
        .map((bytes) => ({ family: f, bytes })),
    ),
  );

function mapped(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes);
  out.fill(0, 0, 10).fill(0xff, 10, 12);
  return out;
}

export const anyPrefix = (family?: Family): fc.Arbitrary<Prefix> =>
  anyAddress(family).chain((a) => fc.integer({ min: 0, max: a.bytes.length * 8 }).map((length) => prefixOf(a, length)));
