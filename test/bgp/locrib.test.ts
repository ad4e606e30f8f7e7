import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressFamily } from '../../src/bgp/const.ts';
import type { DecisionOptions } from '../../src/bgp/decision.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { LocRib, type LocRibOptions, NO_SELECTION } from '../../src/bgp/locrib.ts';
import type { Resolve } from '../../src/bgp/nexthop.ts';
import { Rib } from '../../src/bgp/rib.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { formatPrefix, type Prefix, prefix } from '../../src/lib/prefix.ts';
import {
  announce,
  attributesOf,
  decideSlowly,
  fewAttributes,
  peers,
  sequence,
  watchTables,
  withdraw,
} from '../support/decide.ts';

const prefixes: readonly Prefix[] = ['0.0.0.0/0', '10.0.0.0/8', '192.0.2.0/24', '2001:db8::/32', '::/0'].map(prefix);
const families = ['ipv4', 'ipv6'] as const satisfies readonly AddressFamily[];

/** Follows what a LocRib reports, as the kernel would. */
class Follower {
  /** By family and prefix id. */
  readonly have = new Map<string, number>();
  /** By prefix, with family: what its selection says. */
  readonly texts = new Map<string, string>();
  calls = 0;
  readonly loc: LocRib;
  readonly rib: Rib;
  constructor(loc: LocRib, rib: Rib) {
    this.loc = loc;
    this.rib = rib;
  }
  readonly take = (family: AddressFamily, id: number, before: number, after: number): void => {
    this.calls++;
    expect(after).not.toBe(before);
    expect(this.have.get(`${family} ${id}`) ?? NO_SELECTION).toBe(before);
    const text = formatPrefix(this.rib[family].prefixes.prefix(id));
    // Valid until this returns.
    if (before !== NO_SELECTION) expect(describePaths(this.loc, before)).toBe(this.texts.get(text));
    if (after === NO_SELECTION) {
      this.have.delete(`${family} ${id}`);
      this.texts.delete(text);
    } else {
      this.have.set(`${family} ${id}`, after);
      this.texts.set(text, describePaths(this.loc, after));
    }
  };
}

const describePaths = (loc: LocRib, id: number): string =>
  loc.selections
    .paths(id)
    .map((p) => `${p.peer}/${p.attributes}/${p.weight}`)
    .join(' ');

function locOf(resolve: Resolve = () => 0, options: LocRibOptions = {}, accept?: (peer: number) => boolean) {
  const rib = new Rib(new AttributeTable(), accept);
  watchTables(rib);
  const loc = new LocRib(rib, resolve, options);
  for (const [i, p] of peers.entries()) loc.setPeer(i, p);
  return { rib, loc, follower: new Follower(loc, rib) };
}

const settle = (rib: Rib, { loc, take }: Follower, budget = 1000): number => {
  let slices = 1;
  while (rib.sweep(budget));
  while (loc.work(budget, take)) slices++;
  return slices;
};

describe('LocRib', () => {
  const peer = fc.nat(peers.length - 1);
  const family = fc.constantFrom<AddressFamily>('ipv4', 'ipv4', 'ipv6');
  const target = fc.record({ peer, n: fc.nat(prefixes.length - 1), pathId: fc.nat(1) });
  const kind = <K extends string>(k: K) => fc.constant(k);
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: target.chain((t) =>
        fewAttributes(peers[t.peer]!.internal, prefixes[t.n]!.family).map((a) => ({
          kind: 'announce' as const,
          ...t,
          a,
        })),
      ),
    },
    { weight: 3, arbitrary: target.map((t) => ({ kind: 'withdraw' as const, ...t })) },
    { weight: 1, arbitrary: fc.record({ kind: kind('end'), peer }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('markStale'), peer, family }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('sweepStale'), peer, family }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('longLived'), peer, family, on: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('policy'), refused: fc.nat(peers.length) }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('standing'), peer, localPref: fc.constantFrom(90, 100) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: kind('metric'), hop: fc.nat(3), to: fc.constantFrom(undefined, 1, 1, 2) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: kind('options'), alwaysCompareMed: fc.boolean(), missingMedWorst: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind('sweep'), budget: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 6, arbitrary: fc.record({ kind: kind('work'), budget: fc.integer({ min: 1, max: 4 }) }) },
  );

  const stepsUpTo = (maxLength: number) => fc.array(step, { maxLength, size: 'max' });

  it('reports what a decision from scratch finds, whatever happens to the routes', () => {
    fc.assert(
      fc.property(fc.oneof(stepsUpTo(20), stepsUpTo(80)), (steps) => {
        const metric: (number | undefined)[] = [1, 1, 1, 1];
        const standings = [...peers];
        const longLived = new Set<string>();
        let refused = peers.length;
        let options: DecisionOptions = {};
        const resolve: Resolve = (a) => (a.family === 4 ? metric[a.bytes[3]! - 1] : 1);
        const multipath = { external: 3, internal: 2, asPath: 'relaxed' } as const;
        const { rib, loc, follower } = locOf(resolve, { multipath }, (p) => p !== refused);
        for (const s of steps) {
          switch (s.kind) {
            case 'announce':
              announce(rib, s.peer, prefixes[s.n]!, s.a, peers[s.peer]!.internal, s.pathId);
              break;
            case 'withdraw':
              withdraw(rib, s.peer, prefixes[s.n]!, s.pathId);
              break;
            case 'end':
              rib.withdrawPeer(s.peer);
              break;
            case 'markStale':
              // What is stale now is not past its restart time yet.
              loc.setLongLived(s.peer, s.family, false);
              longLived.delete(`${s.peer} ${s.family}`);
              rib.markStale(s.peer, s.family);
              break;
            case 'sweepStale':
              rib.sweepStale(s.peer, s.family);
              break;
            case 'longLived':
              loc.setLongLived(s.peer, s.family, s.on);
              if (s.on) longLived.add(`${s.peer} ${s.family}`);
              else longLived.delete(`${s.peer} ${s.family}`);
              break;
            case 'policy':
              refused = s.refused;
              for (const f of families)
                for (const p of peers.keys()) for (let from = 0; from >= 0; ) from = rib[f].reconsider(p, from, 3);
              break;
            case 'standing':
              standings[s.peer] = { ...standings[s.peer]!, localPref: s.localPref };
              loc.setPeer(s.peer, standings[s.peer]!);
              break;
            case 'metric':
              metric[s.hop] = s.to;
              loc.nextHopsChanged();
              break;
            case 'options':
              options = { alwaysCompareMed: s.alwaysCompareMed, missingMedWorst: s.missingMedWorst };
              loc.setOptions({ decision: options, multipath });
              break;
            case 'sweep':
              rib.sweep(s.budget);
              break;
            case 'work':
              loc.work(s.budget, follower.take);
          }
        }
        settle(rib, follower, 3);
        const world = {
          peers: standings,
          longLived: (p: number, f: AddressFamily) => longLived.has(`${p} ${f}`),
          metric: resolve,
          options,
        };
        let chosen = 0;
        for (const p of prefixes) {
          const f = p.family === 4 ? 'ipv4' : 'ipv6';
          const routes = rib[f];
          const id = routes.prefixes.lookup(p);
          const { best, equal } = id < 0 ? { best: -1, equal: [] } : decideSlowly(routes, id, world);
          if (best < 0) {
            expect(follower.texts.get(formatPrefix(p))).toBeUndefined();
            if (id >= 0) expect(loc.selection(f, id)).toBe(NO_SELECTION);
            continue;
          }
          chosen++;
          const paths = loc.selections.paths(loc.selection(f, id));
          expect(follower.texts.get(formatPrefix(p))).toBe(describePaths(loc, loc.selection(f, id)));
          const is = (route: number) => `${routes.peerOf(route)}/${routes.attributesOf(route)}`;
          expect(`${paths[0]!.peer}/${paths[0]!.attributes}`).toBe(is(best));
          // The rest: as many different ways among the equal ones as the limit allows.
          for (const path of paths) expect(equal.map(is)).toContain(`${path.peer}/${path.attributes}`);
          const limit = peers[routes.peerOf(best)]!.internal ? 2 : 3;
          const ways = new Set(
            equal.map((route) => {
              const view = rib.attributes.view(routes.attributesOf(route));
              const octets = nextHopOctets(view);
              return octets.startsWith('fe80') ? `${octets} ${routes.peerOf(route)}` : octets;
            }),
          );
          expect(paths).toHaveLength(Math.min(limit, ways.size));
          const verdicts = loc.explain(f, id);
          expect(verdicts.filter((v) => v.verdict === 'best').map((v) => v.route)).toEqual([best]);
          expect(verdicts.filter((v) => v.verdict === 'multipath')).toHaveLength(paths.length - 1);
        }
        expect(follower.have.size).toBe(chosen);
        for (const p of peers.keys()) rib.withdrawPeer(p);
        settle(rib, follower);
        expect([follower.have.size, loc.selections.size, rib.attributes.size]).toEqual([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  const numbered = (i: number) => prefix(`10.${i >> 8}.${i & 255}.0/24`);
  const fill = (rib: Rib, from: number, count: number) => {
    for (let i = 0; i < count; i++) announce(rib, from, numbered(i), attributesOf(), false);
  };

  it('ends a session with a full table in slices of what it is told', () => {
    const { rib, loc, follower } = locOf();
    fill(rib, 0, 500);
    fill(rib, 1, 500);
    expect(settle(rib, follower, 50)).toBe(10);
    rib.withdrawPeer(1);
    let last = 0;
    follower.calls = 0;
    while (rib.sweep(50));
    for (let more = true; more; last = follower.calls) {
      more = loc.work(50, follower.take);
      expect(follower.calls - last).toBeLessThanOrEqual(50);
    }
    expect(follower.calls).toBe(500);
  });

  it('decides on no more prefixes than it is told when it decides on all again', () => {
    const { rib, loc, follower } = locOf();
    fill(rib, 0, 100);
    settle(rib, follower);
    follower.calls = 0;
    loc.setPeer(0, { ...peers[0]!, localPref: 90 });
    expect(settle(rib, follower, 10)).toBeGreaterThanOrEqual(10);
    expect(follower.calls).toBe(0);
  });

  it('comes round to what it passed before the latest reason to pass, though prefixes were added meanwhile', () => {
    const { rib, loc, follower } = locOf();
    fill(rib, 0, 10);
    fill(rib, 2, 10);
    settle(rib, follower);
    const chosen = () =>
      Array.from({ length: 10 }, (_, id) => loc.selections.paths(loc.selection('ipv4', id))[0]!.peer);
    expect(chosen()).toEqual(Array(10).fill(2));
    loc.setPeer(0, { ...peers[0]!, localPref: 110 });
    loc.work(3, follower.take);
    expect(chosen()).toEqual([0, 0, 0, 2, 2, 2, 2, 2, 2, 2]);
    loc.setPeer(0, peers[0]!);
    for (let i = 10; i < 14; i++) announce(rib, 2, numbered(i), attributesOf(), false);
    settle(rib, follower, 2);
    expect(chosen()).toEqual(Array(10).fill(2));
    // Again and again, before it is done: the far end has its turn nevertheless.
    for (let i = 0; i < 20; i++) {
      loc.setPeer(0, { ...peers[0]!, localPref: 110 + i });
      loc.work(1, follower.take);
    }
    expect(chosen()).toEqual(Array(10).fill(0));
  });

  it('reports one selection for all prefixes that are forwarded alike', () => {
    const { rib, loc, follower } = locOf();
    fill(rib, 0, 100);
    settle(rib, follower);
    expect([follower.calls, loc.selections.size, new Set(follower.have.values()).size]).toEqual([100, 1, 1]);
  });

  it('reports a change when a set goes and another takes its id', () => {
    const { rib, follower } = locOf();
    announce(rib, 0, prefixes[1]!, attributesOf({ med: 1 }), false);
    settle(rib, follower);
    announce(rib, 0, prefixes[1]!, attributesOf({ med: 2 }), false);
    announce(rib, 0, prefixes[1]!, attributesOf({ med: 3 }), false);
    settle(rib, follower);
    expect(follower.calls).toBe(2);
  });

  it('keeps quiet about a change that was undone before it was reported', () => {
    const { rib, follower } = locOf();
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    settle(rib, follower);
    withdraw(rib, 0, prefixes[1]!);
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    settle(rib, follower);
    expect(follower.calls).toBe(1);
  });

  it('follows what is stale into its long life and out of it', () => {
    const { rib, loc, follower } = locOf();
    const best = () => {
      settle(rib, follower);
      return loc.selections.paths(loc.selection('ipv4', 0))[0]!.peer;
    };
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    announce(rib, 2, prefixes[1]!, attributesOf({ asPath: sequence(1, 2) }), false);
    rib.markStale(0, 'ipv4');
    expect(best()).toBe(0);
    loc.setLongLived(0, 'ipv4', true);
    expect(best()).toBe(2);
    // The same as before, so that nothing but its freshness is new.
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    expect(best()).toBe(0);
  });

  it('gives nothing of a peer that is gone to the next with its number', () => {
    const { rib, loc, follower } = locOf();
    announce(rib, 2, prefixes[1]!, attributesOf({ asPath: sequence(1, 2) }), false);
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    rib.markStale(0, 'ipv4');
    loc.setLongLived(0, 'ipv4', true);
    rib.withdrawPeer(0);
    loc.removePeer(0);
    expect(() => loc.setLongLived(0, 'ipv4', true)).toThrow('peer 0');
    settle(rib, follower);
    loc.setPeer(0, peers[1]!);
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    rib.markStale(0, 'ipv4');
    settle(rib, follower);
    expect(loc.selections.paths(loc.selection('ipv4', 0))[0]!.peer).toBe(0);
  });

  it('takes next hops of a peer one hop away on a link, or its own address, and nobody else’s', () => {
    const rib = new Rib(new AttributeTable());
    const links = new Set(['192.0.2.9']);
    const loc = new LocRib(
      rib,
      () => 0,
      {},
      (a) => links.has(formatAddress(a)),
    );
    const told: string[] = [];
    loc.offLink = (peer, nextHop) => told.push(`${peer} ${formatAddress(loc.nextHops.address(nextHop))}`);
    const standing = { internal: false, routerId: 1, singleHop: true };
    loc.setPeer(0, { ...standing, address: address('198.51.100.1') });
    loc.setPeer(1, { ...standing, address: address('198.51.100.2'), singleHop: false });
    loc.setPeer(2, { ...standing, address: address('fe80::2') });
    const follower = new Follower(loc, rib);
    const all = (peer: number, nextHops: readonly string[]) => {
      for (const [i, nextHop] of nextHops.entries()) {
        const to = prefix(nextHop.includes(':') ? `2001:db8:${i}::/48` : `203.0.${i}.0/24`);
        announce(rib, peer, to, attributesOf({ nextHop: address(nextHop) }), false);
      }
      settle(rib, follower);
      const verdicts = nextHops.map((nextHop, i) => {
        const family = nextHop.includes(':') ? 'ipv6' : 'ipv4';
        const id = rib[family].prefixes.lookup(prefix(family === 'ipv6' ? `2001:db8:${i}::/48` : `203.0.${i}.0/24`));
        return loc.explain(family, id)[0]!.verdict;
      });
      rib.withdrawPeer(peer);
      return verdicts;
    };
    const off = ['192.0.2.10', '192.0.2.10', '2001:db8::1'];
    const on = ['192.0.2.9', '198.51.100.1', 'fe80::9'];
    expect(all(0, [...off, ...on])).toEqual([...off.map(() => 'nextHopOffLink'), ...on.map(() => 'best')]);
    expect(all(1, [...off, ...on])).toEqual([...off, ...on].map(() => 'best'));
    expect(told).toEqual(['0 192.0.2.10', '0 2001:db8::1']);
    // IPv4 routes by IPv6 next hops (RFC 8950) are no exception.
    announce(rib, 2, prefixes[1]!, attributesOf({ nextHop: address('2001:db8::7') }), false);
    settle(rib, follower);
    expect(follower.have.size).toBe(0);
    // An address of ours comes beside it: a link of ours.
    links.add('2001:db8::7');
    loc.nextHopsChanged();
    settle(rib, follower);
    expect(follower.have.size).toBe(1);
    links.clear();
    loc.nextHopsChanged();
    settle(rib, follower);
    expect(follower.have.size).toBe(0);
    expect(told.slice(2)).toEqual(['2 2001:db8::7', '2 2001:db8::7']);
  });

  it('retains a selection for whoever asks, with its attribute sets', () => {
    const { rib, loc, follower } = locOf();
    announce(rib, 0, prefixes[1]!, attributesOf(), false);
    settle(rib, follower);
    const id = loc.selection('ipv4', 0);
    loc.selections.retain(id);
    rib.withdrawPeer(0);
    settle(rib, follower);
    expect(loc.selections.paths(id)).toEqual([{ peer: 0, attributes: 0, weight: 1 }]);
    expect(rib.attributes.size).toBe(1);
    loc.selections.release(id);
    expect([loc.selections.size, rib.attributes.size]).toEqual([0, 0]);
  });

  it('gives everything back when it is closed', () => {
    const { rib, loc, follower } = locOf();
    fill(rib, 0, 10);
    settle(rib, follower);
    rib.withdrawPeer(0);
    while (rib.sweep(100));
    expect(rib.attributes.size).toBe(1);
    loc.close();
    expect([loc.selections.size, rib.attributes.size]).toEqual([0, 0]);
  });

  it('refuses a limit that cannot be, and changes nothing', () => {
    const { rib, loc, follower } = locOf(() => 0, { multipath: { external: 2, asPath: 'relaxed' } });
    expect(() => loc.setOptions({ decision: { alwaysCompareMed: true }, multipath: { external: 0 } })).toThrow(
      RangeError,
    );
    announce(rib, 0, prefixes[1]!, attributesOf({ med: 1, nextHop: address('192.0.2.2') }), false);
    announce(rib, 1, prefixes[1]!, attributesOf({ med: 2, asPath: sequence(64602) }), false);
    settle(rib, follower);
    expect(loc.selections.paths(loc.selection('ipv4', 0))).toHaveLength(2);
    expect(() => new LocRib(rib, () => 0, { multipath: { internal: 300 } })).toThrow(RangeError);
  });
});

/** The next hop in canonical octets, found without the keys. */
function nextHopOctets(view: Uint8Array): string {
  for (let at = 0; at < view.length; ) {
    const long = (view[at]! & 0x10) !== 0;
    const value = at + (long ? 4 : 3);
    const length = long ? view[at + 2]! * 256 + view[at + 3]! : view[at + 2]!;
    if (view[at + 1] === 3) return Buffer.from(view.subarray(value, value + 4)).toString('hex');
    if (view[at + 1] === 14) return Buffer.from(view.subarray(value + 4, value + 20)).toString('hex');
    at = value + length;
  }
  throw new Error('no next hop');
}
