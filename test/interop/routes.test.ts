/** Learned routes in the kernel: real routers announce, `ip route` is the judge. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import type { RouterOptions } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { Node, program, receiving } from './node.ts';
import { type Star, star } from './star.ts';

interface Shown {
  readonly dst: string;
  readonly gateway?: string;
  readonly via?: { readonly host: string };
  readonly dev?: string;
  readonly metric?: number;
  readonly nexthops?: readonly { readonly gateway: string; readonly dev: string; readonly weight: number }[];
}

let lab: Star<'a' | 'b'>;
let node: Node;
const log = () => node.log();

beforeAll(async () => {
  lab = await star('fib', ['a', 'b']);
});
afterAll(async () => {
  await lab?.close();
});

/** Our routes as the kernel has them: `PREFIX GATEWAY%LINK…`, sorted. */
async function installed(family: 4 | 6 = 4, protocol = '186'): Promise<string[]> {
  const text = await lab.middle.run(['ip', `-${family}`, '-j', 'route', 'show', 'proto', protocol]);
  return (JSON.parse(text || '[]') as Shown[])
    .map(({ dst, gateway, dev, nexthops }) => {
      const hops = nexthops ?? [{ gateway, dev }];
      return `${dst} ${hops
        .map((h) => `${h.gateway}%${h.dev}`)
        .sort()
        .join(' ')}`;
    })
    .sort();
}

const ip = (...argv: string[]) => lab.middle.run(['ip', ...argv]);

async function shows(want: readonly string[], family: 4 | 6 = 4): Promise<void> {
  const wanted = JSON.stringify([...want].sort());
  let last = '';
  await waitFor(
    `the kernel to have ${wanted}`,
    async () => {
      last = JSON.stringify(await installed(family));
      return last === wanted;
    },
    { log: () => `last: ${last}\n${log()}`, timeoutMs: 60_000 },
  );
}

function router(name: 'a' | 'b', more: Partial<RouterOptions> = {}) {
  const { namespace, near, far } = lab.spokes[name];
  return drivers.frr({
    namespace,
    routerId: far.ipv4,
    localAs: 65002,
    peerAs: 65001,
    localAddress: far.ipv4,
    peerAddress: near.ipv4,
    nextHops: far,
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    port: 1790,
    holdTimeSec: 90,
    announce: [],
    ...more,
  });
}

const neighbor = (name: 'a' | 'b') => ({
  address: lab.spokes[name].far.ipv4,
  asn: 65002,
  dualStackAddressFamily: true,
});

describe('two FRR routers with the same routes', () => {
  const v4 = ['203.0.113.0/24', '203.0.114.0/24', '198.51.100.128/25'];
  const v6 = ['2001:db8:1000::/48', '2001:db8:2000::/64'];

  test('are both used; one dies, and it is the other; it restarts, and its routes stay; it goes, and they go', async () => {
    const announce = [...v4, ...v6].map((prefix) => ({ prefix }));
    const a = router('a', { announce: [...announce, { prefix: '192.88.99.0/24' }] });
    const b = router('b', { announce, restartTimeSec: 60 });
    node = new Node(lab.middle, { http: '127.0.0.1:7472' });
    const metrics = 'http://127.0.0.1:7472/metrics';
    node.speaker({ kernel: { mtu: 1400 } });
    node.write('frr', receiving(65001, [neighbor('a'), neighbor('b')]));
    await ip('route', 'add', '203.0.113.0/24', 'via', '10.0.1.9', 'metric', '5');
    await Promise.all([a.start(), b.start(), node.start()]);
    const two = (prefix: string) => `${prefix} 10.0.1.2%eth0 10.0.2.2%eth1`;
    const only = (prefix: string) => `${prefix} 10.0.2.2%eth1`;
    await shows([...v4.map(two), '192.88.99.0/24 10.0.1.2%eth0']);
    await waitFor('IPv6', async () => (await installed(6)).length === v6.length, { log });
    for (const route of await installed(6)) expect(route).toMatch(/%eth0 .*%eth1$/);
    expect(await ip('route', 'show', '203.0.114.0/24')).toMatch(/proto (bgp|186) metric 20 mtu 1400/);

    const rows = await node.rows('routes');
    expect(rows.find((r) => r.prefix === '203.0.114.0/24')).toEqual({
      table: 254,
      vrf: '',
      prefix: '203.0.114.0/24',
      metric: 20,
      protocol: 186,
      nexthops: [
        { via: '10.0.1.2', dev: 'eth0', weight: 1 },
        { via: '10.0.2.2', dev: 'eth1', weight: 1 },
      ],
      state: 'installed',
      error: null,
    });
    const received = (await node.rows('received')).filter((r) => r.prefix === '203.0.114.0/24');
    expect(received.map((r) => [r.accepted, r.best, r.multipath ?? false, r.reason]).sort()).toEqual([
      [true, false, true, null],
      [true, true, false, null],
    ]);
    const { stdout } = await node.command('show', 'routes', '--prefix', '203.0.114.0/24');
    expect(stdout).toMatch(/^254 +- +203\.0\.114\.0\/24 +20 +10\.0\.1\.2%eth0\*1 10\.0\.2\.2%eth1\*1 +installed/m);

    const failovers = async () =>
      Number(/^waypost_failover_seconds_count (\d+)$/m.exec(await lab.middle.run(['curl', '-s', metrics]))![1]);
    const before = await failovers();
    await a.kill();
    await shows(v4.map(only));
    await waitFor('the fail-over is counted', async () => (await failovers()) === before + 1, { log });
    await b.kill();
    await waitFor('stale routes', async () => (await node.rows('received')).every((r) => r.stale), { log });
    expect(await installed()).toEqual(v4.map(only).sort());
    expect((await installed(6)).length).toBe(v6.length);
    await b.start();
    await waitFor('fresh routes', async () => (await node.rows('received')).some((r) => !r.stale), { log });
    await waitFor('nothing stale', async () => (await node.rows('received')).every((r) => !r.stale), { log });
    expect(await installed()).toEqual(v4.map(only).sort());

    // Its link goes, without a word from BGP: the way to the next hop is gone at once.
    await ip('link', 'set', 'eth1', 'down');
    await shows([]);
    await ip('link', 'set', 'eth1', 'up');
    await ip('-6', 'address', 'replace', `${lab.spokes.b.near.ipv6}/64`, 'dev', 'eth1', 'nodad');
    await shows(v4.map(only));

    expect(await node.end()).toBe(0);
    expect(await installed()).toEqual([]);
    expect(await installed(6)).toEqual([]);
    expect(await ip('route', 'show', 'metric', '5')).toContain('203.0.113.0/24');
    await ip('route', 'del', '203.0.113.0/24', 'metric', '5');
    await b.stop();
  });
});

describe('routers that tell the bandwidth of their links', () => {
  const share = (name: 'a' | 'b', mbps: number) => {
    const peer = `neighbor ${lab.spokes[name].near.ipv4} route-map SHARE out`;
    const lines = [
      'route-map ANY permit 10',
      'exit',
      'route-map SHARE permit 10',
      `set extcommunity bandwidth ${mbps}`,
      'exit',
    ];
    const families = (['ipv4', 'ipv6'] as const).flatMap((family) => [
      `address-family ${family} unicast`,
      peer,
      'exit-address-family',
    ]);
    return { name: 'ANY', lines: [...lines, 'router bgp 65002', ...families, 'exit'] };
  };
  const announce = ['203.0.113.0/24', '0.0.0.0/0', '2001:db8:1000::/48', '::/0'].map((prefix) => ({ prefix }));

  test('get traffic in that ratio, default routes too, where documents ask for it', async () => {
    const a = router('a', { announce, filter: share('a', 100) });
    const b = router('b', { announce, filter: share('b', 300) });
    node = new Node(lab.middle);
    node.speaker({ kernel: { multipath: { bandwidth: true } } });
    const allowed = { prefixes: announce, mode: 'filtered' };
    node.write(
      'frr',
      receiving(65001, [
        { ...neighbor('a'), toReceive: { allowed } },
        { ...neighbor('b'), toReceive: { allowed } },
      ]),
    );
    await Promise.all([a.start(), b.start(), node.start()]);
    /** Prefix, and by link how much of the traffic it gets. */
    const weights = async () => {
      const texts = await Promise.all([4, 6].map((family) => ip(`-${family}`, '-j', 'route', 'show', 'proto', '186')));
      return texts
        .flatMap((text) => JSON.parse(text || '[]') as Shown[])
        .map(({ dst, nexthops = [] }) => `${dst} ${nexthops.map((hop) => `${hop.dev}*${hop.weight}`).sort()}`)
        .sort();
    };
    const all = (shares: string) =>
      ['2001:db8:1000::/48', '203.0.113.0/24', 'default', 'default'].map((p) => `${p} ${shares}`);
    const become = async (want: readonly string[]) => {
      let last = '';
      const isThere = async () => {
        last = String(await weights());
        return last === String(want);
      };
      await waitFor(`weights to be ${want}`, isThere, { log: () => `last: ${last}\n${log()}`, timeoutMs: 60_000 });
    };
    await become(all('eth0*1,eth1*3'));
    node.speaker();
    await become(all('eth0*1,eth1*1'));
    expect(await node.end()).toBe(0);
    expect([await installed(), await installed(6)]).toEqual([[], []]);
    await Promise.all([a.stop(), b.stop()]);
  });
});

describe('meddling and mistakes', () => {
  const prefixes = Array.from({ length: 60 }, (_, i) => `203.0.${i}.0/24`);
  const there = prefixes.map((prefix) => `${prefix} 10.0.1.2%eth0`);

  test('what goes by hand, by a flush or with the link comes back; what others have stays', async () => {
    const a = router('a', { announce: prefixes.map((prefix) => ({ prefix })) });
    node = new Node(lab.middle);
    node.speaker({ kernel: { keepOnStop: true } });
    node.write('frr', receiving(65001, [neighbor('a')]));
    const foreign = ['203.0.7.0/24', '203.0.8.0/24'];
    for (const prefix of foreign)
      await ip('route', 'add', prefix, 'via', '10.0.2.9', 'proto', 'static', 'metric', '20');
    await Promise.all([a.start(), node.start()]);
    const ours = there.filter((line) => !foreign.some((prefix) => line.startsWith(prefix)));
    await shows(ours);
    const conflicts = async () => (await node.rows('routes')).filter((r) => r.state === 'conflict');
    await waitFor('the conflicts', async () => (await conflicts()).length === 2, { log });
    expect((await conflicts()).map((r) => r.prefix).sort()).toEqual(foreign);

    for (const prefix of prefixes.slice(0, 5)) await ip('route', 'del', prefix, 'proto', '186');
    await shows(ours);
    await ip('route', 'flush', 'proto', '186');
    await shows(ours);
    await ip('route', 'replace', '203.0.3.0/24', 'via', '10.0.1.77', 'proto', '186', 'metric', '20');
    await shows(ours);
    await ip('link', 'set', 'eth0', 'down');
    await ip('link', 'set', 'eth0', 'up');
    await shows(ours);
    // With its last address go all IPv4 routes over a link, untold; one comes back before anybody has looked.
    const { near } = lab.spokes.a;
    await lab.middle.run(['ip', '-batch', '-'], {
      input: `address del ${near.ipv4}/24 dev eth0\naddress add ${near.ipv4}/24 dev eth0\n`,
    });
    await shows(ours);
    // A foreign route makes room.
    await ip('route', 'del', '203.0.7.0/24', 'proto', 'static');
    await shows(there.filter((line) => !line.startsWith(foreign[1]!)));
    // A route of another in the place of ours stays.
    await ip('route', 'replace', '203.0.9.0/24', 'via', '10.0.2.9', 'proto', 'static', 'metric', '20');
    await waitFor('the third conflict', async () => (await conflicts()).some((r) => r.prefix === '203.0.9.0/24'), {
      log,
    });
    expect((await node.rows('events')).filter((e) => e.kind === 'route')).toContainEqual(
      expect.objectContaining({ reason: 'kernelConflict' }),
    );
    expect(await installed(4, 'static')).toEqual(['203.0.8.0/24 10.0.2.9%eth1', '203.0.9.0/24 10.0.2.9%eth1']);

    // keepOnStop; and what was kept is swept when nobody announces it again.
    expect(await node.end()).toBe(0);
    expect((await installed()).length).toBe(58);
    await a.withdraw(prefixes.slice(20));
    await node.start();
    await shows(there.slice(0, 20).filter((line) => !/^203\.0\.[89]\.0/.test(line)));
    node.speaker({ kernel: { install: false } });
    await shows([]);
    node.speaker({ kernel: { protocol: 77, metric: 300 } });
    await waitFor('another protocol', async () => (await installed(4, '77')).length === 20, { log });
    expect(await node.end()).toBe(0);
    expect(await installed(4, '77')).toEqual([]);
    await a.stop();
    for (const prefix of ['203.0.8.0/24', '203.0.9.0/24']) await ip('route', 'del', prefix, 'proto', 'static');
  });

  test('routes that cannot be installed are named, and the others are installed', async () => {
    const { namespace, far, near } = lab.spokes.a;
    const say = (nextHop: string, ...prefixes: string[]) =>
      namespace.spawn([
        ...program,
        ...['peer', near.ipv4, '--local-as', '65002', '--peer-as', '65001', '--router-id', far.ipv4, '--port', '1790'],
        ...['--source', far.ipv4, '--family', 'ipv4,ipv6', '--next-hop', nextHop, '--json'],
        ...prefixes.flatMap((prefix) => ['--announce', prefix]),
      ]);
    node = new Node(lab.middle);
    node.speaker({ listen: { addresses: [near.ipv4], port: 1790 } });
    const allowed = ['0.0.0.0/0', '203.0.113.0/24'].map((prefix) => ({ prefix }));
    node.write('frr', receiving(65001, [{ ...neighbor('a'), toReceive: { allowed: { prefixes: allowed } } }]));
    await node.start();
    const state = async (prefix: string) => {
      const row = (await node.rows('received')).find((r) => r.prefix === prefix);
      return row && [row.accepted, row.best, row.reason];
    };
    for (const [nextHop, prefix, want] of [
      ['198.51.100.7', '203.0.113.0/24', [true, false, 'nextHopUnreachable']],
      [lab.spokes.b.near.ipv4, '203.0.113.0/24', [false, false, 'nextHopSelf']],
      [far.ipv4, '203.0.113.7/24', [true, true, null]],
      [far.ipv4, '0.0.0.0/0', [true, true, null]],
    ] as const) {
      const remote = say(nextHop, prefix);
      const text = prefix.replace('.7/', '.0/');
      await waitFor(`${prefix} by ${nextHop}`, async () => JSON.stringify(await state(text)) === JSON.stringify(want), {
        log: () => `${log()}\n${remote.output}`,
      });
      await shows(want[1] ? [`${text === '0.0.0.0/0' ? 'default' : text} 10.0.1.2%eth0`] : []);
      await remote.stop('SIGINT');
      await shows([]);
    }
    // By a gateway, a next hop of a peer one hop away is none (RFC 4271 §6.3): until it is on a link, or the peer is not.
    await ip('route', 'add', '198.51.100.0/24', 'via', '10.0.2.9');
    const remote = say('198.51.100.7', '203.0.113.0/24');
    const becomes = (what: string, want: readonly unknown[]) =>
      waitFor(what, async () => JSON.stringify(await state('203.0.113.0/24')) === JSON.stringify(want), {
        log: () => `${log()}\n${remote.output}`,
      });
    await becomes('nobody’s next hop', [true, false, 'nextHopOffLink']);
    await shows([]);
    expect(log()).toContain('next hop on no link of ours');
    expect((await node.explain('203.0.113.0/24')).chains.map((c) => c.reason)).toContain('nextHopOffLink');
    await ip('address', 'add', '198.51.100.1/28', 'dev', 'eth1');
    await becomes('a neighbour', [true, true, null]);
    await shows(['203.0.113.0/24 198.51.100.7%eth1']);
    await ip('address', 'del', '198.51.100.1/28', 'dev', 'eth1');
    await becomes('nobody’s next hop again', [true, false, 'nextHopOffLink']);
    const distant = { ...neighbor('a'), ebgpMultiHop: true, toReceive: { allowed: { prefixes: allowed } } };
    node.write('frr', receiving(65001, [distant]));
    await becomes('behind a gateway', [true, true, null]);
    await shows(['203.0.113.0/24 10.0.2.9%eth1']);
    await remote.stop('SIGINT');
    await ip('route', 'del', '198.51.100.0/24');
    expect(await node.end()).toBe(0);
  });

  test('without CAP_NET_ADMIN it runs on, and says so once', async () => {
    const a = router('a', { announce: prefixes.map((prefix) => ({ prefix })) });
    node = new Node(lab.middle);
    node.speaker();
    node.write('frr', receiving(65001, [neighbor('a')]));
    await a.start();
    await node.start(['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin']);
    await waitFor('refusals', async () => (await node.rows('routes')).some((r) => r.error === 'EPERM'), { log });
    expect(await node.established((await node.rows('peers'))[0]!.name)).toBe(true);
    expect(log().match(/routes cannot be installed: CAP_NET_ADMIN is needed/g)).toHaveLength(1);
    expect(await installed()).toEqual([]);
    expect(await node.end()).toBe(0);
    await a.stop();
  });
});
