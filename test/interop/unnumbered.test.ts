/** Peers that are known by their link alone: FRR on the other end of one that has nothing but link-local addresses. */
import { afterEach, describe, expect, test } from 'vitest';
import { Namespace } from '../support/netns.ts';
import { run, waitFor } from '../support/process.ts';
import type { Announcement } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { announcement, bgpPeer, Node, receiving } from './node.ts';

const namespaces: Namespace[] = [];
afterEach(async () => {
  await Promise.all(namespaces.splice(0).map((n) => n.close()));
});

async function namespace(label: string): Promise<Namespace> {
  const made = await Namespace.create(label);
  namespaces.push(made);
  return made;
}

const ip = (where: Namespace, ...words: string[]) => run(['ip', '-n', where.name, ...words]);

/** A veth pair with the kernel's own link-local addresses. */
async function join(a: Namespace, b: Namespace, far = 'eth0'): Promise<void> {
  await ip(a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', far, 'netns', b.name);
  await ip(a, 'link', 'set', 'eth0', 'up');
  await ip(b, 'link', 'set', far, 'up');
}

const linkLocal = (where: Namespace): Promise<string> =>
  waitFor(
    `a link-local address of ${where.name}`,
    async () => /inet6 (fe80::[0-9a-f:]+)\/64/.exec(await ip(where, 'address', 'show', 'dev', 'eth0'))?.[1],
  );

const prefixes = ['198.51.100.0/24', '2001:db8:100::/48'];

async function router(where: Namespace, peer: string, routerId: string, announce: readonly Announcement[]) {
  const own = await linkLocal(where);
  return drivers.frr({
    namespace: where,
    interface: 'eth0',
    routerId,
    localAs: 65002,
    peerAs: 65001,
    localAddress: own,
    peerAddress: peer,
    nextHops: { ipv4: own, ipv6: own },
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    port: 1790,
    holdTimeSec: 9,
    announce,
  });
}

function unnumbered(where: Namespace): Node {
  const node = new Node(where);
  node.speaker();
  const spec = { myASN: 65001, dynamicASN: 'external', interface: 'eth0', holdTime: '9s' };
  node.write('peer', bgpPeer('link', { ...spec, peerASN: undefined }));
  node.write('routes', ...prefixes.flatMap((prefix) => announcement(prefix)));
  return node;
}

describe('an unnumbered session with FRR', () => {
  test('carries both families, IPv4 with an IPv6 next hop (RFC 8950), into both tables', async () => {
    const [near, far] = [await namespace('near'), await namespace('frr')];
    await join(near, far);
    const own = { near: await linkLocal(near), far: await linkLocal(far) };
    // It names a global next hop beside that. A node that forwards takes no address from what it advertises, so that we
    // are not in its subnet, and our default route leads elsewhere.
    await near.run(['sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=0']);
    await ip(far, 'address', 'add', '2001:db8:ff::1/64', 'dev', 'eth0', 'nodad');
    await ip(near, 'link', 'add', 'other0', 'type', 'veth', 'peer', 'name', 'other1');
    for (const name of ['other0', 'other1']) await ip(near, 'link', 'set', name, 'up');
    await ip(near, '-6', 'route', 'add', 'default', 'dev', 'other0');
    const fromRouter = ['203.0.113.0/24', '2001:db8:200::/48'];
    const frr = await router(
      far,
      own.near,
      '192.0.2.2',
      fromRouter.map((prefix) => ({ prefix })),
    );
    const node = unnumbered(near);
    const log = () => `${node.log()}\nfrr:\n${frr.log()}`;
    await Promise.all([frr.start(), node.start()]);
    await waitFor('up', async () => (await node.established('link')) && (await frr.established()), {
      log,
      timeoutMs: 60_000,
    });
    expect(await node.peer('link')).toMatchObject({
      address: own.far,
      interface: 'eth0',
      localAddress: own.near,
      peerAsn: 65002,
      capabilities: { negotiated: expect.arrayContaining(['extendedNextHop']) },
    });
    await waitFor('our routes', async () => (await frr.received()).length === prefixes.length, { log });
    expect((await frr.received()).map((r) => [r.prefix, r.nextHop, r.asPath])).toEqual(
      prefixes.map((prefix) => [prefix, own.near, [65001]]),
    );
    // It forwards by them.
    await waitFor(
      'the IPv4 route in its kernel',
      async () => (await ip(far, 'route', 'show', prefixes[0]!)).includes(`via inet6 ${own.near} dev eth0`),
      { log },
    );
    await waitFor(
      'the IPv6 route in its kernel',
      async () => (await ip(far, '-6', 'route', 'show', prefixes[1]!)).includes(`via ${own.near} dev eth0`),
      { log },
    );
    const received = async () => (await node.rows('received')).filter((r) => r.reason !== 'asLoop');
    await waitFor('its routes', async () => (await received()).length === fromRouter.length, { log });
    expect((await received()).map((r) => [r.prefix, r.nextHop, r.asPath]).sort()).toEqual(
      fromRouter.toSorted().map((prefix) => [prefix, own.far, [65002]]),
    );
    // Nothing is accepted that no document allows; then they are in our kernel, the IPv4 one with RTA_VIA.
    expect((await received()).map((r) => r.reason)).toEqual(['noReceivePolicy', 'noReceivePolicy']);
    expect(await node.rows('routes')).toEqual([]);
    const neighbor = {
      interface: 'eth0',
      address: undefined,
      dynamicASN: 'external',
      keepaliveTime: '3s',
      holdTime: '9s',
    };
    node.write('frr', receiving(65001, [neighbor]));
    await waitFor(
      'its routes in our kernel',
      async () => (await node.rows('routes')).filter((r) => r.state === 'installed').length === fromRouter.length,
      { log },
    );
    expect(await ip(near, 'route', 'show', fromRouter[0]!)).toMatch(`via inet6 ${own.far} dev eth0 proto`);
    expect(await ip(near, '-6', 'route', 'show', fromRouter[1]!)).toMatch(`via ${own.far} dev eth0 proto`);
    const explained = await node.explain(fromRouter[0]!);
    expect(explained.chains).toMatchObject([{ ok: true, verdict: 'used from link' }]);
    expect(explained.chains[0]!.steps.at(-1)).toMatchObject({
      question: 'Is it in kernel table 254?',
      answer: 'yes',
      detail: `via ${own.far} dev eth0, metric 20: it is there`,
    });
    expect(await node.end(), log()).toBe(0);
    await frr.stop();
  });

  test('cannot be where two routers answer, and is once one of them has left', async () => {
    const [near, hub] = [await namespace('near'), await namespace('switch')];
    const ends = [await namespace('one'), await namespace('two')];
    await ip(hub, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    await ip(hub, 'link', 'set', 'br0', 'up');
    for (const [i, end] of [near, ...ends].entries()) {
      await join(end, hub, `port${i}`);
      await ip(hub, 'link', 'set', `port${i}`, 'master', 'br0');
    }
    const own = await linkLocal(near);
    const routers = [await router(ends[0]!, own, '192.0.2.2', []), await router(ends[1]!, own, '192.0.2.3', [])];
    const node = unnumbered(near);
    const log = () => [node.log(), ...routers.map((r) => r.log())].join('\n');
    await Promise.all([...routers.map((r) => r.start()), node.start()]);
    await waitFor(
      'the reason',
      async () => (await node.peer('link')).lastError.startsWith('2 routers answer on eth0'),
      { log, timeoutMs: 60_000 },
    );
    const { state, lastError } = await node.peer('link');
    expect(state).toBe('Idle');
    for (const end of ends) expect(lastError).toContain(await linkLocal(end));
    // Without the second one, and with a cable that was pulled: else it would be a minute until it is asked again.
    await ip(hub, 'link', 'del', 'port2');
    await routers[1]!.kill();
    await ip(hub, 'link', 'set', 'port0', 'down');
    await waitFor('the loss', async () => (await node.peer('link')).lastError.includes('no carrier'), { log });
    await ip(hub, 'link', 'set', 'port0', 'up');
    await waitFor('up', () => node.established('link'), { log, timeoutMs: 60_000 });
    expect((await node.peer('link')).address).toBe(await linkLocal(ends[0]!));
    expect(await node.end(), log()).toBe(0);
    await routers[0]!.stop();
  });
});
