import { describe, expect, test } from 'vitest';
import { ServiceCommunities } from '../../src/config/allow.ts';
import { parseCommunity } from '../../src/config/community.ts';
import { Advertisements } from '../../src/intent/advertise.ts';
import { ownCommunities, policyOf } from '../../src/intent/policy.ts';
import { MAX_COMMUNITIES } from '../../src/intent/route.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { advertisement, configuration, endpoint, ingress, pool, service, slice, speaker } from '../support/model.ts';

const aliases = new Map([['home', parseCommunity('65000:7') as Exclude<ReturnType<typeof parseCommunity>, string>]]);
const high = 65000 * 65536;

describe('what a Service may add', () => {
  const allowed = new ServiceCommunities(['65000:*', 'large:65000:*:*'], aliases);

  test('goes by kind, the rest is noted', () => {
    const asking = service('s', {
      communities: ['65000:9', 'home', 'large:65000:9:1', 'large:65000:1:2', '65000:7', '65001:1', 'nobody'],
    });
    expect(ownCommunities(asking, allowed)).toEqual({
      communities: [high + 7, high + 9],
      largeCommunities: [
        [65000, 1, 2],
        [65000, 9, 1],
      ],
      notes: [
        { reason: 'communityNotAllowed', detail: 'without community "65001:1": the Speaker does not allow it' },
        { reason: 'communityNotAllowed', detail: 'without community "nobody": it cannot be read' },
      ],
    });
  });

  test('is nothing where it asks for nothing', () => {
    expect(ownCommunities(service('s'), allowed)).toEqual({ communities: [], largeCommunities: [], notes: [] });
  });
});

describe('policies', () => {
  const a = advertisement('a', [], { communities: [1], localPref: 5, prepend: 2, med: 3, peers: ['r'] });
  const own = (...communities: number[]) => ({ communities, largeCommunities: [] });

  test('say what the advertisement says, and what the Service adds', () => {
    const says = { from: 'BGPAdvertisement/a', localPref: 5, prepend: 2, med: 3, peers: new Set(['r']) };
    expect(policyOf(a)).toEqual({ ...says, document: a, communities: [1], largeCommunities: [], drained: false });
    const added = policyOf(a, { communities: [9], largeCommunities: [[1, 2, 3]] });
    expect(added).toMatchObject({ ...says, communities: [1, 9], largeCommunities: [[1, 2, 3]] });
    expect(added.plain).toBe(policyOf(a));
  });

  test('are one object where all that is equal, and several where anything is not', () => {
    expect(policyOf(a, own(9, 8))).toBe(policyOf(a, own(9, 8)));
    const different = [
      policyOf(a),
      policyOf(a, own(9)),
      policyOf(a, own(8)),
      policyOf(a, { communities: [], largeCommunities: [[0, 0, 9]] }),
      policyOf(a, { communities: [9], largeCommunities: [[0, 0, 9]] }),
      policyOf(a, { communities: [9], largeCommunities: [[0, 0, 8]] }),
      policyOf(a, own(), true),
      policyOf(a, own(9), true),
      policyOf(advertisement('a', [], { communities: [1] })),
    ];
    expect(new Set(different).size).toBe(different.length);
    expect(policyOf(a, own(9), true).plain).toBe(policyOf(a, own(), true));
  });
});

describe('Services with communities of their own', () => {
  const config = (more = {}) =>
    configuration({
      speaker: speaker({ serviceCommunities: ['65000:*'] }),
      aliases,
      pools: [pool('lab', ['192.0.2.0/24'])],
      advertisements: [advertisement('host', ['lab'], { communities: [1], ...more })],
    });
  const asking = (name: string, ip: string, ...communities: string[]) =>
    service(name, { ingress: ingress(ip), communities });
  const decide = (subject: ReturnType<typeof service>, scope = scopeOf(config(), sha256)) =>
    decideService({ key: subject.name, service: subject, slices: [], scope }).bgp;
  const router = { name: 'r', families: ['ipv4'] } as const;

  test('share a policy with those that ask for the same, and no other', () => {
    const scope = scopeOf(config(), sha256);
    const policies = [
      asking('a', '192.0.2.1', '65000:1', '65000:7'),
      asking('b', '192.0.2.2', 'home', '65000:1'),
      asking('c', '192.0.2.3', '65000:2'),
      asking('d', '192.0.2.4'),
      asking('e', '192.0.2.5', '65001:1'),
    ].map((subject) => decide(subject, scope).contributions[0]!.policy);
    expect(policies[0]).toBe(policies[1]);
    expect(policies[3]).toBe(policies[4]);
    expect(new Set(policies).size).toBe(3);
    expect(policies[0]!.communities).toEqual([1, high + 1, high + 7]);
  });

  test('are announced without what they may not have, and that is told', () => {
    const bgp = decide(asking('a', '192.0.2.1', '65000:1', '65001:1'));
    expect(bgp).toMatchObject({
      announced: true,
      detail: 'through host; without community "65001:1": the Speaker does not allow it',
      notes: [{ reason: 'communityNotAllowed' }],
    });
    expect(bgp.contributions[0]!.policy.communities).toEqual([1, high + 1]);
  });

  test('give a shared aggregate the communities of all', () => {
    const scope = scopeOf(config({ aggregationLength: 24 }), sha256);
    const all = new Advertisements(100);
    for (const subject of [
      asking('a', '192.0.2.1', '65000:1'),
      asking('b', '192.0.2.2', 'home'),
      asking('c', '192.0.2.3'),
    ])
      all.update(subject.name, decide(subject, scope).contributions);
    const net = prefix('192.0.2.0/24');
    expect(all.route(router, net)).toMatchObject({
      attributes: { communities: [1, high + 1, high + 7] },
      from: ['BGPAdvertisement/host'],
    });
    expect(all.update('a', [])).toEqual([net]);
    expect(all.route(router, net)?.attributes.communities).toEqual([1, high + 7]);
  });

  test('cannot take a route from others by asking for too many', () => {
    const scope = scopeOf(config({ aggregationLength: 24 }), sha256);
    const all = new Advertisements(100);
    const many = Array.from({ length: MAX_COMMUNITIES }, (_, i) => `65000:${i}`);
    all.update('a', decide(asking('a', '192.0.2.1'), scope).contributions);
    all.update('b', decide(asking('b', '192.0.2.2', ...many.slice(1)), scope).contributions);
    const net = prefix('192.0.2.0/24');
    expect(all.route(router, net)?.attributes.communities).toHaveLength(MAX_COMMUNITIES);
    all.update('b', decide(asking('b', '192.0.2.2', ...many), scope).contributions);
    expect(all.route(router, net)).toMatchObject({
      attributes: { communities: [1] },
      notes: [
        {
          reason: 'serviceCommunitiesDropped',
          detail: '64 communities with those of Services, at most 63 are possible: without those of Services',
        },
      ],
    });
  });
});

describe('bandwidth by endpoints', () => {
  const local = (more: Parameters<typeof service>[1] = {}) =>
    service('web', {
      externalTrafficPolicy: 'Local',
      ingress: [...ingress('192.0.2.1'), ...ingress('2001:db8::1')],
      ...more,
    });
  const here = (address: string, more = {}) => endpoint({ addresses: [address], nodeName: 'node-a', ...more });
  const web = local();
  const slices = [
    slice(web, here('10.244.0.1'), here('10.244.0.2', { ready: false, serving: true }), here('10.244.0.2')),
    slice(web, here('10.244.0.3', { ready: false }), endpoint({ addresses: ['10.244.1.1'], nodeName: 'node-b' })),
    slice(web, here('fd00::1'), endpoint({ addresses: ['fd00::2'] }), here('10.244.0.4', { addresses: [] })),
  ];
  const said = (subject: ReturnType<typeof service>, of = slices, more: object = { endpointMbit: 100 }) => {
    const config = configuration({
      pools: [pool('lab', ['192.0.2.0/24', '2001:db8::/64'])],
      advertisements: [advertisement('host', ['lab'], more)],
    });
    const { bgp } = decideService({ key: 'web', service: subject, slices: of, scope: scopeOf(config, sha256) });
    return bgp.contributions.map(({ prefix, policy }) => [prefix.family, policy.bandwidthMbit]);
  };

  test('counts those that are ready on this node, of the family of the address, and none twice', () => {
    expect(said(web)).toEqual([
      [4, 200],
      [6, 100],
    ]);
  });

  test('counts those that only terminate where nothing else is left: no other takes new connections', () => {
    const ending = (address: string) => here(address, { ready: false, serving: true });
    const rolling = slice(web, here('10.244.0.1'), ending('10.244.0.2'), ending('10.244.0.3'), ending('fd00::1'));
    expect(said(web, [rolling])).toEqual([
      [4, 100],
      [6, 100],
    ]);
    const over = slice(web, here('10.244.0.1', { ready: false }), ending('10.244.0.2'), ending('10.244.0.3'));
    expect(said(web, [over])).toEqual([
      [4, 200],
      [6, undefined],
    ]);
  });

  test('is not told under the Cluster policy, without an EndpointSlice, nor without the annotation', () => {
    const none = [
      [4, undefined],
      [6, undefined],
    ];
    expect(said(local({ externalTrafficPolicy: 'Cluster' }))).toEqual(none);
    expect(said(web, [])).toEqual(none);
    expect(said(web, slices, {})).toEqual(none);
  });

  test('makes another policy for each number, and the same for the same', () => {
    const a = advertisement('a', [], { endpointMbit: 100 });
    expect(policyOf(a, undefined, false, 2)).toBe(policyOf(a, undefined, false, 2));
    expect(policyOf(a, undefined, false, 2)).not.toBe(policyOf(a, undefined, false, 3));
    const plain = advertisement('b', []);
    expect(policyOf(plain, undefined, false, 2)).toBe(policyOf(plain));
    const added = policyOf(a, { communities: [9], largeCommunities: [] }, false, 2);
    expect(added.plain).toBe(policyOf(a, undefined, false, 2));
  });
});
