/** What no router's table shows: the messages on the wire, and a peer from before four-octet AS numbers. */
import { afterAll, describe, expect, test } from 'vitest';
import { capture } from '../support/capture.ts';
import { waitFor } from '../support/process.ts';
import { normalised } from '../support/router.ts';
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
  more: { readonly fourOctetAs?: false } = {},
) {
  const w = await wire(name);
  open.push(w);
  const shared = { port, holdTimeSec: 90 };
  const router = drivers[name]({
    ...shared,
    ...more,
    namespace: w.far,
    routerId: '192.0.2.2',
    localAs: routerAs,
    // An old speaker knows a four-octet AS only as AS_TRANS (RFC 6793 §4.2.2).
    peerAs: more.fourOctetAs === false && waypostAs > 65535 ? 23456 : waypostAs,
    localAddress: far.ipv4,
    peerAddress: near.ipv4,
    nextHops: far,
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    announce: fromRouter,
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
  test.concurrent.each([
    { title: 'eBGP: no LOCAL_PREF', waypostAs: 65001, routerAs: 65002, ipv4: [1, 2, 3, 4, 8, 32] },
    { title: 'iBGP: LOCAL_PREF', waypostAs: 65001, routerAs: 65001, ipv4: [1, 2, 3, 4, 5, 8, 32] },
  ])('$title', async ({ waypostAs, routerAs, ipv4 }) => {
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
    // Codes come in one list a packet, ascending in each UPDATE: a code no higher than the one before starts the next.
    const codes = (await packets.fields(`${from} && ${reaching}`, ['bgp.update.path_attribute.type_code']))
      .flatMap(([list]) => list!.map(Number))
      .reduce<number[][]>((all, code) => {
        const last = all.at(-1);
        if (last && last.at(-1)! < code) last.push(code);
        else all.push([code]);
        return all;
      }, [])
      .map((list) => list.join(' '));
    const ipv6 = [...ipv4.filter((code) => code !== 3), 14].sort((a, b) => a - b);
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

describe('a peer from before four-octet AS numbers', () => {
  test.concurrent.each(['bird', 'exabgp', 'openbgpd'] as const)('%s', async (name) => {
    const s = await session(name, 4200000001, 65002, { fourOctetAs: false });
    const packets = await capture(s.wire.near, device, port);
    await s.exchanged();
    expect((await s.waypost.received()).map((r) => r.asPath)).toEqual([[65002]]);
    const received = normalised(await s.router.received());
    expect(received.map((r) => r.prefix)).toEqual(normalised(received).map((r) => r.prefix));
    expect(await s.waypost.stop(), s.log()).toBe(0);
    const paths = await packets.fields(`ip.src == ${near.ipv4} && ${reaching}`, [
      'bgp.update.path_attribute.as_path_segment.as2',
      'bgp.update.path_attribute.as_path_segment.as4',
    ]);
    console.log(name, JSON.stringify(received), JSON.stringify(paths));
    await s.router.stop();
  });
});
