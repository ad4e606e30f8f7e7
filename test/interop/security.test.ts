/**
 * Sessions that outsiders must not reach: TCP-MD5 (RFC 2385), GTSM (RFC 5082), and the TTL that keeps external peers on
 * the link unless told otherwise. What the kernel refuses is counted, so that nothing passes for another reason.
 */
import { afterAll, describe, expect, test } from 'vitest';
import type { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import type { RouterOptions } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { bgpPeer, Node } from './node.ts';
import { type Spoke, star } from './star.ts';
import { waypostPeer } from './waypost.ts';

const port = 1790;
const key = 'correct-horse';
const wrong = 'battery-staple';
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((o) => o.close())));

/** The kernel's count of segments that it dropped in this namespace for that reason. */
async function dropped(where: Namespace, ...counters: readonly string[]): Promise<number> {
  const text = await where.run(['nstat', '-asz', ...counters]);
  return [...text.matchAll(/^Tcp\S+\s+(\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}
const unsigned = ['TcpExtTCPMD5NotFound', 'TcpExtTCPMD5Unexpected', 'TcpExtTCPMD5Failure'];

/** A router at the end of a spoke, AS 65002, of waypost in AS 65001. */
const at = (s: Spoke, transport: 'ipv4' | 'ipv6', role: RouterOptions['role']) =>
  ({
    namespace: s.namespace,
    routerId: '192.0.2.2',
    localAs: 65002,
    peerAs: 65001,
    localAddress: s.far[transport],
    peerAddress: s.near[transport],
    nextHops: s.far,
    families: [transport],
    role,
    port,
    holdTimeSec: 9,
    announce: [{ prefix: transport === 'ipv4' ? '203.0.113.0/24' : '2001:db8:200::/48' }],
  }) as const satisfies RouterOptions;

const peer = (s: Spoke, transport: 'ipv4' | 'ipv6', more: Readonly<Record<string, unknown>> = {}) => ({
  myASN: 65001,
  peerASN: 65002,
  peerAddress: s.far[transport],
  holdTime: '9s',
  ...more,
});

const secret = (password: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/basic-auth',
  metadata: { name: 'key', namespace: 'metallb-system' },
  stringData: { password },
});

describe.concurrent('TCP-MD5', () => {
  test('a key that is edited: wrong, none, right; the other session does not notice', async () => {
    const s = await star('md5', ['frr', 'bird']);
    open.push(s);
    const { frr, bird } = s.spokes;
    const routers = {
      frr: drivers.frr({ ...at(frr, 'ipv4', 'listen'), password: key }),
      bird: drivers.bird({ ...at(bird, 'ipv6', 'dial'), password: `${key}6` }),
    };
    const node = new Node(s.middle);
    const log = () => `${node.log()}\nfrr:\n${routers.frr.log()}\nbird:\n${routers.bird.log()}`;
    const up = (name: string) => waitFor(`${name} up`, () => node.established(name), { log });
    node.speaker({ listen: { addresses: ['::'], port } });
    node.write('frr', bgpPeer('frr', peer(frr, 'ipv4', { password: wrong })));
    node.write('secret', secret(wrong));
    const passive = { passive: 'true' };
    const byName = bgpPeer('bird', peer(bird, 'ipv6', { passwordSecret: { name: 'key' } }), passive);
    node.write('bird', byName);
    await Promise.all([routers.frr.start(), routers.bird.start(), node.start()]);

    // Both wrong: the one that we dial, and the one that calls us.
    await waitFor('the reason', async () => (await node.peer('frr')).lastError.includes('TCP-MD5 password'), { log });
    await waitFor('refusals', async () => (await dropped(frr.namespace, ...unsigned)) > 0, { log });
    await waitFor('refusals of calls', async () => (await dropped(s.middle, ...unsigned)) > 0, { log });
    expect((await node.rows('peers')).map((p) => [p.state, p.messages.received.open])).toEqual([
      ['Active', 0],
      [expect.stringMatching('Connect|Active'), 0],
    ]);
    node.write('secret', secret(`${key}6`));
    await up('bird');

    node.write('frr', bgpPeer('frr', peer(frr, 'ipv4')));
    const seen = await dropped(frr.namespace, ...unsigned);
    await waitFor('a dial without key', async () => (await dropped(frr.namespace, ...unsigned)) > seen, { log });
    expect((await node.peer('frr')).messages.received.open).toBe(0);
    node.write('frr', bgpPeer('frr', peer(frr, 'ipv4', { password: key })));
    await up('frr');
    await waitFor("FRR's route", async () => (await node.peer('frr')).prefixes.received === 1, { log });

    expect(node.sessions('bird')).toBe(1);

    // Taken away from a session that is up: it ends, and what the peer signs with the old key stays outside.
    node.write('secret', secret(wrong));
    await waitFor('the reset', async () => !(await node.established('bird')), { log });
    await waitFor('the end at BIRD', async () => !(await routers.bird.established()), { log });
    node.write('secret', secret(`${key}6`));
    await up('bird');
    expect([node.sessions('bird'), node.sessions('frr')]).toEqual([2, 1]);
    expect(await node.end(), log()).toBe(0);
    await Promise.all([routers.frr.stop(), routers.bird.stop()]);
  });

  const adHoc = [
    { router: 'gobgp', role: 'dial', transport: 'ipv6' },
    { router: 'openbgpd', role: 'listen', transport: 'ipv4' },
  ] as const;
  test.for(adHoc.map((c) => [c.router, c] as const))('waypost peer --password and %s', async ([, c]) => {
    const s = await star(`md5-${c.router}`, ['router']);
    open.push(s);
    const { router: spoke } = s.spokes;
    const router = drivers[c.router]({
      ...at(spoke, c.transport, c.role === 'dial' ? 'listen' : 'dial'),
      password: key,
    });
    const session = (password: string) => adHocSession(spoke, s.middle, c, ['--password', password]);
    const bad = session(wrong);
    await Promise.all([router.start(), bad.start([])]);
    const refusing = c.role === 'dial' ? spoke.namespace : s.middle;
    await waitFor('refusals', async () => (await dropped(refusing, ...unsigned)) > 1, { log: bad.log });
    expect(await bad.established()).toBe(false);
    await bad.kill();
    const good = session(key);
    await good.start([]);
    const log = () => `${good.log()}\n${router.log()}`;
    await waitFor('the route', async () => (await good.count()) === 1, { log, timeoutMs: 75_000 });
    expect(await good.stop(), log()).toBe(0);
    await router.stop();
  });
});

const adHocSession = (
  spoke: Spoke,
  namespace: Namespace,
  { role, transport }: { readonly role: 'dial' | 'listen'; readonly transport: 'ipv4' | 'ipv6' },
  flags: readonly string[],
) =>
  waypostPeer({
    namespace,
    localAs: 65001,
    peerAs: 65002,
    routerId: '192.0.2.1',
    localAddress: spoke.near[transport],
    peerAddress: spoke.far[transport],
    role,
    port,
    holdTimeSec: 9,
    flags,
    attributes: { localPref: 100, communities: [], largeCommunities: [] },
  });

const tooFar = 'TcpExtTCPMinTTLDrop';

describe.concurrent('GTSM', () => {
  test('both ends or none: FRR that we dial, BIRD that calls us', async () => {
    const s = await star('gtsm', ['frr', 'bird']);
    open.push(s);
    const { frr, bird } = s.spokes;
    const routers = {
      frr: drivers.frr({ ...at(frr, 'ipv4', 'listen'), ttlSecurityHops: 1 }),
      bird: drivers.bird(at(bird, 'ipv6', 'dial')),
    };
    const node = new Node(s.middle);
    const log = () => `${node.log()}\nfrr:\n${routers.frr.log()}\nbird:\n${routers.bird.log()}`;
    const gtsm = { 'ttl-security-hops': '1' };
    node.speaker({ listen: { addresses: ['::'], port } });
    node.write('frr', bgpPeer('frr', peer(frr, 'ipv4')));
    node.write('bird', bgpPeer('bird', peer(bird, 'ipv6'), { passive: 'true', ...gtsm }));
    await Promise.all([routers.frr.start(), routers.bird.start(), node.start()]);
    // We send TTL 1 to FRR, BIRD sends it to us.
    await waitFor("FRR's refusals", async () => (await dropped(frr.namespace, tooFar)) > 0, { log });
    await waitFor('our refusals', async () => (await dropped(s.middle, tooFar)) > 0, { log });
    // An OPEN may be read, and answered, before it is known who called; what follows it is not.
    expect((await node.peer('bird')).messages.received.keepalive).toBe(0);
    expect(await routers.frr.established()).toBe(false);
    node.write('frr', bgpPeer('frr', peer(frr, 'ipv4'), gtsm));
    node.write('bird', bgpPeer('bird', peer(bird, 'ipv6'), { passive: 'true' }));
    await waitFor('both up', () => node.established('frr', 'bird'), { log });
    expect(await node.end(), log()).toBe(0);
    await Promise.all([routers.frr.stop(), routers.bird.stop()]);
  });

  test('waypost peer --ttl-security and OpenBGPD', async () => {
    const s = await star('gtsm-openbgpd', ['router']);
    open.push(s);
    const { router: spoke } = s.spokes;
    const router = drivers.openbgpd({ ...at(spoke, 'ipv6', 'listen'), ttlSecurityHops: 1 });
    const session = adHocSession(spoke, s.middle, { role: 'dial', transport: 'ipv6' }, ['--ttl-security', '1']);
    const log = () => `${session.log()}\n${router.log()}`;
    await Promise.all([router.start(), session.start([])]);
    await waitFor('the route', async () => (await session.count()) === 1, { log, timeoutMs: 75_000 });
    expect(await session.stop(), log()).toBe(0);
    await router.stop();
  });
});

describe.concurrent('a router behind another', () => {
  test.for(['ipv4', 'ipv6'] as const)('is reached with ebgpMultiHop only: %s', async (transport) => {
    const s = await star(`hop-${transport}`, ['node', 'router']);
    open.push(s);
    await s.middle.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const { namespace, near } of Object.values(s.spokes))
      for (const via of Object.values(near)) await namespace.run(['ip', 'route', 'add', 'default', 'via', via]);
    const { node: own, router: spoke } = s.spokes;
    const router = drivers[transport === 'ipv4' ? 'frr' : 'bird']({
      ...at(spoke, transport, 'listen'),
      peerAddress: own.far[transport],
      multihop: 2,
      ...(transport === 'ipv4' ? {} : { ttlSecurityHops: 2 }),
    });
    const node = new Node(own.namespace);
    const log = () => `${node.log()}\n${router.log()}`;
    const write = (more: object, annotations = {}) =>
      node.write('router', bgpPeer('router', peer(spoke, transport, { ...more }), annotations));
    node.speaker();
    write({});
    await Promise.all([router.start(), node.start()]);
    const reason = async (text: string) =>
      waitFor(text, async () => (await node.peer('router')).lastError.includes(text), { log });
    await reason('more than one hop away');
    expect((await node.peer('router')).messages.received.open).toBe(0);
    if (transport === 'ipv4') write({ ebgpMultiHop: true });
    else {
      // What BIRD sends with 255 arrives with 254.
      write({}, { 'ttl-security-hops': '1' });
      await waitFor('refusals', async () => (await dropped(own.namespace, tooFar)) > 0, { log });
      await reason('GTSM, 1 hop away at most');
      write({}, { 'ttl-security-hops': '2' });
    }
    await waitFor('up', () => node.established('router'), { log });
    await waitFor('its route', async () => (await node.peer('router')).prefixes.received === 1, { log });
    expect(await node.end(), log()).toBe(0);
    await router.stop();
  });
});
