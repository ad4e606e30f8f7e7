import { expect, it, vi } from 'vitest';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { Rehearsal } from '../../src/daemon/rehearsal/rehearsal.ts';
import { address } from '../../src/lib/address.ts';

const settings: PeerSettings = {
  name: 'a',
  address: address('192.0.2.2'),
  port: 179,
  localAsn: 64_500,
  peerAsn: 64_501,
  routerId: 7,
  holdTimeSec: 9,
  families: ['ipv4', 'ipv6'],
  passive: false,
  multihop: false,
};

const likeness = { multipath: {}, announces: () => false };

it('takes routes all the way: they come, half of them come otherwise, and all go', () => {
  const rehearsal = new Rehearsal(likeness);
  let steps = 0;
  while (rehearsal.step()) steps++;
  expect(steps).toBe(3 * 3 * 60);
  expect(rehearsal.changes).toBe(3 * 2 * 6_000);
});

it.each([
  ['internal', { peerAsn: 'internal' as const }],
  ['of a strict role', { role: 'customer' as const, strictRole: true }],
  ['of several paths a prefix', { addPathReceive: true }],
  ['that waits to be called', { passive: true, families: ['ipv6'] as const }],
  ['with a router ID that is all ones', { routerId: 0xffff_ffff }],
])('goes the same way with the settings of a peer %s', (_, more) => {
  const rehearsal = new Rehearsal({ ...likeness, settings: { ...settings, ...more } });
  while (rehearsal.step());
  expect(rehearsal.changes).toBe(3 * 2 * 6_000);
});

it('goes on by itself, in pieces, and while there is nothing else to do', async () => {
  const rehearsal = new Rehearsal(likeness);
  let isBusy = true;
  rehearsal.start(
    () => isBusy,
    (error) => expect.unreachable(error.message),
  );
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(rehearsal.changes).toBe(0);
  isBusy = false;
  await vi.waitFor(() => expect(rehearsal.changes).toBe(3 * 2 * 6_000), { timeout: 20_000 });
});

it('says so where it cannot go on, and nothing else happens', () => {
  const failures: string[] = [];
  const broken = (): never => {
    throw new Error('no');
  };
  new Rehearsal({ ...likeness, announces: broken }).start(
    () => false,
    ({ message }) => failures.push(message),
  );
  expect(failures).toEqual(['no']);
});
