/** Addresses of hosts as documents give them, and what to write where a text is none. */
import { type Address, formatAddress, isLinkLocal, parseAddress, unmapAddress } from '../lib/address.ts';
import { contains, overlaps, type Prefix, prefix } from '../lib/prefix.ts';
import type { Findings, Path } from './problem.ts';

/** Nobody has one of these for a sender or a peer. */
const nobodys = [
  ['the unspecified address', prefix('0.0.0.0/32')],
  ['the unspecified address', prefix('::/128')],
  ['a multicast address', prefix('224.0.0.0/4')],
  ['a multicast address', prefix('ff00::/8')],
  ['the broadcast address', prefix('255.255.255.255/32')],
] as const;

/**
 * The address of one host; undefined where it is none, which is then among the findings.
 * @param what is wrong then, before the text is quoted
 * @param hint what else may be meant by a name
 */
export function readHost(
  text: string,
  what: string,
  path: Path,
  findings: Findings,
  hint?: string,
): Address | undefined {
  const address = parseAddress(text);
  const quoted = `${what} ${JSON.stringify(text)}`;
  if (address === undefined) {
    findings.error(path, quoted, hint ?? addressHint(text));
    return undefined;
  }
  const mapped = mappedHint(address);
  const kind = nobodys.find(([, block]) => contains(block, address))?.[0];
  if (mapped !== undefined) findings.error(path, `${quoted}: an IPv4 address in the form of IPv6`, mapped);
  else if (kind !== undefined) findings.error(path, `${quoted}: ${kind}`, 'the address of one host');
  return address;
}

/** As `readHost`, for the other end of a session. `instead` is the field that names the link of one without an address. */
export function readPeer(
  text: string,
  what: string,
  instead: string,
  path: Path,
  findings: Findings,
): Address | undefined {
  const [bare = '', zone] = text.split('%');
  const address = parseAddress(bare);
  if (address === undefined || !isLinkLocal(address)) return readHost(text, what, path, findings);
  const hint = zone ? `${instead}: ${zone} instead of this` : `give the ${instead} instead of this`;
  findings.error(path, 'a link-local address does not say on which link', hint);
  return address;
}

/** Nobody outside a host or a link can send to these. */
const unreachable = [
  ['multicast', prefix('224.0.0.0/4')],
  ['multicast', prefix('ff00::/8')],
  ['loopback', prefix('127.0.0.0/8')],
  ['loopback', prefix('::1/128')],
  ['link-local', prefix('fe80::/10')],
] as const;

/** What kind of addresses a block holds that no Service can have; undefined for none. */
export const unreachableIn = (block: Prefix): string | undefined =>
  unreachable.find(([, other]) => overlaps(block, other))?.[0];

/** What to write instead of `::ffff:192.0.2.1`; undefined for an address of any other form. */
export function mappedHint(address: Address): string | undefined {
  const unmapped = unmapAddress(address);
  return unmapped === address ? undefined : `write ${formatAddress(unmapped)}`;
}

/** The same for prefixes. IPv4 addresses in that form (RFC 4291 §2.5.5.2) are on no wire. */
export function mappedPrefixHint({ family, bytes, length }: Prefix): string | undefined {
  const unmapped = unmapAddress({ family, bytes });
  return family === 4 || unmapped.family === 6 || length < 96
    ? undefined
    : `write ${formatAddress(unmapped)}/${length - 96}`;
}

/** What to write where a text is no address. */
export function addressHint(text: string): string | undefined {
  const bare = text.trim();
  if (bare !== text && parseAddress(bare) !== undefined) return 'leave the blanks out';
  const [address = '', zone] = bare.split('%');
  if (zone !== undefined && parseAddress(address) !== undefined) return `leave the zone, %${zone}, out`;
  const [head = ''] = bare.split('/');
  if (head !== bare && parseAddress(head) !== undefined) return `write the address alone: ${head}`;
  const plain = withoutZeros(bare);
  if (plain !== bare && parseAddress(plain) !== undefined) return `write ${plain}: a leading zero may mean octal`;
  return /^(?=.*[a-z])[a-z\d-]+(?:\.[a-z\d-]+)*\.?$/i.test(bare)
    ? 'names are not looked up: write the address'
    : undefined;
}

/** A dotted quad whose numbers begin with no zero. */
export const withoutZeros = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');
