import { expect, it } from 'vitest';
import { parseRange } from '../../src/config/range.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';

const prefixes = (text: string) => {
  const range = parseRange(text, 'pool');
  return 'error' in range ? range.error : range.prefixes.map(formatPrefix);
};

it.each([
  ['10.0.0.5/24', ['10.0.0.0/24']],
  ['10.0.0.1-10.0.0.6', ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32']],
  ['10.0.0.0 -  10.0.0.4', ['10.0.0.0/30', '10.0.0.4/32']],
  ['10.0.0.7-10.0.0.7', ['10.0.0.7/32']],
  ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
  ['2001:db8::ffff/64', ['2001:db8::/64']],
  ['2001:db8::-2001:db8::1:0', ['2001:db8::/112', '2001:db8::1:0/128']],
])('%s', (text, expected) => {
  expect(prefixes(text)).toEqual(expected);
});

it.each([
  ['10.0.0.1', 'invalid CIDR "10.0.0.1" in pool "pool"'],
  ['10.0.0.0/33', 'invalid CIDR "10.0.0.0/33" in pool "pool"'],
  ['', 'invalid CIDR "" in pool "pool"'],
  ['-', 'invalid IP range "-": invalid start IP ""'],
  ['10.0.0.1-', 'invalid IP range "10.0.0.1-": invalid end IP ""'],
  ['10.0.0.0/24-10.0.1.0/24', 'invalid IP range "10.0.0.0/24-10.0.1.0/24": invalid start IP "10.0.0.0/24"'],
  ['10.0.0.2-10.0.0.1', 'invalid IP range "10.0.0.2-10.0.0.1": start IP 10.0.0.2 is after the end IP 10.0.0.1'],
  ['::-10.0.0.1', 'invalid IP range "::-10.0.0.1": IPv4 and IPv6 are mixed'],
])('%j is refused', (text, error) => {
  expect(prefixes(text)).toBe(error);
});
