import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/bgp/backoff.ts';

const times = (n: number, f: () => number) => Array.from({ length: n }, f);

describe('the wait between dials', () => {
  it('doubles from one second to thirty, and starts over after a session', () => {
    const backoff = new Backoff();
    expect(times(7, () => backoff.retryMs())).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    backoff.established(0);
    expect(backoff.retryMs()).toBe(1_000);
  });

  it('is what the operator says, from the next one on', () => {
    const backoff = new Backoff(120);
    expect(times(3, () => backoff.retryMs())).toEqual([120_000, 120_000, 120_000]);
    backoff.connectRetrySec = undefined;
    expect(backoff.retryMs()).toBe(1_000);
  });

  it('stays finite however long the peer is away', () => {
    const backoff = new Backoff();
    expect(times(5_000, () => backoff.retryMs()).at(-1)).toBe(30_000);
  });
});

describe('idle hold', () => {
  it('doubles from half a second to a minute', () => {
    const backoff = new Backoff();
    expect(times(9, () => backoff.idleHoldMs(0))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(times(5_000, () => backoff.idleHoldMs(0)).at(-1)).toBe(60_000);
  });

  it('is forgiven after a minute of session, not before', () => {
    const backoff = new Backoff();
    times(4, () => backoff.idleHoldMs(0));
    backoff.established(1_000);
    expect(backoff.idleHoldMs(60_999)).toBe(8_000);
    backoff.established(100_000);
    expect(backoff.idleHoldMs(160_000)).toBe(500);
    expect(backoff.idleHoldMs(160_000)).toBe(1_000);
  });

  it('forgives one session once: the failures after it count again', () => {
    const backoff = new Backoff();
    backoff.established(0);
    expect(backoff.idleHoldMs(100_000)).toBe(500);
    expect(backoff.idleHoldMs(200_000)).toBe(1_000);
    expect(backoff.idleHoldMs(300_000)).toBe(2_000);
  });

  it('and the wait between dials do not lengthen each other', () => {
    const backoff = new Backoff();
    times(5, () => backoff.retryMs());
    expect(backoff.idleHoldMs(0)).toBe(500);
    expect(backoff.retryMs()).toBe(30_000);
  });
});
