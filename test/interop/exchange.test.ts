/** What no router's table shows: the messages on the wire, and a peer from before four-octet AS numbers. */
import { afterAll, describe, expect, test } from 'vitest';
import { capture } from '../support/capture.ts';
import { waitFor } from '../support/process.ts';
import { drivers } from './drivers/all.ts';
import { waypostPeer } from './waypost.ts';
import { device, far, near, type Wire, wire } from './wire.ts';

const open: Wire[] = [];
afterAll(() => Promise.all(open.map((w) => w.close())));

const port = 1790;
const prefixes = ['198.51.100.0/24', '2001:db8:100::/48'];
const fromRouter = [{ prefix: '203.0.113.0/24', med: 3, communities: ['65001:3'], largeCommunities: [] }];

async function session(
  name: 'bird' | 'exabgp' | 'openbgpd',
  waypostAs: number,
  routerAs: number,
  more: { readonly fourOctetAs?: false; readonly peerAs?: number } = {},
) {
  const w = await wire(name);
  open.push(w);
  const shared = { port, holdTimeSec: 90 };
  const router = drivers[name]({
    ...shared,
    namespace: w.far,
    routerId: '192.0.2.2',
    localAs: routerAs,
    peerAs: waypostAs,
    localAddress: far.ipv4,
    peerAddress: near.ipv4,
    nextHops: far,
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    announce: fromRouter,
    ...more,
  });
  const waypost = waypostPeer({
    ...shared,
    namespace: w.near,
    routerId: '192.0.2.1',
    localAs: waypostAs,
    peerAs: routerAs,
    localAddress: near.ipv4,
    peerAddress: far.ipv4,
    role: 'dial',
    attributes: { localPref: 250, med: 7, communities: ['65001:1'], largeCommunities: ['1:2:3'] },
  });
  const log = () => `waypost:\n${waypost.log()}\n${name}:\n${router.log()}`;
  const exchanged = async () => {
    await Promise.all([router.start(), waypost.start(prefixes)]);
    await waitFor("waypost's routes", async () => (await router.received()).length === prefixes.length, { log });
    await waitFor("the router's route", async () => (await waypost.received()).length === 1, { log });
  };
  return { wire: w, router, waypost, log, exchanged };
}

/** Path attribute codes of UPDATEs that reach something, by the family they reach. */
const reaching = 'bgp.type == 2 && bgp.update.path_attribute';

describe('on the wire', () => {
  const kinds = [
    { title: 'eBGP: no LOCAL_PREF', waypostAs: 65001, routerAs: 65002, ipv4: [1, 2, 3, 4, 8, 32] },
    { title: 'iBGP: LOCAL_PREF', waypostAs: 65001, routerAs: 65001, ipv4: [1, 2, 3, 4, 5, 8, 32] },
  ];
  test.concurrent.for(kinds.map((k) => [k.title, k] as const))('%s', async ([, { waypostAs, routerAs, ipv4 }]) => {
    const s = await session('bird', waypostAs, routerAs);
    const packets = await capture(s.wire.near, device, port);
    await s.exchanged();
    await s.waypost.withdraw(prefixes);
    await waitFor('withdrawals', async () => (await s.router.received()).length === 0, { log: s.log });
    expect(await s.waypost.stop(), s.log()).toBe(0);
    await waitFor('the end', async () => !(await s.router.established()), { log: s.log });

    const from = `ip.src == ${near.ipv4}`;
    const opens = await packets.fields(`${from} && bgp.type == 1`, ['bgp.open.version', 'bgp.open.holdtime']);
    expect(opens).toEqual([[['4'], ['90']]]);
    // Codes come in one list a packet. MP_REACH_NLRI and MP_UNREACH_NLRI come first in their UPDATE (RFC 7606 §5.1),
    // the others ascend: a code no higher than the one before starts the next UPDATE.
    const codes = (await packets.fields(`${from} && ${reaching}`, ['bgp.update.path_attribute.type_code']))
      .flatMap(([list]) => list!.map(Number))
      .reduce<number[][]>((all, code) => {
        const last = all.at(-1);
        const before = last?.at(-1) ?? 256;
        if (code !== 14 && code !== 15 && (before < code || before === 14)) last?.push(code);
        else all.push([code]);
        return all;
      }, [])
      .map((list) => list.join(' '));
    const ipv6 = [14, ...ipv4.filter((code) => code !== 3)];
    // MP_UNREACH_NLRI (15) stands alone: in the withdrawal, and in the End-of-RIB of IPv6.
    expect(new Set(codes)).toEqual(new Set([ipv4.join(' '), ipv6.join(' '), '15']));
    const cease = await packets.fields(`${from} && bgp.type == 3`, [
      'bgp.notify.major_error',
      'bgp.notify.minor_error_cease',
    ]);
    expect(cease).toEqual([[['6'], ['2']]]); // Administrative Shutdown (RFC 4486)
    await s.router.stop();
  });
});

/**
 * Without the capability a session carries two octets per AS number: AS_TRANS stands for ours, and AS4_PATH beside it
 * says who we are (RFC 6793 §4.2.2). Both routers read AS4_PATH although they leave the capability out, but ExaBGP
 * must be told that its peer is AS_TRANS.
 */
describe('a session with two octets per AS number', () => {
  const asTrans = 23456;
  const ours = 4200000001;
  const peers = [
    { name: 'openbgpd', peerAs: ours },
    { name: 'exabgp', peerAs: asTrans },
  ] as const;
  test.concurrent.for(peers.map((p) => [p.name, p] as const))('%s', async ([name, { peerAs }]) => {
    const s = await session(name, ours, 65002, { fourOctetAs: false, peerAs });
    const packets = await capture(s.wire.near, device, port);
    await s.exchanged();
    expect((await s.waypost.received()).map((r) => r.asPath)).toEqual([[65002]]);
    expect((await s.router.received()).map((r) => r.asPath)).toEqual(prefixes.map(() => [ours]));
    expect(await s.waypost.stop(), s.log()).toBe(0);
    const paths = await packets.fields(`ip.src == ${near.ipv4} && ${reaching}`, [
      'bgp.update.path_attribute.as_path_segment.as2',
      'bgp.update.path_attribute.as_path_segment.as4',
    ]);
    expect(paths.flatMap(([as2]) => as2)).toEqual(prefixes.map(() => `${asTrans}`));
    expect(paths.flatMap(([, as4]) => as4)).toEqual(prefixes.map(() => `${ours}`));
    await s.router.stop();
  });
});
