import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressFamily } from '../../src/bgp/const.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { Rib } from '../../src/bgp/rib.ts';
import type { RouteTable } from '../../src/bgp/routes.ts';
import { MAX_PATHS_OF_PEER } from '../../src/bgp/source.ts';
import type { Update } from '../../src/bgp/update.ts';
import type { Column } from '../../src/lib/column.ts';
import { formatPrefix, type Prefix, prefix } from '../../src/lib/prefix.ts';
import { runOf } from '../support/nlri.ts';

const prefixes: Readonly<Record<AddressFamily, readonly Prefix[]>> = {
  ipv4: ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '192.0.2.0/24', '192.0.2.1/32', '203.0.113.128/25'].map(prefix),
  ipv6: ['::/0', '2001:db8::/32', '2001:db8::/48', '2001:db8::1/128'].map(prefix),
};

/** A RIB, and a way to speak to it as decodeUpdate does: attribute sets are told apart by one octet. */
function ribOf(accept?: (set: number) => boolean) {
  const attributes = new AttributeTable();
  const rib = new Rib(attributes, accept && ((_peer, _family, id) => accept(attributes.view(id)[0]!)));
  const update = (
    family: AddressFamily,
    reach: readonly { prefix: Prefix; pathId: number; set: number }[],
    unreach: readonly { prefix: Prefix; pathId: number }[] = [],
  ): Update => {
    const bySet = new Map<number, { prefix: Prefix; pathId: number }[]>();
    for (const r of reach) bySet.set(r.set, [...(bySet.get(r.set) ?? []), r]);
    const run = (list: readonly { prefix: Prefix; pathId: number }[]) =>
      runOf(
        family,
        list.map((r) => r.prefix),
        list.map((r) => r.pathId),
      );
    return {
      reach: [...bySet].map(([set, list]) => ({
        ...run(list),
        attributes: attributes.intern(Uint8Array.of(set), 0, 1, 0),
      })),
      unreach: unreach.length > 0 ? [run(unreach)] : [],
      endOfRib: undefined,
      faults: [],
    };
  };
  return { rib, attributes, update };
}

/** The routes to a prefix, as texts that sort. */
function routesTo(rib: Rib, routes: RouteTable, id: number): string[] {
  const list: string[] = [];
  for (let r = routes.first(id); r >= 0; r = routes.next(r)) {
    const set = rib.attributes.view(routes.attributesOf(r))[0];
    list.push(
      `${routes.peerOf(r)} ${routes.pathIdOf(r)} ${set}${routes.isStale(r) ? ' stale' : ''}${routes.isAccepted(r) ? '' : ' refused'}`,
    );
    expect(routes.prefixOf(r)).toBe(id);
  }
  return list.sort();
}

const drainAll = (rib: Rib, visit: (routes: RouteTable, id: number) => void = () => {}): void => {
  while (rib.drain(3, visit));
};
const sweepAll = (rib: Rib): void => {
  while (rib.sweep(2));
};

describe('Rib', () => {
  const target = fc.record({ n: fc.nat(5), pathId: fc.nat(1) });
  const family = fc.constantFrom<AddressFamily>('ipv4', 'ipv4', 'ipv6');
  const peer = fc.nat(2);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('apply' as const),
        peer,
        family,
        reach: fc.array(fc.tuple(target, fc.nat(3)), { maxLength: 4 }),
        unreach: fc.array(target, { maxLength: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdrawPeer' as const), peer }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('markStale' as const), peer, family }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('addStale' as const), peer, family }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweepStale' as const), peer, family }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), accepts: fc.subarray([0, 1, 2, 3]) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('sweep' as const), budget: fc.integer({ min: 1, max: 5 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('drain' as const), budget: fc.integer({ min: 1, max: 5 }) }),
    },
  );

  it('follows a model through updates, ended sessions, restarts and policies', () => {
    interface Route {
      set: number;
      stale: boolean;
      accepted: boolean;
    }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let accepts = [0, 1, 2, 3];
        const { rib, attributes, update } = ribOf((set) => accepts.includes(set));
        /** family → prefix → "peer pathId" → route. */
        const model = { ipv4: new Map<string, Map<string, Route>>(), ipv6: new Map<string, Map<string, Route>>() };
        /** What a decision process has seen. */
        const seen = { ipv4: new Map<string, string[]>(), ipv6: new Map<string, string[]>() };
        const see = (routes: RouteTable, id: number): void => {
          const text = formatPrefix(routes.prefixes.prefix(id));
          // Staleness alone is no change.
          const list = routesTo(rib, routes, id).map((r) => r.replace(' stale', ''));
          if (list.length === 0) seen[routes.family].delete(text);
          else seen[routes.family].set(text, list);
        };
        const ofPeer = (f: AddressFamily, p: number): [Map<string, Route>, string, Route][] =>
          [...model[f].values()].flatMap((at) =>
            [...at]
              .filter(([key]) => key.startsWith(`${p} `))
              .map(([key, r]): [Map<string, Route>, string, Route] => [at, key, r]),
          );
        for (const s of steps) {
          if (s.kind === 'apply') {
            const all = prefixes[s.family];
            const at = (t: { n: number; pathId: number }) => ({ prefix: all[t.n % all.length]!, pathId: t.pathId });
            // Within one run a later mention of a prefix counts; runs of different sets do not overlap in one UPDATE.
            const reach = new Map(
              s.reach.map(([t, set]) => [`${formatPrefix(at(t).prefix)} ${t.pathId}`, { ...at(t), set }]),
            );
            const unreach = s.unreach.map(at);
            rib.apply(s.peer, update(s.family, [...reach.values()], unreach));
            for (const u of unreach) model[s.family].get(formatPrefix(u.prefix))?.delete(`${s.peer} ${u.pathId}`);
            for (const r of reach.values()) {
              const text = formatPrefix(r.prefix);
              const routes = model[s.family].get(text) ?? new Map<string, Route>();
              const key = `${s.peer} ${r.pathId}`;
              const old = routes.get(key);
              routes.set(key, {
                set: r.set,
                stale: false,
                accepted: old?.set === r.set ? old.accepted : accepts.includes(r.set),
              });
              model[s.family].set(text, routes);
            }
          } else if (s.kind === 'withdrawPeer') {
            rib.withdrawPeer(s.peer);
            for (const f of ['ipv4', 'ipv6'] as const) for (const [at, key] of ofPeer(f, s.peer)) at.delete(key);
          } else if (s.kind === 'markStale') {
            rib.markStale(s.peer, s.family);
            for (const [at, key, r] of ofPeer(s.family, s.peer)) {
              if (r.stale) at.delete(key);
              else r.stale = true;
            }
          } else if (s.kind === 'addStale') {
            rib.addStale(s.peer, s.family);
            for (const [, , r] of ofPeer(s.family, s.peer)) r.stale = true;
          } else if (s.kind === 'sweepStale') {
            rib.sweepStale(s.peer, s.family);
            for (const [at, key, r] of ofPeer(s.family, s.peer)) if (r.stale) at.delete(key);
          } else if (s.kind === 'policy') {
            accepts = s.accepts;
            for (const f of ['ipv4', 'ipv6'] as const) {
              for (const p of [0, 1, 2]) {
                for (let from = 0; from >= 0; ) from = rib[f].reconsider(p, from, 3);
                for (const [, , r] of ofPeer(f, p)) r.accepted = accepts.includes(r.set);
              }
            }
          } else if (s.kind === 'sweep') rib.sweep(s.budget);
          else rib.drain(s.budget, see);

          for (const f of ['ipv4', 'ipv6'] as const) {
            const routes = rib[f];
            for (const p of prefixes[f]) {
              const id = routes.prefixes.lookup(p);
              const have = id < 0 ? [] : routesTo(rib, routes, id);
              const want = [...(model[f].get(formatPrefix(p)) ?? [])].map(
                ([key, r]) => `${key} ${r.set}${r.stale ? ' stale' : ''}${r.accepted ? '' : ' refused'}`,
              );
              expect(have).toEqual(want.sort());
            }
            for (const p of [0, 1, 2]) {
              const mine = ofPeer(f, p).map(([, , r]) => r);
              expect(rib.counts(p, f)).toEqual({
                received: mine.length,
                accepted: mine.filter((r) => r.accepted).length,
                stale: mine.filter((r) => r.stale).length,
              });
              const ids = [...rib.forPeer(p, f)];
              expect(ids.length).toBe(mine.length);
              expect(ids.every((r) => routes.peerOf(r) === p)).toBe(true);
            }
          }
        }
        sweepAll(rib);
        drainAll(rib, see);
        const sets = new Set<number>();
        for (const f of ['ipv4', 'ipv6'] as const) {
          const want = new Map<string, string[]>();
          for (const [text, at] of model[f]) {
            if (at.size > 0)
              want.set(text, [...at].map(([key, r]) => `${key} ${r.set}${r.accepted ? '' : ' refused'}`).sort());
            for (const r of at.values()) sets.add(r.set);
          }
          expect(seen[f]).toEqual(want);
          // Nothing is kept for what is gone.
          expect(rib[f].prefixes.size).toBe(want.size);
        }
        expect(attributes.size).toBe(sets.size);
      }),
      { numRuns: 60 },
    );
  });

  const one = (n: number, set: number, pathId = 0) => ({ prefix: prefixes.ipv4[n]!, pathId, set });

  it('uses a set that the same UPDATE takes the last route from', () => {
    const { rib, attributes, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 7)]));
    rib.apply(1, update('ipv4', [one(1, 7)], [one(0, 7)]));
    expect(attributes.size).toBe(1);
    const route = rib.ipv4.first(rib.ipv4.prefixes.lookup(prefixes.ipv4[1]!));
    expect(attributes.view(rib.ipv4.attributesOf(route))[0]).toBe(7);
  });

  it('reaches a prefix that one UPDATE both withdraws and announces', () => {
    const { rib, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 1)], [one(0, 1)]));
    expect(rib.counts(1, 'ipv4').received).toBe(1);
  });

  it('keeps nothing of an UPDATE whose runs are empty', () => {
    const { rib, attributes, update } = ribOf();
    const u = update('ipv4', [one(0, 1)]);
    rib.apply(1, { ...u, reach: u.reach.map((r) => ({ ...r, end: r.start })) });
    expect(attributes.size).toBe(0);
    expect(rib.ipv4.changes).toBe(0);
  });

  it('says nothing changed when a route comes again as it was', () => {
    const { rib, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 1)]));
    drainAll(rib);
    rib.apply(1, update('ipv4', [one(0, 1)]));
    expect(rib.ipv4.changes).toBe(0);
    rib.apply(1, update('ipv4', [one(0, 2)]));
    expect(rib.ipv4.changes).toBe(1);
  });

  it('keeps stale routes over many sessions that told little, and wakes none of them when they are over', () => {
    const { rib, attributes, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 1)]));
    rib.markStale(1, 'ipv4');
    for (let session = 0; session < 90; session++) {
      rib.apply(1, update('ipv4', [one(1, session % 4)]));
      rib.addStale(1, 'ipv4');
      expect(rib.counts(1, 'ipv4')).toMatchObject({ received: 2, stale: 2 });
    }
    rib.sweepStale(1, 'ipv4');
    for (let session = 0; session < 1000; session++) {
      expect(rib.counts(1, 'ipv4').received).toBe(0);
      expect([...rib.forPeer(1, 'ipv4')]).toEqual([]);
      rib.withdrawPeer(1);
    }
    sweepAll(rib);
    drainAll(rib);
    expect([rib.ipv4.prefixes.size, attributes.size]).toEqual([0, 0]);
    // Whoever comes and goes more often than generations can be told apart loses the oldest.
    rib.apply(1, update('ipv4', [one(0, 1)]));
    for (let session = 0; session < 300; session++) rib.addStale(1, 'ipv4');
    expect(rib.counts(1, 'ipv4').received).toBe(0);
  });

  it('does not wake routes of old sessions, however many sessions ended unswept', () => {
    const { rib, attributes, update } = ribOf();
    for (let session = 0; session < 1000; session++) {
      rib.apply(1, update('ipv4', [one(session % 6, session % 4, session)]));
      expect(rib.counts(1, 'ipv4').received).toBe(1);
      expect([...rib.forPeer(1, 'ipv4')]).toHaveLength(1);
      rib.withdrawPeer(1);
      expect([...rib.forPeer(1, 'ipv4')]).toHaveLength(0);
    }
    sweepAll(rib);
    drainAll(rib);
    expect([rib.ipv4.prefixes.size, attributes.size]).toEqual([0, 0]);
  });

  it('looks at no more routes than it is told', () => {
    const { rib, update } = ribOf();
    for (let i = 0; i < 100; i++) rib.apply(1, update('ipv4', [one(0, 1, i)]));
    rib.withdrawPeer(1);
    let slices = 1;
    while (rib.sweep(10)) slices++;
    expect(slices).toBe(10);
    expect(rib.sweep(10)).toBe(false);
  });

  it('shows at most as many prefixes as it is told, over both families', () => {
    const { rib, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 1), one(1, 1)]));
    rib.apply(
      1,
      update(
        'ipv6',
        prefixes.ipv6.map((p) => ({ prefix: p, pathId: 0, set: 1 })),
      ),
    );
    const seen: string[] = [];
    const visit = (routes: RouteTable, id: number) => seen.push(formatPrefix(routes.prefixes.prefix(id)));
    expect(rib.drain(3, visit)).toBe(true);
    expect(seen).toEqual(['0.0.0.0/0', '10.0.0.0/8', '::/0']);
    expect(rib.drain(3, visit)).toBe(false);
    expect(seen).toHaveLength(6);
  });

  it('takes a change made while it shows changes', () => {
    const { rib, update } = ribOf();
    rib.apply(1, update('ipv4', [one(0, 1)]));
    let again = true;
    const seen: number[] = [];
    drainAll(rib, (routes, id) => {
      seen.push(id);
      if (again) rib.apply(1, update('ipv4', [], [one(0, 1)]));
      again = false;
      expect(routes.prefixes.has(id)).toBe(true);
    });
    expect(seen).toEqual([0, 0]);
    expect(rib.ipv4.prefixes.size).toBe(0);
  });

  it('keeps so many paths of a peer to one prefix, so that one more never takes longer to file', () => {
    const { rib, update } = ribOf();
    const passedOver: string[] = [];
    rib.ipv4.tooManyPaths = (peer, id) => passedOver.push(`${peer} ${formatPrefix(rib.ipv4.prefixes.prefix(id))}`);
    // Each step from one route to the next reads one number.
    const parts = rib.ipv4 as unknown as { nexts: Column };
    const paths = 5_000;
    const counted = 4_000;
    let steps = 0;
    const announce = (pathId: number) => rib.apply(1, update('ipv4', [one(2, pathId % 4, pathId)]));
    for (let pathId = 0; pathId < paths - counted; pathId++) announce(pathId);
    const { nexts } = parts;
    parts.nexts = new Proxy(nexts, {
      get(target, key) {
        if (key !== 'get') return Reflect.get(target, key, target);
        steps++;
        return (id: number) => target.get(id);
      },
    });
    for (let pathId = paths - counted; pathId < paths; pathId++) announce(pathId);
    parts.nexts = nexts;
    expect(steps / counted).toBeLessThanOrEqual(MAX_PATHS_OF_PEER);
    const length = () => routesTo(rib, rib.ipv4, rib.ipv4.prefixes.lookup(prefixes.ipv4[2]!)).length;
    expect([length(), rib.counts(1, 'ipv4').received]).toEqual([MAX_PATHS_OF_PEER, MAX_PATHS_OF_PEER]);
    expect(passedOver).toHaveLength(paths - MAX_PATHS_OF_PEER);
    expect(new Set(passedOver)).toEqual(new Set(['1 10.0.0.0/9']));
    // Others have as many, and those that are there may change, or make room.
    passedOver.length = 0;
    rib.apply(2, update('ipv4', [one(2, 1, 9)]));
    rib.apply(1, update('ipv4', [one(2, 3, 9)]));
    rib.apply(1, update('ipv4', [], [one(2, 0, 8)]));
    rib.apply(1, update('ipv4', [one(2, 3, paths)]));
    expect([length(), passedOver]).toEqual([MAX_PATHS_OF_PEER + 1, []]);
    // After a restart of its peer, what is stale does not count.
    rib.markStale(1, 'ipv4');
    for (let i = 1; i <= MAX_PATHS_OF_PEER + 1; i++) rib.apply(1, update('ipv4', [one(2, 1, paths + i)]));
    expect([length(), passedOver.length]).toEqual([2 * MAX_PATHS_OF_PEER + 1, 1]);
    rib.sweepStale(1, 'ipv4');
    expect(rib.counts(1, 'ipv4').received).toBe(MAX_PATHS_OF_PEER);
  });

  it('refuses peer numbers that it cannot keep', () => {
    const { rib, update } = ribOf();
    for (const peer of [-1, 65536, 1.5]) expect(() => rib.apply(peer, update('ipv4', [one(0, 1)]))).toThrow(RangeError);
  });
});
