import { expect, test } from 'vitest';
import { hashedId } from '../../src/daemon/identity.ts';

test('a node without an IPv4 address is identified by the CRC-32 of its name, in the octet order of MetalLB', () => {
  // The check value of CRC-32 (IEEE 802.3) is 0xcbf43926.
  expect(hashedId('123456789')).toBe(0x2639f4cb);
});
