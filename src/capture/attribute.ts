/** A look at attributes that are not decoded yet. */
import { AttributeFlag } from '../bgp/const.ts';

/** Whether an attribute of this code is in the block from `at` to `end`, as far as its headers can be followed. */
export function holdsAttribute(bytes: Uint8Array, at: number, end: number, code: number): boolean {
  while (at + 3 <= end) {
    if (bytes[at + 1] === code) return true;
    const extended = (bytes[at]! & AttributeFlag.extendedLength) !== 0;
    at += extended ? 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!) : 3 + bytes[at + 2]!;
  }
  return false;
}
