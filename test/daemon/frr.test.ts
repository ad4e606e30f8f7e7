/** FRRConfigurations on a daemon with real sessions on loopback. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { peerRows, receivedRows } from '../../src/daemon/views.ts';
import { address } from '../../src/lib/address.ts';
import {
  advertisementDocument,
  all,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

let one: Router;
let two: Router;
let site: Site;
beforeEach(async () => {
  one = await new Router({ address: '127.0.2.1', families: ['ipv4'] }).start();
  two = await new Router({ address: '127.0.2.2', asn: 64513, families: ['ipv4'] }).start();
  site = new Site();
  site.folder.put(
    'services.yaml',
    all(poolDocument('main', ['198.51.100.0/24']), advertisementDocument('main', 'main'), serviceDocument('web')),
  );
});
afterEach(async () => {
  await site.stop();
  await one.stop();
  await two.stop();
});

/** What is learned stays out of this machine's tables. */
const learning = { kernel: { install: false } };

const neighbor = (router: Router, more: object = {}): object => ({
  address: router.address,
  asn: router.asn,
  port: router.port,
  sourceaddress: '127.0.0.1',
  ...more,
});
const configuration = (neighbors: readonly object[], prefixes: readonly string[] = []): string =>
  `apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: own}\nspec: ${JSON.stringify({ bgp: { routers: [{ asn: 64512, prefixes, neighbors }] } })}\n`;
const put = (...arguments_: Parameters<typeof configuration>) =>
  site.folder.put('frr.yaml', configuration(...arguments_));
const names = () => [...peerRows(site.daemon.speaker, {})].map((row) => row?.name);
const states = () =>
  Object.fromEntries(
    [...receivedRows(site.daemon.speaker, {})].map((row) => [row!.prefix, row!.accepted ? 'accepted' : row!.reason]),
  );

test('a session with a BGPPeer has the routes of Services, one without has what names it', async () => {
  site.folder.put('peer.yaml', peerDocument('one', one, { dualStackAddressFamily: false }));
  const toAdvertise = {
    allowed: { mode: 'all' },
    withCommunity: [{ community: '64512:7', prefixes: ['203.0.113.0/24'] }],
  };
  put([neighbor(one, { toAdvertise }), neighbor(two, { toAdvertise })], ['203.0.113.0/24']);
  await site.start();
  await one.knows('198.51.100.0/32', '203.0.113.0/24');
  await two.knows('203.0.113.0/24');
  expect(names()).toEqual(['127.0.2.2', 'one']);
  expect(two.routes.get('203.0.113.0/24')).toMatchObject({
    communities: ['64512:7'],
    asPath: [64512],
    nextHop: '127.0.0.1',
  });
  expect(one.routes.get('203.0.113.0/24')).toMatchObject({ communities: ['64512:7'], localPref: 100 });
});

test('what is told and what is taken changes without a new session', async () => {
  put([neighbor(two)], ['203.0.113.0/24']);
  await site.start(learning);
  await two.knows();
  two.announce('10.1.0.0/16', { origin: 'igp', asPath: [], nextHop: address('127.0.2.2') });
  two.announce('10.2.0.0/24', { origin: 'igp', asPath: [], nextHop: address('127.0.2.2') });
  await soon('both refused', () => Object.values(states()).join() === 'noReceivePolicy,noReceivePolicy');

  const toAdvertise = { allowed: { mode: 'all' }, nextHop: { ipv4: '127.0.2.9' } };
  put(
    [neighbor(two, { toAdvertise, toReceive: { allowed: { prefixes: [{ prefix: '10.0.0.0/8', le: 16 }] } } })],
    ['203.0.113.0/24'],
  );
  await two.knows('203.0.113.0/24');
  expect(two.routes.get('203.0.113.0/24')?.nextHop).toBe('127.0.2.9');
  await soon('one accepted', () => states()['10.1.0.0/16'] === 'accepted');
  expect(states()).toEqual({ '10.1.0.0/16': 'accepted', '10.2.0.0/24': 'notAllowed' });
  expect([...peerRows(site.daemon.speaker, {})][0]!.prefixes).toMatchObject({ received: 2, accepted: 1 });

  put(
    [neighbor(two, { toAdvertise: { allowed: { mode: 'all' } }, toReceive: { allowed: { mode: 'all' } } })],
    ['203.0.113.0/24'],
  );
  await soon('our own next hop', () => two.routes.get('203.0.113.0/24')?.nextHop === '127.0.0.1');
  await soon('both accepted', () => Object.values(states()).join() === 'accepted,accepted');
  expect(two.sessions).toBe(1);
});

test('a prefix that this node announces is taken from nobody, until it announces it no more', async () => {
  put([neighbor(two, { toReceive: { allowed: { mode: 'all' } } })]);
  await site.start(learning);
  await two.knows();
  const theirs = { origin: 'igp', asPath: [], nextHop: address('127.0.2.2') } as const;
  two.announce('198.51.100.0/32', theirs);
  two.announce('198.51.100.1/32', theirs);
  await soon('both', () => Object.keys(states()).length === 2);
  expect(states()).toEqual({ '198.51.100.0/32': 'ownPrefix', '198.51.100.1/32': 'accepted' });
  const accepted = () => [...peerRows(site.daemon.speaker, {})][0]!.prefixes.accepted;
  expect(accepted()).toBe(1);
  site.folder.put(
    'services.yaml',
    all(poolDocument('main', ['198.51.100.0/24']), advertisementDocument('main', 'main')),
  );
  await soon('the other one', () => accepted() === 2);
  expect(states()['198.51.100.0/32']).toBe('accepted');
});

test('a source address that is an interface: there when the interface has one', async () => {
  put([neighbor(two, { sourceaddress: 'lo', toAdvertise: { allowed: { mode: 'all' } } })], ['203.0.113.0/24']);
  await site.start();
  await two.knows('203.0.113.0/24');
  put([neighbor(two, { sourceaddress: 'nowhere0' })], ['203.0.113.0/24']);
  await soon('no session', () => !two.established);
  const { missing } = site.daemon.engine.roster;
  const [row] = [...peerRows(site.daemon.speaker, {}, missing)];
  expect(row).toMatchObject({
    name: '127.0.2.2',
    address: '127.0.2.2',
    state: 'Idle',
    lastError: expect.stringContaining('nowhere0'),
  });
});

test('a BGPPeer that joins a session of an FRRConfiguration replaces it', async () => {
  put([neighbor(two, { toReceive: { allowed: { mode: 'all' } } })]);
  await site.start(learning);
  await two.knows();
  site.folder.put('peer.yaml', peerDocument('two', two, { dualStackAddressFamily: false }));
  await two.knows('198.51.100.0/32');
  expect(names()).toEqual(['two']);
});

test('the metrics of frr-k8s have values once there is a document of it', async () => {
  site.folder.put('peer.yaml', peerDocument('one', one));
  await site.start();
  await one.knows('198.51.100.0/32');
  const up = async () => [...(await site.metrics()).matchAll(/^(\w+_bgp_session_up\{.*)$/gm)].map(([, line]) => line);
  expect(await up()).toEqual([`metallb_bgp_session_up{peer="127.0.2.1:${one.port}",vrf=""} 1`]);
  await site.accepts(() => put([neighbor(one)]));
  expect(await up()).toContain('frrk8s_bgp_session_up{peer="127.0.2.1",vrf=""} 1');
  expect(await site.metrics()).toMatch(/^frrk8s_bgp_received_prefixes_total\{peer="127\.0\.2\.1",vrf=""\} 0$/m);
  expect(await site.metrics()).toMatch(/^frrk8s_k8s_client_config_loaded_bool 1$/m);
});
