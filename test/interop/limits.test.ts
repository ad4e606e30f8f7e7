/** What is not taken from peers: too many prefixes, routes that cannot be used, callers beyond a range and its limit. */
import { afterAll, describe, expect, test } from 'vitest';
import { capture } from '../support/capture.ts';
import { run, waitFor } from '../support/process.ts';
import type { Announcement, RouterOptions } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { announcement, bgpPeer, Node } from './node.ts';
import { routerAt, type Spoke, star } from './star.ts';

const port = 1790;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((o) => o.close())));

const at = (s: Spoke, announce: readonly Announcement[], more: Partial<RouterOptions> = {}): RouterOptions =>
  routerAt(s, announce, { families: ['ipv4', 'ipv6'], ...more });

const peer = (s: Spoke) => ({ myASN: 65001, peerASN: 65002, peerAddress: s.far.ipv4, dualStackAddressFamily: true });

describe.concurrent('more prefixes than allowed', () => {
  const three = ['203.0.113.0/24', '203.0.114.0/24', '2001:db8:200::/48'].map((prefix) => ({ prefix }));
  const fourth = { prefix: '203.0.115.0/24' };

  test('end the session with a Cease that tells the limit, until the time to try again', async () => {
    const s = await star('max', ['bird']);
    open.push(s);
    const router = drivers.bird(at(s.spokes.bird, three));
    const node = new Node(s.middle);
    const log = () => `${node.log()}\n${router.log()}`;
    node.speaker();
    node.write('peer', bgpPeer('bird', peer(s.spokes.bird), { 'max-prefixes': '3', 'max-prefixes-restart': '4s' }));
    const packets = await capture(s.middle, s.spokes.bird.device, port);
    await Promise.all([router.start(), node.start()]);
    await waitFor('as many as allowed', async () => (await node.peer('bird')).prefixes.received === 3, { log });
    await router.announce([fourth]);
    await waitFor('the end', async () => !(await node.established('bird')), { log });
    const { state, lastError, prefixes } = await node.peer('bird');
    expect([state, prefixes.received]).toEqual(['Idle', 0]);
    expect(lastError).toBe('4 prefixes where 3 are allowed; sent Cease/Maximum Prefixes');
    await router.withdraw([fourth.prefix]);
    // BIRD calls nobody: it is we who try again.
    await waitFor('another session', async () => (await node.peer('bird')).prefixes.received === 3, { log });
    expect(node.sessions('bird')).toBe(2);
    expect(await node.end(), log()).toBe(0);
    const ends = await packets.fields(`ip.src == ${s.spokes.bird.near.ipv4} && bgp.notify.minor_error_cease == 1`, [
      'frame.time_relative',
      'bgp.notify.minor_data',
    ]);
    const opens = await packets.fields(`ip.src == ${s.spokes.bird.near.ipv4} && bgp.type == 1`, [
      'frame.time_relative',
    ]);
    // AFI IPv4, SAFI unicast, 3 (RFC 4486 §4).
    expect(ends.map(([, data]) => data)).toEqual([['00010100000003']]);
    expect(Number(opens[1]![0]) - Number(ends[0]![0])).toBeGreaterThan(3.9);
    await router.stop();
  });

  test('end it for good, until they are allowed; or are only told of', async () => {
    const s = await star('warn', ['bird']);
    open.push(s);
    const router = drivers.bird(at(s.spokes.bird, [...three, fourth]));
    const node = new Node(s.middle);
    const log = () => `${node.log()}\n${router.log()}`;
    node.speaker();
    const write = (more: object) =>
      node.write('peer', bgpPeer('bird', peer(s.spokes.bird), { 'max-prefixes': '3', ...more }));
    write({});
    await Promise.all([router.start(), node.start()]);
    await waitFor('the end', async () => (await node.peer('bird')).lastError.startsWith('4 prefixes'), { log });
    write({ 'max-prefixes-warn-only': 'true' });
    await waitFor('all', async () => (await node.peer('bird')).prefixes.received === 4, { log });
    expect(node.log().match(/"prefixes":4,"limit":3,"msg":"more prefixes than the peer may send"/g)).toHaveLength(2);
    expect(await node.established('bird')).toBe(true);
    write({});
    await waitFor('the end once more', async () => (await node.peer('bird')).state === 'Idle', { log });
    expect(await node.end(), log()).toBe(0);
    await router.stop();
  });
});

describe.concurrent('routes that cannot be used', () => {
  test('are shown with the reason', async () => {
    const s = await star('reasons', ['exabgp']);
    open.push(s);
    const { exabgp: spoke } = s.spokes;
    const expected: readonly (Announcement & { readonly reason: string })[] = [
      { prefix: '203.0.113.0/24', reason: 'noReceivePolicy' },
      { prefix: '203.0.113.1/32', asPath: [65002, 65001], reason: 'asLoop' },
      { prefix: '203.0.113.2/32', asPath: [65003], reason: 'firstAs' },
      { prefix: '203.0.113.3/32', asPath: [65002, 1, 2, 3], reason: 'asPathTooLong' },
      { prefix: '203.0.113.4/32', asPath: [65002, 1, 2], reason: 'noReceivePolicy' },
      { prefix: '203.0.113.5/32', nextHop: spoke.near.ipv4, reason: 'nextHopSelf' },
      { prefix: '203.0.113.6/32', nextHop: '127.0.0.9', reason: 'martianNextHop' },
      { prefix: '127.0.0.0/8', reason: 'martianPrefix' },
      { prefix: '240.0.0.0/8', reason: 'martianPrefix' },
      { prefix: '0.0.0.0/0', reason: 'noReceivePolicy' },
      { prefix: '2001:db8:200::/48', reason: 'noReceivePolicy' },
      { prefix: 'ff00::/8', reason: 'martianPrefix' },
    ];
    const router = drivers.exabgp(at(spoke, expected, { role: 'listen' }));
    const node = new Node(s.middle);
    const log = () => `${node.log()}\n${router.log()}`;
    const reasons = async () => Object.fromEntries((await node.rows('received')).map((r) => [r.prefix, r.reason]));
    const wanted = Object.fromEntries(expected.map(({ prefix, reason }) => [prefix, reason]));
    const strict = { 'max-as-path': '3', 'refuse-martians': 'true' };
    node.speaker();
    node.write('peer', bgpPeer('exabgp', peer(spoke), strict));
    await Promise.all([router.start(), node.start()]);
    await waitFor('all of them', async () => (await node.rows('received')).length === expected.length, { log });
    expect(await reasons()).toEqual(wanted);
    // Without the rules of ours; the session goes on.
    node.write('peer', bgpPeer('exabgp', peer(spoke), { 'enforce-first-as': 'false' }));
    const ours = new Set(['firstAs', 'asPathTooLong', 'martianNextHop', 'martianPrefix']);
    const lenient = Object.entries(wanted).map(([prefix, r]) => [prefix, ours.has(r) ? 'noReceivePolicy' : r]);
    await waitFor('others', async () => (await reasons())['203.0.113.2/32'] === 'noReceivePolicy', { log });
    expect(await reasons()).toEqual(Object.fromEntries(lenient));
    expect(node.sessions('exabgp')).toBe(1);
    expect(await node.end(), log()).toBe(0);
    await router.stop();
  });
});

describe.concurrent('callers without a document', () => {
  test('are served from the range, with its password, up to its limit; others are refused', async () => {
    const s = await star('range', ['inside', 'outside']);
    open.push(s);
    const { inside, outside } = s.spokes;
    const addresses = [inside.far.ipv4, '10.0.1.3', '10.0.1.4'] as const;
    for (const address of addresses.slice(1))
      await run(['ip', '-n', inside.namespace.name, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    const calls = (spoke: Spoke, more: Partial<RouterOptions>) =>
      at(spoke, [{ prefix: '203.0.113.0/24' }], { role: 'dial', families: ['ipv4'], ...more });
    const password = 'in-range';
    const first = drivers.bird(calls(inside, { password }));
    const second = drivers.gobgp(
      calls(inside, { localAddress: addresses[1], routerId: '192.0.2.3', localAs: 65003, password }),
    );
    const third = drivers.exabgp(calls(inside, { localAddress: addresses[2], routerId: '192.0.2.4', password }));
    const stranger = drivers.frr(calls(outside, { routerId: '192.0.2.5' }));
    const unsigned = drivers.exabgp(calls(inside, { localAddress: addresses[2], routerId: '192.0.2.4' }));
    const node = new Node(s.middle);
    const log = () => [node.log(), ...[first, second, third, stranger].map((r) => r.log())].join('\n');
    const range = { prefix: '10.0.1.0/24', myASN: 65001, dynamicASN: 'external', limit: 2, password };
    node.speaker({ listen: { addresses: ['::'], port, dynamic: [range] } });
    await Promise.all([first.start(), second.start(), stranger.start(), unsigned.start(), node.start()]);
    const names = async () => (await node.rows('peers')).map((p) => [p.name, p.state, p.peerAsn, p.prefixes.received]);
    const both = [
      [addresses[0], 'Established', 65002, 1],
      [addresses[1], 'Established', 65003, 1],
    ];
    await waitFor('two of them', async () => JSON.stringify(await names()) === JSON.stringify(both), { log });
    expect(await unsigned.established()).toBe(false);
    await unsigned.kill();
    await third.start();
    const refused = (address: string) =>
      waitFor(
        `${address} is refused`,
        () => node.log().includes(`"address":"${address}","msg":"call from an address that is no peer`),
        { log },
      );
    await refused(outside.far.ipv4);
    await refused(addresses[2]);
    expect(await names()).toEqual(both);
    await second.stop();
    const others = [both[0], [addresses[2], 'Established', 65002, 1]];
    await waitFor('the third in its place', async () => JSON.stringify(await names()) === JSON.stringify(others), {
      log,
      timeoutMs: 75_000,
    });
    // The range is narrowed: who is outside goes, who is inside stays.
    node.speaker({ listen: { addresses: ['::'], port, dynamic: [{ ...range, prefix: '10.0.1.2/31' }] } });
    await waitFor('one left', async () => JSON.stringify(await names()) === JSON.stringify([both[0]]), { log });
    expect(node.sessions(addresses[0])).toBe(1);
    expect(await node.end(), log()).toBe(0);
    await Promise.all([first, third, stranger].map((r) => r.stop()));
  });
});

describe.concurrent('AS numbers', () => {
  test('that are internal or external, and one that stands in for ours', async () => {
    const s = await star('asn', ['frr', 'bird', 'gobgp']);
    open.push(s);
    const { frr, bird, gobgp } = s.spokes;
    const routers = {
      frr: drivers.frr(at(frr, [], { localAs: 65001 })),
      bird: drivers.bird(at(bird, [])),
      gobgp: drivers.gobgp(at(gobgp, [], { peerAs: 64999 })),
    };
    const node = new Node(s.middle);
    const log = () => [node.log(), ...Object.values(routers).map((r) => r.log())].join('\n');
    const dynamic = (spoke: Spoke, dynamicASN: string, more = {}) => ({
      myASN: 65001,
      dynamicASN,
      peerAddress: spoke.far.ipv4,
      ...more,
    });
    node.speaker();
    const write = (internal: string, external: string) =>
      node.write(
        'peers',
        bgpPeer('frr', dynamic(frr, internal)),
        bgpPeer('bird', dynamic(bird, external)),
        bgpPeer('gobgp', dynamic(gobgp, 'external', { localASN: 64999 })),
      );
    const prefix = '198.51.100.0/24';
    node.write('route', ...announcement(prefix));
    write('external', 'internal');
    await Promise.all([...Object.values(routers).map((r) => r.start()), node.start()]);
    for (const [name, reason] of [
      ['frr', 'peer is in AS 65001: an external peer is expected; sent OPEN Message Error/Bad Peer AS'],
      ['bird', 'peer is in AS 65002: an internal peer is expected; sent OPEN Message Error/Bad Peer AS'],
    ] as const)
      await waitFor(reason, async () => (await node.peer(name)).lastError === reason, { log });
    write('internal', 'external');
    const paths = async (name: keyof typeof routers) => (await routers[name].received()).map((r) => r.asPath);
    for (const [name, path] of [
      ['frr', []],
      ['bird', [65001]],
      ['gobgp', [64999]],
    ] as const)
      await waitFor(`the route at ${name}`, async () => JSON.stringify(await paths(name)) === JSON.stringify([path]), {
        log,
      });
    expect((await node.rows('peers')).map((p) => [p.name, p.localAsn, p.peerAsn])).toEqual([
      ['bird', 65001, 65002],
      ['frr', 65001, 65001],
      ['gobgp', 64999, 65002],
    ]);
    expect(await node.end(), log()).toBe(0);
    await Promise.all(Object.values(routers).map((r) => r.stop()));
  });
});
