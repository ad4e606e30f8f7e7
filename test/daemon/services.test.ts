/** Services through the daemon: pools that run dry, addresses that nobody may have, and what survives a restart. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  advertisementDocument,
  all,
  aWhile,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

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
