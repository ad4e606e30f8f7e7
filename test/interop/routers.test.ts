/**
 * waypost and every router, each seen in its own table: what waypost originates must stand in the router's table, and
 * what the router originates in waypost's, attribute by attribute. Six sessions per router cover, in pairs, who dials,
 * the transport's family, iBGP and eBGP, two- and four-octet AS numbers at either end, and both of waypost's commands.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import {
  type Announcement,
  type Family,
  normalised,
  type ReceivedRoute,
  type Router,
  routerNames,
} from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { type Waypost, type WaypostOptions, waypostPeer, waypostRun } from './waypost.ts';
import { expected, far, near, type Wire, wire } from './wire.ts';

interface Scenario {
  readonly command: 'peer' | 'run';
  /** Of waypost; the router takes the other. */
  readonly role: 'dial' | 'listen';
  readonly transport: Family;
  readonly waypostAs: number;
  readonly routerAs: number;
  /** Who is killed and started again. */
  readonly killed: 'router' | 'waypost';
}

const four = 4200000001;
const scenarios: readonly Scenario[] = [
  { command: 'peer', role: 'dial', transport: 'ipv4', waypostAs: four, routerAs: 65002, killed: 'router' },
  { command: 'peer', role: 'listen', transport: 'ipv6', waypostAs: 65001, routerAs: four + 1, killed: 'router' },
  { command: 'peer', role: 'listen', transport: 'ipv4', waypostAs: four, routerAs: four, killed: 'waypost' },
  { command: 'run', role: 'dial', transport: 'ipv6', waypostAs: 65001, routerAs: 65001, killed: 'router' },
  { command: 'run', role: 'dial', transport: 'ipv4', waypostAs: 65001, routerAs: four, killed: 'waypost' },
  { command: 'run', role: 'listen', transport: 'ipv6', waypostAs: four, routerAs: 65002, killed: 'waypost' },
];

const kind = (s: Scenario) => (s.waypostAs === s.routerAs ? 'iBGP' : 'eBGP');
const matrix = scenarios.flatMap((s, i) =>
  routerNames.map((router) => ({
    ...s,
    router,
    label: `${router}${i}`,
    title: `${router}: waypost ${s.command} ${s.role}s over ${s.transport}, ${kind(s)} AS ${s.waypostAs} to ${s.routerAs}; ${s.killed} killed`,
  })),
);

const fromRouter: readonly Announcement[] = [
  {
    prefix: '203.0.113.0/24',
    med: 9,
    localPref: 202,
    communities: ['65001:3', '65001:30'],
    largeCommunities: ['4200000001:2:3', '1:2:5'],
  },
  { prefix: '2001:db8:200::/48', med: 0, localPref: 203, communities: ['65001:4'], largeCommunities: ['1:2:6'] },
];
const laterFromRouter: Announcement = { ...fromRouter[0]!, prefix: '203.0.113.64/26', med: 10 };

const prefixes = ['198.51.100.0/24', '192.0.2.200/32', '2001:db8:100::/48'];
const later = ['198.51.101.77/32', '2001:db8:101::77/128'];
const attributes = {
  localPref: 250,
  communities: ['65001:1', '65001:20'],
  largeCommunities: ['4200000001:2:3', '1:2:3'],
} as const satisfies WaypostOptions['attributes'];

describe('waypost and a router', () => {
  const lab = new Map<string, Wire>();
  beforeAll(async () => {
    for (const { label } of matrix) lab.set(label, await wire(label));
  });
  afterAll(() => Promise.all([...lab.values()].map((w) => w.close())));

  test.concurrent.for(matrix.map((s) => [s.title, s] as const))('%s', async ([, s]) => {
    const { near: nearSide, far: farSide } = lab.get(s.label)!;
    const med = s.command === 'peer' ? { med: 7 } : {}; // no document sets a MED
    const common = { port: 1790, holdTimeSec: 90 };
    const router = drivers[s.router]({
      ...common,
      namespace: farSide,
      routerId: '192.0.2.2',
      localAs: s.routerAs,
      peerAs: s.waypostAs,
      localAddress: far[s.transport],
      peerAddress: near[s.transport],
      nextHops: far,
      families: ['ipv4', 'ipv6'],
      role: s.role === 'dial' ? 'listen' : 'dial',
      announce: fromRouter,
    });
    const waypost = (s.command === 'peer' ? waypostPeer : waypostRun)({
      ...common,
      namespace: nearSide,
      routerId: '192.0.2.1',
      localAs: s.waypostAs,
      peerAs: s.routerAs,
      localAddress: near[s.transport],
      peerAddress: far[s.transport],
      role: s.role,
      attributes: { ...attributes, ...med },
    });
    const nextHops = router.extendedNextHop && s.transport === 'ipv6' ? { ipv4: near.ipv6, ipv6: near.ipv6 } : near;
    const internal = s.waypostAs === s.routerAs;
    const log = () => `waypost:\n${waypost.log()}\n${s.router}:\n${router.log()}`;
    const ofWaypost = (list: readonly string[], absent: Router['absent']) =>
      list.map((prefix) =>
        expected({ prefix, ...attributes, ...med }, { nextHops, originAs: s.waypostAs, internal, absent }),
      );
    const atRouter = (list: readonly string[]) => ofWaypost(list, router.absent);
    const atWaypost = (list: readonly Announcement[]) =>
      list.map((route) =>
        expected(route, {
          nextHops: far,
          originAs: s.routerAs,
          internal,
          absent: { med: null, localPref: null },
        }),
      );
    /** Waits until the table has as many routes as it should, then compares every attribute. */
    const holds = async (side: Waypost | Router, what: string, routes: readonly ReceivedRoute[]) => {
      const count = async () => ('count' in side ? side.count() : (await side.received()).length);
      await waitFor(what, async () => (await count()) === routes.length, { log });
      expect(await side.received(), what).toEqual(normalised(routes));
    };
    // OpenBGPD calls again only 30 s after it lost a session.
    const established = () =>
      waitFor('Established', async () => (await waypost.established()) && (await router.established()), {
        timeoutMs: 75_000,
        log,
      });

    await Promise.all([router.start(), waypost.start(prefixes)]);
    await established();
    await holds(router, "waypost's routes at the router", atRouter(prefixes));
    await holds(waypost, "the router's routes at waypost", atWaypost(fromRouter));
    const advertised = await waypost.advertised();
    if (advertised) expect(advertised).toEqual(normalised(ofWaypost(prefixes, { med: null, localPref: null })));

    await waypost.announce(later);
    await holds(router, 'more of them', atRouter([...prefixes, ...later]));
    await waypost.withdraw([prefixes[0]!, prefixes[2]!, later[1]!]);
    await holds(router, 'withdrawals', atRouter([prefixes[1]!, later[0]!]));
    await router.announce([laterFromRouter]);
    await holds(waypost, "one more of the router's", atWaypost([...fromRouter, laterFromRouter]));
    await router.withdraw(fromRouter.map((route) => route.prefix));
    await holds(waypost, "the router's withdrawals", atWaypost([laterFromRouter]));

    if (s.killed === 'router') {
      await router.kill();
      await waitFor('waypost notices', async () => !(await waypost.established()), { log });
      await router.start();
      await established();
      await holds(router, 'routes at the new router', atRouter([prefixes[1]!, later[0]!]));
    } else {
      await waypost.kill();
      await waitFor('the router notices', async () => !(await router.established()), { log });
      await waypost.start(prefixes);
      await established();
      await holds(router, "the new waypost's routes", atRouter(prefixes));
    }
    const own = s.killed === 'router' ? fromRouter : [laterFromRouter];
    await holds(waypost, "the router's routes again", atWaypost(own));

    expect(await waypost.stop(), `exit status\n${log()}`).toBe(0);
    await waitFor('the router is told', async () => !(await router.established()), { log });
    await router.stop();
  });
});
