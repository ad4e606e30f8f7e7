/** How a session ends where graceful restart would make something else of it, and how one begins anew. */
import { describe, expect, it } from 'vitest';
import { describeNotification, notification, shutdownData } from '../../src/bgp/errors.ts';
import type { SessionEvent } from '../../src/bgp/events.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { bothEnds, type End, Net } from '../support/pipe.ts';

const shutdown = notification(6, 2, shutdownData('maintenance'));
const lost = (end: End) => end.transitions.findLast((t) => t.from === 'Established')!;

function session(near: Partial<PeerSettings> = {}, far: Partial<PeerSettings> = {}) {
  const net = new Net(bothEnds(near, far));
  net.start().runUntil(() => net.ends.every((e) => e.established && e.endsOfRib === 1), 1_000);
  const [a, b] = net.ends;
  return { net, a, b };
}

const stop: SessionEvent = { type: 'stop', notification: shutdown };

describe('a session that is told to stop', () => {
  it('sends the Cease as it is, where the peer keeps nothing of ours', () => {
    const { net, a, b } = session({}, { restartTimeSec: 60 });
    a.tell(stop);
    net.runUntil(() => !b.established, 1_000);
    expect(lost(b).reason).toBe('received Cease/Administrative Shutdown: maintenance');
  });

  it('puts it into a Hard Reset, where the peer would keep our routes (RFC 8538 §3.1)', () => {
    const { net, a, b } = session({ restartTimeSec: 60 });
    a.tell(stop);
    net.runUntil(() => !b.established, 1_000);
    expect(lost(b).reason).toBe('received Cease/Hard Reset: Cease/Administrative Shutdown: maintenance');
  });
});

describe('a Hard Reset', () => {
  it.each([
    [[], 'Cease/Hard Reset'],
    [[6], 'Cease/Hard Reset'],
    [[6, 3], 'Cease/Hard Reset: Cease/Peer Deconfigured'],
    [[6, 9, 6, 2], 'Cease/Hard Reset: Cease'],
  ])('that holds %j', (data, text) => {
    expect(describeNotification(notification(6, 9, Uint8Array.from(data)))).toBe(text);
  });
});

describe('a peer that comes back before its session has ended here', () => {
  /** `b` dies without a word, and calls again after `ms` of session. */
  function reborn(ms: number, far: Partial<PeerSettings>) {
    const { net, a, b } = session({ passive: true }, { passive: false, ...far });
    net.run(ms);
    b.crash();
    return { net, a, b };
  }

  it('is taken at its word, where it keeps something over a restart (RFC 4724 §5)', () => {
    const { net, a, b } = reborn(10_000, { restartTimeSec: 60 });
    net.runUntil(() => a.established && b.established, 5_000);
    expect(lost(a).reason).toBe('the peer has restarted: it calls during the session');
  });

  it('is refused until our keepalive is reset, where it keeps nothing', () => {
    const { net, a, b } = reborn(10_000, {});
    net.runUntil(() => b.session.lastError !== '', 2_000);
    expect(b.session.lastError).toContain('Cease/Connection Collision');
    expect(a.established).toBe(true);
    net.runUntil(() => a.established && b.established, 120_000);
    expect(lost(a).reason).toBe('connection reset by the peer');
  });

  it('is refused just after the session came up: calls may have crossed', () => {
    const { net, a, b } = reborn(1_000, { restartTimeSec: 60 });
    net.runUntil(() => b.session.lastError !== '', 2_000);
    expect(b.session.lastError).toContain('Cease/Connection Collision');
    expect(a.established).toBe(true);
    net.runUntil(() => b.established, 20_000);
  });
});
