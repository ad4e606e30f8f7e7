import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Advertisements, type Receiver } from '../../src/intent/advertise.ts';
import { policyOf } from '../../src/intent/policy.ts';
import { type Contribution, MAX_COMMUNITIES, type Policy, type RouteDecision } from '../../src/intent/route.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { advertisement } from '../support/model.ts';

const policy = (name: string, more: Parameters<typeof advertisement>[2] = {}): Policy =>
  policyOf(advertisement(name, [], more));
const c = (text: string, policy: Policy): Contribution => ({ prefix: prefix(text), policy });
const r1: Receiver = { name: 'r1', families: ['ipv4'] };
const r2: Receiver = { name: 'r2', families: ['ipv4', 'ipv6'] };
const dirty = (prefixes: ReturnType<Advertisements['update']>): string[] => prefixes.map(formatPrefix);
const all = (a: Advertisements, peer: Receiver): string[] => [...a.routes(peer)].map(([p]) => formatPrefix(p)).sort();

const host = policy('host', { communities: [1] });
const net = policy('net', { communities: [0xffff_ff02, 2], largeCommunities: [[1, 2, 3]], localPref: 50 });

describe('one prefix', () => {
  test('is dirty when its first contributor comes and its last one goes', () => {
    const a = new Advertisements(100);
    expect(dirty(a.update('s1', [c('10.0.0.0/24', net), c('10.0.0.1/32', host)]))).toEqual([
      '10.0.0.0/24',
      '10.0.0.1/32',
    ]);
    expect(dirty(a.update('s2', [c('10.0.0.0/24', net), c('10.0.0.2/32', host)]))).toEqual(['10.0.0.2/32']);
    expect(a.contributors(prefix('10.0.0.0/24'))).toEqual(['s1', 's2']);
    expect(dirty(a.update('s1', []))).toEqual(['10.0.0.1/32']);
    expect(all(a, r1)).toEqual(['10.0.0.0/24', '10.0.0.2/32']);
    expect(dirty(a.update('s2', []))).toEqual(['10.0.0.0/24', '10.0.0.2/32']);
    expect(a.size).toBe(0);
    expect(a.decide(r1, prefix('10.0.0.0/24'))).toMatchObject({ advertised: false, reason: 'notContributed' });
  });

  test('is told once although its policy is exchanged, and once although it is contributed twice', () => {
    const a = new Advertisements(100);
    a.update('s', [c('10.0.0.0/24', net)]);
    expect(dirty(a.update('s', [c('10.0.0.0/24', host)]))).toEqual(['10.0.0.0/24']);
    expect(dirty(a.update('s', [c('10.0.0.0/24', host), c('10.0.0.0/24', host)]))).toEqual([]);
    expect(dirty(a.update('s', []))).toEqual(['10.0.0.0/24']);
  });

  test('has the union of the communities in numeric order, and the template of a route', () => {
    const a = new Advertisements(100);
    const more = policy('more', {
      communities: [2, 0x8000_0000, 3],
      largeCommunities: [
        [1, 2, 3],
        [1, 2, 2],
      ],
      localPref: 50,
    });
    a.update('s1', [c('10.0.0.0/24', net)]);
    a.update('s2', [c('10.0.0.0/24', more)]);
    expect(a.route(r1, prefix('10.0.0.0/24'))).toEqual({
      advertised: true,
      from: ['BGPAdvertisement/more', 'BGPAdvertisement/net'],
      attributes: {
        origin: 'igp',
        asPath: [],
        localPref: 50,
        communities: [2, 3, 0x8000_0000, 0xffff_ff02],
        largeCommunities: [
          [1, 2, 2],
          [1, 2, 3],
        ],
      },
    });
  });

  test('without communities carries no such attribute, and the default preference', () => {
    const a = new Advertisements(100);
    a.update('s', [c('10.0.0.0/24', policy('bare'))]);
    expect(a.route(r1, prefix('10.0.0.0/24'))?.attributes).toEqual({ origin: 'igp', asPath: [], localPref: 100 });
    expect(a.setDefaultLocalPref(100)).toBe(false);
    expect(a.setDefaultLocalPref(0)).toBe(true);
    expect(a.route(r1, prefix('10.0.0.0/24'))?.attributes.localPref).toBe(0);
  });

  test('takes the highest preference where two disagree, and says who', () => {
    const a = new Advertisements(100);
    a.update('s1', [c('10.0.0.4/30', policy('b', { localPref: 100 }))]);
    a.update('s2', [c('10.0.0.4/30', policy('a', { localPref: 50 }))]);
    const route = a.route(r1, prefix('10.0.0.4/30'))!;
    expect(route.attributes.localPref).toBe(100);
    expect(route.notes).toEqual([
      {
        reason: 'localPrefConflict',
        detail: 'BGPAdvertisement/a says 50, BGPAdvertisement/b says 100; 100 is used',
      },
    ]);
    a.update('s1', [c('10.0.0.4/30', policy('b', { localPref: 50 }))]);
    expect(a.route(r1, prefix('10.0.0.4/30'))?.notes).toBeUndefined();
  });

  test('an advertisement without a preference does not outvote a low one', () => {
    const a = new Advertisements(100);
    a.update('s', [c('10.0.0.4/30', policy('a', { localPref: 50 })), c('10.0.0.4/30', policy('b'))]);
    const route = a.route(r1, prefix('10.0.0.4/30'))!;
    expect(route.attributes.localPref).toBe(50);
    expect(route.notes?.[0]?.detail).toBe('BGPAdvertisement/a says 50, BGPAdvertisement/b says nothing; 50 is used');
  });

  test('is prepended and has the MED that its advertisements say, of several the highest', () => {
    const a = new Advertisements(100);
    const at = prefix('10.0.0.4/30');
    a.update('s1', [c('10.0.0.4/30', policy('a', { prepend: 2, med: 0 }))]);
    expect(a.route(r1, at)).toEqual({
      advertised: true,
      from: ['BGPAdvertisement/a'],
      attributes: { origin: 'igp', asPath: [], localPref: 100, prepend: 2, med: 0 },
    });
    a.update('s2', [c('10.0.0.4/30', policy('b', { prepend: 1, med: 9 }))]);
    a.update('s3', [c('10.0.0.4/30', policy('c'))]);
    expect(a.route(r1, at)).toMatchObject({
      attributes: { prepend: 2, med: 9 },
      notes: [
        {
          reason: 'prependConflict',
          detail: 'BGPAdvertisement/a says 2, BGPAdvertisement/b says 1, BGPAdvertisement/c says nothing; 2 is used',
        },
        {
          reason: 'medConflict',
          detail: 'BGPAdvertisement/a says 0, BGPAdvertisement/b says 9, BGPAdvertisement/c says nothing; 9 is used',
        },
      ],
    });
  });

  test('says the highest bandwidth of those that contribute', () => {
    const a = new Advertisements(100);
    const at = prefix('10.0.0.4/32');
    a.update('s1', [c('10.0.0.4/32', { ...policy('a'), bandwidthMbit: 300 })]);
    expect(a.route(r1, at)!.attributes).toEqual({ origin: 'igp', asPath: [], localPref: 100, bandwidthMbit: 300 });
    a.update('s2', [c('10.0.0.4/32', { ...policy('a'), bandwidthMbit: 100 })]);
    expect(a.route(r1, at)).toMatchObject({
      attributes: { bandwidthMbit: 300 },
      notes: [
        {
          reason: 'bandwidthConflict',
          detail: 'BGPAdvertisement/a says 100, BGPAdvertisement/a says 300; 300 is used',
        },
      ],
    });
  });

  test('routes that differ in prepending, MED or bandwidth alone share no template', () => {
    const a = new Advertisements(100);
    const policies = [policy('p'), policy('p', { prepend: 1 }), policy('p', { prepend: 2 }), policy('p', { med: 1 })];
    policies.push({ ...policy('p'), bandwidthMbit: 1 });
    for (const [i, p] of policies.entries()) a.update(`s${i}`, [c(`10.0.0.${i}/32`, p)]);
    expect(new Set([...a.routes(r1)].map(([, route]) => route.attributes)).size).toBe(5);
  });

  test('with 63 communities is advertised, with 64 it is not', () => {
    const a = new Advertisements(100);
    const many = policy('many', { communities: Array.from({ length: MAX_COMMUNITIES - 1 }, (_, i) => i) });
    const large = policy('large', { largeCommunities: [[1, 1, 1]] });
    a.update('s', [c('10.0.0.0/24', many), c('10.0.0.0/24', large)]);
    expect(a.decide(r1, prefix('10.0.0.0/24')).advertised).toBe(true);
    a.update('t', [c('10.0.0.0/24', policy('one', { communities: [99] }))]);
    expect(a.decide(r1, prefix('10.0.0.0/24'))).toEqual({
      advertised: false,
      reason: 'tooManyCommunities',
      detail:
        '64 communities from BGPAdvertisement/large, BGPAdvertisement/many, BGPAdvertisement/one, at most 63 are possible',
      from: ['BGPAdvertisement/large', 'BGPAdvertisement/many', 'BGPAdvertisement/one'],
    });
    expect(all(a, r1)).toEqual([]);
  });
});

describe('peers', () => {
  const a = new Advertisements(100);
  a.update('s', [
    c('10.0.0.0/24', policy('r1only', { peers: ['r1'], localPref: 1, communities: [1] })),
    c('10.0.0.0/24', policy('r2only', { peers: ['r2', 'r9'], localPref: 2, communities: [2] })),
    c('10.0.0.1/32', policy('other', { peers: ['r2', 'r9'] })),
    c('2001:db8::/64', host),
  ]);

  test('see what is meant for them, without conflict where nothing meets', () => {
    const of = (peer: Receiver) => a.route(peer, prefix('10.0.0.0/24'));
    expect(of(r1)?.attributes).toMatchObject({ localPref: 1, communities: [1] });
    expect(of(r2)?.attributes).toMatchObject({ localPref: 2, communities: [2] });
    expect(of(r1)?.notes).toBeUndefined();
    expect(of(r1)?.from).toEqual(['BGPAdvertisement/r1only']);
  });

  test('that are not named are told nothing', () => {
    expect(a.decide(r1, prefix('10.0.0.1/32'))).toEqual({
      advertised: false,
      reason: 'peerNotSelected',
      detail: 'advertised to r2, r9 only',
      from: ['BGPAdvertisement/other'],
    });
  });

  test('get the families of their session', () => {
    expect(a.decide(r1, prefix('2001:db8::/64'))).toMatchObject({
      advertised: false,
      reason: 'familyNotConfigured',
      detail: 'the session with r1 carries ipv4',
    });
    expect(all(a, r1)).toEqual(['10.0.0.0/24']);
    expect(all(a, r2)).toEqual(['10.0.0.0/24', '10.0.0.1/32', '2001:db8::/64']);
    expect([...a.decisions(r1)]).toHaveLength(3);
  });
});

test('equal attributes are one object, across prefixes, policies and peers', () => {
  const a = new Advertisements(100);
  const twin = policy('twin', { communities: [1] });
  for (let i = 0; i < 256; i++) a.update(`s${i}`, [c(`10.0.0.${i}/32`, i % 2 ? host : twin), c('2001:db8::/64', host)]);
  const seen = new Set([...a.routes(r1), ...a.routes(r2)].map(([, route]) => route.attributes));
  expect(seen.size).toBe(1);
});

test('an advertisement that is replaced by an equal one keeps its attribute object', () => {
  const a = new Advertisements(100);
  a.update('s', [c('10.0.0.0/24', host)]);
  const before = a.route(r1, prefix('10.0.0.0/24'))!.attributes;
  a.update('s', [c('10.0.0.0/24', policy('host', { communities: [1] }))]);
  expect(a.route(r1, prefix('10.0.0.0/24'))!.attributes).toBe(before);
});

describe('against a full recomputation', () => {
  const policies = [
    policy('p0', { communities: [1, 2] }),
    policy('p1', { communities: [2, 3], localPref: 100, peers: ['r1'] }),
    policy('p2', { localPref: 200, largeCommunities: [[1, 1, 1]] }),
    policy('p3', { communities: Array.from({ length: 62 }, (_, i) => 100 + i), peers: ['r2'] }),
    policy('p4', { communities: [1, 2] }),
  ];
  const prefixes = ['10.0.0.0/24', '10.0.0.0/30', '10.0.0.1/32', '2001:db8::/64', '2001:db8::1/128'].map(prefix);
  const peers: Receiver[] = [r1, r2, { name: 'r3', families: ['ipv6'] }];

  /** What the peer is told, from all contributions at once. */
  function naive(contributions: readonly Contribution[], peer: Receiver, text: string): unknown {
    const there = contributions.filter((x) => formatPrefix(x.prefix) === text);
    if (there.length === 0) return 'notContributed';
    if (!peer.families.includes(`ipv${there[0]!.prefix.family}`)) return 'familyNotConfigured';
    const mine = there.filter((x) => x.policy.peers === 'all' || x.policy.peers.has(peer.name)).map((x) => x.policy);
    if (mine.length === 0) return 'peerNotSelected';
    const communities = [...new Set(mine.flatMap((p) => p.communities))].sort((x, y) => x - y);
    const large = [...new Set(mine.flatMap((p) => p.largeCommunities).map((l) => l.join(':')))].sort();
    if (communities.length + large.length > 63) return 'tooManyCommunities';
    const given = mine.map((p) => p.localPref).filter((v) => v !== undefined);
    return {
      communities,
      large,
      localPref: given.length > 0 ? Math.max(...given) : 100,
      conflict: new Set(mine.map((p) => p.localPref)).size > 1,
      from: [...new Set(mine.map((p) => p.from))].sort(),
    };
  }

  const summary = (d: RouteDecision): unknown =>
    d.advertised
      ? {
          communities: d.attributes.communities ?? [],
          large: (d.attributes.largeCommunities ?? []).map((l) => l.join(':')),
          localPref: d.attributes.localPref,
          conflict: d.notes !== undefined,
          from: d.from,
        }
      : d.reason;

  const contribution = fc
    .record({ at: fc.nat(prefixes.length - 1), by: fc.nat(policies.length - 1) })
    .map(({ at, by }) => ({ prefix: prefixes[at]!, policy: policies[by]! }));
  const step = fc.record({
    service: fc.constantFrom('a', 'b', 'c', 'd'),
    // More than are compared with each other, too.
    want: fc.array(contribution, { maxLength: 12 }),
  });

  test('any sequence of changes ends in the same routes, and what is not dirty did not change', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const a = new Advertisements(100);
        const state = new Map<string, readonly Contribution[]>();
        for (const { service, want } of steps) {
          const before = new Map(
            peers.flatMap((p) =>
              prefixes.map((x) => [`${p.name} ${formatPrefix(x)}`, summary(a.decide(p, x))] as const),
            ),
          );
          const changed = dirty(a.update(service, want));
          state.set(service, want);
          const contributions = [...state.values()].flat();
          expect(new Set(changed).size).toBe(changed.length);
          expect(a.size).toBe(new Set(contributions.map((x) => formatPrefix(x.prefix))).size);
          for (const peer of peers) {
            const routes = new Map([...a.routes(peer)].map(([p, route]) => [formatPrefix(p), route]));
            for (const p of prefixes) {
              const text = formatPrefix(p);
              const now = a.decide(peer, p);
              expect(summary(now)).toEqual(naive(contributions, peer, text));
              expect(routes.get(text)).toBe(now.advertised ? now : undefined);
              if (!changed.includes(text)) expect(summary(now)).toEqual(before.get(`${peer.name} ${text}`));
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
