/**
 * Discovery of unnumbered peers on real links: against itself, against FRR, with too many neighbours, on links that come
 * and go, and without the capability it needs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Namespace } from '../support/netns.ts';
import { type Daemon, run, waitFor } from '../support/process.ts';

interface Told {
  readonly event: 'found' | 'lost' | 'problem' | 'called' | 'descriptors';
  readonly interface: string;
  readonly address?: string;
  readonly local?: string;
  readonly reason?: string;
  readonly text?: string;
  readonly count?: number;
}

const script = fileURLToPath(new URL('../support/discovery.mjs', import.meta.url));
const namespaces: Namespace[] = [];
afterEach(async () => {
  await Promise.all(namespaces.splice(0).map((namespace) => namespace.close()));
});

async function namespace(label: string): Promise<Namespace> {
  const made = await Namespace.create(label);
  namespaces.push(made);
  return made;
}

const ip = (where: Namespace, ...words: string[]) => run(['ip', '-n', where.name, ...words]);

/** A veth pair, `device` in both, up. Link-local addresses are the kernel's own. */
async function join(a: Namespace, b: Namespace, device: string, far = device): Promise<void> {
  await ip(a, 'link', 'add', device, 'type', 'veth', 'peer', 'name', far, 'netns', b.name);
  await ip(a, 'link', 'set', device, 'up');
  await ip(b, 'link', 'set', far, 'up');
}

/** The link-local address of a device, once it has one. */
const linkLocal = (where: Namespace, device: string): Promise<string> =>
  waitFor(
    `a link-local address on ${device}`,
    async () => /inet6 (fe80::[0-9a-f:]+)\/64/.exec(await ip(where, 'address', 'show', 'dev', device))?.[1],
  );

class Watcher {
  readonly daemon: Daemon;
  #taken = 0;

  constructor(where: Namespace, devices: readonly string[], prefix: readonly string[] = []) {
    this.daemon = where.spawn([...prefix, 'node', script, ...devices]);
  }

  get told(): Told[] {
    const lines = this.daemon.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Told);
  }

  /** The next thing of this kind that is told after what was waited for last; what else comes before it is passed over. */
  async next(event: Told['event'], match: Partial<Told> = {}, timeoutMs = 20_000): Promise<Told> {
    const fits = (t: Told) =>
      t.event === event && Object.entries(match).every(([key, value]) => t[key as keyof Told] === value);
    const index = await waitFor(
      `${event} ${JSON.stringify(match)}`,
      () => {
        const at = this.told.findIndex((t, i) => i >= this.#taken && fits(t));
        return at >= 0 && at;
      },
      { timeoutMs, everyMs: 20, alive: () => this.daemon.running, log: () => this.daemon.output },
    );
    this.#taken = index + 1;
    return this.told[index]!;
  }

  /** How many the process has open. */
  async descriptors(): Promise<number> {
    this.daemon.write('descriptors\n');
    return (await this.next('descriptors')).count!;
  }

  /** Closes Discovery, and waits for the process to end for want of anything to do. */
  async close(): Promise<number | null> {
    this.daemon.write('close\n');
    await waitFor('the process to end by itself', () => !this.daemon.running, { log: () => this.daemon.output });
    return this.daemon.exitCode;
  }
}

describe('two of us', () => {
  test('find each other, whoever comes first, and end without leaving anything behind', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    await join(a, b, 'eth0');
    const own = { a: await linkLocal(a, 'eth0'), b: await linkLocal(b, 'eth0') };
    const first = new Watcher(a, ['eth0']);
    await first.next('problem', { text: noRouter('eth0') });
    const second = new Watcher(b, ['eth0']);
    const expected = { event: 'found', interface: 'eth0' };
    expect(await second.next('found')).toEqual({ ...expected, address: own.a, local: own.b });
    expect(await first.next('found')).toEqual({ ...expected, address: own.b, local: own.a });
    expect(await first.close()).toBe(0);
    expect(await second.close()).toBe(0);
    expect(first.told.map(({ event }) => event)).toEqual(['problem', 'found', 'problem']);
    expect(first.told.at(-1)!.text).toBeUndefined();
  });

  test('find each other on several links at once, which have the same addresses', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    for (const device of ['eth0', 'eth1']) {
      await ip(a, 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', b.name);
      for (const [where, own] of [
        [a, 'fe80::1/64'],
        [b, 'fe80::2/64'],
      ] as const) {
        await ip(where, 'link', 'set', device, 'addrgenmode', 'none', 'up');
        await ip(where, 'address', 'add', own, 'dev', device, 'nodad');
      }
    }
    const watchers = [new Watcher(a, ['eth0', 'eth1']), new Watcher(b, ['eth0', 'eth1'])] as const;
    for (const name of ['eth0', 'eth1'])
      await waitFor(`${name} at both`, () =>
        watchers.every(({ told }) => told.some((t) => t.event === 'found' && t.interface === name)),
      );
    for (const [watcher, address, local] of [
      [watchers[0], 'fe80::2', 'fe80::1'],
      [watchers[1], 'fe80::1', 'fe80::2'],
    ] as const)
      expect(watcher.told.filter(({ event }) => event === 'found')).toEqual(
        expect.arrayContaining(['eth0', 'eth1'].map((name) => ({ event: 'found', interface: name, address, local }))),
      );
    // One of them is no longer of interest: the other goes on, and nothing is told of the one.
    watchers[0].daemon.write('unwatch eth0\n');
    await ip(b, 'link', 'del', 'eth0');
    await ip(b, 'link', 'del', 'eth1');
    await watchers[0].next('lost', { interface: 'eth1', reason: 'linkGone' });
    expect(watchers[0].told.filter(({ event }) => event === 'lost').map((t) => t.interface)).toEqual(['eth1']);
  });
});

describe('FRR', () => {
  test('and we find each other, and it calls us at the address it learned from us', async () => {
    const [near, far] = [await namespace('near'), await namespace('frr')];
    await join(near, far, 'eth0');
    const own = { near: await linkLocal(near, 'eth0'), far: await linkLocal(far, 'eth0') };
    const watcher = new Watcher(near, ['eth0']);
    // The worst case: it starts when our first advertisements have long been sent.
    await watcher.next('problem', { text: noRouter('eth0') });
    await startFrr(far);
    expect(await watcher.next('found')).toEqual({
      event: 'found',
      interface: 'eth0',
      address: own.far,
      local: own.near,
    });
    expect(await watcher.next('called', {}, 40_000)).toEqual({ event: 'called', interface: 'eth0', address: own.far });
  });
});

/** zebra, which sends and hears the advertisements, and bgpd with an unnumbered peer. */
async function startFrr(where: Namespace): Promise<void> {
  const folder = where.folder('frr');
  mkdirSync(`${folder}/vty`);
  writeFileSync(`${folder}/zebra.conf`, 'hostname zebra\n');
  writeFileSync(
    `${folder}/bgpd.conf`,
    [
      'router bgp 65002',
      'bgp router-id 192.0.2.2',
      'neighbor eth0 interface remote-as external',
      'neighbor eth0 timers connect 1',
      '',
    ].join('\n'),
  );
  await run(['chown', '-R', 'frr:frr', folder]);
  const start = (name: string, ...flags: string[]) =>
    // biome-ignore format: one command line
    where.spawn([
      `/usr/lib/frr/${name}`, '-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`, '--log', 'stdout',
      '-z', `${folder}/zebra.sock`, '--vty_socket', `${folder}/vty`, '-P', '0', ...flags,
    ]);
  const zebra = start('zebra');
  await waitFor('zebra', () => run(['vtysh', '--vty_socket', `${folder}/vty`, '-c', 'show version']), {
    alive: () => zebra.running,
    log: () => zebra.output,
  });
  start('bgpd', '-p', '179');
}

describe('more than one neighbour', () => {
  /** A switch with three ports, `eth0` in a namespace each. */
  async function bridged(): Promise<[Namespace, Namespace, Namespace]> {
    const hub = await namespace('switch');
    await ip(hub, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    await ip(hub, 'link', 'set', 'br0', 'up');
    const ends: [Namespace, Namespace, Namespace] = [await namespace('a'), await namespace('b'), await namespace('c')];
    for (const [i, end] of ends.entries()) {
      await join(end, hub, 'eth0', `port${i}`);
      await ip(hub, 'link', 'set', `port${i}`, 'master', 'br0');
    }
    await Promise.all(ends.map((end) => linkLocal(end, 'eth0')));
    return ends;
  }

  test('that are there from the start: none is found, and both are named', async () => {
    const [a, b, c] = await bridged();
    const others = [new Watcher(b, ['eth0']), new Watcher(c, ['eth0'])];
    await Promise.all(others.map((other) => other.next('found')));
    const watcher = new Watcher(a, ['eth0']);
    const { text } = await watcher.next('problem');
    const addresses = [await linkLocal(b, 'eth0'), await linkLocal(c, 'eth0')];
    for (const address of addresses) expect(text).toContain(address);
    expect(text).toContain('2 routers answer on eth0');
    expect(watcher.told.map(({ event }) => event)).toEqual(['problem']);
  });

  test('of which one came later: the first stays, and both are named', async () => {
    const [a, b, c] = await bridged();
    new Watcher(b, ['eth0']);
    const watcher = new Watcher(a, ['eth0']);
    const first = await linkLocal(b, 'eth0');
    expect(await watcher.next('found')).toMatchObject({ address: first });
    new Watcher(c, ['eth0']);
    const { text } = await watcher.next('problem', {}, 30_000);
    expect(text).toContain(await linkLocal(c, 'eth0'));
    expect(text).toContain(`stays with ${first}`);
    expect(watcher.told.map(({ event }) => event)).not.toContain('lost');
  });
});

describe('a link', () => {
  test('that appears late, flaps, is deleted and made anew', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    const watcher = new Watcher(a, ['eth0']);
    expect((await watcher.next('problem')).text).toBe('there is no interface eth0');
    const far = new Watcher(b, ['eth0']);
    await join(a, b, 'eth0');
    await watcher.next('found', { address: await linkLocal(b, 'eth0') });
    const before = await watcher.descriptors();
    for (let n = 0; n < 3; n++) {
      await ip(b, 'link', 'set', 'eth0', 'down'); // no carrier here
      await watcher.next('lost', { reason: 'linkDown' });
      await ip(b, 'link', 'set', 'eth0', 'up');
      await watcher.next('found', { address: await linkLocal(b, 'eth0') });
      await ip(a, 'link', 'set', 'eth0', 'down');
      await watcher.next('lost', { reason: 'linkDown' });
      expect((await watcher.next('problem')).text).toBe('eth0 is down or has no carrier');
      await ip(a, 'link', 'set', 'eth0', 'up');
      await watcher.next('found');
    }
    await ip(a, 'link', 'del', 'eth0');
    await watcher.next('lost', { reason: 'linkGone' });
    await join(a, b, 'eth0');
    await watcher.next('found', { address: await linkLocal(b, 'eth0'), local: await linkLocal(a, 'eth0') });
    expect(await watcher.descriptors()).toBe(before);
    expect(await watcher.close()).toBe(0);
    expect(await far.close()).toBe(0);
  });

  test('without IPv6 is told of, and used when it has it', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    const disable = (value: number) => a.run(['sh', '-c', `echo ${value} > /proc/sys/net/ipv6/conf/eth0/disable_ipv6`]);
    await join(a, b, 'eth0');
    await disable(1);
    const watcher = new Watcher(a, ['eth0']);
    expect((await watcher.next('problem')).text).toBe('eth0 has no IPv6 link-local address');
    await disable(0);
    new Watcher(b, ['eth0']);
    await watcher.next('found');
  });

  test('where somebody else has our address is told of', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    await join(a, b, 'eth0');
    const taken = await linkLocal(b, 'eth0');
    await a.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_dad']);
    await ip(a, 'address', 'flush', 'dev', 'eth0', 'scope', 'link');
    await ip(a, 'address', 'add', `${taken}/64`, 'dev', 'eth0');
    const watcher = new Watcher(a, ['eth0']);
    expect(await watcher.next('problem')).toEqual({
      event: 'problem',
      interface: 'eth0',
      text: 'the IPv6 link-local address of eth0 is in use by somebody else on that link',
    });
    await ip(a, 'address', 'replace', 'fe80::77/64', 'dev', 'eth0', 'nodad');
    new Watcher(b, ['eth0']);
    expect(await watcher.next('found')).toMatchObject({ address: taken, local: 'fe80::77' });
  });

  test('does not show us a router that is not on it: a hop limit below 255 is not taken', async () => {
    const [a, b] = [await namespace('a'), await namespace('b')];
    await join(a, b, 'eth0');
    const [near, far] = [await linkLocal(a, 'eth0'), await linkLocal(b, 'eth0')];
    const watcher = new Watcher(a, ['eth0']);
    await ip(b, 'address', 'add', 'fe80::bad/64', 'dev', 'eth0', 'nodad');
    const advertise = (from: string, hops: number) =>
      b.run(['python3', '-c', advertiser, 'eth0', from, near, `${hops}`]);
    // Were the first of each pair taken, there would be two routers.
    await waitFor('one that is found', async () => {
      await advertise('fe80::bad', 254);
      await advertise(far, 255);
      return watcher.told.length > 0;
    });
    expect(await watcher.next('found')).toEqual({ event: 'found', interface: 'eth0', address: far, local: near });
    expect(watcher.told.filter(({ event }) => event === 'problem')).toEqual([]);
  });
});

test('without CAP_NET_RAW the operator is told what is missing', async () => {
  const [a, b] = [await namespace('a'), await namespace('b')];
  await join(a, b, 'eth0');
  const watcher = new Watcher(a, ['eth0'], ['setpriv', '--bounding-set', '-net_raw']);
  expect((await watcher.next('problem', {})).text).toBe(
    'no neighbour can be looked for on eth0: raw ICMPv6 sockets need CAP_NET_RAW or root',
  );
  expect(await watcher.close()).toBe(0);
});

const noRouter = (name: string): string =>
  `no router answers on ${name}: the peer there must send IPv6 router advertisements`;

/** Sends one router advertisement: DEVICE FROM TO HOPS. */
const advertiser = `
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(sys.argv[4]))
index = socket.if_nametoindex(sys.argv[1])
s.bind((sys.argv[2], 0, 0, index))
s.sendto(bytes([134] + 15 * [0]), (sys.argv[3], 0, 0, index))
`;
