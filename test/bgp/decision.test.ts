import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Community } from '../../src/bgp/const.ts';
import { Decision, type DecisionOptions, losses } from '../../src/bgp/decision.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { AttributeKeys } from '../../src/bgp/keys.ts';
import { NextHops, type Resolve } from '../../src/bgp/nexthop.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { Rib } from '../../src/bgp/rib.ts';
import type { Accept } from '../../src/bgp/routes.ts';
import { type PeerStanding, Standings } from '../../src/bgp/standing.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import {
  announce,
  attributesOf,
  decideSlowly,
  fewAttributes,
  peers,
  sequence,
  watchTables,
} from '../support/decide.ts';

const target = prefix('203.0.113.0/24');

function decisionOf(resolve: Resolve = () => 0, options: DecisionOptions = {}, accept?: Accept) {
  const rib = new Rib(new AttributeTable(), accept);
  watchTables(rib);
  const standings = new Standings();
  const decision = new Decision(new AttributeKeys(rib.attributes, new NextHops(resolve)), standings, options);
  return { rib, standings, decision };
}

/** What the second route loses by to the first, after the worse one came last and after it came first. */
function lossOf(
  [better, worse]: readonly [Partial<PathAttributes>, Partial<PathAttributes>],
  standing: readonly [Partial<PeerStanding>, Partial<PeerStanding>] = [{}, {}],
  resolve?: Resolve,
  options?: DecisionOptions,
): string | undefined {
  const results = [0, 1].map((turn) => {
    const { rib, standings, decision } = decisionOf(resolve, options);
    const full = standing.map((s, i) => ({ internal: false, routerId: 7, address: address(`192.0.2.${i + 1}`), ...s }));
    for (const [i, s] of full.entries()) standings.set(i, s);
    for (const i of turn === 0 ? [0, 1] : [1, 0])
      announce(rib, i, target, attributesOf(i === 0 ? better : worse), full[i]!.internal);
    const id = rib.ipv4.prefixes.lookup(target);
    expect(rib.ipv4.peerOf(decision.best(rib.ipv4, id))).toBe(0);
    const rows = decision.explain(rib.ipv4, id);
    expect(rows.find((r) => rib.ipv4.peerOf(r.route) === 0)!.reason).toBeUndefined();
    return rows.find((r) => rib.ipv4.peerOf(r.route) === 1)!.reason;
  });
  expect(results[0]).toBe(results[1]);
  return results[0];
}

const internal = { internal: true };

describe('Decision', () => {
  it('names each step that a route loses by', () => {
    const seen = [
      lossOf([{ asPath: sequence(1, 2, 3) }, { communities: [Community.llgrStale] }]),
      lossOf([{ asPath: sequence(1, 2, 3) }, {}], [{ localPref: 101 }, {}]),
      lossOf([{ origin: 'incomplete' }, { asPath: sequence(64601, 64601) }]),
      lossOf([{ origin: 'egp', med: 9 }, { origin: 'incomplete' }]),
      lossOf([{ med: 4 }, { med: 5 }], [{ routerId: 9 }, {}]),
      lossOf([{}, {}], [{ routerId: 9 }, internal]),
      lossOf([{}, { nextHop: address('192.0.2.9') }], [{ routerId: 9 }, {}], (a) =>
        formatAddress(a) === '192.0.2.9' ? 2 : 1,
      ),
      lossOf([{}, {}], [{}, { routerId: 0x80000000 }]),
      lossOf([{ originatorId: 3 }, { originatorId: 3, clusterList: [1] }], [internal, internal]),
      lossOf([{}, {}]),
    ];
    expect([...seen, 'higherPathId']).toEqual(losses);
  });

  it('tells paths of one peer apart by their identifiers', () => {
    const { rib, standings, decision } = decisionOf();
    standings.set(0, peers[0]!);
    for (const pathId of [3, 1, 2]) announce(rib, 0, target, attributesOf(), false, pathId);
    const rows = decision.explain(rib.ipv4, 0).map((r) => [rib.ipv4.pathIdOf(r.route), r.reason]);
    expect(new Map(rows as [number, string][])).toEqual(
      new Map([
        [1, undefined],
        [2, 'higherPathId'],
        [3, 'higherPathId'],
      ]),
    );
  });

  it('compares MED between routes from one neighbour AS, unless told otherwise', () => {
    const other = { asPath: sequence(64602), med: 1 };
    expect(lossOf([{ med: 9 }, other])).toBe('higherPeerAddress');
    expect(lossOf([other, { med: 9 }], [{ routerId: 9 }, {}], undefined, { alwaysCompareMed: true })).toBe('higherMed');
    expect(lossOf([{}, { med: 1 }])).toBe('higherMed');
    expect(lossOf([{ med: 1 }, {}], [{ routerId: 9 }, {}], undefined, { missingMedWorst: true })).toBe('higherMed');
  });

  it('does not let the order of arrival decide where MED makes preference circular', () => {
    // RFC 3345: a beats b by MED, b beats c by router ID, c beats a by router ID.
    const routes = [
      { peer: 0, routerId: 9, a: { asPath: sequence(64601), med: 1 } },
      { peer: 1, routerId: 1, a: { asPath: sequence(64601), med: 2 } },
      { peer: 2, routerId: 5, a: { asPath: sequence(64602) } },
    ];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const { rib, standings, decision } = decisionOf();
      for (const i of order) {
        const { peer, routerId, a } = routes[i]!;
        standings.set(peer, { internal: false, routerId, address: address(`192.0.2.${peer}`) });
        announce(rib, peer, target, attributesOf(a), false);
      }
      const rows = decision.explain(rib.ipv4, 0).map((r) => `${rib.ipv4.peerOf(r.route)} ${r.reason}`);
      expect(rows.sort()).toEqual(['0 higherRouterId', '1 higherMed', '2 undefined']);
    }
  });

  it('leaves out what is not accepted and what leads nowhere', () => {
    const accept: Accept = (peer) => peer !== 1;
    const { rib, standings, decision } = decisionOf(
      (a) => (formatAddress(a) === '192.0.2.3' ? undefined : 0),
      {},
      accept,
    );
    for (const [i, p] of peers.entries()) standings.set(i, p);
    announce(rib, 0, target, attributesOf({ asPath: sequence(1, 2, 3) }), false);
    announce(rib, 1, target, attributesOf(), false);
    announce(rib, 2, target, attributesOf({ nextHop: address('192.0.2.3') }), false);
    const rows = decision.explain(rib.ipv4, 0).map((r) => `${rib.ipv4.peerOf(r.route)} ${r.reason}`);
    expect(rows.sort()).toEqual(['0 undefined', '1 notAccepted', '2 nextHopUnreachable']);
  });

  it('makes stale routes the last resort once they are long-lived, and never before', () => {
    const { rib, standings, decision } = decisionOf();
    standings.set(0, peers[0]!);
    standings.set(1, peers[1]!);
    announce(rib, 0, target, attributesOf(), false);
    announce(rib, 1, target, attributesOf({ asPath: sequence(1, 2) }), false);
    rib.markStale(0, 'ipv4');
    const best = () => rib.ipv4.peerOf(decision.best(rib.ipv4, 0));
    expect(best()).toBe(0);
    expect(standings.setLongLived(0, 'ipv6', true)).toBe(true);
    expect(best()).toBe(0);
    standings.setLongLived(0, 'ipv4', true);
    expect(best()).toBe(1);
    expect(standings.setLongLived(0, 'ipv4', true)).toBe(false);
    announce(rib, 0, target, attributesOf(), false);
    expect(best()).toBe(0);
  });

  it('refuses routes of a peer that nobody described', () => {
    const { rib, decision } = decisionOf();
    announce(rib, 40, target, attributesOf(), false);
    expect(() => decision.best(rib.ipv4, 0)).toThrow('peer 40');
  });

  it('chooses as the elimination of RFC 4271 §9.1.2.2 does', () => {
    const route = fc
      .tuple(fc.nat(peers.length - 1), fc.nat(1))
      .chain(([peer, pathId]) => fewAttributes(peers[peer]!.internal).map((a) => ({ peer, pathId, a })));
    const options = fc.record({ alwaysCompareMed: fc.boolean(), missingMedWorst: fc.boolean() });
    const metrics = fc.array(fc.constantFrom(undefined, 1, 1, 1, 1, 2), { minLength: 4, maxLength: 4 });
    let contested = 0;
    fc.assert(
      fc.property(fc.array(route, { maxLength: 12, size: 'max' }), options, metrics, (list, settings, metric) => {
        const resolve: Resolve = (a) => metric[a.bytes[3]! - 1];
        const { rib, standings, decision } = decisionOf(resolve, settings);
        for (const [i, p] of peers.entries()) standings.set(i, p);
        for (const { peer, pathId, a } of list) announce(rib, peer, target, a, peers[peer]!.internal, pathId);
        const id = rib.ipv4.prefixes.lookup(target);
        if (id < 0) return;
        const world = { peers, longLived: () => false, metric: resolve, options: settings };
        const { best, equal } = decideSlowly(rib.ipv4, id, world);
        expect(decision.best(rib.ipv4, id)).toBe(best);
        const survivors = [...decision.survivors.subarray(0, decision.count)];
        expect(survivors.filter((r) => r === best || decision.isEqualCost(rib.ipv4, best, r)).sort()).toEqual(
          equal.sort(),
        );
        if (equal.length > 1) contested++;
        for (const { route, reason } of decision.explain(rib.ipv4, id)) {
          if (route === best) expect(reason).toBeUndefined();
          else if (reason === undefined) expect.unreachable('a loser without a reason');
          else if (equal.includes(route)) expect(losses.indexOf(reason as never)).toBeGreaterThan(6);
          else expect(losses.slice(7)).not.toContain(reason);
        }
      }),
      { numRuns: 400 },
    );
    expect(contested).toBeGreaterThan(20);
  });
});
