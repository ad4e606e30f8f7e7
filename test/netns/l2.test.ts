/**
 * The fast worker on real interfaces, in two namespaces: `node` announces, `host` asks with the tools that people use
 * and with the kernel's own neighbour table, and takes down all that comes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/lib/bytes.ts';
import { Fast, probe } from '../support/fast.ts';
import { hexFiles } from '../support/hex.ts';
import { link, Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';

const vip = '10.99.0.200';
const vip6 = '2001:db8:99::c8';
const both = [{ ip: vip }, { ip: vip6 }];
/** One round of announcements instead of five, where they are in the way; five quick ones where those are counted. */
const once = { schedule: { burstMs: 0 } };
const quick = { schedule: { roundMs: 200, burstMs: 900 } };
let node: Namespace;
let host: Namespace;
let fast: Fast | undefined;
let sniffer: Daemon;

const ip = (namespace: Namespace, ...words: string[]): Promise<string> => namespace.run(['ip', ...words]);
const macOf = async (namespace: Namespace, device: string): Promise<string> =>
  JSON.parse(await ip(namespace, '-j', 'link', 'show', 'dev', device))[0].address;

/** Lines of tcpdump since the last call, ARP and neighbour discovery at the host's end: the sender's address is first. */
let read = 0;
function heard(): string[] {
  const text = sniffer.stdout;
  const end = text.lastIndexOf('\n') + 1;
  const lines = text.slice(read, end).split('\n').filter(Boolean);
  read = end;
  return lines;
}
/** Those that came from this Ethernet address. */
const from = (lines: readonly string[], mac: string): string[] => lines.filter((line) => line.startsWith(`${mac} `));
const gratuitous = (lines: readonly string[], mac: string): number[] => [
  from(lines, mac).filter((line) => line.includes(`Request who-has ${vip} (ff:ff:ff:ff:ff:ff) tell ${vip}`)).length,
  from(lines, mac).filter((line) => line.includes('> ff:ff:ff:ff:ff:ff') && line.includes(`Reply ${vip} is-at ${mac}`))
    .length,
  from(lines, mac).filter((line) => line.includes('> 33:33:00:00:00:01') && line.includes(`tgt is ${vip6}`)).length,
];

/** Whether arping gets its answers, from this Ethernet address. */
async function arping(mac: string, target = vip, device = 'p0'): Promise<boolean> {
  const { stdout } = await host.outcome(['arping', '-c', '2', '-w', '3', '-I', device, target]);
  const replies = stdout.split('\n').filter((line) => line.includes('reply from'));
  return replies.length === 2 && replies.every((line) => line.includes(`[${mac.toUpperCase()}]`));
}
async function ndisc(mac: string, target = vip6, device = 'p0'): Promise<boolean> {
  const { stdout } = await host.outcome(['ndisc6', '-1', '-r', '2', '-w', '1000', target, device]);
  return stdout.includes(`Target link-layer address: ${mac.toUpperCase()}`);
}
const answered = async (mac: string): Promise<[boolean, boolean]> => [await arping(mac), await ndisc(mac)];

beforeAll(async () => {
  node = await Namespace.create('node');
  host = await Namespace.create('host');
  await link(
    { namespace: node, device: 'd0', addresses: [] },
    { namespace: host, device: 'p0', addresses: ['10.99.0.2/24', '2001:db8:99::2/64'] },
  );
  sniffer = host.spawn(['tcpdump', '-l', '-n', '-e', '-t', '-i', 'p0', '--immediate-mode', 'arp or icmp6']);
  await waitFor('tcpdump listens', () => sniffer.output.includes('listening on'));
});
afterEach(async () => {
  await fast?.daemon.stop();
  fast = undefined;
});
afterAll(async () => {
  await host?.close();
  await node?.close();
});

describe('on a veth', () => {
  it('answers what asks, broadcast and unicast, and nothing for other addresses', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both });
    expect(fast.ports()).toMatchObject([{ name: 'd0', arp: 'on', ndp: 'on', mld: 'on' }]);
    expect(await answered(mac)).toEqual([true, true]);
    // Duplicate address detection of another host fails: arping -D says so with status 1.
    expect((await host.outcome(['arping', '-D', '-c', '1', '-w', '2', '-I', 'p0', vip])).code).toBe(1);
    expect((await host.outcome(['arping', '-D', '-c', '1', '-w', '1', '-I', 'p0', '10.99.0.201'])).code).toBe(0);
    expect(await arping(mac, '10.99.0.201')).toBe(false);
    expect(await ndisc(mac, '2001:db8:99::c9')).toBe(false);
  });

  it('keeps reachable what the kernel of a neighbour verifies by unicast', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both });
    heard();
    for (const target of [vip, vip6]) {
      await ip(host, 'neigh', 'replace', target, 'lladdr', mac, 'dev', 'p0', 'nud', 'probe');
      await waitFor(`${target} is reachable`, async () =>
        (await ip(host, 'neigh', 'show', target, 'dev', 'p0')).includes('REACHABLE'),
      );
    }
    const asked = heard().filter((line) => line.includes(`> ${mac}`));
    expect(asked.filter((line) => line.includes(`Request who-has ${vip}`))).not.toEqual([]);
    expect(asked.filter((line) => line.includes(`who has ${vip6}`))).not.toEqual([]);
    for (const target of [vip, vip6]) await ip(host, 'neigh', 'flush', target);
  });

  it('leaves no gap in what the kernel of a neighbour takes to be reachable, cycle after cycle', async () => {
    fast = await Fast.start(node, { addresses: both });
    const quickly = [4, 6].flatMap((family) => [
      `net.ipv${family}.neigh.p0.base_reachable_time_ms=400`,
      `net.ipv${family}.neigh.p0.delay_first_probe_time=1`,
    ]);
    await host.run(['sysctl', '-qw', ...quickly]);
    const monitor = host.spawn(['ip', 'monitor', 'neigh']);
    // Nobody listens there: what counts is that packets are sent without a pause.
    const send = (target: string) => `for i in $(seq 60); do echo >/dev/udp/${target}/9; sleep 0.1; done`;
    await Promise.all([vip, vip6].map((target) => host.run(['bash', '-c', send(target)])));
    for (const target of [vip, vip6]) {
      const states = monitor.stdout.split('\n').filter((line) => line.startsWith(`${target} `));
      expect(states.filter((line) => line.includes('PROBE')).length).toBeGreaterThanOrEqual(2);
      expect(states.filter((line) => line.includes('FAILED'))).toEqual([]);
      expect((await ip(host, 'neigh', 'show', target)).includes('FAILED')).toBe(false);
    }
    await monitor.stop();
    const slowly = quickly.map((each) => each.replace('=400', '=30000').replace('=1', '=5'));
    await host.run(['sysctl', '-qw', ...slowly]);
    for (const target of [vip, vip6]) await ip(host, 'neigh', 'flush', target);
  });

  it('needs no address of its own, not even a link-local one', async () => {
    const mac = await macOf(node, 'd0');
    const own = (await ip(node, '-6', '-br', 'address', 'show', 'dev', 'd0')).match(/fe80:[0-9a-f:]+\/64/)![0];
    await ip(node, '-6', 'address', 'flush', 'dev', 'd0');
    fast = await Fast.start(node, { addresses: both });
    expect(await answered(mac)).toEqual([true, true]);
    await ip(node, 'address', 'add', own, 'dev', 'd0', 'nodad');
    expect(await answered(mac)).toEqual([true, true]);
  });

  it('announces five times, 1.1 s apart, request and reply, and an advertisement; then falls silent', async () => {
    const mac = await macOf(node, 'd0');
    heard();
    fast = await Fast.start(node, { addresses: both });
    await sleep(8000);
    expect(gratuitous(heard(), mac)).toEqual([5, 5, 5]);
    await sleep(2500);
    expect(gratuitous(heard(), mac)).toEqual([0, 0, 0]);
  });

  it('lets nothing be heard of an address that was taken away, or is announced elsewhere', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both });
    const before = fast.applied();
    fast.want({ addresses: [{ ip: vip, interfaces: ['other0'] }] });
    await fast.until('the next snapshot is applied', () => fast!.applied() > before);
    await sleep(50);
    heard();
    expect(await answered(mac)).toEqual([false, false]);
    await sleep(2500);
    const lines = from(heard(), mac);
    expect(lines.filter((line) => line.includes(vip) || line.includes(vip6))).toEqual([]);
    expect(await node.run(['ip', 'maddr', 'show', 'dev', 'd0'])).not.toContain('ff02::1:ff00:c8');
  });

  it('is a member of the solicited-node group, on the interface and for MLD', async () => {
    fast = await Fast.start(node, { addresses: both });
    const groups = await node.run(['ip', 'maddr', 'show', 'dev', 'd0']);
    expect(groups).toContain('33:33:ff:00:00:c8');
    expect(groups).toContain('ff02::1:ff00:c8');
    await fast.daemon.stop();
    expect(await node.run(['ip', 'maddr', 'show', 'dev', 'd0'])).not.toContain('ff00:c8');
  });

  it('answers while the main thread does not get one turn', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both });
    fast.order({ busy: true });
    await sleep(500);
    expect(await answered(mac)).toEqual([true, true]);
  });

  it('ends with the process, however that ends', async () => {
    fast = await Fast.start(node, { addresses: both });
    fast.order({ exit: true });
    await waitFor('process.exit is over', () => !fast!.daemon.running, { timeoutMs: 5000 });
    expect(fast.daemon.exitCode).toBe(0);
    fast = await Fast.start(node, { addresses: both });
    expect(await fast.daemon.stop('SIGTERM', 5000)).toBe(0);
    expect(fast.reports().at(-1)).toEqual({ type: 'stopped' });
  });
});

describe('when interfaces change', () => {
  it('announces anew after a flap, and answers', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both, rules: quick });
    await sleep(1500);
    for (let round = 0; round < 2; round++) {
      await ip(node, 'link', 'set', 'd0', 'down');
      await sleep(300);
      heard();
      await ip(node, 'link', 'set', 'd0', 'up');
      await waitFor('the burst begins', () => sniffer.stdout.slice(read).includes(`tgt is ${vip6}`));
      expect(await answered(mac)).toEqual([true, true]);
    }
    await sleep(2000);
    const [requests, replies, advertisements] = gratuitous(heard(), mac);
    expect(requests).toBe(replies);
    // The first frames after a carrier came up may be lost in the device's queue.
    for (const count of [requests!, advertisements!]) {
      expect(count).toBeGreaterThanOrEqual(4);
      expect(count).toBeLessThanOrEqual(5);
    }
  });

  it('announces the new hardware address, and answers with it', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both, rules: quick });
    await sleep(1500);
    heard();
    const other = '02:00:5e:10:77:01';
    await ip(node, 'link', 'set', 'd0', 'address', other);
    await sleep(2000);
    const lines = heard();
    expect(gratuitous(lines, other)).toEqual([5, 5, 5]);
    expect(gratuitous(lines, mac)).toEqual([0, 0, 0]);
    expect(await answered(other)).toEqual([true, true]);
    await ip(node, 'link', 'set', 'd0', 'address', mac);
  });

  it('is in its groups again after a time in which the link was too small for IPv6', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both, rules: once });
    const groups = () => node.run(['ip', 'maddr', 'show', 'dev', 'd0']);
    const ndp = () => fast!.ports().find((port) => port.name === 'd0')?.ndp;
    await ip(node, 'link', 'set', 'd0', 'mtu', '1000');
    await fast.until('it does without neighbour discovery', () => ndp() === 'off');
    expect(await arping(mac)).toBe(true);
    await ip(node, 'link', 'set', 'd0', 'mtu', '1500');
    await fast.until('it has it again', () => ndp() === 'on');
    // On the interface, and in the kernel's own list, of which switches are told.
    for (const group of ['33:33:ff:00:00:c8', 'ff02::1:ff00:c8']) expect(await groups()).toContain(group);
    expect(await ndisc(mac)).toBe(true);
  });

  it('goes by the name that an interface has now', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both.map((one) => ({ ...one, interfaces: ['lan0'] })), rules: once });
    expect(await ndisc(mac)).toBe(false);
    // Kernels before 6.2 want it down.
    const rename = (from: string, to: string) =>
      node.run([
        ...['sh', '-c'],
        `ip link set ${from} name ${to} || { ip link set ${from} down; ip link set ${from} name ${to}; ip link set ${to} up; }`,
      ]);
    await rename('d0', 'lan0');
    try {
      await fast.until('it has the name', () => fast!.ports().some((port) => port.name === 'lan0'));
      expect(await answered(mac)).toEqual([true, true]);
    } finally {
      await rename('lan0', 'd0');
    }
    await fast.until('it has lost it', () => fast!.ports().some((port) => port.name === 'd0'));
    expect(await ndisc(mac)).toBe(false);
  });

  it('serves an interface that appears, one that is made again, and forgets one that goes', async () => {
    fast = await Fast.start(node, { addresses: both });
    for (let round = 0; round < 2; round++) {
      await link(
        { namespace: node, device: 'd1', addresses: [] },
        { namespace: host, device: 'p1', addresses: [`10.98.${round}.2/24`] },
      );
      await fast.until('d1 is served', () => fast!.ports().some((port) => port.name === 'd1' && port.ndp === 'on'));
      const mac = await macOf(node, 'd1');
      expect(await arping(mac, vip, 'p1')).toBe(true);
      expect(await ndisc(mac, vip6, 'p1')).toBe(true);
      await ip(node, 'link', 'del', 'd1');
      await fast.until('d1 is gone', () => !fast!.ports().some((port) => port.name === 'd1'));
    }
    expect(await answered(await macOf(node, 'd0'))).toEqual([true, true]);
  });
});

describe('on other interfaces', () => {
  it('answers at the bridge, not at its ports', async () => {
    await node.run(['sh', '-c', 'ip link add br0 type bridge && ip link set d0 master br0 && ip link set br0 up']);
    try {
      const bridge = await macOf(node, 'br0');
      fast = await Fast.start(node, { addresses: both });
      await fast.until('the bridge is served', () => fast!.ports().some((port) => port.name === 'br0'));
      expect(fast.ports().map((port) => port.name)).toEqual(['br0']);
      expect(await answered(bridge)).toEqual([true, true]);
    } finally {
      await ip(node, 'link', 'del', 'br0');
    }
  });

  it('answers at a macvlan with its address, once, and not at the interface below', async () => {
    await node.run(['sh', '-c', 'ip link add mv0 link d0 type macvlan mode bridge && ip link set mv0 up']);
    try {
      const mac = await macOf(node, 'mv0');
      fast = await Fast.start(node, { addresses: both.map((one) => ({ ...one, interfaces: ['mv0'] })) });
      await fast.until('the macvlan is served', () => fast!.ports().some((port) => port.name === 'mv0'));
      await sleep(500);
      heard();
      expect(await answered(mac)).toEqual([true, true]);
      const replies = heard().filter((line) => line.includes(`Reply ${vip} is-at`) && !line.includes('> ff:ff:ff'));
      expect(replies.map((line) => line.split(' ')[0])).toEqual([mac, mac]);
    } finally {
      await ip(node, 'link', 'del', 'mv0');
    }
  });

  it('at both, answers each question on the interface that it reached', async () => {
    await node.run(['sh', '-c', 'ip link add mv0 link d0 type macvlan mode bridge && ip link set mv0 up']);
    try {
      const [below, above] = [await macOf(node, 'd0'), await macOf(node, 'mv0')];
      fast = await Fast.start(node, { addresses: both, rules: once });
      await fast.until('both are served', () => fast!.ports().length === 2);
      await sleep(500);
      heard();
      // Unicast to either: neither may answer for the other.
      for (const mac of [below, above]) {
        await ip(host, 'neigh', 'replace', vip, 'lladdr', mac, 'dev', 'p0', 'nud', 'probe');
        await sleep(1000);
        const replies = heard().filter((line) => line.includes(`Reply ${vip} is-at`));
        expect(replies.length).toBeGreaterThan(0);
        for (const line of replies) expect(line).toContain(`is-at ${mac}`);
      }
      await ip(host, 'neigh', 'flush', vip);
    } finally {
      await ip(node, 'link', 'del', 'mv0');
    }
  });
});

describe('another host with the address', () => {
  it('is reported and defended against (IPv4)', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both, rules: once });
    await sleep(500);
    heard();
    await ip(host, 'address', 'add', `${vip}/32`, 'dev', 'p0');
    try {
      const claims = host.outcome(['arping', '-U', '-c', '3', '-I', 'p0', vip]);
      // Within a second of the first frame; the rest is for a machine that has others to serve.
      const reported = () => fast!.reports().some((report) => report.type === 'conflict');
      await fast.until('the conflict is reported', reported, 5_000);
      await claims;
      expect(fast.reports().filter((report) => report.type === 'conflict')).toEqual([
        { type: 'conflict', ip: vip, interface: 'd0', mac: await macOf(host, 'p0'), stage: 'begin' },
      ]);
      expect(gratuitous(heard(), mac)).toEqual([1, 1, 0]);
    } finally {
      await ip(host, 'address', 'del', `${vip}/32`, 'dev', 'p0');
    }
  });

  it('is yielded to by rule, when its hardware address is the lower one', async () => {
    const mac = await macOf(node, 'd0');
    await ip(node, 'link', 'set', 'd0', 'address', '02:ff:00:00:00:01');
    await ip(host, 'link', 'set', 'p0', 'address', '02:00:00:00:00:01');
    fast = await Fast.start(node, { addresses: both, rules: { ...once, conflict: 'yield' } });
    await sleep(500);
    await ip(host, 'address', 'add', `${vip}/32`, 'dev', 'p0');
    try {
      await host.outcome(['arping', '-U', '-c', '2', '-I', 'p0', vip]);
      await fast.until('it yields', () =>
        fast!.reports().some((report) => report.type === 'conflict' && report.stage === 'yield'),
      );
      heard();
      await ip(host, 'address', 'del', `${vip}/32`, 'dev', 'p0');
      expect(await arping('02:ff:00:00:00:01')).toBe(false);
      expect(await ndisc('02:ff:00:00:00:01')).toBe(true);
      expect(from(heard(), '02:ff:00:00:00:01').filter((line) => line.includes(vip))).toEqual([]);
    } finally {
      await host.outcome(['ip', 'address', 'del', `${vip}/32`, 'dev', 'p0']);
      await ip(node, 'link', 'set', 'd0', 'address', mac);
    }
  });

  it('finds out by duplicate address detection that it is taken (IPv6)', async () => {
    fast = await Fast.start(node, { addresses: both });
    await host.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/p0/accept_dad']);
    await ip(host, 'address', 'add', `${vip6}/64`, 'dev', 'p0');
    await waitFor('the kernel gives up', async () =>
      (await ip(host, '-6', 'address', 'show', 'dev', 'p0')).includes('dadfailed'),
    );
    await ip(host, 'address', 'del', `${vip6}/64`, 'dev', 'p0');
    await host.run(['sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/p0/accept_dad']);
  });
});

/** The request as an announcement of its target, from this Ethernet address. */
function ownBack(request: Uint8Array, mac: string): Uint8Array {
  const octets = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const frame = Uint8Array.from(request);
  frame.set(octets, 6);
  frame.set(octets, 22);
  frame.copyWithin(28, 38, 42);
  return frame;
}

describe('hostile traffic', () => {
  it('in malformed frames is counted by reason and changes nothing', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: [{ ip: '192.0.2.200' }, { ip: '2001:db8::c8' }] });
    const arp = hexFiles('arp').get('request')!;
    const ndp = hexFiles('ndp/neighbor').get('solicitation')!;
    const frames: [string, Uint8Array][] = [
      ['hardwareType', arp.with(15, 6)],
      ['protocolType', arp.with(17, 1)],
      ['addressLength', arp.with(18, 8)],
      ['arpReply', arp.with(21, 9)],
      ['senderMac', arp.map((octet, i) => (i >= 22 && i < 28 ? 0xff : octet))],
      ['truncated', ndp.subarray(0, 80)],
      ['hopLimit', ndp.with(21, 254)],
      ['checksum', ndp.with(57, ndp[57]! ^ 1)],
      ['option', ndp.with(79, 0)],
      ['code', ndp.with(55, 1)],
      // Our own announcement, as a loop in the network brings it back.
      ['gratuitous', ownBack(arp, mac)],
    ];
    // Tagged for a VLAN that has no interface here: not for this one, so the kernel does not even wake us.
    const tagged = Uint8Array.of(...arp.subarray(0, 12), 0x81, 0x00, 0x00, 0x05, ...arp.subarray(12));
    heard();
    const all = [tagged, ...frames.map(([, frame]) => frame)].map(toHex);
    expect(await probe(host, 'p0', 'inject', ...all)).toEqual({ sent: 12 });
    await fast.until('all are counted', () => frames.every(([reason]) => (fast!.drops('d0')[reason] ?? 0) >= 1));
    for (const [reason] of frames) expect(fast.drops('d0')[reason], reason).toBe(1);
    expect(fast.reports().filter((report) => report.type === 'conflict')).toEqual([]);
    const replies = heard().filter((line) => line.startsWith(`${mac} `) && line.includes('Reply 192.0.2.200'));
    expect(replies.filter((line) => !line.includes('> ff:ff:ff'))).toEqual([]);
    expect(await arping(mac, '192.0.2.200')).toBe(true);
    expect(await ndisc(mac, '2001:db8::c8')).toBe(true);
  });

  it('of 100,000 requests a second costs bounded memory, and orders still get through', async () => {
    const mac = await macOf(node, 'd0');
    fast = await Fast.start(node, { addresses: both });
    await probe(host, 'p0', 'flood', vip, 20_000, 1);
    const before = await fast.residentMb();
    const flood = probe(host, 'p0', 'flood', vip, 100_000, 5);
    await sleep(1500);
    const number = fast.applied();
    fast.want({ addresses: [...both, { ip: '10.99.0.201' }] });
    await fast.until('a snapshot is applied under the flood', () => fast!.applied() > number, 3000);
    // The other address is answered for meanwhile.
    expect(await ndisc(mac)).toBe(true);
    const result = await flood;
    // How many there can be depends on what else this machine does.
    expect(result.sent).toBeGreaterThan(5_000);
    expect(result.answered).toBeGreaterThan(0);
    expect((await fast.residentMb()) - before).toBeLessThan(48);
    expect(await answered(mac)).toEqual([true, true]);
    expect(await arping(mac, '10.99.0.201')).toBe(true);
  });
});

it('nothing was ever sent from the node for an address that it did not own', async () => {
  // Over all tests: tcpdump ran from the beginning.
  const owned = [vip, vip6, '192.0.2.200', '2001:db8::c8', '10.99.0.201'];
  const macs = new Set(['02:ff:00:00:00:01', '02:00:5e:10:77:01', await macOf(node, 'd0')]);
  const spoken = sniffer.stdout
    .split('\n')
    .filter((line) => macs.has(line.split(' ')[0]!))
    .flatMap((line) => [...line.matchAll(/Reply (\S+) is-at|tell ([^,]+)|tgt is ([^,]+)/g)])
    .map((match) => match[1] ?? match[2] ?? match[3]!)
    .filter((address) => !address.startsWith('fe80:'));
  expect(new Set(spoken)).toEqual(new Set(owned));
});
