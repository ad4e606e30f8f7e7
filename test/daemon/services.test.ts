/** Services through the daemon: pools that run dry, addresses that nobody may have, and what survives a restart. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Services } from '../../src/daemon/services.ts';
import { formatAddress } from '../../src/lib/address.ts';
import {
  advertisementDocument,
  all,
  aWhile,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  serviceObject,
  soon,
} from '../support/daemon.ts';
import {
  advertisement,
  configuration,
  endpoint,
  ingress,
  listed,
  pool as poolOf,
  service,
  slice,
  speaker,
} from '../support/model.ts';

let router: Router;
let site: Site;
beforeEach(async () => {
  router = await new Router({ families: ['ipv4'] }).start();
  site = new Site();
  site.folder.put('peer.yaml', peerDocument('router', router, { dualStackAddressFamily: false }));
});
afterEach(async () => {
  await site.stop();
  await router.stop();
});

const pool = (addresses: string): string =>
  all(poolDocument('main', [addresses]), advertisementDocument('main', 'main'));

const decision = (key: string) => site.daemon.engine.services.decisions.get(key);

test('a pool runs dry, and who waited gets what comes free', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/31'));
  for (const name of ['a', 'b', 'c']) site.folder.put(`${name}.yaml`, serviceDocument(name));
  await site.start();
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
  expect(decision('default/c')?.bgp).toMatchObject({ announced: false, reason: 'noIPAllocated' });
  expect(decision('default/c')?.allocation?.reason).toBe('poolExhausted');

  site.folder.remove('a.yaml');
  await soon('c has an address', () => decision('default/c')?.bgp.announced);
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
  expect(site.messages('service announced')).toContainEqual(
    expect.objectContaining({ service: 'default/c', ips: ['198.51.100.0'] }),
  );
  site.folder.put('pool.yaml', pool('198.51.100.0/30'));
  site.folder.put('a.yaml', serviceDocument('a'));
  await router.knows('198.51.100.0/32', '198.51.100.1/32', '198.51.100.2/32');
});

test('an address outside every pool is not announced, until a pool has it', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  site.folder.put('a.yaml', serviceDocument('a', { ip: '203.0.113.7' }));
  await site.start();
  await soon('the session is up', () => router.established);
  expect(decision('default/a')?.bgp).toMatchObject({ announced: false, reason: 'ipNotAllowed' });
  site.folder.put('pool.yaml', pool('203.0.113.0/24'));
  await router.knows('203.0.113.7/32');
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  await router.knows();
  expect(site.messages('service withdrawn')).toContainEqual(
    expect.objectContaining({ service: 'default/a', reason: 'ipNotAllowed' }),
  );
});

test('one whose status names an address takes it from one that was given it', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  site.folder.put('a.yaml', serviceDocument('a'));
  await site.start();
  await router.knows('198.51.100.0/32');
  site.folder.put('b.yaml', serviceDocument('b', { ip: '198.51.100.0' }));
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
  expect(decision('default/a')?.ips.map(String)).toHaveLength(1);
  expect(site.daemon.engine.services.allocator.holds('default/b')).toBe(true);
});

test('endpoints decide as soon as there is a slice', async () => {
  const slice = (ready: boolean): string =>
    `${JSON.stringify({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'a-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'a' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.1.1'], conditions: { ready } }],
      ports: [{ port: 80 }],
    })}\n`;
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  site.folder.put('a.yaml', serviceDocument('a'));
  await site.start();
  await router.knows('198.51.100.0/32');
  site.folder.put('slice.yaml', slice(false));
  await router.knows();
  expect(decision('default/a')?.bgp.reason).toBe('noEndpoints');
  site.folder.put('slice.yaml', slice(true));
  await router.knows('198.51.100.0/32');
  site.folder.put('slice.yaml', slice(false));
  await router.knows();
  site.folder.remove('slice.yaml');
  await router.knows('198.51.100.0/32');
});

test('a restart gives every Service the address it had, and forgets those that are gone', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/30'));
  for (const name of ['a', 'b', 'c', 'd']) site.folder.put(`${name}.yaml`, serviceDocument(name));
  await site.start();
  await soon('all are announced', () => router.routes.size === 4);
  const before = decision('default/c')?.ips;
  site.folder.remove('a.yaml');
  await soon('a is gone', () => router.routes.size === 3);
  await site.daemon.stop();
  // While it was down, another came that would sort first, and b went.
  site.folder.remove('b.yaml');
  for (const name of ['0', '1']) site.folder.put(`${name}.yaml`, serviceDocument(`s${name}`));
  await site.restart();
  await soon('all are announced again', () => router.routes.size === 4);
  expect(decision('default/c')?.ips).toEqual(before);
  expect(decision('default/s1')?.bgp.announced).toBe(true);
});

test('a change of class or type lets the address go', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/32'));
  site.folder.put('a.yaml', serviceDocument('a'));
  await site.start();
  await router.knows('198.51.100.0/32');
  site.folder.put('b.yaml', serviceDocument('b'));
  await soon('b waits', () => decision('default/b')?.allocation?.reason === 'poolExhausted');
  site.folder.put('a.yaml', serviceDocument('a').replace('LoadBalancer', 'ClusterIP'));
  await soon('b has it', () => decision('default/b')?.bgp.announced);
  expect(decision('default/a')?.bgp.reason).toBe('notLoadBalancer');
  await aWhile(100);
  expect(router.prefixes).toEqual(['198.51.100.0/32']);
});

/** One endpoint on each of these nodes. */
const slices = (name: string, nodes: Readonly<Record<string, 'ready' | 'terminating' | 'gone'>>): string =>
  `${JSON.stringify({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: Object.entries(nodes).map(([nodeName, state], i) => ({
      addresses: [`10.1.1.${i}`],
      nodeName,
      conditions: { ready: state === 'ready', serving: state !== 'gone', terminating: state !== 'ready' },
    })),
  })}\n`;

const localDocument = (name: string): string => {
  const object = serviceObject(name) as { spec: object };
  return `${JSON.stringify({ ...object, spec: { ...object.spec, externalTrafficPolicy: 'Local' } })}\n`;
};

test('a drain under way gives up what it has kept once it is to keep nothing', async () => {
  const drain = { onShutdown: false, wait: '0s' };
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  for (const name of ['a', 'b']) site.folder.put(`${name}.yaml`, localDocument(name));
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'ready' }));
  await site.start({ drain });
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
  await site.daemon.drainer.begin('operator');
  await router.knows('198.51.100.0/32');
  site.speaker({ drain: { ...drain, keepSoleLocal: false } });
  await router.knows();
  site.speaker({ drain });
  await router.knows('198.51.100.0/32');
  site.daemon.drainer.end('operator');
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
});

test('traffic is moved to ready endpoints before the last one here ends, and that is told once', async () => {
  site.folder.put('pool.yaml', pool('198.51.100.0/24'));
  site.folder.put('a.yaml', localDocument('a'));
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'ready', 'node-b': 'ready' }));
  await site.start({ drain: { onShutdown: false, terminating: 'lower' } });
  await router.knows('198.51.100.0/32');
  const known = () => {
    const { localPref, communities } = router.routes.get('198.51.100.0/32') ?? {};
    return [localPref, ...(communities ?? [])].join(' ');
  };
  const becomes = (what: string) => soon(what, () => known() === what).catch(() => expect(known()).toBe(what));
  expect(known()).toBe('100');

  // All end at once: nobody is better, and nothing is said.
  router.forget();
  await site.accepts(() =>
    site.folder.put('slices.yaml', slices('a', { 'node-a': 'terminating', 'node-b': 'terminating' })),
  );
  await soon('it is decided', () => site.daemon.engine.services.backlog === 0);
  await aWhile();
  expect([known(), router.updates]).toEqual(['100', 0]);

  site.folder.put('slices.yaml', slices('a', { 'node-a': 'terminating', 'node-b': 'ready' }));
  await becomes('0 65535:0');
  expect([router.announced, router.withdrawn]).toEqual([1, 0]);
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'terminating', 'node-b': 'gone', 'node-c': 'ready' }));
  await soon('another node has it', () => decision('default/a')?.bgp.detail.includes('node-c'));
  expect(router.announced).toBe(1);
  const told = () =>
    [...site.daemon.chronicle.journal.rows()]
      .filter(({ subject }) => subject === 'default/a')
      .map(({ event, reason, count }) => [event, reason, count]);
  const lowered = ['lowered (BGP)', 'endpointsTerminating', 1];
  expect(told()).toEqual([['announced (BGP)', null, 1], lowered]);
  expect(site.messages('service lowered')).toEqual([
    expect.objectContaining({ service: 'default/a', reason: 'endpointsTerminating', protocol: 'bgp' }),
  ]);

  // The pod of node-c fails, and this one's is all there is.
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'terminating', 'node-b': 'gone', 'node-c': 'gone' }));
  await becomes('100');
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'terminating', 'node-b': 'ready' }));
  await becomes('0 65535:0');
  site.folder.put('slices.yaml', slices('a', { 'node-a': 'gone', 'node-b': 'ready' }));
  await router.knows();
  expect(router.withdrawn).toBe(1);
  const events = told().map(([event]) => event);
  expect(events).toEqual(['announced', 'lowered', 'raised again', 'lowered', 'withdrawn'].map((e) => `${e} (BGP)`));
});

test('Services whose status names what no pool has are decided once, and leave the others alone', () => {
  const strays = ['a', 'b'].map((name) => service(name, { ingress: ingress('192.0.2.99') }));
  const waiting = service('c');
  const services = new Services();
  const parts = {
    speaker: speaker(),
    aliases: new Map(),
    pools: [poolOf('main', ['198.51.100.0/32'])],
    services: [...strays, service('d'), waiting],
  };
  const decide = () => {
    const keys: string[] = [];
    for (let one = services.step(); one !== undefined && keys.length < 100; one = services.step()) keys.push(one.key);
    return keys.sort();
  };
  services.apply(configuration(parts));
  expect(decide()).toEqual(['default/a', 'default/b', 'default/c', 'default/d']);
  // They have addresses, and are refused them, again and again.
  services.apply(
    configuration({ ...parts, slices: strays.map((one) => slice(one, endpoint({ nodeName: 'node-a' }))) }),
  );
  expect(decide()).toEqual(['default/a', 'default/b']);
});

test('who prefers both families gets the second as soon as the pool has one', () => {
  const services = new Services();
  const [first, second] = [service('a'), service('b', { ipFamilyPolicy: 'PreferDualStack' })];
  const ground = {
    speaker: speaker(),
    aliases: new Map(),
    pools: [poolOf('main', ['198.51.100.0/32', '2001:db8::/64'])],
  };
  const decide = () => {
    while (services.step() !== undefined);
    return services.decisions.get('default/b')!.ips.map(formatAddress);
  };
  services.apply(configuration({ ...ground, services: [first, second] }));
  expect(decide()).toEqual(['2001:db8::']);
  services.apply(configuration({ ...ground, services: [second] }));
  expect(decide()).toEqual(['198.51.100.0', '2001:db8::']);
});

test('who falls silent has no traffic handed over to', () => {
  const local = service('a', {
    ingress: ingress('198.51.100.1'),
    externalTrafficPolicy: 'Local',
    terminating: 'lower',
  });
  const plain = service('b', { ingress: ingress('198.51.100.2'), externalTrafficPolicy: 'Local' });
  const endpoints = [endpoint({ nodeName: 'node-a', ready: false, serving: true }), endpoint({ nodeName: 'node-b' })];
  const services = new Services();
  services.apply(
    configuration({
      speaker: speaker({ membership: { ...listed('node-a', 'node-b'), type: 'bfd' } }),
      pools: [poolOf('main', ['198.51.100.0/24'])],
      advertisements: [advertisement('main', ['main'])],
      services: [local, plain],
      slices: [slice(local, ...endpoints), slice(plain, ...endpoints)],
    }),
  );
  const decide = () => {
    const found: (readonly [string, boolean | undefined])[] = [];
    for (let one = services.step(); one !== undefined; one = services.step())
      found.push([one.key, one.after?.bgp.contributions.every(({ policy }) => policy.drained)]);
    return found;
  };
  expect(decide()).toEqual([
    ['default/a', true],
    ['default/b', false],
  ]);
  services.hear(new Set(['node-b']), false);
  expect(decide()).toEqual([['default/a', false]]);
  services.hear(new Set(), false);
  expect(decide()).toEqual([['default/a', true]]);
});
