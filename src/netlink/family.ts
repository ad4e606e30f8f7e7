/** Address families, addresses and prefixes as netlink has them. */
import { type Address, bitsOf, type Family } from '../lib/address.ts';
import { type Prefix, prefixOf } from '../lib/prefix.ts';
import { AF_INET, AF_INET6 } from './const.ts';
import { MalformedError } from './errors.ts';

/** Undefined for a family that is neither IPv4 nor IPv6. */
export const familyOf = (af: number): Family | undefined => (af === AF_INET ? 4 : af === AF_INET6 ? 6 : undefined);

export const afOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);

/** The prefix of a header's length and an attribute's address, which is absent when the length is 0. */
export function readPrefix(family: Family, address: Address | undefined, length: number): Prefix {
  const a = address ?? { family, bytes: new Uint8Array(bitsOf(family) / 8) };
  if (a.family !== family || length > bitsOf(family))
    throw new MalformedError(`a prefix of ${a.bytes.length} octets with length ${length} for IPv${family}`);
  return prefixOf(a, length);
}

/** Throws `RangeError` unless all that is there is of one family. */
export function sameFamily(family: Family, ...values: readonly ({ readonly family: Family } | undefined)[]): void {
  for (const v of values) if (v !== undefined && v.family !== family) throw new RangeError('IPv4 and IPv6 are mixed');
}
