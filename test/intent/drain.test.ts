import { describe, expect, test } from 'vitest';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { Advertisements } from '../../src/intent/advertise.ts';
import { type Drain, drainedAttributes, GRACEFUL_SHUTDOWN, isSoleLocalHolder } from '../../src/intent/drain.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { advertisement, configuration, endpoint, ingress, node, pool, service, slice } from '../support/model.ts';

describe('a route as a last choice', () => {
  const route: PathAttributes = { origin: 'igp', asPath: [], localPref: 200, communities: [5, 0xffff_ff01], med: 7 };

  test('has the lowest preference and the community, in order', () => {
    expect(GRACEFUL_SHUTDOWN).toBe(65535 * 65536);
    expect(drainedAttributes(route)).toEqual({
      ...route,
      localPref: 0,
      communities: [5, 0xffff_0000, 0xffff_ff01],
    });
    expect(drainedAttributes({ origin: 'igp', asPath: [] })).toEqual({
      origin: 'igp',
      asPath: [],
      localPref: 0,
      communities: [GRACEFUL_SHUTDOWN],
    });
  });

  test('is one already: nothing more', () => {
    const once = drainedAttributes(route);
    expect(drainedAttributes(once)).toEqual(once);
    expect(route.localPref).toBe(200);
  });
});

const local = service('local', { ingress: ingress('192.0.2.10'), externalTrafficPolicy: 'Local' });
const here = endpoint({ nodeName: 'node-a' });
const there = endpoint({ nodeName: 'node-b' });

describe('the sole holder of a Local Service', () => {
  const me = { name: 'node-a' };
  test.each<[string, Parameters<typeof isSoleLocalHolder>[1], boolean]>([
    ['one endpoint, here', [slice(local, here)], true],
    ['two, here, in two slices', [slice(local, here), slice(local, here)], true],
    ['one here and one elsewhere', [slice(local, here, there)], false],
    ['one here, and one elsewhere that is not usable', [slice(local, here, { ...there, ready: false })], true],
    [
      'one here, and one elsewhere that still serves while it terminates',
      [slice(local, here, { ...there, ready: false, serving: true })],
      true,
    ],
    [
      'one that terminates on each of two',
      [slice(local, { ...here, ready: false, serving: true }, { ...there, ready: false, serving: true })],
      false,
    ],
    ['one that terminates, here', [slice(local, { ...here, ready: false, serving: true })], true],
    [
      'one that terminates here, and a ready one elsewhere',
      [slice(local, { ...here, ready: false, serving: true }, there)],
      false,
    ],
    ['one here that is not usable', [slice(local, { ...here, ready: false })], false],
    ['one here, and one on no node, whom nobody could serve', [slice(local, here, endpoint())], true],
    ['one elsewhere', [slice(local, there)], false],
    ['no endpoint', [slice(local)], false],
    ['no slice: every node counts as having one', [], false],
  ])('%s', (_, slices, expected) => {
    expect(isSoleLocalHolder(local, slices, me)).toBe(expected);
    expect(isSoleLocalHolder({ externalTrafficPolicy: 'Cluster' }, slices, me)).toBe(false);
  });
});

describe('a drained node', () => {
  const config = configuration({
    pools: [pool('lab', ['192.0.2.0/24'])],
    advertisements: [
      advertisement('host', ['lab'], { localPref: 150 }),
      advertisement('net', ['lab'], { aggregationLength: 24, localPref: 150 }),
    ],
    nodes: [node('node-a')],
  });
  const web = service('web', { ingress: ingress('192.0.2.11') });
  const peer = { name: 'r', families: ['ipv4'] } as const;
  const held = [slice(local, here)];

  function routes(drain?: Drain) {
    const scope = scopeOf(config, sha256, { drain });
    const decisions = [
      decideService({ key: 'default/web', service: web, slices: [], scope }),
      decideService({ key: 'default/local', service: local, slices: held, scope }),
    ];
    const all = new Advertisements(100);
    for (const { key, bgp } of decisions) all.update(key, bgp.contributions);
    const shown = [...all.routes(peer)].map(([p, { attributes }]) => {
      const marked = attributes.communities?.includes(GRACEFUL_SHUTDOWN) ?? false;
      return `${formatPrefix(p)} ${attributes.localPref}${marked ? ' marked' : ''}`;
    });
    return { routes: shown.sort(), decisions: decisions.map(({ bgp }) => bgp) };
  }

  test('that is not: nothing', () => {
    const { routes: found, decisions } = routes();
    expect(found).toEqual(['192.0.2.0/24 150', '192.0.2.10/32 150', '192.0.2.11/32 150']);
    expect(decisions.every(({ notes }) => notes === undefined)).toBe(true);
  });

  test('first makes a last choice of what others can serve, but not of what they share with the rest', () => {
    const { routes: found, decisions } = routes({ stage: 'lowered', keepSoleLocal: true });
    expect(found).toEqual(['192.0.2.0/24 150', '192.0.2.10/32 150', '192.0.2.11/32 0 marked']);
    expect(decisions.map(({ announced, notes }) => [announced, notes?.map(({ reason }) => reason)])).toEqual([
      [true, ['nodeDraining']],
      [true, ['soleLocalHolder']],
    ]);
    expect(decisions[1]!.detail).toBe('through host, net; kept, as only node node-a has endpoints');
  });

  test('then withdraws it', () => {
    const { routes: found, decisions } = routes({ stage: 'withdrawn', keepSoleLocal: true });
    expect(found).toEqual(['192.0.2.0/24 150', '192.0.2.10/32 150']);
    expect(decisions[0]).toMatchObject({ announced: false, reason: 'nodeDrained', detail: 'node node-a' });
    expect(decisions[0]!.because.map((d) => d.key)).toEqual(['Node//node-a']);
  });

  test('that keeps nothing keeps nothing', () => {
    expect(routes({ stage: 'lowered', keepSoleLocal: false }).routes).toEqual([
      '192.0.2.0/24 0 marked',
      '192.0.2.10/32 0 marked',
      '192.0.2.11/32 0 marked',
    ]);
    expect(routes({ stage: 'withdrawn', keepSoleLocal: false }).routes).toEqual([]);
  });

  test('and one that is no more has what it had, as the same objects', () => {
    const all = new Advertisements(100);
    const decide = (drain?: Drain) =>
      decideService({ key: 'w', service: web, slices: [], scope: scopeOf(config, sha256, { drain }) }).bgp
        .contributions;
    const before = decide();
    all.update('w', before);
    const host = prefix('192.0.2.11/32');
    const route = all.route(peer, host)!;
    expect(all.update('w', decide({ stage: 'lowered', keepSoleLocal: true }))).toHaveLength(2);
    expect(all.route(peer, host)!.attributes).not.toBe(route.attributes);
    expect(all.update('w', decide())).toHaveLength(2);
    expect(all.route(peer, host)!.attributes).toBe(route.attributes);
  });
});
