/** What a session does when BFD says that the path to the peer is down, and up again (RFC 5882, RFC 9384). */
import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../src/bgp/events.ts';
import { bothEnds, Net } from '../support/pipe.ts';

const down = (changes: Partial<Extract<SessionEvent, { type: 'pathDown' }>> = {}): SessionEvent => ({
  ...{ type: 'pathDown', reason: 'BFD: silence', independent: false, hold: false },
  ...changes,
});

function up(near: Parameters<typeof bothEnds>[0] = {}, far: Parameters<typeof bothEnds>[1] = {}) {
  const net = new Net(bothEnds(near, far)).start();
  const [a, b] = net.ends;
  net.runUntil(() => a.established && b.established, 10_000);
  return [net, a, b] as const;
}

describe('a path that is down', () => {
  it('ends the session at once, with Cease/BFD Down', () => {
    const [net, a, b] = up();
    a.tell(down());
    expect(a.transitions.at(-1)).toMatchObject({
      from: 'Established',
      to: 'Idle',
      reason: 'BFD: silence; sent Cease/BFD Down',
    });
    net.run(10);
    expect(b.session.lastError).toBe('received Cease/BFD Down');
    // Nobody holds it back: TCP may know a way that BFD does not.
    net.runUntil(() => a.established && b.established, 60_000);
  });

  it('is nothing to a session that has not begun', () => {
    const net = new Net(bothEnds({}, { passive: true }));
    const [a] = net.ends;
    a.tell(down());
    expect([a.session.state, a.session.lastError]).toEqual(['Idle', '']);
    a.tell({ type: 'start' });
    a.tell(down());
    expect([a.session.state, a.session.lastError]).toEqual(['Connect', '']);
  });

  it('keeps a session that is to wait from beginning again, also by a call, until it is started', () => {
    const [net, a, b] = up();
    a.tell(down({ hold: true }));
    net.run(600_000);
    expect([a.session.state, a.session.nextDue]).toEqual(['Idle', undefined]);
    expect(b.session.lastError).toContain('Cease/Connection Rejected');
    a.tell({ type: 'pathUp' });
    expect(a.session.state).toBe('Idle');
    a.tell({ type: 'start' });
    net.runUntil(() => a.established && b.established, 300_000);
  });

  it('is told inside a Hard Reset where the peer would else keep our routes, if nothing can be forwarded', () => {
    const restartable = { restartTimeSec: 120 } as const;
    for (const independent of [true, false]) {
      const [net, a, b] = up(restartable, restartable);
      a.tell(down({ independent }));
      net.run(10);
      expect(b.session.lastError).toBe(
        independent ? 'received Cease/Hard Reset: Cease/BFD Down' : 'received Cease/BFD Down',
      );
    }
  });
});

describe('a path that works again', () => {
  it('ends the wait for the next attempt, where the path was to blame', () => {
    const [net, a, b] = up();
    // A few failures in a row make the wait long.
    for (let n = 0; n < 4; n++) {
      a.tell(down());
      net.runUntil(() => a.established && b.established, 300_000);
    }
    a.tell(down());
    net.run(20);
    expect(a.session.state).toBe('Idle');
    const waitMs = a.session.nextDue! - net.now;
    expect(waitMs).toBeGreaterThan(100);
    a.tell({ type: 'pathUp' });
    expect(a.session.state).toBe('Connect');
  });

  it('does not where something else was', () => {
    const [net, a] = up();
    const b = net.ends[1];
    b.tell({ type: 'stop' });
    net.run(20);
    expect(a.session.state).toBe('Idle');
    a.tell({ type: 'pathUp' });
    expect(a.session.state).toBe('Idle');
  });
});
