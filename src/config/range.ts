/** One entry of a pool's addresses: a CIDR or `FIRST-LAST`. */
import { bitsOf, compareAddresses, parseAddress } from '../lib/address.ts';
import { type Prefix, parsePrefix, summarize } from '../lib/prefix.ts';

export type Range = { readonly prefixes: readonly Prefix[] } | { readonly error: string; readonly hint?: string };

/** Parses an entry into the prefixes that cover exactly its addresses. Host bits of a CIDR are cleared. */
export function parseRange(text: string, pool: string): Range {
  const dash = text.indexOf('-');
  if (dash < 0) return parseCidr(text, pool);
  const quoted = JSON.stringify(text);
  const [low, high] = [text.slice(0, dash).trim(), text.slice(dash + 1).trim()];
  const first = parseAddress(low);
  if (first === undefined) return { error: `invalid IP range ${quoted}: invalid start IP ${JSON.stringify(low)}` };
  const last = parseAddress(high);
  if (last === undefined) {
    const hint = /^\d{1,3}$/.test(high) ? 'write the whole address after the dash' : undefined;
    return { error: `invalid IP range ${quoted}: invalid end IP ${JSON.stringify(high)}`, ...(hint && { hint }) };
  }
  if (first.family !== last.family) return { error: `invalid IP range ${quoted}: IPv4 and IPv6 are mixed` };
  if (compareAddresses(first, last) > 0)
    return { error: `invalid IP range ${quoted}: start IP ${low} is after the end IP ${high}` };
  return { prefixes: summarize(first, last) };
}

function parseCidr(text: string, pool: string): Range {
  const error = `invalid CIDR ${JSON.stringify(text)} in pool ${JSON.stringify(pool)}`;
  const host = parseAddress(text);
  if (host !== undefined) return { error, hint: `for one address write ${text}/${bitsOf(host.family)}` };
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return { prefixes: [prefix] };
  return { error, hint: 'write ADDRESS/LENGTH or FIRST-LAST' };
}
