/**
 * The lab without waypost: every driver against BIRD, in both roles, over both transports. What fails here is the
 * lab's fault, so that a failure in the other files is not.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Namespace, sweep } from '../support/netns.ts';
import { Daemon, run, waitFor } from '../support/process.ts';
import { type Announcement, type Family, normalised, type RouterOptions, routerNames } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { expected, far, near, type Wire, wire } from './wire.ts';

interface Case {
  readonly title: string;
  /** Of the router; BIRD takes the other. */
  readonly role: 'dial' | 'listen';
  readonly transport: Family;
  readonly routerAs: number;
  readonly birdAs: number;
  readonly password?: string;
}

const cases: readonly Case[] = [
  {
    title: 'dials, IPv4, eBGP, 4-byte to 2-byte AS',
    role: 'dial',
    transport: 'ipv4',
    routerAs: 4200000001,
    birdAs: 65001,
  },
  {
    title: 'listens, IPv6, iBGP, 4-byte AS',
    role: 'listen',
    transport: 'ipv6',
    routerAs: 4200000002,
    birdAs: 4200000002,
  },
  {
    title: 'listens, IPv4, eBGP, MD5',
    role: 'listen',
    transport: 'ipv4',
    routerAs: 65002,
    birdAs: 65001,
    password: 'kept',
  },
  {
    title: 'dials, IPv6, eBGP, MD5',
    role: 'dial',
    transport: 'ipv6',
    routerAs: 65002,
    birdAs: 4200000001,
    password: 'kept',
  },
];

const fromRouter: readonly Announcement[] = [
  {
    prefix: '198.51.100.0/24',
    med: 7,
    localPref: 200,
    communities: ['65001:1', '65001:20'],
    largeCommunities: ['4200000001:2:3'],
  },
  {
    prefix: '2001:db8:100::/48',
    med: 8,
    localPref: 201,
    communities: ['65001:2'],
    largeCommunities: ['1:2:4', '1:2:3'],
  },
];
const fromBird: readonly Announcement[] = [
  { prefix: '203.0.113.0/24', med: 9, localPref: 202, communities: ['65001:3'], largeCommunities: ['1:2:5'] },
  { prefix: '2001:db8:200::/48', med: 0, localPref: 203, communities: ['65001:4'], largeCommunities: ['1:2:6'] },
];
const later: Announcement = {
  prefix: '198.51.100.128/25',
  med: 1,
  localPref: 204,
  communities: [],
  largeCommunities: [],
};

const matrix = routerNames.flatMap((name) =>
  cases.map((c, i) => ({ ...c, title: `${name} ${c.title}`, name, label: `${name}${i}` })),
);

describe('a router and bird', () => {
  const lab = new Map<string, Wire>();
  beforeAll(async () => {
    for (const { label } of matrix) lab.set(label, await wire(label));
  });
  afterAll(() => Promise.all([...lab.values()].map((w) => w.close())));

  test.concurrent.for(matrix.map((c) => [c.title, c] as const))('%s', async ([, c]) => {
    const { near: birdSide, far: routerSide } = lab.get(c.label)!;
    const common = {
      port: 1790,
      holdTimeSec: 90,
      families: ['ipv4', 'ipv6'],
      ...(c.password === undefined ? {} : { password: c.password }),
    } as const satisfies Partial<RouterOptions>;
    const router = drivers[c.name]({
      ...common,
      namespace: routerSide,
      routerId: '192.0.2.2',
      localAs: c.routerAs,
      peerAs: c.birdAs,
      localAddress: far[c.transport],
      peerAddress: near[c.transport],
      nextHops: far,
      role: c.role,
      announce: fromRouter,
    });
    const bird = drivers.bird({
      ...common,
      namespace: birdSide,
      routerId: '192.0.2.1',
      localAs: c.birdAs,
      peerAs: c.routerAs,
      localAddress: near[c.transport],
      peerAddress: far[c.transport],
      nextHops: near,
      role: c.role === 'dial' ? 'listen' : 'dial',
      announce: fromBird,
    });
    const log = () => `${c.name}:\n${router.log()}\nbird:\n${bird.log()}`;
    const internal = c.routerAs === c.birdAs;
    const atBird = (routes: readonly Announcement[]) =>
      normalised(
        routes.map((r) => expected(r, { nextHops: far, originAs: c.routerAs, internal, absent: bird.absent })),
      );
    const atRouter = normalised(
      fromBird.map((r) => expected(r, { nextHops: near, originAs: c.birdAs, internal, absent: router.absent })),
    );
    const birdHas = async (what: string, count: number) =>
      waitFor(what, async () => ((await bird.received()).length === count ? bird.received() : undefined), { log });

    await Promise.all([bird.start(), router.start()]);
    await waitFor('established', async () => (await router.established()) && (await bird.established()), { log });
    expect(await birdHas('routes', 2)).toEqual(atBird(fromRouter));
    await waitFor('routes at the router', async () => (await router.received()).length === 2, { log });
    expect(await router.received()).toEqual(atRouter);

    await router.announce([later]);
    expect(await birdHas('a route more', 3)).toEqual(atBird([fromRouter[0]!, later, fromRouter[1]!]));
    await router.withdraw([fromRouter[0]!.prefix, fromRouter[1]!.prefix]);
    expect(await birdHas('two routes less', 1)).toEqual(atBird([later]));
    await bird.withdraw([fromBird[0]!.prefix, fromBird[1]!.prefix]);
    await waitFor('withdrawal at the router', async () => (await router.received()).length === 0, { log });

    await router.kill();
    await waitFor('bird notices', async () => !(await bird.established()), { log });
    await router.start();
    await waitFor('established again', async () => (await router.established()) && (await bird.established()), { log });
    expect(await birdHas('routes again', 2)).toEqual(atBird(fromRouter));
    await router.stop();
    await waitFor('bird is told', async () => !(await bird.established()), { log });
  });
});

describe('namespaces', () => {
  test('a sweep removes what a dead process left, and nothing else', async () => {
    const mine = await Namespace.create('alive');
    // The number of a process that is gone: this one's, with another start.
    const dead = mine.name.replace(/-\d+-\d+-alive$/, '-1-0-dead');
    await run(['ip', 'netns', 'add', dead]);
    const left = new Daemon(['ip', 'netns', 'exec', dead, 'sleep', '600']);
    await waitFor('the left-behind process', async () => (await run(['ip', 'netns', 'pids', dead])) !== '');
    expect(sweep()).toEqual([dead]);
    await waitFor('its end', () => !left.running);
    expect(readdirSync('/run/netns')).toContain(mine.name);
    expect(readdirSync('/run/netns')).not.toContain(dead);
    await mine.close();
    expect(readdirSync('/run/netns')).not.toContain(mine.name);
  });
});
