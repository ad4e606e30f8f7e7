/** One entry of a pool's addresses: a CIDR or `FIRST-LAST`. */
import { bitsOf, compareAddresses, formatAddress, parseAddress, unmapAddress } from '../lib/address.ts';
import { type Prefix, parsePrefix, summarize } from '../lib/prefix.ts';
import { mappedHint, mappedPrefixHint, withoutZeros } from './host.ts';

export type Range = { readonly prefixes: readonly Prefix[] } | { readonly error: string; readonly hint?: string };

/** Parses an entry into the prefixes that cover exactly its addresses. Host bits of a CIDR are cleared. */
export function parseRange(text: string, pool: string): Range {
  const dash = text.indexOf('-');
  if (dash < 0) return parseCidr(text, pool);
  const quoted = JSON.stringify(text);
  const [low, high] = [text.slice(0, dash).trim(), text.slice(dash + 1).trim()];
  const first = parseAddress(low);
  if (first === undefined) {
    const hint = /[$<{]/.test(low) ? 'this looks like a variable: put its value here' : undefined;
    return { error: `invalid IP range ${quoted}: invalid start IP ${JSON.stringify(low)}`, ...(hint && { hint }) };
  }
  const last = parseAddress(high);
  if (last === undefined) {
    const hint = /^\d{1,3}$/.test(high) ? 'write the whole address after the dash' : undefined;
    return { error: `invalid IP range ${quoted}: invalid end IP ${JSON.stringify(high)}`, ...(hint && { hint }) };
  }
  if (first.family !== last.family) return { error: `invalid IP range ${quoted}: IPv4 and IPv6 are mixed` };
  const hint = mappedHint(first) ?? mappedHint(last);
  if (hint !== undefined) return { error: `invalid IP range ${quoted}: IPv4 addresses in the form of IPv6`, hint };
  if (compareAddresses(first, last) > 0)
    return { error: `invalid IP range ${quoted}: start IP ${low} is after the end IP ${high}` };
  return { prefixes: summarize(first, last) };
}

function parseCidr(text: string, pool: string): Range {
  const error = `invalid CIDR ${JSON.stringify(text)} in pool ${JSON.stringify(pool)}`;
  const host = parseAddress(text);
  if (host !== undefined) {
    const address = unmapAddress(host);
    return { error, hint: `for one address write ${formatAddress(address)}/${bitsOf(address.family)}` };
  }
  const prefix = parsePrefix(text);
  const hint = prefix && mappedPrefixHint(prefix);
  if (hint !== undefined) return { error: `${error}: IPv4 addresses in the form of IPv6`, hint };
  if (prefix !== undefined) return { prefixes: [prefix] };
  if (/[$<{]/.test(text)) return { error, hint: 'this looks like a variable: put its value here' };
  if (text.includes(',')) return { error, hint: 'write each as an entry of its own' };
  if (text.trim() !== text) return { error, hint: 'leave the blanks out' };
  const plain = withoutZeros(text);
  if (plain !== text && parsePrefix(plain) !== undefined)
    return { error, hint: `write ${plain}: a leading zero may mean octal` };
  return { error, hint: 'write ADDRESS/LENGTH or FIRST-LAST' };
}
