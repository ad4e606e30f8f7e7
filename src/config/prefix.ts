/** Prefixes as documents give them, outside of pools: ADDRESS/LENGTH. */
import { bitsOf, parseAddress } from '../lib/address.ts';
import { type Prefix, parsePrefix } from '../lib/prefix.ts';
import { mappedPrefixHint } from './host.ts';
import type { Findings, Path } from './problem.ts';

/** One prefix; host bits are cleared. Undefined where it is none, which is then among the findings. */
export function readPrefix(text: string, path: Path, findings: Findings): Prefix | undefined {
  const host = parseAddress(text);
  const prefix = host === undefined ? parsePrefix(text) : undefined;
  if (prefix === undefined)
    findings.error(
      path,
      `not a prefix: ${JSON.stringify(text)}`,
      host === undefined ? 'write ADDRESS/LENGTH' : `for one address write ${text}/${bitsOf(host.family)}`,
    );
  const mapped = prefix && mappedPrefixHint(prefix);
  if (mapped) findings.error(path, `an IPv4 prefix in the form of IPv6: ${JSON.stringify(text)}`, mapped);
  return prefix;
}

/** Those of a list that are prefixes. */
export const readPrefixes = (texts: readonly string[], path: Path, findings: Findings): readonly Prefix[] =>
  texts.flatMap((text, i) => readPrefix(text, [...path, i], findings) ?? []);
