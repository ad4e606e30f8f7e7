import { describe, expect, it } from 'vitest';
import { Decision } from '../../src/bgp/decision.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { AttributeKeys } from '../../src/bgp/keys.ts';
import { Multipath, type MultipathOptions, weigh } from '../../src/bgp/multipath.ts';
import { NextHops } from '../../src/bgp/nexthop.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { Rib } from '../../src/bgp/rib.ts';
import { Standings } from '../../src/bgp/standing.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { announce, attributesOf, sequence } from '../support/decide.ts';

const target = prefix('203.0.113.0/24');
const MEGA = 1_000_000;

const bandwidth = (octetsPerSecond: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, 0x4004);
  view.setFloat32(4, octetsPerSecond);
  return view.getBigUint64(0);
};

/** The peers in the set for routes of peers 0, 1, ..., each with a next hop of its own unless it says otherwise. */
function setOf(
  routes: readonly Partial<PathAttributes>[],
  options: MultipathOptions,
  { internal = [] as number[], reversed = false, at = target } = {},
): { peers: number[]; weights: number[] } {
  const rib = new Rib(new AttributeTable());
  const standings = new Standings();
  const decision = new Decision(new AttributeKeys(rib.attributes, new NextHops((a) => a.bytes[2]!)), standings);
  const order = routes.map((_, i) => i);
  for (const i of reversed ? order.reverse() : order) {
    const isInternal = internal.includes(i);
    standings.set(i, { internal: isInternal, routerId: 100 - i, address: address(`192.0.2.${i}`) });
    announce(rib, i, at, attributesOf({ nextHop: address(`10.0.0.${i + 1}`), ...routes[i] }), isInternal);
  }
  const table = at.family === 4 ? rib.ipv4 : rib.ipv6;
  const multipath = new Multipath(decision, options);
  const count = multipath.select(table, 0);
  expect(multipath.count).toBe(count);
  const chosen = [...multipath.routes.subarray(0, count)];
  return { peers: chosen.map((r) => table.peerOf(r)), weights: [...multipath.weights.subarray(0, count)] };
}

const peersOf = (routes: readonly Partial<PathAttributes>[], options: MultipathOptions, internal: number[] = []) => {
  const { peers } = setOf(routes, options, { internal });
  expect(setOf(routes, options, { internal, reversed: true }).peers).toEqual(peers);
  return peers;
};

describe('Multipath', () => {
  it('is one route unless more are asked for', () => {
    expect(peersOf([{}, {}], {})).toEqual([1]);
    expect(peersOf([{}, {}], { internal: 4 })).toEqual([1]);
  });

  it('puts the best first and the others in the order in which they would follow, up to the limit', () => {
    expect(peersOf([{}, {}, {}, {}], { external: 8 })).toEqual([3, 2, 1, 0]);
    expect(peersOf([{}, {}, {}, {}], { external: 2 })).toEqual([3, 2]);
  });

  it('takes none that differ in what comes before the router ID', () => {
    const differing: Partial<PathAttributes>[] = [
      { asPath: sequence(64601, 1) },
      { origin: 'egp' },
      { med: 1 },
      { nextHop: address('10.0.1.1') },
    ];
    for (const other of differing) expect(peersOf([{}, {}, other], { external: 8, asPath: 'relaxed' })).toEqual([1, 0]);
    expect(peersOf([{ localPref: 90 }, {}], { internal: 8 }, [0, 1])).toEqual([1]);
    expect(peersOf([{}, {}, {}], { external: 8, internal: 8 }, [1])).toEqual([2, 0]);
  });

  it('has a limit of its own for routes from within our AS', () => {
    expect(peersOf([{}, {}, {}], { external: 1, internal: 2 }, [0, 1, 2])).toEqual([2, 1]);
  });

  it('wants AS paths as alike as it is told', () => {
    const routes = [
      { asPath: sequence(64601, 1) },
      { asPath: sequence(64601, 1), communities: [1] },
      { asPath: sequence(64601, 2) },
      { asPath: sequence(64602, 1) },
    ];
    const last = [{ asPath: sequence(64601, 1) }, ...routes.slice(1), { asPath: sequence(64601, 1), med: 0 }];
    expect(peersOf(last, { external: 8 })).toEqual([4, 1, 0]);
    expect(peersOf(last, { external: 8, asPath: 'sameNeighbour' })).toEqual([4, 2, 1, 0]);
    expect(peersOf(last, { external: 8, asPath: 'relaxed' })).toEqual([4, 3, 2, 1, 0]);
  });

  it('leaves out what its own neighbour AS beats by MED, though the best is of another', () => {
    const routes = [{ med: 2 }, { med: 1 }, { asPath: sequence(64602), med: 9 }];
    expect(peersOf(routes, { external: 8, asPath: 'relaxed' })).toEqual([2, 1]);
  });

  it('counts two ways through one router as one, but a link-local address only for one peer', () => {
    const shared = { nextHop: address('10.0.0.77') };
    expect(peersOf([shared, shared, {}], { external: 8 })).toEqual([2, 1]);
    const local = { nextHop: address('fe80::1') };
    const at = prefix('2001:db8::/32');
    expect(setOf([local, local], { external: 8 }, { at }).peers).toEqual([1, 0]);
  });

  it('shares by link bandwidth where all have it and it is asked for', () => {
    const [one, two] = [1, 2].map((n) => ({ extendedCommunities: [bandwidth(n * MEGA)] }));
    expect(setOf([one!, two!], { external: 8, bandwidth: true })).toEqual({ peers: [1, 0], weights: [2, 1] });
    expect(setOf([one!, two!], { external: 8 }).weights).toEqual([1, 1]);
    expect(setOf([one!, two!, {}], { external: 8, bandwidth: true }).weights).toEqual([1, 1, 1]);
    expect(setOf([two!], { external: 8, bandwidth: true }).weights).toEqual([1]);
  });

  it('keeps the usual ratios exactly, and gives the slowest link something', () => {
    expect(weigh([10, 20])).toEqual([1, 2]);
    expect(weigh([25, 10, 40, 100])).toEqual([5, 2, 8, 20]);
    expect(weigh([20, 30])).toEqual([2, 3]);
    expect(weigh([7, 7, 7])).toEqual([1, 1, 1]);
    expect(weigh([1, 1e9])).toEqual([1, 240]);
    expect(weigh([0, 5])).toEqual([1, 1]);
  });

  it('refuses limits that cannot be', () => {
    for (const limit of [0, 257, 1.5, Number.NaN]) {
      expect(() => setOf([{}], { external: limit })).toThrow(RangeError);
      expect(() => setOf([{}], { internal: limit })).toThrow(RangeError);
    }
  });
});
