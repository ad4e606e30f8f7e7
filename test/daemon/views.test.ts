/** The JSON that scripts build on: every field of every shape, and what the filters leave. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Peer } from '../../src/daemon/peer.ts';
import {
  advertisedRows,
  configView,
  type Filter,
  peerRows,
  receivedRows,
  serviceRows,
} from '../../src/daemon/views.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
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
  one = await new Router({ address: '127.0.2.1' }).start();
  two = await new Router({ address: '127.0.2.2', asn: 64513 }).start();
  site = new Site();
  site.folder.put(
    'pool.yaml',
    all(
      poolDocument('main', ['198.51.100.0/24', '2001:db8::/120']),
      advertisementDocument('main', 'main', { communities: ['64512:1'], aggregationLength: 24 }),
      advertisementDocument('host', 'main', { communities: ['64512:2'], peers: ['two'] }),
    ),
  );
  site.folder.put('peers.yaml', all(peerDocument('two', two), peerDocument('one', one)));
  site.folder.put('web.yaml', serviceDocument('web', { dual: true }));
  site.folder.put('lost.yaml', serviceDocument('lost', { ip: '203.0.113.1' }));
  await site.start();
  await one.knows('198.51.100.0/24', '2001:db8::/128');
  await two.knows('198.51.100.0/24', '198.51.100.0/32', '2001:db8::/128');
});
afterEach(async () => {
  await site.stop();
  await one.stop();
  await two.stop();
});

const rows = <T>(generator: Iterable<T>): NonNullable<T>[] => [...generator].filter((row) => row != null);

test('peers', () => {
  const [first, second, ...more] = rows(peerRows(site.daemon.speaker, {}));
  expect(more).toEqual([]);
  expect(second!.name).toBe('two');
  expect(first).toMatchObject({
    name: 'one',
    address: '127.0.2.1',
    port: one.port,
    vrf: '',
    interface: '',
    localAsn: 64512,
    peerAsn: 64512,
    state: 'Established',
    routerId: '127.0.2.1',
    holdTimeSec: 90,
    keepaliveSec: 30,
    families: ['ipv4', 'ipv6'],
    prefixes: { advertised: 2, received: 0, accepted: 0 },
    flaps: 0,
    lastError: '',
  });
  expect(first!.uptimeSec).toBeGreaterThanOrEqual(0);
  expect(Date.parse(first!.lastChange!)).toBeGreaterThan(Date.now() - 60_000);
  for (const field of ['bfd', 'gracefulRestart']) expect(first).toHaveProperty(field);
  const { sent, received, negotiated } = first!.capabilities;
  expect(sent).toEqual(expect.arrayContaining(['multiprotocol 1/1', 'multiprotocol 2/1', 'fourOctetAs 64512']));
  expect(received).toEqual(expect.arrayContaining(['multiprotocol 1/1', 'fourOctetAs 64512']));
  expect(negotiated).toEqual(expect.arrayContaining(['multiprotocol ipv4', 'multiprotocol ipv6', 'fourOctetAs']));
  expect(first!.messages.sent).toMatchObject({ open: 1, notification: 0, update: one.updates });
  expect(first!.messages.received).toMatchObject({ open: 1, update: expect.any(Number) });
});

test('a peer that never answered', async () => {
  await site.accepts(() => site.folder.put('three.yaml', peerDocument('three', one, { peerPort: 1 })));
  const three = await soon('its failure', () => {
    const [row] = rows(peerRows(site.daemon.speaker, { peer: 'three' }));
    return row?.lastError ? row : undefined;
  });
  expect(three).toMatchObject({
    uptimeSec: 0,
    routerId: null,
    lastError: expect.stringContaining('refused'),
    flaps: 0,
  });
  expect(three.state).toMatch(/^(Idle|Connect|Active)$/);
  expect(three.capabilities).toEqual({ sent: [], received: [], negotiated: [] });
});

test('advertised', () => {
  const sorted = rows(advertisedRows(site.daemon.speaker, site.daemon.engine, {})).sort((a, b) =>
    `${a.peer} ${a.prefix}` < `${b.peer} ${b.prefix}` ? -1 : 1,
  );
  const common = { origin: 'igp', med: null, largeCommunities: [] };
  const internal = { ...common, peer: 'one', asPath: [], localPref: 100 };
  const external = { ...common, peer: 'two', asPath: [64512], localPref: null };
  expect(sorted).toEqual([
    {
      ...internal,
      prefix: '198.51.100.0/24',
      nextHop: '127.0.0.1',
      communities: ['64512:1'],
      from: ['BGPAdvertisement/main'],
    },
    {
      ...internal,
      prefix: '2001:db8::/128',
      nextHop: '::1',
      communities: ['64512:1'],
      from: ['BGPAdvertisement/main'],
    },
    {
      ...external,
      prefix: '198.51.100.0/24',
      nextHop: '127.0.0.1',
      communities: ['64512:1'],
      from: ['BGPAdvertisement/main'],
    },
    {
      ...external,
      prefix: '198.51.100.0/32',
      nextHop: '127.0.0.1',
      communities: ['64512:2'],
      from: ['BGPAdvertisement/host'],
    },
    {
      ...external,
      prefix: '2001:db8::/128',
      nextHop: '::1',
      communities: ['64512:1', '64512:2'],
      from: ['BGPAdvertisement/host', 'BGPAdvertisement/main'],
    },
  ]);
});

describe('filters', () => {
  const count = (filter: Filter): number =>
    rows(advertisedRows(site.daemon.speaker, site.daemon.engine, filter)).length;

  test.each<[string, Filter, number]>([
    ['by name', { peer: 'one' }, 2],
    ['by address', { peer: '127.0.2.2' }, 3],
    ['by nobody', { peer: 'nobody' }, 0],
    ['by family', { family: 'ipv6' }, 2],
    ['by prefix and what is inside', { prefix: prefix('198.51.100.0/24') }, 3],
    ['by the prefix alone', { prefix: prefix('198.51.100.0/32') }, 1],
    ['by all of them', { peer: 'two', family: 'ipv4', prefix: prefix('0.0.0.0/0') }, 2],
  ])('%s', (_, filter, expected) => expect(count(filter)).toBe(expected));

  test('peers', () => {
    expect(rows(peerRows(site.daemon.speaker, { peer: '127.0.2.1' })).map((row) => row.name)).toEqual(['one']);
    expect(rows(peerRows(site.daemon.speaker, { family: 'ipv6' })).map((row) => row.name)).toEqual(['one', 'two']);
  });

  test('peers that are looked for on a link, too', () => {
    const { settings } = site.daemon.speaker.all.get('one')!;
    const missing = [
      { settings: { ...settings, name: 'red', vrf: 'red' }, reason: 'noRouter' },
      { settings: { ...settings, name: 'plain' }, reason: 'noRouter' },
    ];
    const names = (filter: Filter) => rows(peerRows(site.daemon.speaker, filter, missing)).map((row) => row.name);
    expect(names({})).toEqual(['one', 'plain', 'red', 'two']);
    expect(names({ vrf: 'red' })).toEqual(['red']);
    expect(names({ vrf: '' })).toEqual(['one', 'plain', 'two']);
  });

  test('a peer that is yet to be found on its link is to be told as well', async () => {
    const link = peerDocument('link', one, { interface: 'none0', peerAddress: undefined, sourceAddress: undefined });
    await site.accepts(() => site.folder.put('link.yaml', link));
    const { speaker, engine } = site.daemon;
    const web = rows(serviceRows(speaker, engine, site.daemon, { peer: 'link' }));
    expect(web).toMatchObject([{ service: 'default/web', bgp: { peers: expect.arrayContaining(['link']) } }]);
  });

  test('services', () => {
    const { speaker, engine } = site.daemon;
    const names = (filter: Filter) => rows(serviceRows(speaker, engine, site.daemon, filter)).map((row) => row.service);
    expect(names({})).toEqual(['default/lost', 'default/web']);
    expect(names({ family: 'ipv6' })).toEqual(['default/web']);
    expect(names({ prefix: prefix('203.0.113.0/24') })).toEqual(['default/lost']);
    expect(names({ peer: '127.0.2.2' })).toEqual(['default/web']);
    expect(names({ peer: 'nobody' })).toEqual([]);
    expect(names({ vrf: '' })).toEqual(['default/web']);
    expect(names({ vrf: 'red' })).toEqual([]);
  });
});

test('received: what a router says is shown with why it is not used', async () => {
  const nextHop = address('127.0.2.1');
  one.announce('203.0.113.0/24', {
    origin: 'incomplete',
    asPath: [],
    nextHop,
    localPref: 50,
    med: 7,
    communities: [65536],
  });
  one.announce('2001:db8:ff::/48', { origin: 'igp', asPath: [], nextHop: address('::1'), localPref: 60 });
  await soon('both routes', () => rows(receivedRows(site.daemon.speaker, {})).length === 2);
  expect(rows(receivedRows(site.daemon.speaker, { family: 'ipv4' }))).toEqual([
    {
      peer: 'one',
      vrf: '',
      prefix: '203.0.113.0/24',
      nextHop: '127.0.2.1',
      origin: 'incomplete',
      asPath: [],
      localPref: 50,
      med: 7,
      communities: ['1:0'],
      largeCommunities: [],
      accepted: false,
      reason: expect.any(String),
      best: false,
      stale: false,
    },
  ]);
  expect(rows(receivedRows(site.daemon.speaker, { peer: 'two' }))).toEqual([]);
});

test('rows leave in slices: what goes between two of them is left out, and breaks nothing off', () => {
  const { speaker, engine } = site.daemon;
  const services = serviceRows(speaker, engine, site.daemon);
  expect(services.next().value).toMatchObject({ service: 'default/lost' });
  const { decisions } = engine.services;
  const web = decisions.get('default/web')!;
  decisions.delete('default/web');
  expect(services.next()).toEqual({ done: true, value: undefined });
  decisions.set('default/web', web);
});

test('what another peer has sent is never said to be of one that has gone meanwhile', async () => {
  const { speaker } = site.daemon;
  for (const text of ['203.0.113.0/25', '203.0.113.128/25'])
    one.announce(text, { origin: 'igp', asPath: [], nextHop: address('127.0.2.1'), localPref: 50 });
  await soon('both routes', () => rows(receivedRows(speaker, {})).length === 2);
  const received = receivedRows(speaker, {});
  expect(received.next().value).toMatchObject({ peer: 'one' });
  // Its slot goes to whoever is the next peer.
  const peers = speaker.all as Map<string, Peer>;
  const peer = peers.get('one')!;
  peers.delete('one');
  expect(received.next()).toEqual({ done: true, value: undefined });
  peers.set('one', peer);
});

test('a peer that is yet to be found on its link is to be told as well', async () => {
  const link = peerDocument('link', one, { interface: 'none0', peerAddress: undefined, sourceAddress: undefined });
  await site.accepts(() => site.folder.put('link.yaml', link));
  const { speaker, engine } = site.daemon;
  const web = rows(serviceRows(speaker, engine, site.daemon, { peer: 'link' }));
  expect(web).toMatchObject([{ service: 'default/web', bgp: { peers: expect.arrayContaining(['link']) } }]);
});

test('services', () => {
  expect(rows(serviceRows(site.daemon.speaker, site.daemon.engine, site.daemon))).toMatchObject([
    {
      service: 'default/lost',
      pool: null,
      bgp: { announced: false, reason: 'ipNotAllowed', peers: [], prefixes: [] },
      layer2: { announced: false, reason: expect.any(String), interfaces: [], owner: null },
    },
    {
      service: 'default/web',
      ips: ['198.51.100.0', '2001:db8::'],
      pool: 'main',
      bgp: {
        announced: true,
        reason: null,
        peers: ['one', 'two'],
        prefixes: ['198.51.100.0/24', '198.51.100.0/32', '2001:db8::/128'],
      },
    },
  ]);
});

test('config', async () => {
  const view = () => configView(site.daemon.documents.reading, site.daemon.engine);
  expect(view()).toMatchObject({ node: 'node-a', valid: true, stale: false, errors: [] });
  expect(Date.parse(view().loadedAt!)).toBeLessThanOrEqual(Date.now());
  expect(view().files).toEqual(
    ['lost.yaml', 'peers.yaml', 'pool.yaml', 'speaker.yaml', 'web.yaml'].map((name) => site.folder.file(name)),
  );
  expect(view().documents.map((d) => `${d.kind}/${d.namespace}/${d.name}`)).toEqual([
    'BGPAdvertisement/metallb-system/host',
    'BGPAdvertisement/metallb-system/main',
    'BGPPeer/metallb-system/one',
    'BGPPeer/metallb-system/two',
    'IPAddressPool/metallb-system/main',
    'Service/default/lost',
    'Service/default/web',
    'Speaker//node-a',
  ]);
  expect(view().documents[0]).toMatchObject({ file: site.folder.file('pool.yaml'), line: expect.any(Number) });
  await site.refuses(() => site.folder.put('more.yaml', poolDocument('more', ['198.51.100.7/32'])), /overlap/);
  expect(view()).toMatchObject({ valid: false, stale: true });
  expect(view().errors).toHaveLength(1);
  expect(Object.keys(view().errors[0]!)).toEqual(
    expect.arrayContaining(['file', 'line', 'column', 'severity', 'subject', 'path', 'message']),
  );
});
