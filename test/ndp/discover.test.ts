import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, formatAddress } from '../../src/lib/address.ts';
import { type DiscoverEvent, type DiscoverState, dueMs, initialState, step } from '../../src/ndp/discover.ts';
import type { RouterMessage } from '../../src/ndp/router.ts';

const local = 'fe80::10';
const solicitation: RouterMessage = { type: 'solicitation', options: {} };
const advertisement: RouterMessage = {
  type: 'advertisement',
  currentHopLimit: 0,
  flags: 0,
  lifetimeSec: 0,
  reachableMs: 0,
  retransmitMs: 0,
  options: {},
};

/** One machine on a fake clock. Every action is written down with its time; no timer is shortened at random. */
class Clock {
  state: DiscoverState = initialState;
  nowMs = 0;
  readonly log: string[] = [];

  /** Runs whatever is due until then. */
  until(ms: number): this {
    for (let due = dueMs(this.state); due !== undefined && due <= ms; due = dueMs(this.state)) {
      this.nowMs = due;
      this.do({ type: 'tick' });
      if (dueMs(this.state) === due) throw new Error(`a timer of ${due} ms does not end`);
    }
    this.nowMs = ms;
    return this;
  }

  do(event: DiscoverEvent): this {
    const [state, actions] = step(this.state, event, this.nowMs, 1);
    this.state = state;
    for (const action of actions) {
      const words = Object.entries(action).map(([key, value]) =>
        key === 'type' ? value : Array.isArray(value) ? `[${value.map(formatAddress)}]` : say(value),
      );
      this.log.push(`${this.nowMs} ${words.join(' ')}`);
    }
    return this;
  }

  up = (): this => this.do({ type: 'up', local: address(local) });
  down = (): this => this.do({ type: 'down', reason: 'linkDown' });
  /** A router advertisement comes from there. */
  ra = (from: string): this => this.do({ type: 'received', source: address(from), message: advertisement });
  rs = (from: string): this => this.do({ type: 'received', source: address(from), message: solicitation });

  /** What was written since the last time, without the periodic advertisements unless they are asked for. */
  take(which: 'all' | 'decisions' = 'decisions'): string[] {
    const all = this.log.splice(0);
    return which === 'all' ? all : all.filter((line) => !line.includes('advertise'));
  }
}

const say = (value: unknown): string => (typeof value === 'string' ? value : formatAddress(value as never));
const a = 'fe80::a';
const b = 'fe80::b';
const c = 'fe80::c';

/** A machine that found `a` at 600 ms. */
function settled(): Clock {
  const clock = new Clock().up().until(100).ra(a).until(600);
  clock.take();
  return clock;
}

describe('while the link is down', () => {
  it('nothing is sent, heard or waited for', () => {
    const clock = new Clock().rs(a).ra(a).until(1_000_000).down();
    expect(clock.take('all')).toEqual([]);
    expect(dueMs(clock.state)).toBeUndefined();
  });
});

describe('a link that comes up', () => {
  it('is asked three times, tells that nobody answers, and goes on asking now and then', () => {
    expect(new Clock().up().until(100_000).take()).toEqual([
      '0 solicit',
      '4000 solicit',
      '8000 solicit',
      '12000 probed []',
      '72000 solicit',
      '76000 solicit',
      '80000 solicit',
      '84000 probed []',
    ]);
  });

  it('hears of us at once, twice more soon, then every ten seconds', () => {
    const lines = new Clock().up().until(30_000).take('all');
    expect(lines.filter((line) => line.includes('advertise'))).toEqual([
      '0 advertise ff02::1',
      '4000 advertise ff02::1',
      '8000 advertise ff02::1',
      '18000 advertise ff02::1',
      '28000 advertise ff02::1',
    ]);
  });

  it('finds the only router that answers, as soon as others would have answered too', () => {
    expect(new Clock().up().until(100).ra(a).until(59_000).take()).toEqual([
      '0 solicit',
      '600 found fe80::a',
      '600 probed [fe80::a]',
    ]);
  });

  it('finds a router that starts long after, asking whether there are more', () => {
    expect(new Clock().up().until(20_000).ra(a).until(21_000).take().slice(3)).toEqual([
      '12000 probed []',
      '20000 solicit',
      '20500 found fe80::a',
      '20500 probed [fe80::a]',
    ]);
  });

  it('finds nobody where two answer, and names both', () => {
    expect(new Clock().up().until(100).ra(b).ra(a).until(60_000).take()).toEqual([
      '0 solicit',
      '600 probed [fe80::a,fe80::b]',
    ]);
  });

  it('does not take its own advertisement for a router', () => {
    expect(new Clock().up().ra(local).rs(local).until(12_000).take().at(-1)).toBe('12000 probed []');
  });

  it('does not take who solicits for a router: any host does', () => {
    expect(new Clock().up().until(50).rs(a).until(12_000).take().at(-1)).toBe('12000 probed []');
  });

  it('begins anew where our own address has changed', () => {
    const clock = settled();
    clock.do({ type: 'up', local: address('fe80::11') });
    expect(clock.take('all')).toEqual(['600 lost linkDown', '600 advertise ff02::1', '600 solicit']);
    expect(clock.ra(local).until(1_100).take()).toEqual(['1100 found fe80::10', '1100 probed [fe80::10]']);
  });
});

describe('a link that goes down', () => {
  it.each(['linkDown', 'linkGone'] as const)('loses the neighbour and all timers: %s', (reason) => {
    const clock = settled().do({ type: 'down', reason });
    expect(clock.take()).toEqual([`600 lost ${reason}`]);
    expect(clock.until(1_000_000).take('all')).toEqual([]);
  });

  it('says nothing where nobody was found', () => {
    expect(new Clock().up().until(100).ra(a).down().take()).toEqual(['0 solicit']);
  });

  it('finds the neighbour again when it comes back', () => {
    const clock = settled().down();
    clock.take();
    expect(clock.until(5_000).up().until(5_010).ra(a).until(6_000).take()).toEqual([
      '5000 solicit',
      '5510 found fe80::a',
      '5510 probed [fe80::a]',
    ]);
  });
});

describe('answers', () => {
  const answers = (clock: Clock) => clock.take('all').filter((line) => line.includes('advertise'));

  it('go to who solicits, at once', () => {
    expect(answers(new Clock().up().until(200).rs(a))).toEqual(['0 advertise ff02::1', '200 advertise fe80::a']);
  });

  it('go to a router that is heard for the first time, and not to one that is known', () => {
    const clock = new Clock().up().until(200).ra(a).until(400).ra(a).until(3_000);
    expect(answers(clock)).toEqual(['0 advertise ff02::1', '200 advertise fe80::a']);
  });

  it('go to everybody where the asker has no address, three seconds after the last such at the earliest', () => {
    expect(answers(new Clock().up().until(1_000).rs('::').until(6_000))).toEqual([
      '0 advertise ff02::1',
      '3000 advertise ff02::1',
    ]);
    const later = settled().until(16_000);
    later.take();
    expect(answers(later.rs('::').until(16_000))).toEqual(['16000 advertise ff02::1']);
  });

  it('to a flood are few, and nobody goes without', () => {
    const clock = new Clock().up();
    for (let ms = 1; ms <= 1_000; ms++) clock.until(ms).rs(`fe80::${ms}`);
    const lines = answers(clock.until(3_500));
    expect(lines.length).toBe(12);
    expect(lines.at(-1)).toBe('3000 advertise ff02::1');
  });
});

describe('a neighbour that was found', () => {
  it('is kept without a word while it advertises itself', () => {
    const clock = settled();
    for (let ms = 10_000; ms <= 300_000; ms += 10_000) clock.until(ms).ra(a);
    expect(clock.take()).toEqual([]);
  });

  it('is asked after a minute without, and stays when it answers', () => {
    const clock = settled().until(60_600);
    expect(clock.take()).toEqual(['60600 solicit']);
    expect(clock.until(60_650).ra(a).until(120_000).take()).toEqual(['60650 probed [fe80::a]']);
    expect(clock.until(120_700).take()).toEqual(['120650 solicit']);
    expect(settled().until(30_000).ra(a).until(90_000).take()).toEqual(['90000 solicit']);
  });

  it('is lost when it does not answer', () => {
    expect(settled().until(75_000).take()).toEqual([
      '60600 solicit',
      '64600 solicit',
      '68600 solicit',
      '72600 lost silent',
      '72600 probed []',
    ]);
  });

  it('stays when another one shows up and both answer: both are named', () => {
    const clock = settled().until(20_000).ra(b);
    expect(clock.take()).toEqual(['20000 solicit']);
    expect(clock.until(20_010).ra(a).take()).toEqual(['20010 probed [fe80::a,fe80::b]']);
    expect(clock.until(60_000).ra(a).ra(b).take()).toEqual([]);
  });

  it('stays when the other one falls silent again, which is told', () => {
    const clock = settled().until(20_000).ra(b).until(20_010).ra(a);
    clock.take();
    for (let ms = 30_000; ms <= 100_000; ms += 10_000) clock.until(ms).ra(a);
    expect(clock.take()).toEqual(['80010 solicit', '84010 solicit', '88010 solicit', '92010 probed [fe80::a]']);
  });

  it('is replaced by another one when it does not answer any more', () => {
    expect(settled().until(20_000).ra(b).until(40_000).take()).toEqual([
      '20000 solicit',
      '24000 solicit',
      '28000 solicit',
      '32000 lost replaced',
      '32000 found fe80::b',
      '32000 probed [fe80::b]',
    ]);
  });

  it('is lost when it falls silent and two others answer', () => {
    expect(settled().until(20_000).ra(b).ra(c).until(32_000).take().slice(3)).toEqual([
      '32000 lost replaced',
      '32000 probed [fe80::b,fe80::c]',
    ]);
  });

  it('is not pushed out by more newcomers than are remembered', () => {
    const clock = settled().until(20_000);
    for (let n = 1; n <= 100; n++) clock.ra(`fe80::ff:${n}`);
    expect(clock.state.heard.length).toBe(8);
    expect(
      clock
        .ra(a)
        .take()
        .filter((line) => line.includes('lost')),
    ).toEqual([]);
    expect(clock.state.peer).toEqual(address(a));
  });
});

describe('a link with two', () => {
  it('is not asked while both speak unasked', () => {
    const clock = new Clock().up().ra(a).ra(b).until(1_000);
    clock.take();
    for (let ms = 10_000; ms <= 200_000; ms += 10_000) clock.until(ms).ra(a).ra(b);
    expect(clock.take()).toEqual([]);
  });

  it('is asked again every minute, and the one that remains is found', () => {
    const clock = new Clock().up().ra(a).ra(b).until(20_000);
    clock.take();
    expect(clock.until(60_510).ra(b).until(75_000).take()).toEqual([
      '60500 solicit',
      '64500 solicit',
      '68500 solicit',
      '72500 found fe80::b',
      '72500 probed [fe80::b]',
    ]);
  });
});

describe('whatever happens', () => {
  const up = (clock: Clock) => clock.up();
  const anyEvent = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(a, b, c).map((from) => (clock: Clock) => clock.ra(from)) },
    { weight: 3, arbitrary: fc.constantFrom(a, b, '::').map((from) => (clock: Clock) => clock.rs(from)) },
    { weight: 1, arbitrary: fc.constant(up) },
    { weight: 1, arbitrary: fc.constant((clock: Clock) => clock.down()) },
  );
  const anyWalk = fc.array(fc.tuple(fc.constantFrom(0, 1, 100, 500, 4_000, 20_000, 61_000), anyEvent), {
    maxLength: 60,
  });

  it('found and lost alternate, and advertisements keep their distance', () => {
    fc.assert(
      fc.property(anyWalk, (walk) => {
        const clock = new Clock();
        let found = false;
        let sent = { all: Number.NEGATIVE_INFINITY, one: Number.NEGATIVE_INFINITY };
        const check = () => {
          for (const line of clock.take('all')) {
            const [ms, type, to] = line.split(' ');
            if (type === 'found' || type === 'lost') {
              expect(found).toBe(type === 'lost');
              found = type === 'found';
            }
            if (type !== 'advertise') continue;
            const [kind, distanceMs] = to === 'ff02::1' ? (['all', 3_000] as const) : (['one', 100] as const);
            expect(Number(ms) - sent[kind]).toBeGreaterThanOrEqual(distanceMs);
            sent = { ...sent, [kind]: Number(ms) };
          }
        };
        for (const [waitMs, happen] of walk) {
          clock.until(clock.nowMs + waitMs);
          check();
          // A link that comes up is another link: what was sent before does not count.
          if (happen === up) sent = { all: Number.NEGATIVE_INFINITY, one: Number.NEGATIVE_INFINITY };
          happen(clock);
          check();
          expect(found).toBe(clock.state.peer !== undefined);
          if (clock.state.local) expect(dueMs(clock.state)).toBeGreaterThanOrEqual(clock.nowMs);
          else expect(dueMs(clock.state)).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  it('two machines find each other, whichever comes first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (laterMs) => {
        const ends = [new Clock(), new Clock()] as const;
        const own = [address('fe80::1'), address('fe80::2')] as const;
        for (let ms = 0; ms <= laterMs + 1_000; ms += 100) {
          ends.forEach((end, i) => {
            end.until(ms);
            if (!end.state.local && ms >= i * laterMs) end.do({ type: 'up', local: own[i]! });
          });
          // What one has said the other hears, until nothing is said any more.
          for (let said = true; said; ) {
            said = false;
            ends.forEach((end, i) => {
              for (const line of end.take('all')) {
                const message = line.includes('solicit')
                  ? solicitation
                  : line.includes('advertise')
                    ? advertisement
                    : undefined;
                if (message === undefined) continue;
                ends[1 - i]!.do({ type: 'received', source: own[i]!, message });
                said = true;
              }
            });
          }
        }
        expect(ends.map(({ state }) => state.peer)).toEqual([own[1], own[0]]);
      }),
      { numRuns: 30 },
    );
  });
});
