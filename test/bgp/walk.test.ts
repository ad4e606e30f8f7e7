/** Two sessions on a network that misbehaves at random: whatever happened, once it stops they agree again. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/bgp/connection.ts';
import { bothEnds, type End, Net, route } from '../support/pipe.ts';

type Step =
  | { readonly type: 'run'; readonly ms: number }
  /** A connection breaks: for both ends, or for one that notices while the other does not. */
  | { readonly type: 'cut'; readonly link: number; readonly who: 'both' | 'dialler' | 'acceptor' }
  | { readonly type: 'partition'; readonly on: boolean }
  | { readonly type: 'listen'; readonly end: 0 | 1; readonly on: boolean }
  | { readonly type: 'read'; readonly end: 0 | 1; readonly on: boolean }
  | { readonly type: 'crash' | 'stop' | 'start'; readonly end: 0 | 1 }
  | { readonly type: 'delay'; readonly ms: number }
  | { readonly type: 'set' | 'delete'; readonly end: 0 | 1; readonly prefix: number; readonly med: number };

const end = fc.constantFrom(0 as const, 1 as const);
const on = fc.boolean();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('run'), ms: fc.constantFrom(0, 1, 5, 20, 100, 1_000, 20_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('cut'),
      link: fc.nat(1),
      who: fc.constantFrom('both', 'dialler', 'acceptor'),
    }),
  },
  fc.record({ type: fc.constant('partition'), on }),
  fc.record({ type: fc.constant('listen'), end, on }),
  fc.record({ type: fc.constant('read'), end, on }),
  fc.record({ type: fc.constantFrom('crash', 'stop', 'start'), end }),
  fc.record({ type: fc.constant('delay'), ms: fc.constantFrom(0, 1, 30, 2_000) }),
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom('set', 'delete'), end, prefix: fc.nat(3), med: fc.nat(2) }),
  },
);

function take(net: Net, s: Step): void {
  switch (s.type) {
    case 'run':
      return net.run(s.ms);
    case 'cut': {
      const open = net.links.filter((l) => l.dialler.open || l.acceptor.open);
      const link = open[s.link % Math.max(1, open.length)];
      if (link && s.who !== 'acceptor') net.end(link.dialler, 'connection reset by the peer');
      if (link && s.who !== 'dialler') net.end(link.acceptor, 'connection reset by the peer');
      return;
    }
    case 'partition':
      net.partitioned = s.on;
      return;
    case 'listen':
      net.ends[s.end].listens = s.on;
      return;
    case 'read':
      net.ends[s.end].reads = s.on;
      return;
    case 'delay':
      net.delayMs = s.ms;
      return;
    case 'crash':
      return net.ends[s.end].crash();
    case 'stop':
    case 'start':
      return net.ends[s.end].tell({ type: s.type });
    case 'set':
      return net.ends[s.end].set(`10.0.${s.prefix}.0/24`, route('192.0.2.9', { med: s.med }));
    case 'delete':
      return net.ends[s.end].delete(`10.0.${s.prefix}.0/24`);
  }
}

/** The connections of a session, whose timers nothing else shows. */
const connectionsOf = (e: End): readonly Connection[] =>
  (e.session as unknown as { readonly pair: { readonly all: readonly Connection[] } }).pair.all;

const opened = (c: Connection): boolean =>
  c.state === 'OpenSent' || c.state === 'OpenConfirm' || c.state === 'Established';

function check(net: Net): void {
  for (const e of net.ends) {
    const all = connectionsOf(e);
    expect(all.filter((c) => c.state === 'Established').length).toBeLessThanOrEqual(1);
    // Every connection that the host holds open is one that the session knows, or a call that waits.
    expect(e.sides.size).toBeLessThanOrEqual(all.length + (e.session.state === 'Idle' ? 1 : 0));
    for (const c of all) {
      const { timers, state } = c;
      const endless = (state === 'OpenConfirm' || state === 'Established') && c.agreement!.holdMs === 0;
      expect(timers.hold !== undefined, `hold timer in ${state}`).toBe(opened(c) && !endless);
      if (!opened(c)) expect(timers.keepalive ?? timers.sendHold).toBeUndefined();
      if (opened(c)) expect(timers.connectRetry ?? timers.idleHold).toBeUndefined();
      if (state === 'Connect') expect(timers.connectRetry).toBeDefined();
      if (state !== 'Idle') expect(timers.idleHold).toBeUndefined();
      for (const at of Object.values(timers)) if (at !== undefined) expect(at).toBeGreaterThanOrEqual(net.now);
      expect(c.id !== undefined).toBe(opened(c) || state === 'Connect');
      if (c.id !== undefined) expect(e.sides.has(c.id)).toBe(true);
    }
  }
}

describe('two sessions', () => {
  it('agree again once the network does, whatever it did before', () => {
    let flaps = 0;
    let redials = 0;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.nat(),
        fc.record({ near: on, far: on, higher: on, holdTimeSec: fc.constantFrom(0, 3, 90) }),
        (steps, seed, { near, far, higher, holdTimeSec }) => {
          // One of them must dial.
          const settings = bothEnds(
            { passive: near && far ? false : near, routerId: higher ? 9 : 1, holdTimeSec },
            { passive: far, routerId: 5 },
          );
          const net = new Net(settings, { seed, split: seed % 2 === 0 }).start();
          for (const s of steps) {
            take(net, s);
            check(net);
          }
          const [a, b] = net.ends;
          net.partitioned = false;
          net.delayMs = 5;
          for (const e of net.ends) {
            e.listens = true;
            e.reads = true;
            e.tell({ type: 'start' });
          }
          // Without a hold time, nothing but the connection's end shows that the peer is gone (RFC 4271 §4.2).
          if (holdTimeSec === 0)
            for (const e of net.ends) for (const s of [...e.sides.values()]) net.end(s, 'timed out');
          const agreed = () =>
            a.established &&
            b.established &&
            net.links.some((l) => l.dialler.open && l.acceptor.open) &&
            same(a.advertised, b) &&
            same(b.advertised, a) &&
            a.advertised.size === a.out.counts('ipv4').desired &&
            b.advertised.size === b.out.counts('ipv4').desired;
          // Four minutes for an OPEN that never comes, a hold time, an idle hold, a dial or two.
          net.runUntil(agreed, 240_000 + 90_000 + 60_000 + 60_000);
          net.run(300_000);
          check(net);
          expect(agreed()).toBe(true);
          for (const e of net.ends) expect(e.sides.size).toBe(1);
          flaps += a.session.flaps + b.session.flaps;
          redials += net.links.length > 1 ? 1 : 0;
        },
      ),
      { numRuns: 400 },
    );
    expect(flaps).toBeGreaterThan(50);
    expect(redials).toBeGreaterThan(50);
  });
});

const same = (advertised: ReadonlyMap<string, string>, to: End): boolean =>
  advertised.size === to.table.size && [...advertised].every(([p, text]) => med(text) === med(to.table.get(p) ?? ''));

const med = (text: string): string | undefined => /"med":\d+/.exec(text)?.[0];
