import { describe, expect, it } from 'vitest';
import { decodeHeader } from '../../src/bgp/header.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { faultOf } from '../support/bgp.ts';

const header = (length: number, type: number) => Uint8Array.of(...new Array(16).fill(0xff), length >>> 8, length, type);
const check = (length: number, type: number, maxMessage = 4096) =>
  decodeHeader(header(length, type), 0, 19, maxMessage);

describe('decodeHeader', () => {
  it.each([
    // type, shortest and longest length that are right, limit (RFC 4271 §6.1, RFC 8654 §4)
    ['OPEN', 1, 29, 4096, 4096],
    ['OPEN, extended messages', 1, 29, 4096, 65535],
    ['UPDATE', 2, 23, 4096, 4096],
    ['UPDATE, extended messages', 2, 23, 65535, 65535],
    ['NOTIFICATION', 3, 21, 4096, 4096],
    ['KEEPALIVE', 4, 19, 19, 4096],
    ['KEEPALIVE, extended messages', 4, 19, 19, 65535],
    ['ROUTE-REFRESH', 5, 19, 4096, 4096],
  ])('%s: lengths', (_name, type, shortest, longest, limit) => {
    expect(check(shortest, type, limit)).toBe(shortest);
    expect(check(longest, type, limit)).toBe(longest);
    for (const length of [0, shortest - 1, longest + 1].filter((n) => n < 65536)) {
      const fault = faultOf(() => check(length, type, limit));
      expect([fault.code, fault.subcode, toHex(fault.data)]).toEqual([1, 2, length.toString(16).padStart(4, '0')]);
    }
  });

  it.each([0, 6, 255])('type %i is refused with the type as data', (type) => {
    const fault = faultOf(() => check(19, type));
    expect([fault.code, fault.subcode, [...fault.data]]).toEqual([1, 3, [type]]);
  });

  it('refuses a wrong marker at any of its octets, as soon as that octet is there', () => {
    for (let i = 0; i < 16; i++) {
      const bytes = header(19, 4);
      bytes[i] = 0xfe;
      expect(decodeHeader(bytes, 0, i, 4096)).toBe(0);
      const fault = faultOf(() => decodeHeader(bytes, 0, i + 1, 4096));
      expect([fault.code, fault.subcode, fault.data.length]).toEqual([1, 1, 0]);
    }
  });

  it('waits for all 19 octets', () => {
    for (let end = 0; end < 19; end++) expect(decodeHeader(header(19, 4), 0, end, 4096)).toBe(0);
  });
});
