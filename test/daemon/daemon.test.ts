/** The published examples through a whole daemon and real sessions. */
import { afterEach, describe, expect, test } from 'vitest';
import type { RouteJson } from '../../src/daemon/routes.ts';
import { configView } from '../../src/daemon/views.ts';
import {
  aWhile,
  fixture,
  peerDocument,
  Router,
  type RouterOptions,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function router(options: RouterOptions = {}): Promise<Router> {
  const one = await new Router(options).start();
  open.push(one);
  return one;
}

function site(options: ConstructorParameters<typeof Site>[0] = {}): Site {
  const one = new Site(options);
  open.push(one);
  return one;
}

const route = (changes: Partial<RouteJson>): RouteJson => ({
  nextHop: '127.0.0.1',
  origin: 'igp',
  asPath: [],
  localPref: 100,
  med: null,
  communities: [],
  largeCommunities: [],
  ...changes,
});
const v6 = { nextHop: '::1' };

const ADVANCED = 'doc-example-bgp-adv';
const hosts = ['203.0.113.200/32', 'fc00:f853:ccd:e799::/128'] as const;
const aggregates = ['203.0.113.200/30', 'fc00:f853:ccd:e799::/124'] as const;
const second = ['203.0.113.201/32', 'fc00:f853:ccd:e799::1/128'] as const;

async function advanced(r: Router): Promise<Site> {
  const s = site();
  s.folder.put('pool.yaml', fixture('seed-001-advanced.yaml'));
  s.folder.put('peer.yaml', peerDocument('router', r));
  s.folder.put('web.yaml', serviceDocument('web', { pool: ADVANCED, dual: true }));
  return await s.start();
}

test('what cannot be taken back at the end keeps nothing else from it: the peer is told', async () => {
  const r = await router();
  const s = await advanced(r);
  await r.knows(...hosts, ...aggregates);
  s.daemon.egress.stop = () => Promise.reject(new Error('planted'));
  await s.daemon.stop();
  await soon('the farewell', () => r.ends.length === 1);
  expect(r.ends[0]).toContain('Cease/Administrative Shutdown');
  expect(s.messages('cannot be taken back')[0]).toMatchObject({ reason: 'planted' });
});

describe('the advanced example', () => {
  test('iBGP: four routes, localPref 100 on each, one community each', async () => {
    const r = await router();
    await advanced(r);
    await r.knows(...hosts, ...aggregates);
    const host = { communities: ['65535:65282'] };
    const aggregate = { communities: ['8000:800'] };
    expect(Object.fromEntries(r.routes)).toEqual({
      '203.0.113.200/32': route(host),
      '203.0.113.200/30': route(aggregate),
      'fc00:f853:ccd:e799::/128': route({ ...host, ...v6 }),
      'fc00:f853:ccd:e799::/124': route({ ...aggregate, ...v6 }),
    });
  });

  test('eBGP: our AS, no localPref', async () => {
    const r = await router({ asn: 64513 });
    await advanced(r);
    await r.knows(...hosts, ...aggregates);
    const external = { localPref: null, asPath: [64512] };
    expect(r.routes.get('203.0.113.200/32')).toEqual(route({ ...external, communities: ['65535:65282'] }));
    expect(r.routes.get('203.0.113.200/30')).toEqual(route({ ...external, communities: ['8000:800'] }));
    expect(r.routes.get('fc00:f853:ccd:e799::/124')).toEqual(route({ ...external, ...v6, communities: ['8000:800'] }));
  });

  test('a second Service adds its host routes alone; the last one takes the aggregates with it', async () => {
    const r = await router();
    const s = await advanced(r);
    await r.knows(...hosts, ...aggregates);
    r.forget();
    s.folder.put('shop.yaml', serviceDocument('shop', { pool: ADVANCED, dual: true }));
    await r.knows(...hosts, ...second, ...aggregates);
    expect([r.announced, r.withdrawn]).toEqual([2, 0]);
    s.folder.remove('web.yaml');
    await r.knows(...second, ...aggregates);
    expect([r.announced, r.withdrawn]).toEqual([2, 2]);
    s.folder.remove('shop.yaml');
    await r.knows();
    expect([r.announced, r.withdrawn]).toEqual([2, 6]);
    expect(r.sessions).toBe(1);
  });

  test('without aggregationLengthV6 it is refused, the last good configuration stays, and the repair is taken', async () => {
    const r = await router();
    const s = await advanced(r);
    await r.knows(...hosts, ...aggregates);
    r.forget();
    const good = s.folder.read('pool.yaml');
    const bad = good.replace(/\n {2}aggregationLengthV6: 124/, '');
    expect(bad).not.toBe(good);
    await s.refuses(() => s.folder.put('pool.yaml', bad), /local preference 100 was already set/);
    const view = configView(s.daemon.documents.reading, s.daemon.engine);
    expect(view).toMatchObject({ valid: false, stale: true });
    const [error] = view.errors;
    expect(error).toMatchObject({ file: s.folder.file('pool.yaml'), severity: 'error' });
    expect(error!.line).toBeGreaterThan(14);
    expect(error!.column).toBeGreaterThan(0);
    expect(await s.metrics()).toMatch(/^metallb_k8s_client_config_stale_bool 1$/m);
    expect(s.messages('the last good one stays in force')).toHaveLength(1);
    // What is in force goes on being kept up, refused or not.
    await aWhile();
    expect(r.prefixes).toEqual([...hosts, ...aggregates].sort());
    expect(r.updates).toBe(0);

    await s.accepts(() => s.folder.put('pool.yaml', good));
    expect(await s.metrics()).toMatch(/^metallb_k8s_client_config_stale_bool 0$/m);
    await aWhile();
    expect([r.updates, r.sessions, r.prefixes.length]).toEqual([0, 1, 4]);
  });
});

test('the basic example: host routes of both families, with the default preference', async () => {
  const r = await router();
  const s = site();
  s.folder.put('pool.yaml', fixture('seed-001-basic.yaml'));
  s.folder.put('peer.yaml', peerDocument('router', r));
  s.folder.put('web.yaml', serviceDocument('web', { dual: true }));
  await s.start();
  await r.knows(...hosts);
  expect(Object.fromEntries(r.routes)).toEqual({ [hosts[0]]: route({}), [hosts[1]]: route(v6) });
  // MetalLB's native mode says 0 instead; an edit of the Speaker re-sends every route and resets nobody.
  r.forget();
  s.speaker({ defaultLocalPref: 0 });
  await soon('the preference changed', () => r.routes.get(hosts[0])?.localPref === 0);
  expect(r.routes.get(hosts[1])?.localPref).toBe(0);
  expect([r.announced, r.withdrawn, r.sessions]).toEqual([2, 0, 1]);
});

describe.each(['nodeSelector', 'nodeSelectors'])('the node-subset example spelt %s', (spelling) => {
  const text = fixture('seed-001-nodes.yaml').replace('nodeSelector:', `${spelling}:`);

  test('announces on a node it selects, and nothing on another', async () => {
    const r = await router();
    const s = site({ node: 'NodeA' });
    s.folder.put('pool.yaml', text);
    s.folder.put('peer.yaml', peerDocument('router', r));
    s.folder.put('web.yaml', serviceDocument('web', { dual: true }));
    await s.start();
    await r.knows('4.4.4.100/32', '2001:100:4::200/128');

    await s.restart({ node: 'NodeC' });
    await soon('the session is back', () => r.sessions === 2 && r.established);
    expect(s.daemon.engine.services.decisions.get('default/web')?.bgp).toMatchObject({
      announced: false,
      reason: 'notOwner',
    });
    await aWhile();
    expect(r.prefixes).toEqual([]);
  });
});

test('two peers and two pools: what is red never reaches blue, whatever is reloaded', async () => {
  const red = await router({ address: '127.0.0.10', asn: 64514, nodeAsn: 64515 });
  const blue = await router({ address: '127.0.0.11', asn: 64514, nodeAsn: 64515 });
  const s = site();
  // The published peers, at addresses that exist here.
  const peers = (holdTime: string) =>
    fixture('seed-002-peers.yaml')
      .replace(
        '192.169.10.1',
        `127.0.0.10\n  peerPort: ${red.port}\n  sourceAddress: 127.0.0.1\n  holdTime: ${holdTime}`,
      )
      .replace('192.169.11.1', `127.0.0.11\n  peerPort: ${blue.port}\n  sourceAddress: 127.0.0.1`);
  s.folder.put('peers.yaml', peers('90s'));
  s.folder.put('pools.yaml', fixture('seed-002-pools.yaml'));
  s.folder.put('advertisements.yaml', fixture('seed-002-advertisements.yaml'));
  s.folder.put('red.yaml', serviceDocument('web', { namespace: 'red' }));
  s.folder.put('blue.yaml', serviceDocument('web', { namespace: 'blue' }));
  await s.start();
  await red.knows('172.30.0.10/32');
  await blue.knows('172.30.1.10/32');

  s.folder.put('more.yaml', serviceDocument('shop', { namespace: 'red' }));
  await red.knows('172.30.0.10/32', '172.30.0.11/32');
  s.folder.put('peers.yaml', peers('30s'));
  await soon('red was reset', () => red.sessions === 2);
  await red.knows('172.30.0.10/32', '172.30.0.11/32');
  s.folder.put('pools.yaml', fixture('seed-002-pools.yaml').replace('172.30.0.10-', '172.30.0.11-'));
  await red.knows('172.30.0.11/32', '172.30.0.12/32');
  s.folder.remove('blue.yaml');
  await blue.knows();
  s.folder.put('blue.yaml', serviceDocument('web', { namespace: 'blue' }));
  await blue.knows('172.30.1.10/32');
  s.folder.put(
    'advertisements.yaml',
    fixture('seed-002-advertisements.yaml').replace('    - peerred\n', '    - peerred\n    - nobody\n'),
  );
  await aWhile();
  await s.daemon.documents.reload();

  expect([...blue.heard].filter((p) => !p.startsWith('172.30.1.'))).toEqual([]);
  expect([...red.heard].filter((p) => !p.startsWith('172.30.0.'))).toEqual([]);
  expect(blue.sessions).toBe(1);
});
