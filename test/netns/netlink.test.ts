/** rtnetlink against this machine's kernel, with iproute2 as the judge. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventSocket, RequestSocket } from '../../src/io/netlink.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { fromHex } from '../../src/lib/bytes.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { Client, type Transport } from '../../src/netlink/client.ts';
import { Group } from '../../src/netlink/const.ts';
import { NetlinkError } from '../../src/netlink/errors.ts';
import { HopFlag } from '../../src/netlink/hop.ts';
import { AddressFlag } from '../../src/netlink/ifaddr.ts';
import type { Op } from '../../src/netlink/kinds.ts';
import { LinkFlag } from '../../src/netlink/link.ts';
import { type Event, Monitor } from '../../src/netlink/monitor.ts';
import { NeighbourFlag, NeighbourState } from '../../src/netlink/neighbour.ts';
import { RouteFlag, type RouteSpec } from '../../src/netlink/route.ts';
import { Reach } from '../../src/vrf/reach.ts';
import { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import { inNamespace } from '../support/setns.ts';

const bgp = 186;

let namespace: Namespace;
let socket: RequestSocket;
let client: Client;
/** Index of `up0`, one end of a veth pair that is up and has 192.0.2.1/24 and 2001:db8::1/64. */
let up0: number;
const open: { close(): void }[] = [];

/** What `ip -j` prints, without the empty objects that it prints for what it leaves out. */
async function ip(...argv: string[]): Promise<Record<string, unknown>[]> {
  const text = await namespace.run(['ip', '-j', ...argv]);
  const list = (text.trim() === '' ? [] : JSON.parse(text)) as Record<string, unknown>[];
  return list.filter((entry) => Object.keys(entry).length > 0);
}

const add = (value: RouteSpec): Op => ({ verb: 'add', kind: 'route', value });

beforeAll(async () => {
  namespace = await Namespace.create('netlink');
  socket = inNamespace(namespace.name, () => new RequestSocket());
  client = new Client(socket);
  client.perform({ verb: 'add', kind: 'link', value: { name: 'up0', info: { kind: 'veth', peer: { name: 'up1' } } } });
  up0 = client.get('link', { name: 'up0' }).index;
  client.perform({ verb: 'set', kind: 'link', value: { name: 'up1', up: true } });
  client.perform({ verb: 'set', kind: 'link', value: { index: up0, up: true } });
  client.perform({ verb: 'add', kind: 'address', value: { link: up0, address: address('192.0.2.1'), length: 24 } });
  client.perform({ verb: 'add', kind: 'address', value: { link: up0, address: address('2001:db8::1'), length: 64 } });
});
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
afterAll(async () => {
  socket?.close();
  await namespace?.close();
});

describe('links', () => {
  it('come, change and go', async () => {
    const mac = fromHex('020000000051');
    client.perform({
      verb: 'add',
      kind: 'link',
      value: { name: 'a0', mtu: 1400, address: mac, info: { kind: 'veth', peer: { name: 'a1', mtu: 1300 } } },
    });
    client.perform({
      verb: 'add',
      kind: 'link',
      value: { name: 'br0', info: { kind: 'bridge', stp: true } },
    });
    const indexOf = (name: string) => client.get('link', { name }).index;
    const [a0, a1, br0] = [indexOf('a0'), indexOf('a1'), indexOf('br0')];
    client.perform({
      verb: 'add',
      kind: 'link',
      value: { name: 'm0', parent: a1, info: { kind: 'macvlan', mode: 'private' } },
    });
    client.perform({
      verb: 'set',
      kind: 'link',
      value: { index: a0, up: true, alias: 'uplink', master: br0 },
    });
    expect(await ip('-d', 'link', 'show', 'dev', 'a0')).toMatchObject([
      { mtu: 1400, master: 'br0', ifalias: 'uplink', address: '02:00:00:00:00:51', linkinfo: { info_kind: 'veth' } },
    ]);
    expect(await ip('-d', 'link', 'show', 'dev', 'br0')).toMatchObject([
      { linkinfo: { info_kind: 'bridge', info_data: { stp_state: 1 } } },
    ]);
    expect(await ip('-d', 'link', 'show', 'dev', 'm0')).toMatchObject([
      { link: 'a1', linkinfo: { info_kind: 'macvlan', info_data: { mode: 'private' } } },
    ]);
    expect(client.get('link', { index: a0 })).toMatchObject({
      name: 'a0',
      mtu: 1400,
      address: mac,
      alias: 'uplink',
      master: br0,
      parent: a1,
      info: { kind: 'veth' },
      enslaved: { kind: 'bridge' },
    });
    expect(client.get('link', { name: 'm0' }).info).toEqual({ kind: 'macvlan', mode: 'private' });
    expect(client.get('link', { name: 'br0' }).info).toMatchObject({ kind: 'bridge', stp: true });
    const names = (filter: { master?: number; kind?: string }) =>
      client
        .dump('link', filter)
        .map(({ name }) => name)
        .sort();
    expect(names({ master: br0 })).toEqual(['a0']);
    expect(names({ kind: 'veth' })).toEqual(['a0', 'a1', 'up0', 'up1']);
    expect(names({})).toEqual((await ip('link')).map(({ ifname }) => ifname).sort());

    client.perform({ verb: 'set', kind: 'link', value: { name: 'a0', master: 0, up: false, alias: '', mtu: 1280 } });
    const [after] = await ip('-d', 'link', 'show', 'dev', 'a0');
    expect(after).toMatchObject({ mtu: 1280 });
    expect(after).not.toHaveProperty('master');
    expect(after).not.toHaveProperty('ifalias');
    expect(client.get('link', { name: 'a0' }).flags & LinkFlag.up).toBe(0);

    for (const name of ['m0', 'br0', 'a0']) client.perform({ verb: 'delete', kind: 'link', value: { name } });
    expect(names({}).filter((name) => !['lo', 'up0', 'up1'].includes(name!))).toEqual([]);
  });
});

describe('addresses', () => {
  const four = { address: address('198.51.100.1'), length: 32, peer: address('198.51.100.2') };
  const six = { address: address('2001:db8:1::1'), length: 64 };

  it('come, change and go', async () => {
    client.perform({ verb: 'add', kind: 'address', value: { link: up0, ...four, label: 'up0:x', scope: 'link' } });
    client.perform({
      verb: 'add',
      kind: 'address',
      value: { link: up0, ...six, flags: AddressFlag.noDad | AddressFlag.noPrefixRoute, protocol: 0x32 },
    });
    const told = async () => (await ip('address', 'show', 'dev', 'up0'))[0]!.addr_info;
    expect(await told()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          local: '198.51.100.1',
          address: '198.51.100.2',
          prefixlen: 32,
          scope: 'link',
          label: 'up0:x',
        }),
        expect.objectContaining({ local: '2001:db8:1::1', prefixlen: 64, nodad: true, noprefixroute: true }),
      ]),
    );
    const mine = (text: string) => client.dump('address', { link: up0 }).find((a) => formatAddress(a.address) === text);
    expect(mine('198.51.100.1')).toMatchObject({ ...four, link: up0, label: 'up0:x', scope: 'link' });
    expect(mine('2001:db8:1::1')).toMatchObject({
      ...six,
      protocol: 0x32,
      flags: AddressFlag.noDad | AddressFlag.noPrefixRoute | AddressFlag.permanent,
    });
    const families = (family: 4 | 6) => new Set(client.dump('address', { family }).map((a) => a.address.family));
    expect([families(4), families(6)]).toEqual([new Set([4]), new Set([6])]);

    client.perform({
      verb: 'replace',
      kind: 'address',
      value: { link: up0, ...six, lifetimes: { preferredSec: 300, validSec: 600 } },
    });
    expect(mine('2001:db8:1::1')!.lifetimes!.validSec).toBeGreaterThan(500);
    expect(mine('2001:db8:1::1')!.lifetimes!.preferredSec).toBeLessThanOrEqual(300);

    for (const value of [four, six])
      client.perform({ verb: 'delete', kind: 'address', value: { link: up0, ...value } });
    expect(mine('198.51.100.1') ?? mine('2001:db8:1::1')).toBeUndefined();
  });
});

describe('routes', () => {
  const table = 1000;
  const via = (text: string) => ({ gateway: address(text), link: up0 });
  const destination = (p: string) => ({ destination: prefix(p), table, protocol: bgp });
  const dumped = (filter = {}) => client.dump('route', { table, ...filter });
  beforeEach(() => client.perform({ verb: 'set', kind: 'link', value: { index: up0, up: true } }));
  afterEach(async () => {
    await namespace.outcome(['ip', 'route', 'flush', 'table', `${table}`]);
    await namespace.outcome(['ip', '-6', 'route', 'flush', 'table', `${table}`]);
  });

  it('of every shape are as iproute2 sees them, and are read as they were written', async () => {
    const routes: RouteSpec[] = [
      {
        ...destination('10.1.0.0/16'),
        priority: 20,
        preferredSource: address('192.0.2.1'),
        metrics: { mtu: 1300, advmss: 1200 },
        hops: [via('192.0.2.9')],
      },
      { ...destination('10.2.0.0/16'), hops: [via('fe80::1')] },
      {
        ...destination('10.3.0.0/16'),
        hops: [
          { ...via('192.0.2.9'), weight: 3 },
          { ...via('203.0.113.9'), flags: HopFlag.onLink },
          { ...via('fe80::1'), weight: 256 },
        ],
      },
      { ...destination('0.0.0.0/0'), type: 'unreachable', priority: 4278198272 },
      { ...destination('10.4.0.0/16'), type: 'prohibit' },
      { ...destination('10.5.0.0/16'), type: 'blackhole' },
      { ...destination('10.6.0.0/16'), hops: [{ link: up0 }] },
    ];
    expect(client.apply(routes.map(add))).toEqual(new Array(routes.length).fill(undefined));
    expect(await ip('-d', 'route', 'show', 'table', `${table}`)).toMatchObject([
      { type: 'unreachable', dst: 'default', metric: 4278198272, protocol: 'bgp' },
      {
        dst: '10.1.0.0/16',
        gateway: '192.0.2.9',
        dev: 'up0',
        metric: 20,
        prefsrc: '192.0.2.1',
        metrics: [{ mtu: 1300, advmss: 1200 }],
      },
      { dst: '10.2.0.0/16', via: { family: 'inet6', host: 'fe80::1' }, dev: 'up0' },
      {
        dst: '10.3.0.0/16',
        nexthops: [
          { gateway: '192.0.2.9', dev: 'up0', weight: 3, flags: [] },
          { gateway: '203.0.113.9', dev: 'up0', weight: 1, flags: ['onlink'] },
          { via: { family: 'inet6', host: 'fe80::1' }, dev: 'up0', weight: 256 },
        ],
      },
      { type: 'prohibit', dst: '10.4.0.0/16' },
      { type: 'blackhole', dst: '10.5.0.0/16' },
      { dst: '10.6.0.0/16', dev: 'up0', scope: 'link' },
    ]);
    const read = new Map(dumped().map((route) => [formatPrefix(route.destination), route]));
    for (const route of routes) {
      const defaults = { type: 'unicast', scope: 'universe', flags: 0, hops: [] };
      const scope = route.hops?.[0] && !route.hops[0].gateway ? { scope: 'link' } : {};
      expect(read.get(formatPrefix(route.destination))).toEqual({ ...defaults, ...scope, ...route });
    }
  });

  it('of IPv6 too', async () => {
    const routes: RouteSpec[] = [
      { ...destination('2001:db8:6::/48'), priority: 10, preference: 'high', hops: [via('fe80::9')] },
      {
        ...destination('2001:db8:7::/48'),
        priority: 11,
        metrics: { mtu: 1300 },
        hops: [{ ...via('fe80::9'), weight: 2 }, via('fe80::a')],
      },
      { ...destination('2001:db8:8::/48'), priority: 12, source: prefix('2001:db8:9::/48'), hops: [via('fe80::9')] },
      { ...destination('::/0'), type: 'blackhole', priority: 13 },
    ];
    expect(client.apply(routes.map(add))).toEqual(new Array(routes.length).fill(undefined));
    const seen = await ip('-6', '-d', 'route', 'show', 'table', `${table}`);
    const by = (dst: string) => seen.find((route) => route.dst === dst);
    expect(by('2001:db8:6::/48')).toMatchObject({ gateway: 'fe80::9', metric: 10, pref: 'high', protocol: 'bgp' });
    expect(by('2001:db8:7::/48')).toMatchObject({
      metrics: [{ mtu: 1300 }],
      nexthops: [
        { gateway: 'fe80::9', weight: 2 },
        { gateway: 'fe80::a', weight: 1 },
      ],
    });
    expect(by('2001:db8:8::/48')).toMatchObject({ from: '2001:db8:9::/48' });
    expect(by('default')).toMatchObject({ type: 'blackhole', metric: 13 });
    const read = new Map(dumped().map((route) => [formatPrefix(route.destination), route]));
    for (const route of routes.slice(0, 3))
      expect(read.get(formatPrefix(route.destination))).toMatchObject({ ...route, type: 'unicast' });
  });

  it('may expire', () => {
    client.perform(add({ ...destination('2001:db8:a::/48'), expiresSec: 600, hops: [{ link: up0 }] }));
    expect(dumped()[0]!.cacheInfo!.expiresTicks).toBeGreaterThan(50_000);
  });

  it('can be added, replaced, appended and deleted', () => {
    const at = (type: RouteSpec['type'] & string, priority?: number): RouteSpec => ({
      ...destination('10.7.0.0/16'),
      type,
      ...(priority === undefined ? {} : { priority }),
    });
    const types = () => dumped().map((route) => `${route.type} ${route.priority ?? 0}`);
    client.perform(add(at('blackhole')));
    client.perform({ verb: 'replace', kind: 'route', value: at('prohibit') });
    expect(types()).toEqual(['prohibit 0']);
    client.perform({ verb: 'append', kind: 'route', value: at('unreachable') });
    client.perform(add(at('blackhole', 7)));
    expect(types()).toEqual(['prohibit 0', 'unreachable 0', 'blackhole 7']);
    client.perform({ verb: 'delete', kind: 'route', value: at('unreachable') });
    expect(types()).toEqual(['prohibit 0', 'blackhole 7']);
    // Another's is not deleted.
    const others = { verb: 'delete', kind: 'route', value: { ...at('blackhole', 7), protocol: 4 } } as const;
    expect(() => client.perform(others)).toThrow(/^ESRCH/);
    client.perform({
      verb: 'delete',
      kind: 'route',
      value: { destination: prefix('10.7.0.0/16'), table, priority: 7 },
    });
    expect(types()).toEqual(['prohibit 0']);
  });

  it('are filtered by the kernel', async () => {
    const loud: Uint8Array[] = [];
    const spy: Transport = {
      portId: socket.portId,
      send: (bytes) => socket.send(bytes),
      receive() {
        const bytes = socket.receive();
        if (bytes instanceof Uint8Array) loud.push(bytes.slice());
        return bytes;
      },
    };
    const spying = new Client(spy);
    client.apply([
      add({ ...destination('10.8.0.0/16'), type: 'blackhole' }),
      add({ ...destination('10.9.0.0/16'), type: 'blackhole', protocol: 4 }),
      add({ ...destination('10.10.0.0/16'), hops: [{ link: up0 }] }),
      add({ ...destination('2001:db8:b::/48'), type: 'blackhole' }),
    ]);
    const octets = (filter: Parameters<typeof dumped>[0]) => {
      loud.length = 0;
      const found = spying.dump('route', { table, ...filter }).map((route) => formatPrefix(route.destination));
      return [found, loud.reduce((n, bytes) => n + bytes.length, 0)] as const;
    };
    const [all, most] = octets({});
    expect(all).toEqual(['10.8.0.0/16', '10.9.0.0/16', '10.10.0.0/16', '2001:db8:b::/48']);
    for (const [filter, expected] of [
      [{ protocol: 4 }, ['10.9.0.0/16']],
      [{ link: up0 }, ['10.10.0.0/16']],
      [{ family: 6 }, ['2001:db8:b::/48']],
      [{ family: 4, type: 'blackhole' }, ['10.8.0.0/16', '10.9.0.0/16']],
    ] as const) {
      const [found, some] = octets(filter);
      expect(found).toEqual(expected);
      // What is left out did not even arrive.
      expect(some).toBeLessThan(most);
    }
    expect(octets({ table: 4711 })[0]).toEqual([]);
    expect(client.dump('route', { family: 4, table: 4711 })).toEqual([]);
  });

  it('are looked up as a packet would', () => {
    client.apply([
      add({ destination: prefix('203.0.113.0/24'), protocol: bgp, hops: [via('192.0.2.9')] }),
      add({ ...destination('203.0.113.0/24'), hops: [via('192.0.2.10')] }),
      { verb: 'add', kind: 'rule', value: { family: 4, priority: 50, mark: 7, table } },
    ]);
    const to = { destination: prefix('203.0.113.5') };
    const found = client.get('route', to);
    expect(found).toMatchObject({ ...to, table: 254, hops: [via('192.0.2.9')], flags: RouteFlag.cloned });
    const marked = client.get('route', { ...to, packet: { mark: 7 } });
    expect(marked).toMatchObject({ table, hops: [via('192.0.2.10')], preferredSource: address('192.0.2.1') });
    const itself = client.get('route', { ...to, packet: { routeItself: true } });
    expect(itself).toMatchObject({ destination: prefix('203.0.113.0/24'), protocol: bgp });
    const six = client.get('route', { destination: prefix('2001:db8::77'), packet: { output: up0 } });
    expect(six).toMatchObject({ table: 254, hops: [{ link: up0 }] });
    expect(() => client.get('route', { destination: prefix('203.0.114.1') })).toThrow(/^ENETUNREACH/);
    client.apply([
      { verb: 'delete', kind: 'rule', value: { family: 4, priority: 50 } },
      { verb: 'delete', kind: 'route', value: { destination: prefix('203.0.113.0/24') } },
    ]);
  });
});

describe('rules', () => {
  it('come and go', async () => {
    const ops: Op[] = [
      {
        verb: 'add',
        kind: 'rule',
        value: {
          family: 4,
          priority: 100,
          from: prefix('10.0.0.0/8'),
          to: prefix('192.0.2.0/24'),
          input: 'up0',
          mark: 1,
          mask: 0xff,
          table: 1000,
          protocol: bgp,
        },
      },
      { verb: 'add', kind: 'rule', value: { family: 6, priority: 101, table: 254, suppressPrefixLength: 0 } },
      {
        verb: 'add',
        kind: 'rule',
        value: {
          family: 4,
          priority: 102,
          ipProtocol: 6,
          sourcePorts: { first: 1000, last: 2000 },
          destinationPorts: { first: 179, last: 179 },
          uids: { first: 0, last: 9 },
          table: 200,
        },
      },
      {
        verb: 'add',
        kind: 'rule',
        value: { family: 4, priority: 103, from: prefix('10.9.0.0/16'), action: 'prohibit' },
      },
      { verb: 'add', kind: 'rule', value: { family: 4, priority: 104, output: 'up0', action: 'goto', target: 32766 } },
      // The kernel has rules for l3mdev even where it has no VRF.
      { verb: 'add', kind: 'rule', value: { family: 6, priority: 105, l3mdev: true, protocol: bgp } },
    ];
    expect(client.apply(ops)).toEqual(new Array(ops.length).fill(undefined));
    const four = await ip('rule');
    expect(four).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          priority: 100,
          src: '10.0.0.0',
          srclen: 8,
          dst: '192.0.2.0',
          dstlen: 24,
          fwmark: '0x1',
          fwmask: '0xff',
          iif: 'up0',
          table: '1000',
          protocol: 'bgp',
        }),
        expect.objectContaining({ priority: 102, ipproto: 'tcp', sport_start: 1000, sport_end: 2000, dport: 179 }),
        expect.objectContaining({ priority: 103, action: 'prohibit' }),
        expect.objectContaining({ priority: 104, oif: 'up0', goto: 32766 }),
      ]),
    );
    expect(await ip('-6', 'rule')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ priority: 101, suppress_prefixlen: 0 }),
        expect.objectContaining({ priority: 105, l3mdev: null, protocol: 'bgp' }),
      ]),
    );
    for (const { verb, value } of ops) {
      if (verb !== 'add' || !('priority' in value)) throw new Error('not a rule');
      const [found, ...more] = client.dump('rule', {}).filter(({ priority }) => priority === value.priority);
      expect(more).toEqual([]);
      expect(found).toMatchObject(value);
    }
    expect(client.dump('rule', { family: 6, protocol: bgp })).toHaveLength(1);
    expect(client.dump('rule', { table: 1000 })).toHaveLength(1);
    expect(() => client.perform(ops[0]!)).toThrow(/^EEXIST/);
    expect(client.apply(ops.map((op) => ({ ...op, verb: 'delete' }) as Op))).toEqual(
      new Array(ops.length).fill(undefined),
    );
    expect(await ip('rule')).toHaveLength(3);
  });
});

describe('neighbours', () => {
  it('come, change and go', async () => {
    const entry = { link: up0, address: address('192.0.2.7'), octets: fromHex('020000000007') };
    const six = { link: up0, address: address('fe80::9'), octets: fromHex('020000000009') };
    const proxy = { link: up0, address: address('192.0.2.200'), flags: NeighbourFlag.proxy };
    client.perform({ verb: 'add', kind: 'neighbour', value: { ...entry, protocol: bgp } });
    client.perform({
      verb: 'add',
      kind: 'neighbour',
      value: { ...six, state: NeighbourState.reachable, flags: NeighbourFlag.router },
    });
    client.perform({ verb: 'add', kind: 'neighbour', value: proxy });
    expect(await ip('neighbour', 'show', 'dev', 'up0')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ dst: '192.0.2.7', lladdr: '02:00:00:00:00:07', state: ['PERMANENT'] }),
        expect.objectContaining({ dst: 'fe80::9', lladdr: '02:00:00:00:00:09', router: null }),
      ]),
    );
    expect(client.get('neighbour', { link: up0, address: entry.address })).toMatchObject({
      ...entry,
      state: NeighbourState.permanent,
      protocol: bgp,
    });
    expect(client.dump('neighbour', { family: 4, link: up0 })).toHaveLength(1);
    expect(client.dump('neighbour', { proxy: true })).toMatchObject([proxy]);
    expect(client.dump('neighbour', { link: 1 }).every(({ link }) => link === 1)).toBe(true);
    client.perform({ verb: 'replace', kind: 'neighbour', value: { ...entry, octets: fromHex('020000000008') } });
    expect(client.get('neighbour', { link: up0, address: entry.address }).octets).toEqual(fromHex('020000000008'));
    for (const value of [entry, six, proxy]) client.perform({ verb: 'delete', kind: 'neighbour', value });
    expect(client.dump('neighbour', { proxy: true })).toEqual([]);
    await waitFor('the neighbour has gone', () => client.dump('neighbour', { family: 4, link: up0 }).length === 0);
  });
});

describe('next hops', () => {
  it('come, change and go, and routes use them', async () => {
    const seven = { id: 7, gateway: address('192.0.2.9'), link: up0, protocol: bgp };
    const ops: Op[] = [
      { verb: 'add', kind: 'nextHop', value: seven },
      { verb: 'add', kind: 'nextHop', value: { id: 9, gateway: address('fe80::9'), link: up0 } },
      { verb: 'add', kind: 'nextHop', value: { id: 10, family: 4, blackhole: true } },
      {
        verb: 'add',
        kind: 'nextHop',
        value: {
          id: 8,
          group: [
            { id: 7, weight: 3 },
            { id: 9, weight: 256 },
          ],
          protocol: bgp,
        },
      },
      add({ destination: prefix('10.11.0.0/16'), table: 1000, protocol: bgp, nextHop: 8 }),
    ];
    expect(client.apply(ops)).toEqual(new Array(ops.length).fill(undefined));
    expect(await ip('nexthop')).toMatchObject([
      { id: 7, gateway: '192.0.2.9', dev: 'up0', protocol: 'bgp' },
      {
        id: 8,
        group: [
          { id: 7, weight: 3 },
          { id: 9, weight: 256 },
        ],
      },
      { id: 9, gateway: 'fe80::9' },
      { id: 10, blackhole: null },
    ]);
    expect(client.get('nextHop', { id: 8 }).group).toEqual([
      { id: 7, weight: 3 },
      { id: 9, weight: 256 },
    ]);
    const ids = (filter = {}) => client.dump('nextHop', filter).map(({ id }) => id);
    expect([ids(), ids({ groups: true }), ids({ link: up0 }), ids({ family: 6 })]).toEqual([
      [7, 8, 9, 10],
      [8],
      [7, 9],
      [9],
    ]);
    expect(client.dump('route', { table: 1000 })).toMatchObject([{ nextHop: 8 }]);
    client.perform({ verb: 'replace', kind: 'nextHop', value: { ...seven, gateway: address('192.0.2.10') } });
    expect(client.get('nextHop', { id: 7 }).gateway).toEqual(address('192.0.2.10'));
    for (const id of [8, 9, 10, 7]) client.perform({ verb: 'delete', kind: 'nextHop', value: { id } });
    expect(await ip('nexthop')).toEqual([]);
    // The route went with its next hop.
    expect(client.dump('route', { table: 1000 })).toEqual([]);
  });
});

describe('what somebody else has made is the same when it is made again as it was read', () => {
  const run = (command: string) => namespace.run(['ip', ...command.split(' ')]);

  it.each([
    'via 192.0.2.9 dev up0 realm 7 mtu lock 1300 rto_min 40ms initcwnd 20 congctl reno',
    'nexthop via 192.0.2.9 dev up0 weight 2 realm 7 nexthop via 192.0.2.10 dev up0',
  ])('a route %s', async (how) => {
    await run(`route add 10.20.0.0/16 table 1001 ${how}`);
    const show = () => run('-d route show table 1001');
    const before = await show();
    const [route, ...more] = client.dump('route', { table: 1001 });
    expect(more).toEqual([]);
    const { flags: _, cacheInfo: __, ...value } = route!;
    client.perform({ verb: 'delete', kind: 'route', value: { destination: value.destination, table: 1001 } });
    expect(await show()).toBe('');
    client.perform({ verb: 'add', kind: 'route', value });
    expect(await show()).toBe(before);
    await run('route flush table 1001');
  });

  it('a rule with selectors of all kinds', async () => {
    await run(
      'rule add from 10.0.0.0/8 tun_id 77 ipproto udp sport 53 dport 1000-2000 realms 3/4 table 1001 pref 4000',
    );
    const show = () => run('rule show pref 4000');
    const before = await show();
    expect(before).toMatch(/sport 53 dport 1000-2000 tun_id 77/);
    const value = client.dump('rule', {}).find(({ priority }) => priority === 4000)!;
    expect(Object.keys(value.kept ?? {})).toEqual(['12']);
    client.perform({ verb: 'delete', kind: 'rule', value });
    expect(await show()).toBe('');
    client.perform({ verb: 'add', kind: 'rule', value });
    expect(await show()).toBe(before);
    client.perform({ verb: 'delete', kind: 'rule', value });
  });

  it('next-hop objects and a resilient group of them', async () => {
    await run('nexthop add id 21 via 192.0.2.9 dev up0 onlink');
    await run('nexthop add id 22 via 2001:db8::9 dev up0');
    await run('nexthop add id 23 group 21/22,3 type resilient buckets 8 idle_timer 60 unbalanced_timer 300');
    const show = async () => (await run('-d nexthop')).replace(/ unbalanced_time [0-9.]+/, '');
    const before = await show();
    const all = client.dump('nextHop', {});
    for (const { id } of all.toReversed()) client.perform({ verb: 'delete', kind: 'nextHop', value: { id } });
    expect(await show()).toBe('');
    for (const value of all) client.perform({ verb: 'add', kind: 'nextHop', value });
    expect(await show()).toBe(before);
    for (const { id } of all.toReversed()) client.perform({ verb: 'delete', kind: 'nextHop', value: { id } });
  });
});

describe('refusals', () => {
  const refused = (op: Op): NetlinkError => {
    try {
      client.perform(op);
    } catch (error) {
      if (error instanceof NetlinkError) return error;
      throw error;
    }
    throw new Error('was not refused');
  };

  it('say why, and what is wrong', () => {
    const destination = prefix('10.0.0.0/8');
    const gateway = { gateway: address('9.9.9.9') };
    expect(refused(add({ destination, hops: [gateway] }))).toMatchObject({
      code: 'ENETUNREACH',
      message: 'ENETUNREACH: Nexthop has invalid gateway',
    });
    expect(refused(add({ destination, nextHop: 4711 }))).toMatchObject({
      code: 'EINVAL',
      message: 'EINVAL: Nexthop id does not exist',
    });
    const long = { name: 'a-name-of-more-than-15', info: { kind: 'dummy' } } as const;
    expect(refused({ verb: 'add', kind: 'link', value: long })).toMatchObject({
      code: 'ERANGE',
      message: 'ERANGE: Attribute failed policy validation',
      attribute: 'IFLA_IFNAME',
    });
    expect(refused({ verb: 'set', kind: 'link', value: { index: up0, mtu: 7 } })).toMatchObject({
      code: 'EINVAL',
      message: 'EINVAL: mtu less than device minimum',
    });
    expect(refused({ verb: 'delete', kind: 'link', value: { name: 'none' } }).code).toBe('ENODEV');
    expect(refused({ verb: 'delete', kind: 'nextHop', value: { id: 4711 } }).code).toBe('ENOENT');
  });

  it('of one among many leave the others alone', () => {
    const route = (n: number, type: RouteSpec['type'] = 'blackhole') =>
      add({ destination: prefix(`10.20.${n}.0/24`), table: 1000, protocol: bgp, type: type! });
    const ops = Array.from({ length: 250 }, (_, n) => route(n));
    for (const n of [0, 99, 100, 200, 249])
      ops[n] = add({ destination: prefix('10.0.0.0/8'), table: 1000, hops: [{ gateway: address('9.9.9.9') }] });
    const outcomes = client.apply(ops);
    expect(outcomes.flatMap((error, n) => (error === undefined ? [] : [`${n} ${error.code}`]))).toEqual([
      '0 ENETUNREACH',
      '99 ENETUNREACH',
      '100 ENETUNREACH',
      '200 ENETUNREACH',
      '249 ENETUNREACH',
    ]);
    expect(client.dump('route', { table: 1000 })).toHaveLength(245);
    const again = client.apply(ops);
    expect(again.filter((error) => error?.code === 'EEXIST')).toHaveLength(245);
    const gone = client.apply(ops.map((op) => ({ ...op, verb: 'delete' }) as Op));
    expect(gone.filter((error) => error === undefined)).toHaveLength(245);
  });
});

describe('a large table', () => {
  const table = 2000;
  const ROUTES = 100_000;
  const each = (verb: 'add' | 'delete') =>
    client.apply(
      Array.from({ length: ROUTES }, (_, n) => ({
        verb,
        kind: 'route',
        value: {
          destination: { family: 4, bytes: Uint8Array.of(11 + (n >> 16), n >> 8, n, 0), length: 24 },
          table,
          protocol: bgp,
          hops: [{ gateway: address('192.0.2.9'), link: up0 }],
        },
      })),
    );

  it('is written, read whole and deleted', () => {
    expect(each('add').every((error) => error === undefined)).toBe(true);
    const routes = client.dump('route', { family: 4, table, protocol: bgp });
    expect(new Set(routes.map(({ destination }) => formatPrefix(destination))).size).toBe(ROUTES);
    expect(routes.every(({ hops }) => hops.length === 1 && hops[0]!.link === up0)).toBe(true);
    let pages = 0;
    let seen = 0;
    for (const page of client.pages('route', { family: 4, table })) {
      pages++;
      seen += page.length;
      // Bounded work a turn.
      expect(page.length).toBeLessThan(2000);
    }
    expect(seen).toBe(ROUTES);
    expect(pages).toBeGreaterThan(50);
    // Left in the middle, it is in nobody's way.
    for (const page of client.pages('route', { family: 4, table })) if (page.length > 0) break;
    expect(client.get('link', { name: 'up0' }).index).toBe(up0);
    expect(each('delete').every((error) => error === undefined)).toBe(true);
    expect(client.dump('route', { family: 4, table })).toEqual([]);
  });
});

describe('a dump that is interrupted', () => {
  const COUNT = 1500;
  const nth = (n: number) => address(`100.64.${n >> 8}.${n & 255}`);
  const each = (verb: 'add' | 'delete') =>
    client.apply(
      Array.from({ length: COUNT }, (_, n) => ({
        verb,
        kind: 'address',
        value: { link: 1, address: nth(n), length: 32 },
      })),
    );

  it('is made again, or fails', () => {
    each('add');
    let meddle = 1;
    let dumps = 0;
    const other = inNamespace(namespace.name, () => new RequestSocket());
    open.push(other);
    const reading = inNamespace(namespace.name, () => new RequestSocket());
    open.push(reading);
    const meddler = new Client(other);
    const restless = new Client({
      portId: reading.portId,
      send(bytes) {
        dumps++;
        reading.send(bytes);
      },
      receive() {
        const bytes = reading.receive();
        if (meddle > 0 && bytes instanceof Uint8Array) {
          meddle--;
          // While the kernel is between two pieces of its answer.
          const value = { link: 1, address: address('100.65.0.1'), length: 32 };
          meddler.perform({ verb: 'add', kind: 'address', value });
          meddler.perform({ verb: 'delete', kind: 'address', value });
        }
        return bytes;
      },
    });
    const count = restless.dump('address', { family: 4, link: 1 }).length;
    expect(dumps).toBe(2);
    // 127.0.0.1 is there as well.
    expect(count).toBe(COUNT + 1);

    meddle = Number.POSITIVE_INFINITY;
    expect(() => restless.dump('address', { family: 4, link: 1 })).toThrow(/^EINTR/);
    expect(dumps).toBe(12);
    each('delete');
  });
});

describe('events', () => {
  /** A monitor in the namespace, and all that it has told. */
  function watch(bufferOctets?: number): { events: Event[]; calls: () => number } {
    const events: Event[] = [];
    let calls = 0;
    const source: EventSocket = inNamespace(
      namespace.name,
      () =>
        new EventSocket({
          groups: Object.values(Group),
          ...(bufferOctets === undefined ? {} : { bufferOctets }),
          readable() {
            calls++;
            for (let some = monitor.read(); some !== undefined; some = monitor.read()) events.push(...some);
          },
        }),
    );
    open.push(source);
    const monitor = new Monitor(source);
    return { events, calls: () => calls };
  }
  const summary = (events: readonly Event[]) => events.map((e) => ('kind' in e ? `${e.type} ${e.kind}` : e.type));

  it('tell of every kind of object, and who changed it', async () => {
    const { events } = watch();
    const route = { destination: prefix('10.30.0.0/16'), table: 1000, protocol: bgp, type: 'blackhole' } as const;
    const six = { destination: prefix('2001:db8:30::/48'), table: 1000, protocol: bgp, type: 'blackhole' } as const;
    const neighbour = { link: up0, address: address('192.0.2.30'), octets: fromHex('020000000030') };
    const both = (kind: Op['kind'], value: Op['value']): Op[] => [
      { verb: 'add', kind, value } as Op,
      { verb: 'delete', kind, value } as Op,
    ];
    const ops = [
      ...both('route', route),
      ...both('route', six),
      ...both('rule', { family: 4, priority: 77, table: 1000 }),
      ...both('rule', { family: 6, priority: 77, table: 1000 }),
      ...both('nextHop', { id: 77, family: 4, blackhole: true }),
      ...both('neighbour', neighbour),
      ...both('address', { link: 1, address: address('127.0.0.77'), length: 32, scope: 'host' }),
      ...both('link', { name: 'e0', info: { kind: 'bridge' } }),
    ];
    expect(client.apply(ops)).toEqual(new Array(ops.length).fill(undefined));
    await waitFor('the last event', () => summary(events).includes('del link'));
    const told = new Set(summary(events));
    for (const kind of ['route', 'rule', 'nextHop', 'neighbour', 'address', 'link'])
      expect([...told]).toEqual(expect.arrayContaining([`new ${kind}`, `del ${kind}`]));
    expect(told).not.toContain('malformed');
    const routes = events.flatMap((e) => ('kind' in e && e.kind === 'route' && e.value.table === 1000 ? [e] : []));
    expect(routes.map((e) => `${e.type} ${formatPrefix(e.value.destination)}`)).toEqual([
      'new 10.30.0.0/16',
      'del 10.30.0.0/16',
      'new 2001:db8:30::/48',
      'del 2001:db8:30::/48',
    ]);
    expect(new Set(routes.map((e) => e.portId))).toEqual(new Set([socket.portId]));
  });

  it('of a next hop of IPv6 that goes tell of that one alone, and the way is by what is left', async () => {
    const { events } = watch();
    const route = ['2001:db8:77::/48', 'table', '1000'];
    const [one, other] = ['2001:db8::8', '2001:db8::9'].map((gateway) => ['via', gateway, 'dev', 'up0']);
    await namespace.run(['ip', '-6', 'route', 'add', ...route, 'nexthop', ...one!, 'nexthop', ...other!]);
    await namespace.run(['ip', '-6', 'route', 'del', ...route, ...one!]);
    await waitFor('the last event', () => summary(events).includes('del route'));
    const routes = events.flatMap((e) => ('kind' in e && e.kind === 'route' && e.value.table === 1000 ? [e] : []));
    expect(routes.map(({ type, value: { hops } }) => [type, hops.length])).toEqual([
      ['new', 2],
      ['del', 1],
    ]);
    const reach = new Reach({ protocol: bgp, viaDefault: true });
    reach.heardLink('new', client.get('link', { index: up0 }));
    for (const { type, value } of routes) reach.heard(type, value);
    expect(reach.resolve(1000, address('2001:db8:77::1'))?.hops).toEqual([
      { gateway: address('2001:db8::9'), link: up0 },
    ]);
    await namespace.run(['ip', '-6', 'route', 'flush', 'table', '1000']);
  });

  it('survive an overrun', async () => {
    const { events } = watch(4096);
    const flood = (verb: 'add' | 'delete') =>
      client.apply(
        Array.from({ length: 5000 }, (_, n) => ({
          verb,
          kind: 'route',
          value: { destination: prefix(`10.${40 + (n >> 8)}.${n & 255}.0/24`), table: 1000, type: 'blackhole' },
        })),
      );
    for (let round = 1; round <= 3; round++) {
      flood(round % 2 === 1 ? 'add' : 'delete');
      await waitFor('an overrun', () => summary(events).filter((e) => e === 'overrun').length === round);
      // Nothing that is older than the overrun comes after it.
      expect(summary(events).at(-1)).toBe('overrun');
      const last = { destination: prefix(`10.99.${round}.0/24`), table: 1000, type: 'blackhole' } as const;
      client.perform(add(last));
      await waitFor('the next event', () => summary(events).at(-1) === 'new route');
    }
    expect(summary(events).filter((e) => e === 'new route')).toHaveLength(3);
  });

  it('wake nobody while nothing happens', async () => {
    const { calls } = watch();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = calls();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Neighbours that age may be told of; a loop that spins would have been called thousands of times.
    expect(calls() - before).toBeLessThan(10);
  });

  it('do not keep a process alive that has closed the socket', () => {
    const module = (name: string) => JSON.stringify(fileURLToPath(new URL(`../../dist/${name}`, import.meta.url)));
    const script = `
      const { EventSocket } = await import(${module('io/netlink.js')});
      const socket = new EventSocket({ groups: [1], readable() {} });
      setTimeout(() => { socket.close(); console.log('closed'); }, 100);`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect([child.status, child.stdout.toString(), child.stderr.toString()]).toEqual([0, 'closed\n', '']);
  });
});
