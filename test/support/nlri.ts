/** NLRI from prefixes, for tests that need an UPDATE's runs without an UPDATE. */

import type { AddressFamily } from '../../src/bgp/const.ts';
import type { NlriRun } from '../../src/bgp/nlri.ts';
import { Writer } from '../../src/lib/bytes.ts';
import type { Prefix } from '../../src/lib/prefix.ts';

/** A run of one family; with path ids as ADD-PATH has it when any are given (RFC 7911 §3). */
export function runOf(family: AddressFamily, prefixes: readonly Prefix[], pathIds?: readonly number[]): NlriRun {
  const w = new Writer(32 * prefixes.length);
  prefixes.forEach((p, i) => {
    if (pathIds !== undefined) w.u32(pathIds[i]!);
    w.u8(p.length).put8s(p.bytes.subarray(0, (p.length + 7) >> 3));
  });
  const bytes = w.finish();
  return { family, addPath: pathIds !== undefined, bytes, start: 0, end: bytes.length };
}
