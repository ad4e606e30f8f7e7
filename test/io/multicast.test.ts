/** Memberships on the loopback, of which a socket has room for some: how many sockets there are tells the system's own list. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MulticastGroups } from '../../src/io/multicast.ts';
import { SystemError, sysInterfaceIndex } from '../../src/io/native.ts';
import { address } from '../../src/lib/address.ts';
import { solicitedNode } from '../../src/ndp/neighbor.ts';

const open = (): number => readdirSync('/proc/self/fd').length;
const group = (n: number): Uint8Array => solicitedNode(address(`2001:db8::${n.toString(16)}`)).bytes;
const lo = sysInterfaceIndex('lo');

it('memberships are spread over as many sockets as they need, each closed with the last that it holds', () => {
  const groups = new MulticastGroups();
  const before = open();
  // More than a socket has room for (net.core.optmem_max).
  const all = Array.from({ length: 4000 }, (_, i) => group(i + 1));
  for (const one of all) groups.join(lo, one);
  const most = open() - before;
  expect(most).toBeGreaterThan(1);
  for (const one of all.slice(0, 3000)) groups.leave(lo, one);
  expect(open() - before).toBeLessThan(most);
  for (const one of all) groups.leave(lo, one);
  expect(open() - before).toBeLessThanOrEqual(1);
  groups.join(lo, all[0]!);
  groups.close();
  expect(open()).toBe(before);
});

it('an interface that does not exist is an error each time, and leaves no socket behind', () => {
  const groups = new MulticastGroups();
  const before = open();
  for (let i = 0; i < 3; i++) expect(() => groups.join(2 ** 30, group(1))).toThrow(SystemError);
  expect(open() - before).toBeLessThanOrEqual(1);
  groups.close();
  expect(open()).toBe(before);
});
