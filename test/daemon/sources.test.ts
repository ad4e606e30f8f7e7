/** Source addresses by interface: what it has, and for how long. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Sources } from '../../src/daemon/sources.ts';
import { address, formatAddress } from '../../src/lib/address.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

test('an address stays the source while the interface has it', () => {
  let on = ['2001:db8::1'];
  let changes = 0;
  const sources = new Sources(
    () => changes++,
    (link, family) => (link === 'eth0' && family === 6 ? on.map(address) : []),
  );
  const source = () => {
    vi.advanceTimersByTime(1_000);
    const found = sources.address('eth0', 6);
    return [found && formatAddress(found), changes];
  };
  const watch = () => sources.watch([{ link: 'eth0', family: 6 }]);
  watch();
  expect(source()).toEqual(['2001:db8::1', 0]);
  // The kernel lists a new one first.
  on = ['2001:db8::2', '2001:db8::1'];
  expect(source()).toEqual(['2001:db8::1', 0]);
  watch();
  expect(source()).toEqual(['2001:db8::1', 0]);
  on = ['2001:db8::3', '2001:db8::2'];
  expect(source()).toEqual(['2001:db8::3', 1]);
  on = [];
  expect(source()).toEqual([undefined, 2]);
  on = ['2001:db8::1'];
  expect(source()).toEqual(['2001:db8::1', 3]);
  sources.close();
});
