import { expect, test } from 'vitest';
import { sumOf } from '../../src/io/netstat.ts';

const text = `TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure Other
TcpExt: 9 1 2 3 9
IpExt: InNoRoutes TCPMD5NotFoundX
IpExt: 7 100
`;

test('named counters add up, in whichever line they are', () => {
  expect(sumOf(text, ['TCPMD5NotFound', 'TCPMD5Unexpected', 'TCPMD5Failure'])).toBe(6);
  expect(sumOf(text, ['InNoRoutes'])).toBe(7);
});

test('a kernel that does not count says nothing', () => {
  expect(sumOf(text, ['Unheard'])).toBeUndefined();
  expect(sumOf('', ['TCPMD5NotFound'])).toBeUndefined();
});
