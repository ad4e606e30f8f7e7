/**
 * The whole daemon on layer 2: from documents to what arping, ndisc6 and the kernel of a neighbour get as an answer. Two
 * nodes and a host share a bridge, which is in a namespace of its own.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Layer2Row, ServiceRow } from '../../src/daemon/views.ts';
import { Namespace } from '../support/netns.ts';
import { type Daemon, run, waitFor } from '../support/process.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));
// Worked out with sha256sum over node#address: of node-a and node-b, b owns .10, a owns .11, and b the IPv6 address.
const vip = '192.168.10.10';
const other = '192.168.10.11';
const vip6 = 'fc00:f853:ccd:e799::1';

const ip = (where: Namespace, ...words: string[]): Promise<string> => where.run(['ip', ...words]);
const macOf = async (where: Namespace, device = 'eth0'): Promise<string> =>
  JSON.parse(await ip(where, '-j', 'link', 'show', 'dev', device))[0].address.toUpperCase();

const speaker = (name: string, spec = '') => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: ${name}}
spec: {stateDir: STATE${spec}}
---`;
const nodes = (...names: string[]) =>
  names.map((name) => `\napiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\n---`).join('');
const pool = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lab}
spec: {addresses: [192.168.10.0/24, "fc00:f853:ccd:e799::/64"]}
---`;
const advertisement = (spec = '') => `
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec: {${spec}}
---`;
const service = (name: string, ...ips: string[]) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [${ips.map((each) => `{ip: "${each}"}`).join()}]}}
---`;
const web = service('web', vip, vip6);

/** `waypost run` in a namespace. */
class Node {
  readonly namespace: Namespace;
  readonly name: string;
  readonly daemon: Daemon;
  readonly #folder: string;

  /** @param interpreter what runs the program, with whatever stands before it */
  constructor(namespace: Namespace, name: string, documents: string, interpreter: readonly string[] = ['node']) {
    this.namespace = namespace;
    this.name = name;
    this.#folder = namespace.folder(name);
    this.put(documents);
    const argv = [...interpreter, program, 'run', '-c', this.#file(), '--node', name];
    this.daemon = namespace.spawn([...argv, '--control', join(this.#folder, 'sock')]);
    running.push(this);
  }

  #file(): string {
    return join(this.#folder, 'all.yaml');
  }

  put(documents: string): void {
    const text = documents.replace('STATE', this.#folder);
    writeFileSync(`${this.#file()}.tmp`, text);
    renameSync(`${this.#file()}.tmp`, this.#file());
  }

  async show<Row>(what: string): Promise<Row[]> {
    return JSON.parse(await run(['node', program, 'show', what, '--json', '--control', join(this.#folder, 'sock')]));
  }

  /** The row of an address, once it is as wanted. */
  row(address: string, wanted: Partial<Layer2Row>): Promise<Layer2Row> {
    return this.until(`${address} is ${JSON.stringify(wanted)} on ${this.name}`, async () => {
      const row = (await this.show<Layer2Row>('l2')).find((each) => each.ip === address);
      const fits = Object.entries(wanted).every(
        ([key, value]) => JSON.stringify(row?.[key as keyof Layer2Row]) === JSON.stringify(value),
      );
      return fits && row;
    });
  }

  until<T>(what: string, probe: () => Promise<T | false | undefined> | T | false | undefined): Promise<T> {
    return waitFor(what, probe, { alive: () => this.daemon.running, log: () => this.daemon.output });
  }

  metrics(): Promise<string> {
    return this.namespace.run(['curl', '-sf', 'http://127.0.0.1:7472/metrics']);
  }

  /** Lines of the log with this message. */
  messages(text: string): Record<string, unknown>[] {
    const lines = this.daemon.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line)).filter((line) => line.msg === text);
  }
}

let hub: Namespace;
let host: Namespace;
let [a, b]: Namespace[] = [];
const running: Node[] = [];

/** A veth from the bridge to a namespace. The host's hardware address is the lowest: nodes that yield yield to it. */
async function plug(where: Namespace, device: string, port: string, mac: string): Promise<void> {
  await ip(hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', where.name, 'address', mac);
  await ip(hub, 'link', 'set', port, 'master', 'br0', 'up');
  await ip(where, 'link', 'set', device, 'up');
}

/** Ethernet addresses that answered for an address: each of three requests is to be answered. */
async function arping(target: string, device = 'eth0'): Promise<string[]> {
  const { stdout } = await host.outcome(['arping', '-c', '3', '-w', '4', '-I', device, target]);
  return [...new Set([...stdout.matchAll(/reply from \S+ \[([0-9A-F:]+)\]/g)].map(([, mac]) => mac!))].sort();
}
async function ndisc(target: string, device = 'eth0'): Promise<string[]> {
  const { stdout } = await host.outcome(['ndisc6', '-m', '-r', '1', '-w', '1000', target, device]);
  return [...new Set([...stdout.matchAll(/Target link-layer address: ([0-9A-F:]+)/g)].map(([, mac]) => mac!))].sort();
}

beforeAll(async () => {
  hub = await Namespace.create('hub');
  host = await Namespace.create('host');
  a = await Namespace.create('a');
  b = await Namespace.create('b');
  await ip(hub, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0');
  await ip(hub, 'link', 'set', 'br0', 'up');
  await plug(host, 'eth0', 'h0', '02:00:5e:00:00:01');
  await plug(a, 'eth0', 'a0', '02:00:5e:00:00:0a');
  await plug(b, 'eth0', 'b0', '02:00:5e:00:00:0b');
  await ip(host, 'address', 'add', '192.168.10.2/24', 'dev', 'eth0');
  await ip(host, 'address', 'add', 'fc00:f853:ccd:e799::2/64', 'dev', 'eth0', 'nodad');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.daemon.stop()));
});
afterAll(async () => {
  await Promise.all([hub, host, a, b].map((namespace) => namespace?.close()));
});

describe('one node', () => {
  it('answers for the addresses of a Service, and no longer when that is gone', async () => {
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + advertisement() + web);
    await node.row(vip, { announced: true, interfaces: ['eth0'] });
    const mac = await macOf(a!);
    expect(await arping(vip)).toEqual([mac]);
    expect(await ndisc(vip6)).toEqual([mac]);
    expect(await arping(other)).toEqual([]);
    const row = await node.row(vip, { conflicts: 0 });
    // How many requests arping sends depends on when its answer comes.
    await node.until('it has counted', async () => (await node.row(vip, {})).requests >= 1);
    expect(row).toMatchObject({ service: 'default/web', reason: null, owner: 'node-a', claimedBy: [] });
    const [counted] = await node.show<Layer2Row>('l2');
    expect(counted!.replies).toBe(counted!.requests);
    expect(counted!.gratuitous).toBeGreaterThanOrEqual(2);
    const metrics = await node.metrics();
    const labels = (address: string) => `service="default/web",protocol="layer2",node="node-a",ip="${address}"`;
    for (const address of [vip, vip6]) {
      expect(metrics).toContain(`metallb_speaker_announced{${labels(address)}} 1\n`);
      for (const kind of ['requests_received', 'responses_sent', 'gratuitous_sent'])
        expect(metrics).toMatch(new RegExp(`^metallb_layer2_${kind}\\{ip="${address}"\\} [1-9]`, 'm'));
    }
    const [shown] = await node.show<ServiceRow>('services');
    expect(shown!.layer2).toEqual({ announced: true, reason: null, interfaces: [], owner: 'node-a' });

    node.put(speaker('node-a') + pool + advertisement());
    await node.until('it is gone', async () => (await node.show<Layer2Row>('l2')).length === 0);
    expect(await arping(vip)).toEqual([]);
    expect(await ndisc(vip6)).toEqual([]);
    expect(node.messages('service withdrawn')).toMatchObject([
      { service: 'default/web', protocol: 'layer2', reason: 'serviceDeleted' },
    ]);
  });

  it('starts to answer when the first L2Advertisement comes', async () => {
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + web);
    await node.until('it is ready', () => node.messages('ready').length > 0);
    expect(await node.show('l2')).toEqual([]);
    expect(await arping(vip)).toEqual([]);
    node.put(speaker('node-a') + pool + advertisement() + web);
    await node.row(vip, { announced: true });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
  });

  it('answers on the interfaces that are named, and on one that comes later', async () => {
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + advertisement('interfaces: [eth1]') + web);
    await node.row(vip, { announced: false, reason: 'announceFailed', interfaces: [] });
    expect(node.messages('no interface that may answer exists and is up')).toMatchObject([
      { reason: 'announceFailed', interfaces: ['eth1'], ip: vip },
      { reason: 'announceFailed', interfaces: ['eth1'], ip: vip6 },
    ]);
    expect(await arping(vip)).toEqual([]);
    await plug(a!, 'eth1', 'a1', '02:00:5e:00:01:0a');
    try {
      await node.row(vip, { announced: true, reason: null, interfaces: ['eth1'] });
      const mac = await macOf(a!, 'eth1');
      expect(await arping(vip)).toEqual([mac]);
      expect(await ndisc(vip6)).toEqual([mac]);
      await ip(a!, 'link', 'set', 'eth1', 'down');
      await node.row(vip, { announced: false, reason: 'announceFailed' });
    } finally {
      await ip(hub, 'link', 'del', 'a1');
    }
    node.put(speaker('node-a') + pool + advertisement('interfaces: [eth1, eth0]') + web);
    await node.row(vip, { announced: true, interfaces: ['eth0'] });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
  });

  it('leaves out interfaces that metallb-excludel2 names', async () => {
    const exclude = `
apiVersion: v1
kind: ConfigMap
metadata: {name: metallb-excludel2, namespace: metallb-system}
data: {excludel2.yaml: 'announcedInterfacesToExclude: ["^eth"]'}
---`;
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + advertisement() + web + exclude);
    await node.row(vip, { announced: false, reason: 'announceFailed' });
    expect(await arping(vip)).toEqual([]);
    node.put(speaker('node-a') + pool + advertisement() + web);
    await node.row(vip, { announced: true });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
  });

  it('tells of a host that claims an address, and falls silent where it is to yield', async () => {
    const documents = (rule: string) =>
      speaker('node-a', `, layer2: {conflict: ${rule}}`) + pool + advertisement() + web;
    const node = new Node(a!, 'node-a', documents('yield'));
    await node.row(vip, { announced: true });
    await ip(host, 'address', 'add', `${vip}/24`, 'dev', 'eth0');
    try {
      await node.until('the claim is noticed', async () => {
        await host.outcome(['arping', '-U', '-c', '1', '-w', '1', '-I', 'eth0', '-s', vip, vip]);
        return node.messages('another host claims the address: silent for now').length > 0;
      });
      const row = await node.row(vip, { announced: false, reason: 'addressClaimed', interfaces: [] });
      expect(row.conflicts).toBeGreaterThan(0);
      expect(row.claimedBy).toEqual([{ interface: 'eth0', mac: (await macOf(host)).toLowerCase() }]);
      await node.row(vip6, { announced: true, conflicts: 0 });
    } finally {
      await ip(host, 'address', 'del', `${vip}/24`, 'dev', 'eth0');
    }
  });

  it('without CAP_NET_RAW says so, and goes on with the rest', async () => {
    const drop = ['setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw', 'node'];
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + advertisement() + web, drop);
    const text = 'addresses cannot be announced on this interface: CAP_NET_RAW is needed';
    await node.until('it says so', () => node.messages(text).length > 0);
    expect(node.messages(text)[0]).toMatchObject({ interface: 'eth0', reason: 'EPERM' });
    await node.row(vip, { announced: false, reason: 'announceFailed' });
    expect(node.daemon.running).toBe(true);
    expect(await arping(vip)).toEqual([]);
  });
});

it('ends with status 1 when the thread that answers dies', async () => {
  const dying = ['node', '--import', fileURLToPath(new URL('../support/dying.mjs', import.meta.url))];
  const node = new Node(a!, 'node-a', speaker('node-a') + pool + advertisement() + web, dying);
  await waitFor('it ends', () => !node.daemon.running, { log: () => node.daemon.output });
  expect(node.daemon.exitCode).toBe(1);
  expect(node.messages('layer 2 has ended: nothing is answered any more')).toMatchObject([
    { level: 60, reason: 'planted' },
  ]);
});

describe('two nodes on one bridge', () => {
  const documents = (name: string, rest: string) => speaker(name) + nodes('node-a', 'node-b') + pool + rest;
  const start = async (rest: string) => {
    const both = [new Node(a!, 'node-a', documents('node-a', rest)), new Node(b!, 'node-b', documents('node-b', rest))];
    for (const node of both) await node.until('it is ready', () => node.messages('ready').length > 0);
    return both as [Node, Node];
  };

  it('answer for one address each, as the hash has it', async () => {
    const [first, second] = await start(advertisement() + web + service('other', other));
    await second.row(vip, { announced: true });
    await first.row(other, { announced: true });
    const macs = { a: await macOf(a!), b: await macOf(b!) };
    expect(await arping(vip)).toEqual([macs.b]);
    expect(await ndisc(vip6)).toEqual([macs.b]);
    expect(await arping(other)).toEqual([macs.a]);
    await first.row(vip, { announced: false, reason: 'notOwner', owner: 'node-b' });
    await second.row(other, { announced: false, reason: 'notOwner', owner: 'node-a' });
  });

  it('hand an address over when documents change', async () => {
    const rest = advertisement() + web;
    const [first, second] = await start(rest);
    await second.row(vip, { announced: true });
    expect(await arping(vip)).toEqual([await macOf(b!)]);
    const prefer = 'preferredNodeSelectors: [{weight: 1, preference: {matchLabels: {kubernetes.io/hostname: node-a}}}]';
    for (const node of [first, second]) node.put(documents(node.name, advertisement(prefer) + web));
    await first.row(vip, { announced: true, owner: 'node-a' });
    await second.row(vip, { announced: false, owner: 'node-a' });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
    expect(await ndisc(vip6)).toEqual([await macOf(a!)]);
    // Neither took the other for an intruder for good.
    await second.until('no claim is left', async () =>
      (await second.show<Layer2Row>('l2')).every(({ claimedBy }) => claimedBy.length === 0),
    );
  });
});
