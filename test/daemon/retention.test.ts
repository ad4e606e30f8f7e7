/** How long routes of a peer that is away are kept, with timers that hold no more than 24 days. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Afi, Safi } from '../../src/bgp/const.ts';
import { agree, offer } from '../../src/bgp/handshake.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { Instance } from '../../src/daemon/instance.ts';
import { Retention } from '../../src/daemon/retention.ts';
import { address } from '../../src/lib/address.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const settings: PeerSettings = {
  name: 'router',
  address: address('192.0.2.2'),
  port: 179,
  localAsn: 64512,
  peerAsn: 64513,
  routerId: 1,
  holdTimeSec: 90,
  families: ['ipv4'],
  passive: false,
  multihop: false,
};
const family = { afi: Afi.ipv4, safi: Safi.unicast, forwarding: true };
const DAY_MS = 86_400_000;

test('a long-lived time of 100 days is kept for 100 days (RFC 9494 §4.2)', () => {
  const ours = offer(settings);
  const theirs = {
    ...offer({ ...settings, localAsn: 64513, routerId: 2 }),
    capabilities: [
      ...offer({ ...settings, localAsn: 64513 }).capabilities.filter(({ type }) => type !== 'gracefulRestart'),
      { type: 'gracefulRestart', restarting: false, notification: false, restartTimeSec: 0, families: [family] },
      { type: 'longLivedGracefulRestart', families: [{ ...family, staleTimeSec: 100 * 86_400 }] },
    ] as const,
  };
  const instance = new Instance(undefined, new AttributeTable(), undefined, () => {});
  instance.locRib.setPeer(0, { address: settings.address, internal: false, routerId: 2 });
  let forgotten = 0;
  const retention = new Retention(
    instance,
    0,
    () => {},
    () => forgotten++,
  );
  const agreement = agree(settings, ours, theirs);
  retention.up(agreement);
  retention.lost(agreement, 'connection');
  expect(retention.stale).toEqual(['ipv4']);
  vi.advanceTimersByTime(99 * DAY_MS);
  expect([retention.stale, forgotten]).toEqual([['ipv4'], 0]);
  vi.advanceTimersByTime(2 * DAY_MS);
  expect([retention.stale, forgotten]).toEqual([[], 1]);
});
