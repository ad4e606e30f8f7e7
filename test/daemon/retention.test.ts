/** How long routes of a peer that is away are kept, with timers that hold no more than 24 days. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Afi, Safi } from '../../src/bgp/const.ts';
import { agree, offer } from '../../src/bgp/handshake.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { decodeUpdate } from '../../src/bgp/update.ts';
import { Instance } from '../../src/daemon/instance.ts';
import { Retention } from '../../src/daemon/retention.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex } from '../../src/lib/bytes.ts';
import { ATTRIBUTES, updateHex } from '../support/script.ts';

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

/** A peer that asks for a long-lived time at once, and what becomes of its routes. */
function longLived(staleTimeSec: number) {
  const theirs = {
    ...offer({ ...settings, localAsn: 64513, routerId: 2 }),
    capabilities: [
      ...offer({ ...settings, localAsn: 64513 }).capabilities.filter(({ type }) => type !== 'gracefulRestart'),
      { type: 'gracefulRestart', restarting: false, notification: false, restartTimeSec: 0, families: [family] },
      { type: 'longLivedGracefulRestart', families: [{ ...family, staleTimeSec }] },
    ] as const,
  };
  const attributes = new AttributeTable();
  const instance = new Instance(undefined, attributes, undefined, () => {});
  instance.locRib.setPeer(0, { address: settings.address, internal: false, routerId: 2 });
  const forgotten = vi.fn();
  const retention = new Retention(instance, 0, () => {}, forgotten);
  return { instance, attributes, retention, forgotten, agreement: agree(settings, offer(settings), theirs) };
}

test('a long-lived time of 100 days is kept for 100 days (RFC 9494 §4.2)', () => {
  const { retention, forgotten, agreement } = longLived(100 * 86_400);
  retention.up(agreement);
  retention.lost(agreement, 'connection');
  expect(retention.stale).toEqual(['ipv4']);
  vi.advanceTimersByTime(99 * DAY_MS);
  expect(retention.stale).toEqual(['ipv4']);
  expect(forgotten).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2 * DAY_MS);
  expect(retention.stale).toEqual([]);
  expect(forgotten).toHaveBeenCalledTimes(1);
});

test('a peer that comes and goes in it keeps all of its routes until then, but for those with NO_LLGR', () => {
  const { instance, attributes, retention, agreement } = longLived(600);
  const { rib } = instance;
  const tell = (nlri: string, communities = '') => {
    const bytes = fromHex(updateHex('', ATTRIBUTES + communities, nlri));
    const update = decodeUpdate(bytes, 19, bytes.length, agreement.context, attributes);
    rib.apply(0, update);
  };
  const counts = () => {
    while (rib.sweep(100));
    return rib.counts(0, 'ipv4');
  };
  retention.up(agreement);
  tell('18cb0071 18c63364');
  retention.lost(agreement, 'connection');
  vi.advanceTimersByTime(400_000);
  retention.up(agreement);
  tell('18c63364 18c00002');
  tell('18c00003', 'c00804ffff0007');
  expect(counts()).toMatchObject({ received: 4, stale: 1 });
  retention.lost(agreement, 'connection');
  expect(counts()).toMatchObject({ received: 3, stale: 3 });
  vi.advanceTimersByTime(199_000);
  expect(counts()).toMatchObject({ received: 3, stale: 3 });
  vi.advanceTimersByTime(2_000);
  expect(counts()).toMatchObject({ received: 0, stale: 0 });
});
