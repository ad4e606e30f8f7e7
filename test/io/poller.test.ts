import { describe, expect, it } from 'vitest';
import { Poller, Waker } from '../../src/io/poller.ts';

/** A poller with wakers, and who was served in which order. */
function make(count: number) {
  const poller = new Poller();
  const served: number[] = [];
  const wakers = Array.from({ length: count }, (_, i) => {
    const waker = new Waker();
    poller.watch(waker.fd, { ready: () => served.push(i) });
    return waker;
  });
  return { poller, served, wakers };
}

describe('the poller', () => {
  it('returns at once for what is ready, and serves it once, until it is cleared', () => {
    const { poller, served, wakers } = make(3);
    wakers[2]!.wake();
    wakers[0]!.wake();
    wakers[0]!.wake();
    const start = performance.now();
    const over = poller.wait(60_000);
    expect(over).toBeGreaterThanOrEqual(start);
    expect(over - start).toBeLessThan(10_000);
    expect(served.sort()).toEqual([0, 2]);
    wakers[0]!.clear();
    poller.wait(60_000);
    expect(served).toEqual([0, 2, 2]);
    wakers[2]!.clear();
    poller.wait(0);
    expect(served).toEqual([0, 2, 2]);
    for (const waker of wakers) waker.close();
  });

  it('waits as long as it was told to, fractions and nothing included', () => {
    const poller = new Poller();
    for (const ms of [0, 0.4, 25.7, -5]) {
      const start = performance.now();
      expect(poller.wait(ms)).toBeGreaterThanOrEqual(start + Math.max(0, ms) - 0.1);
    }
  });

  it('does not serve what another has stopped watching in the same turn', () => {
    const { poller, served, wakers } = make(2);
    const [one, two] = wakers as [Waker, Waker];
    const third = new Waker();
    poller.unwatch(one.fd);
    poller.unwatch(two.fd);
    poller.watch(one.fd, {
      ready() {
        served.push(10);
        poller.unwatch(two.fd);
        two.close();
        poller.watch(third.fd, { ready: () => served.push(30) });
      },
    });
    poller.watch(two.fd, { ready: () => served.push(20) });
    one.wake();
    two.wake();
    third.wake();
    poller.wait(1000);
    expect(served).toEqual([10]);
    one.clear();
    poller.wait(1000);
    expect(served).toEqual([10, 30]);
    one.close();
    third.close();
  });

  it('refuses a descriptor that is closed already', () => {
    const poller = new Poller();
    const waker = new Waker();
    waker.close();
    expect(() => poller.watch(waker.fd, { ready() {} })).toThrow('epoll_ctl: EBADF');
    poller.close();
  });

  it('serves all of hundreds that are ready, if not all in one turn', () => {
    const { poller, served, wakers } = make(300);
    for (const waker of wakers) waker.wake();
    for (let turns = 0; served.length < 300 && turns < 300; turns++) poller.wait(1000);
    expect(new Set(served.slice(0, 300)).size).toBe(300);
    for (const waker of wakers) waker.clear();
    served.length = 0;
    poller.wait(0);
    expect(served).toEqual([]);
    for (const waker of wakers) waker.close();
    poller.close();
  });
});
