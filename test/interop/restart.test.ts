/**
 * Graceful restart (RFC 4724) in both directions: routers keep our routes while the daemon is killed and started again,
 * and the daemon keeps theirs. Who says farewell instead keeps nothing, whatever RFC 8538 made of NOTIFICATIONs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { capture } from '../support/capture.ts';
import { Namespace } from '../support/netns.ts';
import { run, waitFor } from '../support/process.ts';
import type { RouterOptions } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { announcement, bgpPeer, Node } from './node.ts';
import { device, far, near, type Wire, wire } from './wire.ts';

const port = 1790;
const open: Wire[] = [];
afterAll(() => Promise.all(open.map((w) => w.close())));

const prefixes = ['198.51.100.0/24', '198.51.101.7/32', '2001:db8:100::/48'];
const fromRouter = [{ prefix: '203.0.113.0/24' }, { prefix: '2001:db8:200::/48' }];

async function session(
  name: 'frr' | 'bird' | 'gobgp' | 'openbgpd',
  more: Partial<RouterOptions>,
  /** Without one, no document names the peer. */
  spec: Readonly<Record<string, unknown>> | null = {},
  annotations: Readonly<Record<string, string>> = {},
  speaker: Readonly<Record<string, unknown>> = {},
) {
  const w = await wire(`gr-${name}`);
  open.push(w);
  const options: RouterOptions = {
    namespace: w.far,
    routerId: '192.0.2.2',
    localAs: 65002,
    peerAs: 65001,
    localAddress: far.ipv4,
    peerAddress: near.ipv4,
    nextHops: far,
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    port,
    holdTimeSec: 90,
    announce: fromRouter,
    ...more,
  };
  const router = drivers[name](options);
  const node = new Node(w.near);
  const peer = { myASN: 65001, peerASN: 65002, peerAddress: far.ipv4, dualStackAddressFamily: true };
  node.speaker(speaker);
  if (spec) node.write('peer', bgpPeer('router', { ...peer, ...spec }, annotations));
  node.write('routes', ...prefixes.flatMap((prefix) => announcement(prefix)));
  const log = () => `${node.log()}\n${name}:\n${router.log()}`;
  const exchanged = async () => {
    await waitFor('our routes', async () => (await router.received()).length === prefixes.length, { log });
    await waitFor('its routes', async () => (await node.rows('received')).length >= fromRouter.length, { log });
  };
  return { wire: w, options, router, node, log, exchanged };
}

describe.concurrent('waypost is killed', () => {
  test.for(['frr', 'bird', 'gobgp', 'openbgpd'] as const)('%s keeps its routes', async (name) => {
    const s = await session(name, { restartTimeSec: 60 }, { enableGracefulRestart: true }, { 'restart-time': '60s' });
    const { router, node, log } = s;
    const packets = await capture(s.wire.near, device, port);
    await Promise.all([router.start(), node.start()]);
    await s.exchanged();
    await waitFor('nothing stale', async () => (await router.stale()).length === 0, { log });

    await node.end('SIGKILL');
    await waitFor('stale routes', async () => (await router.stale()).length === prefixes.length, { log });
    let restarted = false;
    const watch = (async () => {
      let least = Number.POSITIVE_INFINITY;
      while (!restarted) {
        least = Math.min(least, (await router.received()).length);
        await sleep(20);
      }
      return least;
    })();
    await node.start();
    await waitFor('routes that are not stale', async () => (await router.stale()).length === 0, {
      log,
      timeoutMs: 75_000,
    });
    restarted = true;
    expect(await watch).toBe(prefixes.length);
    expect((await router.received()).map((route) => route.prefix)).toEqual(prefixes);
    expect((await node.peer('router')).gracefulRestart).toMatchObject({ enabled: true, restartTimeSec: 60, stale: [] });

    // A farewell is none: everything is gone long before the restart time is.
    expect(await node.end(), log()).toBe(0);
    await waitFor('their end', async () => (await router.received()).length === 0, { log, timeoutMs: 10_000 });
    // Nor does the next start pretend to be a restart.
    await node.start();
    await waitFor('our routes again', async () => (await router.received()).length === prefixes.length, {
      log,
      timeoutMs: 75_000,
    });

    const from = `ip.src == ${near.ipv4}`;
    const flags = ['bgp.cap.gr.timers.restart_flag', 'bgp.cap.gr.timers.restart_time', 'bgp.cap.gr.flag.pfs'];
    const opens = await packets.fields(`${from} && bgp.type == 1`, flags);
    expect([...new Set(opens.map((o) => JSON.stringify(o)))].map((o) => JSON.parse(o))).toEqual([
      [['0'], ['60'], ['0', '0']],
      [['1'], ['60'], ['1', '1']],
    ]);
    expect(
      await packets.fields(`${from} && (bgp.update.withdrawn_routes.length > 0 || bgp.withdrawn_prefix)`, flags),
    ).toEqual([]);
    await node.end('SIGKILL');
    await router.stop();
  });
});

describe.concurrent('the router is killed', () => {
  test.for(['frr', 'bird', 'gobgp'] as const)('waypost keeps the routes of %s', async (name) => {
    const announce = [...fromRouter, { prefix: '203.0.114.0/24' }];
    const { router, node, log, exchanged } = await session(name, { restartTimeSec: 60, announce });
    // FRR sends us our own routes, too.
    const received = async () =>
      (await node.rows('received'))
        .filter((r) => r.reason !== 'asLoop')
        .map((r) => [r.prefix, r.stale])
        .sort();
    const rows = (stale: boolean) => announce.map(({ prefix }) => [prefix, stale]).sort();
    await Promise.all([router.start(), node.start()]);
    await exchanged();
    await waitFor('all routes', async () => (await received()).length === announce.length, { log });
    expect(await received()).toEqual(rows(false));

    await router.kill();
    await waitFor('the loss', async () => !(await node.established('router')), { log });
    expect(await received()).toEqual(rows(true));
    expect((await node.peer('router')).gracefulRestart).toMatchObject({ stale: ['ipv4', 'ipv6'] });
    announce.pop();
    await router.start();
    await waitFor('its End-of-RIB', async () => (await received()).length === announce.length, {
      log,
      timeoutMs: 75_000,
    });
    await waitFor('no stale route', async () => (await received()).every(([, stale]) => !stale), { log });
    expect(await received()).toEqual(rows(false));
    expect((await node.peer('router')).gracefulRestart).toMatchObject({ stale: [] });
    expect(await node.end(), log()).toBe(0);
    await router.stop();
  });

  test('and does not come back: its routes go when its restart time is over', async () => {
    const { router, node, log, exchanged } = await session('bird', { restartTimeSec: 4 });
    await Promise.all([router.start(), node.start()]);
    await exchanged();
    await router.kill();
    await waitFor('the loss', async () => !(await node.established('router')), { log });
    const lost = Date.now();
    expect((await node.rows('received')).map((r) => r.stale)).toEqual([true, true]);
    await waitFor('the end', async () => (await node.rows('received')).length === 0, { log });
    expect(Date.now() - lost).toBeGreaterThan(3_000);
    expect(await node.end(), log()).toBe(0);
  });

  test('and had called without a document: its place is kept for it', async () => {
    const dynamic = [{ prefix: `${far.ipv4}/32`, myASN: 65001, peerASN: 65002, families: ['ipv4', 'ipv6'] }];
    const { router, node, log, exchanged } = await session(
      'bird',
      { restartTimeSec: 5, role: 'dial' },
      null,
      undefined,
      { listen: { addresses: [near.ipv4], port, dynamic } },
    );
    const received = async () => (await node.rows('received')).map((r) => [r.peer, r.stale]);
    const rows = (stale: boolean) => fromRouter.map(() => [far.ipv4, stale]);
    await Promise.all([router.start(), node.start()]);
    await exchanged();
    await router.kill();
    await waitFor('the loss', async () => !(await node.established(far.ipv4)), { log });
    expect(await received()).toEqual(rows(true));
    await router.start();
    await waitFor('its return', async () => JSON.stringify(await received()) === JSON.stringify(rows(false)), { log });
    await router.kill();
    await waitFor('its place given up', async () => (await node.rows('peers')).length === 0, { log });
    expect(await node.end(), log()).toBe(0);
  });

  test('or loses power, and calls while the old session still stands', async () => {
    const {
      options,
      wire: w,
      router,
      node,
      log,
      exchanged,
    } = await session(
      'bird',
      { restartTimeSec: 60, role: 'dial' },
      {},
      { passive: 'true' },
      { listen: { addresses: [near.ipv4], port } },
    );
    await Promise.all([router.start(), node.start()]);
    await exchanged();
    await sleep(5_000); // a call that comes sooner may have crossed ours
    // Another machine on the same cable: the first one's kernel cannot tell us of its end.
    const reborn = await Namespace.create('gr-reborn');
    await run(['ip', '-n', w.far.name, 'link', 'set', device, 'netns', reborn.name]);
    await router.kill();
    for (const address of [`${far.ipv4}/24`, `${far.ipv6}/64`])
      await run(['ip', '-n', reborn.name, 'address', 'add', address, 'dev', device]);
    await run(['ip', '-n', reborn.name, 'link', 'set', device, 'up']);
    expect(await node.established('router')).toBe(true);
    const again = drivers.bird({ ...options, namespace: reborn });
    await again.start();
    await waitFor('the next session', () => node.sessions('router') === 2, { log });
    expect(node.log()).toContain('the peer has restarted: it calls during the session');
    const stale = async () => (await node.rows('received')).map((r) => r.stale);
    await waitFor('its routes', async () => JSON.stringify(await stale()) === '[false,false]', { log });
    expect(await node.end(), log()).toBe(0);
    await again.stop();
    await reborn.close();
  });

  test('or says farewell: its routes go at once', async () => {
    const { router, node, log, exchanged } = await session('bird', { restartTimeSec: 60 });
    await Promise.all([router.start(), node.start()]);
    await exchanged();
    await router.stop();
    await waitFor('the loss', async () => !(await node.established('router')), { log });
    expect(await node.rows('received')).toEqual([]);
    expect((await node.peer('router')).lastError).toMatch('received Cease/Administrative Shutdown');
    expect(await node.end(), log()).toBe(0);
  });
});
