/** What a reload does to sessions and routes: the difference, field by field, and nothing else. */
import { afterEach, describe, expect, test } from 'vitest';
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

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function routers(count: number): Promise<Router[]> {
  const made = await Promise.all(
    Array.from({ length: count }, (_, i) => new Router({ address: `127.0.1.${i + 1}`, families: ['ipv4'] }).start()),
  );
  open.push(...made);
  return made;
}

const document = (router: Router, i: number, more: object = {}): string =>
  peerDocument(`peer-${i}`, router, { dualStackAddressFamily: false, ...more });

const pool = (community: string, more: object = {}): string =>
  all(
    poolDocument('main', ['198.51.100.0/24']),
    advertisementDocument('main', 'main', { communities: [community], ...more }),
  );

async function siteWith(peers: readonly Router[], services = 3): Promise<Site> {
  const site = new Site();
  open.push(site);
  for (const [i, router] of peers.entries()) site.folder.put(`peer-${i}.yaml`, document(router, i));
  site.folder.put('pool.yaml', pool('64512:1'));
  for (let i = 0; i < services; i++) site.folder.put(`service-${i}.yaml`, serviceDocument(`s${i}`));
  await site.start();
  const prefixes = Array.from({ length: services }, (_, i) => `198.51.100.${i}/32`);
  await Promise.all(peers.map((router) => router.knows(...prefixes)));
  for (const router of peers) router.forget();
  return site;
}

const sessions = (peers: readonly Router[]): number[] => peers.map((router) => router.sessions);
const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

describe('of twenty peers', () => {
  test('editing the hold time of one resets that one, with Cease 6/6', async () => {
    const peers = await routers(20);
    const site = await siteWith(peers);
    site.folder.put('peer-7.yaml', document(peers[7]!, 7, { holdTime: '30s' }));
    await soon('peer 7 is back', () => peers[7]!.sessions === 2 && peers[7]!.routes.size === 3);
    await aWhile();
    expect(sessions(peers)).toEqual(ones(20).with(7, 2));
    expect(peers.flatMap((p) => p.ends)).toEqual([expect.stringContaining('Cease/Other Configuration Change')]);
    expect(peers.map((p) => p.updates).filter(Boolean)).toHaveLength(1);
    const [line] = site.messages('peer reset');
    expect(line).toMatchObject({ peer: 'peer-7', detail: expect.stringContaining('holdTimeSec') });
  });

  test('editing communities resets none, and every peer gets each route once more', async () => {
    const peers = await routers(20);
    const site = await siteWith(peers);
    site.folder.put('pool.yaml', pool('64512:2'));
    await soon('the new community is everywhere', () =>
      peers.every((p) => [...p.routes.values()].every((r) => r.communities.join() === '64512:2')),
    );
    await aWhile();
    expect(sessions(peers)).toEqual(ones(20));
    expect(peers.map((p) => [p.announced, p.withdrawn])).toEqual(peers.map(() => [3, 0]));
    // One UPDATE where the slice of work was long enough, one a route at the worst.
    expect(Math.max(...peers.map((p) => p.updates))).toBeLessThanOrEqual(3);
  });

  test('the connect time is taken over without a word to the peer', async () => {
    const peers = await routers(20);
    const site = await siteWith(peers);
    site.folder.put('peer-3.yaml', document(peers[3]!, 3, { connectTime: '5s' }));
    await soon('the session is retuned', () => site.daemon.speaker.all.get('peer-3')?.settings.connectRetrySec === 5);
    await aWhile();
    expect(sessions(peers)).toEqual(ones(20));
    expect(peers.map((p) => p.updates)).toEqual(peers.map(() => 0));
    expect(site.messages('peer reset')).toEqual([]);
  });
});

test('a peer that comes is told everything, one that goes gets Cease 6/3, and the others notice nothing', async () => {
  const peers = await routers(4);
  const [late, ...first] = peers as [Router, ...Router[]];
  const site = await siteWith(first);
  site.folder.put('late.yaml', document(late, 99));
  await late.knows('198.51.100.0/32', '198.51.100.1/32', '198.51.100.2/32');
  expect(late.announced).toBe(3);
  site.folder.remove('late.yaml');
  await soon('the late peer was told', () => late.ends.length === 1);
  expect(late.ends[0]).toContain('Cease/Peer Deconfigured');
  await aWhile();
  expect(late.sessions).toBe(1);
  expect(sessions(first)).toEqual(ones(3));
  expect(first.map((p) => p.updates)).toEqual([0, 0, 0]);
  expect(site.daemon.speaker.all.has('peer-99')).toBe(false);
});

test('a peer that gets another name is another peer: Cease 6/3, and a new session', async () => {
  const peers = await routers(1);
  const site = await siteWith(peers);
  site.folder.put('peer-0.yaml', document(peers[0]!, 1));
  await soon('the renamed peer is up', () => peers[0]!.sessions === 2 && peers[0]!.routes.size === 3);
  expect(peers[0]!.ends[0]).toContain('Cease/Peer Deconfigured');
  expect([...site.daemon.speaker.all.keys()]).toEqual(['peer-1']);
});

test('one Service costs one prefix, whatever else there is', async () => {
  const peers = await routers(2);
  const site = await siteWith(peers, 50);
  site.folder.put('service-7.yaml', serviceDocument('s7', { ip: '198.51.100.200' }));
  await soon('the Service moved', () => peers.every((p) => p.routes.has('198.51.100.200/32')));
  await aWhile();
  expect(peers.map((p) => [p.announced, p.withdrawn])).toEqual([
    [1, 1],
    [1, 1],
  ]);
});

test('a change of an aggregate made of many Services is never seen half done', async () => {
  const [router] = await routers(1);
  const site = new Site();
  open.push(site);
  const count = 4000;
  const policy = (community: string, localPref: number): string =>
    all(
      poolDocument('main', ['10.0.0.0/16']),
      advertisementDocument('main', 'main', { communities: [community], localPref, aggregationLength: 16 }),
    );
  site.folder.put('peer.yaml', document(router!, 0));
  site.folder.put('pool.yaml', policy('64512:1', 300));
  site.folder.put('services.yaml', Array.from({ length: count }, (_, i) => serviceDocument(`s${i}`)).join('---\n'));
  await site.start();
  await router!.knows('10.0.0.0/16');
  router!.forget();
  site.folder.put('pool.yaml', policy('64512:2', 200));
  await soon('the aggregate changed', () => router!.routes.get('10.0.0.0/16')?.localPref === 200);
  await aWhile();
  expect(router!.routes.get('10.0.0.0/16')).toMatchObject({ communities: ['64512:2'], localPref: 200 });
  expect([router!.updates, router!.announced]).toEqual([1, 1]);
});

test('a peer on another node does not run here, says so once, and starts when it is meant to', async () => {
  const peers = await routers(2);
  const site = await siteWith([peers[0]!]);
  const elsewhere = { nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }] };
  await site.accepts(() => site.folder.put('other.yaml', document(peers[1]!, 1, elsewhere)));
  await site.accepts(() => site.folder.put('service-9.yaml', serviceDocument('s9')));
  await aWhile();
  expect(peers[1]!.sessions).toBe(0);
  expect(site.messages('peer does not run here')).toEqual([
    expect.objectContaining({ peer: 'peer-1', reason: 'nodeNotSelected' }),
  ]);
  site.folder.put('other.yaml', document(peers[1]!, 1));
  await soon('the peer is up', () => peers[1]!.routes.size === 4);
});

test('Services that come, go and come back while a reload is worked off', async () => {
  const [router] = await routers(1);
  const site = await siteWith([router!], 0);
  const many = (count: number): string =>
    `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Array.from({ length: count }, (_, i) => serviceObject(`m${i}`)) })}\n`;
  for (const count of [40, 3, 60, 0, 25]) {
    if (count > 0) site.folder.put('many.yaml', many(count));
    else site.folder.remove('many.yaml');
    await aWhile(5);
  }
  await soon('the last word counts', () => router!.routes.size === 25);
  await aWhile();
  expect(router!.routes.size).toBe(25);
  expect(router!.sessions).toBe(1);
});
