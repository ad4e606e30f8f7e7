/** The node's network by policies, against this machine's kernel: all of it but VRFs, with iproute2 as the judge. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Kernel } from '../../src/daemon/network/kernel.ts';
import { Stack } from '../../src/daemon/stack.ts';
import { RequestSocket } from '../../src/io/netlink.ts';
import { control } from '../support/control.ts';
import { Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';
import { inNamespace } from '../support/setns.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));

let node: Namespace;
let router: Namespace;
let folder: string;
let daemon: Daemon;

const speaker = (network = '') => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {routerID: 10.0.0.1, stateDir: ${folder}/state, network: {rollback: 20s${network}}}
`;
const policy = (name: string, desired: string, annotations = '') => `
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: ${name}, annotations: {${annotations}}}
spec:
  desiredState: ${desired}
`;

function put(name: string, text: string): void {
  writeFileSync(join(folder, 'new'), text);
  renameSync(join(folder, 'new'), join(folder, 'conf', `${name}.yaml`));
}

/** What the daemon says, by its control socket. */
const ask = async <T>(path: string, method?: 'POST'): Promise<T> =>
  JSON.parse(await control(join(folder, 'sock'), path, method)) as T;

interface Policy {
  readonly policy: string;
  readonly state: string;
  readonly reason: string | null;
}

async function standing(name: string, state: string): Promise<Policy> {
  return waitFor(
    `${name} is ${state}`,
    async () => {
      const config = await ask<{ policies: Policy[] }>('/show/config');
      const found = config.policies.find((p) => p.policy === name);
      return found?.state === state && found;
    },
    { alive: () => daemon.running, log: () => daemon.output },
  );
}

const start = () => {
  daemon = node.spawn([
    'node',
    program,
    'run',
    '-c',
    join(folder, 'conf'),
    '--control',
    join(folder, 'sock'),
    '--http',
    '127.0.0.1:7472',
  ]);
};

/** Everything that a policy may touch, as text, without timers that run. */
async function state(): Promise<string> {
  const text = await node.run([
    'sh',
    '-c',
    `ip -d link; ip -d addr; for f in -4 -6; do ip $f rule; ip -d $f route show table all; done; cd /proc/sys/net &&
     grep -s '' ipv[46]/conf/*/forwarding ipv[46]/conf/*/rp_filter ipv6/conf/*/accept_ra ipv6/conf/*/disable_ipv6`,
  ]);
  return text
    .replace(/ \w*timer +\S+/g, '')
    .replaceAll(/ state (listening|learning|forwarding|disabled) /g, ' ')
    .replaceAll(/ *promiscuity \d+/g, '');
}

/** The same, once it no longer changes by itself: addresses are checked for duplicates, ports of bridges learn. */
async function settled(): Promise<string> {
  let last = '';
  return waitFor(
    'nothing changes',
    async () => {
      const now = await state();
      const same = now === last && !now.includes('tentative');
      last = now;
      return same && now;
    },
    { everyMs: 1_000 },
  );
}
const ip = async (...words: string[]) => JSON.parse((await node.run(['ip', '-j', ...words])).trim() || '[]');
const sysctl = async (path: string) => (await node.run(['cat', `/proc/sys/net/${path}`])).trim();
const logged = (text: string) => daemon.output.split('\n').filter((line) => line.includes(text));

beforeEach(async () => {
  node = await Namespace.create('node');
  router = await Namespace.create('router');
  folder = node.folder('network');
  await node.run(['sh', '-c', `mkdir ${folder}/conf`]);
  const inside = (where: Namespace, lines: string) => where.run(['ip', '-batch', '-'], { input: lines });
  await inside(
    node,
    `link add eth0 type veth peer name eth0 netns ${router.name}
link add eth1 type veth peer name eth1 netns ${router.name}
link set eth0 up
link set eth1 up
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8::2/64 dev eth0 nodad
`,
  );
  await inside(
    router,
    `link set eth0 up
link set eth1 up
addr add 192.0.2.1/24 dev eth0
addr add 2001:db8::1/64 dev eth0 nodad
`,
  );
  await inside(
    node,
    'route add default via 192.0.2.1\nroute add default via 2001:db8::1\nroute add 203.0.113.0/24 via 192.0.2.1\nrule add to 10.99.0.0/16 lookup 9 pref 900\n',
  );
  // The link-local addresses are there for good.
  await waitFor('eth1 has its link-local address', async () =>
    (await node.run(['ip', '-6', 'addr', 'show', 'dev', 'eth1'])).includes('fe80'),
  );
});
afterEach(async () => {
  await daemon?.stop('SIGKILL');
  await node.close();
  await router.close();
});

const whole = `
    interfaces:
    - {name: br-lab, type: linux-bridge, state: up, bridge: {options: {stp: {enabled: false}}, port: [{name: eth1}]}, ipv4: {enabled: true, address: [{ip: 10.1.0.1, prefix-length: "24"}]}}
    - {name: eth0, mtu: 1400, ipv4: {enabled: true, address: [{ip: 192.0.2.2, prefix-length: 24}, {ip: 192.0.2.3, prefix-length: 24}]}}
    routes:
      config:
      - {destination: 10.5.0.0/16, next-hop-interface: eth0, next-hop-address: 192.0.2.1, table-id: 77, metric: 150}
      - {destination: 10.5.0.0/16, next-hop-interface: br-lab, next-hop-address: 10.1.0.9, table-id: 77, metric: 150, weight: 3}
      - {destination: "2001:db8:5::/48", next-hop-interface: eth0, next-hop-address: "2001:db8::1", table-id: 77}
      - {destination: 10.6.0.0/16, route-type: prohibit}
      - {destination: 203.0.113.0/24, state: absent}
    route-rules:
      config:
      - {ip-to: 172.30.0.0/16, priority: 998, route-table: 254}
      - {ip-from: "2001:db8:9::/64", priority: 999, route-table: 77, fwmark: "0x10", fwmask: "0xff"}
      - {family: ipv4, iif: eth0, route-table: 77, suppress-prefix-length: 0}
      - {ip-to: 10.99.0.0/16, state: absent}
`;

describe('a policy', () => {
  it('is carried out once, and leaves nothing behind when it goes', async () => {
    const before = await state();
    put('speaker', speaker());
    put('whole', policy('whole', whole));
    start();
    await standing('whole', 'applied');
    expect(await ip('-d', 'link', 'show', 'dev', 'br-lab')).toMatchObject([
      { ifalias: 'waypost', flags: expect.arrayContaining(['UP']) },
    ]);
    expect(await ip('link', 'show', 'dev', 'eth1')).toMatchObject([{ master: 'br-lab' }]);
    expect(await ip('link', 'show', 'dev', 'eth0')).toMatchObject([{ mtu: 1400 }]);
    expect(await ip('-d', 'route', 'show', 'table', '77')).toMatchObject([
      {
        dst: '10.5.0.0/16',
        metric: 150,
        nexthops: [
          { gateway: '192.0.2.1', weight: 1 },
          { gateway: '10.1.0.9', dev: 'br-lab', weight: 3 },
        ],
      },
    ]);
    expect(await ip('-6', 'route', 'show', 'table', '77')).toMatchObject([
      { dst: '2001:db8:5::/48', gateway: '2001:db8::1', dev: 'eth0' },
    ]);
    const main = (await ip('-d', 'route')) as { dst: string; type?: string }[];
    expect(main.find(({ dst }) => dst === '10.6.0.0/16')).toMatchObject({ type: 'prohibit' });
    expect(main.map(({ dst }) => dst)).not.toContain('203.0.113.0/24');
    expect(await node.run(['ip', 'rule'])).toContain('998:\tfrom all to 172.30.0.0/16 lookup main');
    expect(await node.run(['ip', 'rule'])).toMatch(/30002:\tfrom all iif eth0 lookup 77 suppress_prefixlength 0/);
    expect(await node.run(['ip', 'rule'])).not.toContain('10.99.0.0');
    expect(await node.run(['ip', '-6', 'rule'])).toContain('999:\tfrom 2001:db8:9::/64 fwmark 0x10/0xff lookup 77');

    // A second time, by a document that says the same in other words and by another process: no write at all.
    const applied = await settled();
    const monitor = node.spawn(['ip', '-o', 'monitor', 'link', 'address', 'route', 'rule']);
    const steps = async () =>
      /^waypost_network_steps_total (\d+)$/m.exec(await node.run(['curl', '-s', 'http://127.0.0.1:7472/metrics']))?.[1];
    const once = await steps();
    expect(Number(once)).toBeGreaterThan(5);
    put('whole', `# the same\n${policy('whole', whole.replace('prefix-length: "24"', 'prefix-length: 24'))}`);
    await ask('/reload', 'POST');
    expect(await steps()).toBe(once);
    const events = await ask<{ kind: string; subject: string; event: string }[]>('/show/events');
    expect(events.filter(({ kind }) => kind === 'network')).toMatchObject([
      { subject: 'whole', event: 'policy applied' },
    ]);
    const plan = (path: string) => node.run(['node', program, 'plan', path, '--control', join(folder, 'sock')]);
    expect(await plan(join(folder, 'conf'))).toBe('nothing changes\n');
    expect(await plan(join(folder, 'conf', 'speaker.yaml'))).toMatch(/^- kernel link br-lab {2}type bridge .*up$/m);
    await daemon.stop('SIGKILL');
    start();
    await standing('whole', 'applied');
    await ask('/reload', 'POST');
    expect(await steps()).toBe('0');
    // Half a minute after it was added a port of a bridge forwards, and the kernel says so: by itself.
    const forwards = / mtu \d+ master br-lab state UP /;
    expect(monitor.output.split('\n').filter((line) => line !== '' && !forwards.test(line))).toEqual([]);
    expect(await settled()).toBe(applied);

    rmSync(join(folder, 'conf', 'whole.yaml'));
    await waitFor('the bridge is gone', async () => !(await state()).includes('br-lab'));
    await waitFor('all is as before', async () => (await state()) === before).catch(async () =>
      expect(await state()).toBe(before),
    );
  });

  it('is carried out again where somebody else undid it', async () => {
    put('speaker', speaker());
    put('whole', policy('whole', whole));
    start();
    await standing('whole', 'applied');
    await node.run(['ip', 'rule', 'del', 'to', '172.30.0.0/16', 'pref', '998']);
    await waitFor('the rule is back', async () => (await node.run(['ip', 'rule'])).includes('172.30.0.0/16'));
    await node.run(['ip', 'link', 'set', 'eth0', 'down']);
    await waitFor('routes by eth0 are back', async () =>
      (await node.run(['ip', 'route', 'show', 'table', '77'])).includes('192.0.2.1'),
    );
  });

  it('waits for an interface that does not exist, and holds nobody else up', async () => {
    put('speaker', speaker());
    put('a', policy('a', '{interfaces: [{name: eth9, mtu: 1300}]}'));
    put('b', policy('b', '{interfaces: [{name: eth1, mtu: 1300}]}'));
    start();
    await standing('b', 'applied');
    expect(await standing('a', 'waiting')).toMatchObject({ reason: 'eth9 does not exist' });
    await node.run(['ip', 'link', 'add', 'eth9', 'type', 'veth', 'peer', 'name', 'peer9']);
    await standing('a', 'applied');
    expect(await ip('link', 'show', 'dev', 'eth9')).toMatchObject([
      { mtu: 1300, flags: expect.arrayContaining(['UP']) },
    ]);
  });
});

/** Sends a router advertisement by eth0. */
const advertiser = `
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
index = socket.if_nametoindex('eth0')
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
s.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0), ('ff02::1', 0, 0, index))
`;

describe('what a change is not about stays', () => {
  it('routes of others, where the only address of their interface is replaced', async () => {
    const before = await state();
    put('speaker', speaker());
    put(
      'other',
      policy('other', '{interfaces: [{name: eth0, ipv4: {address: [{ip: 192.0.2.9, prefix-length: 24}]}}]}'),
    );
    start();
    await standing('other', 'applied');
    expect(await ip('-4', 'addr', 'show', 'dev', 'eth0')).toMatchObject([{ addr_info: [{ local: '192.0.2.9' }] }]);
    for (const to of ['default', '203.0.113.0/24'])
      expect(await ip('route', 'show', to)).toMatchObject([{ gateway: '192.0.2.1', dev: 'eth0' }]);
    rmSync(join(folder, 'conf', 'other.yaml'));
    await waitFor('all is as before', async () => (await state()) === before).catch(async () =>
      expect(await state()).toBe(before),
    );
  });

  it('where the addresses of a subnet go together, as by default they do, and come back one by one', async () => {
    await node.run(['ip', 'address', 'add', '192.0.2.77/24', 'dev', 'eth0']);
    await node.run(['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries']);
    await node.run(['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries']);
    const before = await state();
    put('speaker', speaker());
    put('two', policy('two', '{interfaces: [{name: eth0, ipv4: {address: [{ip: 192.0.2.9, prefix-length: 24}]}}]}'));
    start();
    await standing('two', 'applied');
    expect(await ip('-4', 'addr', 'show', 'dev', 'eth0')).toMatchObject([{ addr_info: [{ local: '192.0.2.9' }] }]);
    rmSync(join(folder, 'conf', 'two.yaml'));
    await waitFor('all is as before', async () => (await state()) === before).catch(async () =>
      expect(await state()).toBe(before),
    );
  });

  it('what other interfaces learned from routers, where one begins to forward', async () => {
    const learned = () => ip('-6', 'route', 'show', 'default', 'proto', 'ra');
    // Who says to be a router and is none is taken at its later word.
    await router.run(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/forwarding']);
    await waitFor('the router is known', async () => {
      await router.run(['python3', '-c', advertiser]);
      return (await learned()).length === 1;
    });
    put('speaker', speaker(', interfaces: [{name: eth1, forwarding: true}]'));
    start();
    await waitFor('eth1 forwards', async () => (await sysctl('ipv6/conf/eth1/forwarding')) === '1');
    expect(await learned()).toMatchObject([{ dev: 'eth0' }]);
    expect(await sysctl('ipv6/conf/eth0/accept_ra')).toBe('1');
  });

  it('routes that a routing daemon learned are not even read, and of two alike the right one goes', async () => {
    await node.run(['ip', '-batch', '-'], {
      input: `route add 10.7.0.0/16 via 192.0.2.1 proto bgp
route add 10.8.0.0/16 via 192.0.2.1 proto static
route append 10.8.0.0/16 via 192.0.2.77 proto static
route add 10.9.0.0/16 dev eth0 proto kernel
`,
    });
    const kernel = new Kernel(inNamespace(node.name, () => new RequestSocket()));
    for (const tables of [[254], 'all'] as const) {
      const { routes } = kernel.read({ sysctls: [], links: ['eth0'], tables });
      expect(new Set(routes.map(({ protocol }) => protocol))).toEqual(new Set([3, 4]));
    }
    kernel.close();
    const learned = inNamespace(node.name, () => {
      const stack = new Stack([]);
      const found = [254, 255, 7].map((table) => stack.some({ family: 4, table }, ({ protocol }) => protocol === 186));
      stack.close();
      return found;
    });
    expect(learned).toEqual([true, false, false]);
    put('speaker', speaker());
    const absent = '{destination: 10.8.0.0/16, next-hop-address: 192.0.2.77, state: absent}';
    put('two', policy('two', `{routes: {config: [${absent}]}}`));
    start();
    await standing('two', 'applied');
    expect(await ip('route', 'show', '10.8.0.0/16')).toMatchObject([{ gateway: '192.0.2.1' }]);
  });
});

describe('what is not there yet', () => {
  it('is told of the Speaker, and set once it comes; then it is given back', async () => {
    put('speaker', speaker(', interfaces: [{name: eth9, rpFilter: loose}, {name: eth1, rpFilter: loose}]'));
    start();
    await waitFor('eth1 is loose', async () => (await sysctl('ipv4/conf/eth1/rp_filter')) === '2');
    expect(logged('eth9 does not exist')).toHaveLength(1);
    await node.run(['ip', 'link', 'add', 'eth9', 'type', 'veth', 'peer', 'name', 'peer9']);
    await waitFor('eth9 is loose', async () => (await sysctl('ipv4/conf/eth9/rp_filter')) === '2');
    const was = await sysctl('ipv4/conf/peer9/rp_filter');
    put('speaker', speaker());
    await waitFor('eth9 is as it came', async () => (await sysctl('ipv4/conf/eth9/rp_filter')) === was);
  });

  it('is a verified IPv6 address: a route whose source it is to be follows', async () => {
    put('speaker', speaker());
    put(
      'source',
      policy(
        'source',
        '{interfaces: [{name: eth0, ipv6: {address: [{ip: "2001:db8::9", prefix-length: 64}]}}], routes: {config: [{destination: "2001:db8:9::/48", next-hop-interface: eth0, next-hop-address: "2001:db8::1", source: "2001:db8::9"}]}}',
      ),
    );
    start();
    await standing('source', 'applied');
    expect(await ip('-6', 'route', 'show', '2001:db8:9::/48')).toMatchObject([{ prefsrc: '2001:db8::9' }]);
  });

  it('lets a route by it wait', async () => {
    put('speaker', speaker());
    put('far', policy('far', '{routes: {config: [{destination: 10.5.0.0/16, next-hop-interface: eth9}]}}'));
    start();
    expect(await standing('far', 'waiting')).toMatchObject({
      reason: 'eth9, by which a route leaves, does not exist',
    });
    await node.run(['ip', 'link', 'add', 'eth9', 'type', 'veth', 'peer', 'name', 'peer9']);
    await node.run(['ip', 'link', 'set', 'eth9', 'up']);
    await standing('far', 'applied');
    expect(await ip('route', 'show', '10.5.0.0/16')).toMatchObject([{ dev: 'eth9', protocol: '157' }]);
  });
});

it('a daemon that is stopped takes back what is not confirmed yet', async () => {
  put('speaker', speaker().replace('20s', '300s'));
  put('known', policy('known', '{route-rules: {config: [{ip-to: 172.30.0.0/16, priority: 998}]}}'));
  start();
  await standing('known', 'applied');
  const before = await state();
  put('doubtful', policy('doubtful', '{interfaces: [{name: eth1, mtu: 1300}]}', 'waypost.dev/probe: sleep 1000'));
  await standing('doubtful', 'confirming');
  await waitFor('it is changed', async () => (await ip('link', 'show', 'dev', 'eth1'))[0].mtu === 1300);
  await daemon.stop('SIGTERM');
  expect(await state()).toBe(before);
});

describe('a change that fails', () => {
  it('is taken back when the default gateway is gone, and the others are kept', async () => {
    put('speaker', speaker().replace('20s', '3s'));
    put('good', policy('good', '{route-rules: {config: [{ip-to: 172.30.0.0/16, priority: 998}]}}'));
    put(
      'cut',
      policy(
        'cut',
        '{interfaces: [{name: eth0, ipv4: {enabled: true, address: [{ip: 198.51.100.7, prefix-length: 24}]}}]}',
      ),
    );
    const before = await state();
    start();
    const { reason } = await standing('cut', 'failed');
    expect(reason).toBe('no IPv4 default gateway is left, where 192.0.2.1 answered before');
    await standing('good', 'applied');
    expect(logged('was taken back').at(-1)).toContain('no IPv4 default gateway is left');
    const now = await state();
    expect(now.split('\n').filter((line) => !before.includes(line))).toEqual([
      '998:\tfrom all to 172.30.0.0/16 lookup main proto 157',
    ]);
    expect(before.split('\n').filter((line) => !now.includes(line))).toEqual([]);
    await node.run(['ping', '-c', '1', '-W', '2', '192.0.2.1']);
    // Not again, until it is another one.
    await daemon.stop('SIGKILL');
    start();
    await standing('cut', 'failed');
    expect(logged('changing the network')).toEqual([]);
    put('cut', policy('cut', '{interfaces: [{name: eth0, mtu: 1450}]}'));
    await standing('cut', 'applied');
  });

  it('stays in force when the node needs it, although its document is gone, and is not taken away again and again', async () => {
    await node.run(['ip', 'route', 'del', 'default']);
    put('speaker', speaker().replace('20s', '3s'));
    const route = '{destination: 0.0.0.0/0, next-hop-address: 192.0.2.1, next-hop-interface: eth0}';
    put('gateway', policy('gateway', `{routes: {config: [${route}]}}`));
    start();
    await standing('gateway', 'applied');
    rmSync(join(folder, 'conf', 'gateway.yaml'));
    const { reason } = await standing('gateway', 'failed');
    expect(reason).toBe('no IPv4 default gateway is left, where 192.0.2.1 answered before');
    put('other', policy('other', '{interfaces: [{name: eth1, mtu: 1450}]}'));
    await standing('other', 'applied');
    expect(await standing('gateway', 'failed')).toMatchObject({ reason });
    expect(logged('changing the network').map((line) => JSON.parse(line).policies)).toEqual([
      expect.arrayContaining(['gateway']),
      ['gateway'],
      ['other'],
    ]);
    expect(await ip('route', 'show', 'default')).toMatchObject([{ gateway: '192.0.2.1', protocol: '157' }]);
  });

  it('is taken back when the gateway is there and does not answer, and when a command fails', async () => {
    put('speaker', speaker().replace('20s', '4s'));
    put(
      'far',
      policy(
        'far',
        '{routes: {config: [{destination: 0.0.0.0/0, state: absent}, {destination: 0.0.0.0/0, next-hop-address: 192.0.2.77, next-hop-interface: eth0}]}}',
      ),
    );
    start();
    expect(await standing('far', 'failed')).toMatchObject({ reason: 'the default gateway 192.0.2.77 does not answer' });
    expect(await ip('route', 'show', 'default')).toMatchObject([{ gateway: '192.0.2.1' }]);
    put('far', policy('far', '{interfaces: [{name: eth1, mtu: 1300}]}', 'waypost.dev/probe: "echo no luck; exit 3"'));
    expect(
      await waitFor(
        'the command failed',
        async () => {
          const found = await standing('far', 'failed');
          return found.reason?.includes('command') && found.reason;
        },
        { log: () => daemon.output },
      ),
    ).toBe('the command "echo no luck; exit 3" failed: ended with 3: no luck');
    expect(await ip('link', 'show', 'dev', 'eth1')).toMatchObject([{ mtu: 1500 }]);
  });
});

it('sysctls of the interface that the Speaker names change alone, and go back', async () => {
  const before = await state();
  put(
    'speaker',
    speaker(', interfaces: [{name: eth1, forwarding: true, rpFilter: loose}, {name: all, rpFilter: loose}]'),
  );
  start();
  await waitFor(
    'eth1 forwards',
    async () =>
      (await sysctl('ipv4/conf/eth1/forwarding')) === '1' && (await sysctl('ipv4/conf/eth1/rp_filter')) === '2',
  );
  const changed = (await state()).split('\n').filter((line) => line.startsWith('ipv') && !before.includes(line));
  expect(changed.sort()).toEqual([
    'ipv4/conf/all/rp_filter:2',
    'ipv4/conf/eth1/forwarding:1',
    'ipv4/conf/eth1/rp_filter:2',
    'ipv6/conf/eth1/accept_ra:2',
    'ipv6/conf/eth1/forwarding:1',
  ]);
  put('speaker', speaker());
  await waitFor('all is as before', async () => (await state()) === before);
});
