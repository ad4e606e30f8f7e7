/** `layer2.spread: even`: every node comes to the same, whatever happened before, and all of them to an even spread. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { drainLabel } from '../../src/config/annotation.ts';
import type { Configuration, Layer2Advertisement, Service } from '../../src/config/model.ts';
import { Services } from '../../src/daemon/services.ts';
import { decideService } from '../../src/intent/service.ts';
import { formatAddress } from '../../src/lib/address.ts';
import {
  configuration,
  endpoint,
  ingress,
  layer2Advertisement,
  node,
  pool,
  selector,
  service,
  slice,
  speaker,
} from '../support/model.ts';

const names = ['node-a', 'node-b', 'node-c', 'node-d'];

interface World {
  readonly services: readonly Service[];
  /** By Service: nodes with an endpoint; absent: no slice. */
  readonly endpoints?: ReadonlyMap<Service, readonly string[]>;
  readonly nodes?: readonly string[];
  readonly drained?: readonly string[];
  readonly advertisements?: readonly Layer2Advertisement[];
  readonly layer2?: Partial<ReturnType<typeof speaker>['layer2']>;
}

const lab = pool('lab', ['10.0.0.0/16']);
const everywhere = [layer2Advertisement('l2', ['lab'])];

function configOf(self: string, world: World): Configuration {
  const { services, endpoints, nodes = names, drained = [], advertisements = everywhere, layer2 } = world;
  const settings = speaker({ name: self, membership: { type: 'bfd', nodes, addresses: new Map() } });
  return configuration({
    speaker: { ...settings, layer2: { ...settings.layer2, spread: 'even', ...layer2 } },
    pools: [lab],
    layer2Advertisements: advertisements,
    nodes: nodes.map((name) => node(name, drained.includes(name) ? { [drainLabel]: '' } : {})),
    services,
    slices: services.flatMap((each) => {
      const on = endpoints?.get(each);
      return on === undefined ? [] : [slice(each, ...on.map((nodeName) => endpoint({ nodeName })))];
    }),
  });
}

const finish = (services: Services): string[] => {
  const keys: string[] = [];
  for (let one = services.step(); one !== undefined; one = services.step()) keys.push(one.key);
  return keys;
};
function nodeOf(self: string, world: World, silent: readonly string[] = []): Services {
  const services = new Services();
  services.hear(new Set(silent), false);
  services.apply(configOf(self, world));
  finish(services);
  return services;
}
const ownersOf = ({ decisions }: Services) =>
  new Map([...decisions].map(([key, { layer2 }]) => [key, layer2.owner] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
const loadsOf = (services: Services): Record<string, number> => {
  const loads: Record<string, number> = {};
  for (const owner of ownersOf(services).values()) if (owner) loads[owner] = (loads[owner] ?? 0) + 1;
  return loads;
};
const many = (count: number, more: Partial<Service> = {}, from = 0) =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return service(`s${n}`, { ingress: ingress(`10.0.${n >> 8}.${n & 255}`), ...more });
  });
const moves = (before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>) =>
  [...after].filter(([key, owner]) => before.has(key) && before.get(key) !== owner).map(([key]) => key);

/** One that is asked again and again. */
let settled: { readonly services: readonly Service[]; readonly here: Services };
beforeAll(() => {
  const services = many(60);
  settled = { services, here: nodeOf('node-a', { services }) };
});

test('each address has one node, all nodes agree, and each has as many as another; by hash they do not', () => {
  const world = { services: many(42) };
  const all = names.map((name) => nodeOf(name, world));
  const owners = ownersOf(all[0]!);
  for (const other of all) expect(ownersOf(other)).toEqual(owners);
  for (const key of owners.keys()) {
    const announcing = all.filter(({ decisions }) => decisions.get(key)!.layer2.announced);
    expect(announcing).toHaveLength(1);
  }
  expect(Object.values(loadsOf(all[0]!)).sort()).toEqual([10, 10, 11, 11]);
  const byHash = Object.values(loadsOf(nodeOf('node-a', { ...world, layer2: { spread: 'hash' } })));
  expect(Math.max(...byHash) - Math.min(...byHash)).toBeGreaterThan(1);
});

test('a Service that comes or goes is decided with the few that it moves, and nothing else', () => {
  const { services, here } = settled;
  const before = ownersOf(here);
  const config = configOf('node-a', { services });
  const [one] = many(1, {}, 500);
  here.apply(config);
  finish(here);
  here.apply({ ...config, services: new Map([...config.services, ['default/s500', one!]]) });
  const decided = finish(here);
  const after = ownersOf(here);
  expect(decided.sort()).toEqual(['default/s500', ...moves(before, after)].sort());
  expect(decided.length).toBeLessThanOrEqual(1 + 2 * (names.length - 1));
  expect(Object.values(loadsOf(here)).sort()).toEqual([15, 15, 15, 16]);
  here.apply(config);
  expect(finish(here).length).toBeLessThanOrEqual(1 + 2 * (names.length - 1));
  expect(ownersOf(here)).toEqual(before);
});

test('of a node that falls silent everything goes to the others, evenly, and back when it is heard again', () => {
  const { here } = settled;
  const before = ownersOf(here);
  here.hear(new Set(['node-b']), false);
  const decided = finish(here);
  const after = ownersOf(here);
  expect(Object.values(loadsOf(here))).toEqual([20, 20, 20]);
  expect(decided.sort()).toEqual(moves(before, after).sort());
  expect(decided.length).toBeLessThan(30);
  here.hear(new Set(names.slice(1)), false);
  finish(here);
  expect(loadsOf(here)).toEqual({ 'node-a': 60 });
  here.hear(new Set(names), false);
  finish(here);
  expect(loadsOf(here)).toEqual({});
  here.hear(new Set(), false);
  finish(here);
  expect(ownersOf(here)).toEqual(before);
});

test('a node that is drained has none, and keeps under the Local policy what nobody else could serve', () => {
  const local = { externalTrafficPolicy: 'Local' } as const;
  const cluster = many(30);
  const [sole, shared] = [many(6, local, 100), many(6, local, 200)];
  const endpoints = new Map<Service, readonly string[]>([
    ...sole.map((each) => [each, ['node-b']] as const),
    ...shared.map((each) => [each, ['node-b', 'node-c']] as const),
  ]);
  const world = { services: [...cluster, ...sole, ...shared], endpoints, drained: ['node-b'] };
  const all = names.map((name) => nodeOf(name, world));
  for (const other of all) expect(ownersOf(other)).toEqual(ownersOf(all[0]!));
  const had = (list: readonly Service[]) => new Set(list.map(({ name }) => ownersOf(all[0]!).get(`default/${name}`)));
  expect(loadsOf(all[0]!)).toEqual({ 'node-a': 10, 'node-b': 6, 'node-c': 16, 'node-d': 10 });
  expect(had(sole)).toEqual(new Set(['node-b']));
  expect(had(shared)).toEqual(new Set(['node-c']));
});

test('under the Local policy addresses are shared among the nodes with endpoints', () => {
  const services = many(20, { externalTrafficPolicy: 'Local' });
  const endpoints = new Map(services.map((each) => [each, ['node-b', 'node-d']]));
  expect(loadsOf(nodeOf('node-a', { services, endpoints }))).toEqual({ 'node-b': 10, 'node-d': 10 });
});

test('nodes that are preferred share everything among them; without them the next ones do', () => {
  const [first, second] = [['node-a', 'node-c'], ['node-b']];
  const prefer = (list: readonly string[], weight: number) =>
    list.map((name) => ({ weight, selector: selector({ 'kubernetes.io/hostname': name }) }));
  const preferences = [...prefer(first, 100), ...prefer(second, 50)];
  const advertisements = [layer2Advertisement('l2', ['lab'], { preferences })];
  const here = nodeOf('node-d', { services: many(9), advertisements });
  expect(Object.values(loadsOf(here)).sort()).toEqual([4, 5]);
  expect(Object.keys(loadsOf(here)).sort()).toEqual(first);
  here.hear(new Set(first), false);
  finish(here);
  expect(loadsOf(here)).toEqual({ 'node-b': 9 });
  here.hear(new Set([...first, ...second]), false);
  finish(here);
  expect(loadsOf(here)).toEqual({ 'node-d': 9 });
});

test('Services that share an address have one node, and count once', () => {
  const key = { request: { addresses: [], sharingKey: 'one' } };
  const at = (name: string, ip: string, port: number) =>
    service(name, { ...key, ingress: ingress(ip), ports: [{ protocol: 'TCP', port }] });
  const services = Array.from({ length: 8 }, (_, i) =>
    [80, 443, 853].map((port) => at(`w${i}-${port}`, `10.0.9.${i}`, port)),
  );
  const here = nodeOf('node-a', { services: services.flat() });
  const owners = ownersOf(here);
  for (let i = 0; i < 8; i++)
    expect(new Set([80, 443, 853].map((port) => owners.get(`default/w${i}-${port}`))).size).toBe(1);
  expect(Object.values(loadsOf(here))).toEqual([6, 6, 6, 6]);
});

describe('with stickiness', () => {
  const layer2 = { stickiness: true };

  test('nothing moves to make it even: a node that comes has its share of what comes', () => {
    const services = many(30);
    const here = nodeOf('node-a', { services, layer2, nodes: names.slice(0, 3) });
    const owners = ownersOf(here);
    expect(Object.values(loadsOf(here))).toEqual([10, 10, 10]);
    here.apply(configOf('node-a', { services, layer2 }));
    finish(here);
    expect(ownersOf(here)).toEqual(owners);
    const even = ownersOf(nodeOf('node-a', { services }));
    const [key] = [...owners].find(([each, owner]) => owner !== 'node-a' && owner !== even.get(each))!;
    const trace = { address: () => {}, bgp: () => {}, layer2: () => {} };
    expect(decideService({ ...here.inputOf(key)!, trace }).layer2.detail).toContain(
      `; spread evenly it would be with node ${even.get(key)}, and it stays`,
    );
    here.apply(configOf('node-a', { services: [...services, ...many(30, {}, 300)], layer2 }));
    finish(here);
    expect(moves(owners, ownersOf(here))).toEqual([]);
    expect(loadsOf(here)['node-d']).toBeGreaterThan(2);
  });

  test('of a node that goes only its own move, and not back when it comes', () => {
    const services = many(40);
    const here = nodeOf('node-a', { services, layer2 });
    const owners = ownersOf(here);
    here.hear(new Set(['node-c']), false);
    const decided = finish(here);
    const had = [...owners].flatMap(([key, owner]) => (owner === 'node-c' ? key : []));
    expect(had).toHaveLength(10);
    expect(moves(owners, ownersOf(here)).sort()).toEqual(had.sort());
    expect(decided).toEqual(expect.arrayContaining(had));
    const after = ownersOf(here);
    here.hear(new Set(), false);
    finish(here);
    expect(ownersOf(here)).toEqual(after);
  });

  test('a node that remembers nothing agrees with the others on every address that needs a node', () => {
    const services = many(30);
    const old = names.slice(0, 3).map((name) => nodeOf(name, { services, layer2, nodes: names.slice(0, 3) }));
    const world = { services, layer2 };
    for (const [i, each] of old.entries()) {
      each.apply(configOf(names[i]!, world));
      finish(each);
    }
    const all = [...old, nodeOf('node-d', world)];
    expect(ownersOf(all[3]!)).not.toEqual(ownersOf(all[0]!));
    const fresh = many(30, {}, 300);
    for (const [i, each] of all.entries()) {
      each.apply(configOf(names[i]!, { services: [...services, ...fresh], layer2 }));
      finish(each);
    }
    for (const { name } of fresh) {
      const announced = all.filter(({ decisions }) => decisions.get(`default/${name}`)!.layer2.announced);
      expect([name, announced.length]).toEqual([name, 1]);
    }
  });
});

test('explain says who has how many', () => {
  const { here } = settled;
  const explained = (key: string): string => {
    const steps: string[] = [];
    const trace = { address: () => {}, bgp: () => {}, layer2: ({ detail }: { detail: string }) => steps.push(detail) };
    const { layer2 } = decideService({ ...here.inputOf(key)!, trace });
    return [layer2.detail, ...steps].join('\n');
  };
  const text = explained('default/s0');
  expect(text).toMatch(/the candidates, best first: node-., node-., node-., node-./);
  expect(text).toContain('spread evenly, addresses of each: node-a 15, node-b 15, node-c 15, node-d 15');
  // Some are with another node than that which comes first by hash, on this node and on others.
  const byHash = ownersOf(nodeOf('node-a', { services: settled.services, layer2: { spread: 'hash' } }));
  const owners = ownersOf(here);
  const elsewhere = [...owners.keys()].filter((key) => owners.get(key) !== byHash.get(key));
  expect(new Set(elsewhere.map((key) => owners.get(key) === 'node-a'))).toEqual(new Set([true, false]));
  for (const key of owners.keys()) {
    const passed = explained(key).match(/; (node-.).* ha(?:s its|ve their) share without it/)?.[1];
    expect([key, passed]).toEqual([key, elsewhere.includes(key) ? byHash.get(key) : undefined]);
  }
});

test('it is turned on and off by a reload, and by hash nothing is left of it', () => {
  const services = many(40);
  const here = nodeOf('node-a', { services, layer2: { spread: 'hash' } });
  const byHash = ownersOf(here);
  here.apply(configOf('node-a', { services }));
  finish(here);
  expect(Object.values(loadsOf(here))).toEqual([10, 10, 10, 10]);
  here.apply(configOf('node-a', { services }));
  // Not one step in between: what was prepared is of no use any more.
  here.prepare();
  here.apply(configOf('node-a', { services, layer2: { spread: 'hash' } }));
  expect(finish(here)).toHaveLength(40);
  expect(ownersOf(here)).toEqual(byHash);
});

test('what was prepared is of no use for a configuration that has other pools', () => {
  const services = many(3, { ingress: [] });
  const here = new Services();
  here.apply(configOf('node-a', { services }));
  while (here.prepare());
  const config = configOf('node-a', { services, layer2: { spread: 'hash' } });
  here.apply({ ...config, pools: new Map([['lab', pool('lab', ['10.9.0.0/24'])]]) });
  finish(here);
  for (const { layer2, ips } of here.decisions.values()) {
    expect(ips.map(formatAddress)[0]).toMatch(/^10\.9\.0\./);
    expect(layer2.owner).toBeDefined();
  }
});

test('an address that another Service has taken is remembered as lost, though nothing was decided in between', () => {
  const [loser, other] = [service('loser'), service('other')];
  const here = new Services();
  const config = configOf('node-a', { services: [loser] });
  here.apply(config);
  finish(here);
  const [taken] = here.decisions.get('default/loser')!.ips.map(formatAddress);
  const winner = service('winner', { ingress: ingress(taken!) });
  const withAll = (...all: Service[]) => ({ ...config, services: new Map(all.map((s) => [`default/${s.name}`, s])) });
  here.apply(withAll(loser, winner));
  while (here.prepare());
  here.apply(withAll(loser, winner, other));
  const reassigned = new Map<string, boolean>();
  for (let one = here.step(); one !== undefined; one = here.step()) reassigned.set(one.key, one.reassigned);
  expect(reassigned.get('default/loser')).toBe(true);
  expect(here.decisions.get('default/loser')!.ips.map(formatAddress)).not.toEqual([taken]);
});

test('an address that is given here is remembered as such, though it is decided in two steps', () => {
  const here = new Services();
  const services = many(3, { ingress: [] });
  here.apply(configOf('node-a', { services }));
  while (here.prepare());
  // Another reload before anything was decided.
  here.apply(configOf('node-a', { services }));
  const reassigned: boolean[] = [];
  for (let one = here.step(); one !== undefined; one = here.step()) reassigned.push(one.reassigned);
  expect(reassigned).toEqual([true, true, true]);
  here.apply(configOf('node-a', { services }));
  for (let one = here.step(); one !== undefined; one = here.step()) expect(one.reassigned).toBe(false);
});

/** What may happen, in any order; numbers choose among what there is. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('come' as const), n: fc.nat(40), on: fc.nat(14) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('go' as const), n: fc.nat(40), on: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('silent' as const), n: fc.nat(14), on: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('drain' as const), n: fc.nat(14), on: fc.nat() }) },
);
const subset = (bits: number) => names.filter((_, i) => bits & (1 << i));

test('whatever happened in whatever order, each node has what one has that has just come', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 1, maxLength: 25 }), fc.nat(3), (all, at) => {
      const services = new Map<number, Service>();
      const endpoints = new Map<Service, readonly string[]>();
      let [silent, drained]: (readonly string[])[] = [[], []];
      const here = new Services();
      let ground: Configuration | undefined;
      for (const { what, n, on } of all) {
        if (what === 'come') {
          // Some under the Local policy, some with an address of others.
          const local = n % 3 === 0;
          const more = { ...(local && { externalTrafficPolicy: 'Local' as const }) };
          const [one] = many(1, { ...more, ingress: ingress(`10.0.0.${n % 30}`) }, n);
          services.set(n, one!);
          if (local) endpoints.set(one!, subset(on));
        } else if (what === 'go') services.delete(n);
        else if (what === 'silent') silent = subset(n);
        else drained = subset(n);
        here.hear(new Set(silent), false);
        const now = configOf(names[at]!, { services: [...services.values()], endpoints, drained: drained! });
        // What did not change is the same object, as after a reading of the documents.
        const { services: all, endpointSlices } = now;
        ground = what === 'drain' || ground === undefined ? now : { ...ground, services: all, endpointSlices };
        here.apply(ground);
        if (on % 2 === 0) finish(here);
      }
      finish(here);
      const world = { services: [...services.values()].reverse(), endpoints, drained: drained! };
      for (const name of names) {
        const fresh = nodeOf(name, world, silent);
        expect(ownersOf(here)).toEqual(ownersOf(fresh));
      }
    }),
    { numRuns: 150 },
  );
});
