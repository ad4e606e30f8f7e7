/** Parsers for option values: each refuses with a message that shows the form it wants. */
import { InvalidArgumentError } from 'commander';
import { type Address, isLinkLocal, parseAddress } from '../lib/address.ts';
import { type Prefix, parsePrefix } from '../lib/prefix.ts';

export function addressOption(text: string): Address {
  const a = parseAddress(text);
  if (a === undefined) throw new InvalidArgumentError('Expected an IPv4 or IPv6 address, such as 192.0.2.1.');
  return a;
}

/** Where a peer is. */
export interface Host {
  readonly address: Address;
  /** Of a link-local address, and of no other. */
  readonly interface?: string;
}

/** An address; a link-local one with its interface behind a `%` (RFC 4007 §11). */
export function hostOption(text: string): Host {
  const at = text.indexOf('%');
  const address = addressOption(at < 0 ? text : text.slice(0, at));
  const link = at < 0 ? undefined : text.slice(at + 1);
  if (isLinkLocal(address) && !link)
    throw new InvalidArgumentError('A link-local address needs its interface, as fe80::1%eth0.');
  if (!isLinkLocal(address) && link !== undefined)
    throw new InvalidArgumentError('Only a link-local address has an interface.');
  return { address, ...(link && { interface: link }) };
}

export function prefixOption(text: string): Prefix {
  const p = parsePrefix(text);
  if (p === undefined) throw new InvalidArgumentError('Expected a prefix, such as 203.0.113.0/24 or 2001:db8::/32.');
  return p;
}

/** Anything but nothing, as a variable of a script that was never set. */
const textOption =
  (what: string) =>
  (text: string): string => {
    if (text === '') throw new InvalidArgumentError(`Expected ${what}.`);
    return text;
  };

export const nodeOption = textOption('the name of a node');
export const pathOption = textOption('a file or a folder');
export const socketOption = textOption("the path of the daemon's control socket");

/** A whole number in a range. */
export const numberOption =
  (min: number, max: number) =>
  (text: string): number => {
    const n = Number(text);
    if (!/^\d+$/.test(text) || n < min || n > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return n;
  };

/** An AS number: plain, or in the `high.low` notation of RFC 5396. */
export function asnOption(text: string): number {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  const n = dotted ? Number(dotted[1]) * 65536 + Number(dotted[2]) : Number(text);
  const valid = dotted ? Number(dotted[1]) <= 65535 && Number(dotted[2]) <= 65535 : /^\d+$/.test(text);
  if (!valid || n < 1 || n > 4294967295) throw new InvalidArgumentError('Expected an AS number from 1 to 4294967295.');
  return n;
}

/** `ADDR:PORT`, `[ADDR]:PORT` or `:PORT`, which means every address. */
export function endpointOption(text: string): { address: Address; port: number } {
  const m = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text);
  const address = m && parseAddress(m[1] ?? (m[2] || '::'));
  const port = m ? Number(m[3]) : -1;
  if (!address || port > 65535) throw new InvalidArgumentError('Expected ADDR:PORT, such as 0.0.0.0:179 or [::]:179.');
  return { address, port };
}

/** For options that may be repeated. */
export const repeatable =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] = []): readonly T[] => [...before, parse(text)];

/** `A:B`, two numbers of 16 bits, as one of 32. */
export function communityOption(text: string): number {
  const [a, b] = numbers(text, 2, 0xffff);
  return ((a! << 16) | b!) >>> 0;
}

export function largeCommunityOption(text: string): readonly [number, number, number] {
  const [a, b, c] = numbers(text, 3, 0xffffffff);
  return [a!, b!, c!];
}

function numbers(text: string, count: number, max: number): number[] {
  const parts = text.split(':');
  if (parts.length !== count || parts.some((p) => !/^\d+$/.test(p) || Number(p) > max))
    throw new InvalidArgumentError(`Expected ${count} numbers up to ${max}, separated by colons.`);
  return parts.map(Number);
}

/** `ipv4`, `ipv6` or both with a comma. */
export function familiesOption(text: string): readonly ('ipv4' | 'ipv6')[] {
  const names = text.split(',');
  if (names.some((n) => n !== 'ipv4' && n !== 'ipv6') || new Set(names).size !== names.length)
    throw new InvalidArgumentError('Expected ipv4, ipv6 or ipv4,ipv6.');
  return names as ('ipv4' | 'ipv6')[];
}
