import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arm, jitter, nextDue, type Timers } from '../../src/lib/timers.ts';

type Name = 'hold' | 'keepalive' | 'connectRetry';

describe('timers', () => {
  it('have nothing due when none runs', () => {
    expect(nextDue({})).toBeUndefined();
    expect(nextDue(arm<Name>({ hold: 5 }, 'hold', undefined))).toBeUndefined();
  });

  it('fire at 0 and at negative times too: any monotonic clock will do', () => {
    expect(nextDue<Name>({ hold: 0 })).toEqual({ name: 'hold', at: 0 });
    expect(nextDue<Name>({ hold: 0, keepalive: -1 })).toEqual({ name: 'keepalive', at: -1 });
  });

  it('break ties by the order of arming', () => {
    let t: Timers<Name> = {};
    for (const name of ['keepalive', 'hold', 'connectRetry'] as const) t = arm(t, name, 10);
    expect(nextDue(t)?.name).toBe('keepalive');
    t = arm(t, 'keepalive', 10);
    expect(nextDue(t)?.name).toBe('hold');
  });

  it('follow a Map, and never change in place', () => {
    const step = fc.tuple(
      fc.constantFrom<Name>('hold', 'keepalive', 'connectRetry'),
      fc.option(fc.nat(5), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let timers: Timers<Name> = Object.freeze({});
        const model = new Map<Name, number>();
        for (const [name, at] of steps) {
          timers = Object.freeze(arm(timers, name, at));
          model.delete(name);
          if (at !== undefined) model.set(name, at);
          const due = [...model].sort((a, b) => a[1] - b[1])[0];
          expect(nextDue(timers)).toEqual(due && { name: due[0], at: due[1] });
          expect(Object.keys(timers)).toEqual([...model.keys()]);
        }
      }),
    );
  });

  it('jitter takes off up to a quarter', () => {
    expect(jitter(1000, 0)).toBe(750);
    expect(jitter(1000, 0.5)).toBe(875);
    expect(jitter(1000, 1 - Number.EPSILON)).toBe(1000);
    expect(jitter(0, 0.3)).toBe(0);
  });
});
