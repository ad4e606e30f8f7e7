import { expect, it } from 'vitest';
import { groupsOf } from '../../src/l2/groups.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { formatMac } from '../../src/lib/mac.ts';

const groups = (...addresses: string[]) =>
  [...groupsOf(addresses.map(address))].map(([mac, group]) => `${formatMac(mac)} ${formatAddress(group.address)}`);

it('derives one solicited-node group for all addresses that share their last 24 bits, and none for IPv4', () => {
  expect(groups()).toEqual([]);
  expect(groups('192.0.2.1')).toEqual([]);
  expect(groups('2001:db8::c8', '2001:db8:1::c8', '192.0.2.200', '2001:db8::1:c8', '2001:db8::100:c9')).toEqual([
    '33:33:ff:00:00:c8 ff02::1:ff00:c8',
    '33:33:ff:01:00:c8 ff02::1:ff01:c8',
    '33:33:ff:00:00:c9 ff02::1:ff00:c9',
  ]);
});
