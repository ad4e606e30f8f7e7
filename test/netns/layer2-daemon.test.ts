/**
 * The whole daemon on layer 2: from documents to what arping, ndisc6 and the kernel of a neighbour get as an answer. Two
 * nodes and a host share a bridge, which is in a namespace of its own.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Layer2Row, ServiceRow } from '../../src/daemon/views.ts';
import type { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import {
  advertisement,
  endNodes,
  ip,
  macOf,
  Node,
  nodes,
  pool,
  Segment,
  service,
  speaker,
} from '../support/segment.ts';

// Worked out with sha256sum over node#address: of node-a and node-b, b owns .10, a owns .11, and b the IPv6 address.
const vip = '192.168.10.10';
const other = '192.168.10.11';
const vip6 = 'fc00:f853:ccd:e799::1';

const web = service('web', vip, vip6);

let segment: Segment;
let [a, b]: Namespace[] = [];
const arping = (target: string) => segment.arping(target);
const ndisc = (target: string) => segment.ndisc(target);

beforeAll(async () => {
  segment = await Segment.create();
  a = await segment.join('a');
  b = await segment.join('b');
});
afterEach(endNodes);
afterAll(() => segment?.close());

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
    expect(metrics).toMatch(/^waypost_fast_thread_late_seconds_count [1-9]/m);
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
    await segment.plug(a!, 'eth1', 'a1', '02:00:5e:00:01:0a');
    try {
      await node.row(vip, { announced: true, reason: null, interfaces: ['eth1'] });
      const mac = await macOf(a!, 'eth1');
      expect(await arping(vip)).toEqual([mac]);
      expect(await ndisc(vip6)).toEqual([mac]);
      await ip(a!, 'link', 'set', 'eth1', 'down');
      await node.row(vip, { announced: false, reason: 'announceFailed' });
    } finally {
      await ip(segment.hub, 'link', 'del', 'a1');
    }
    node.put(speaker('node-a') + pool + advertisement('interfaces: [eth1, eth0]') + web);
    await node.row(vip, { announced: true, interfaces: ['eth0'] });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
  });

  it('answers on interfaces that a pattern matches, and has them pass up what it is told to', async () => {
    const named = (pattern: string) =>
      advertisement().replace('{name: l2}', `{name: l2, annotations: {waypost.dev/interfaces: "${pattern}"}}`);
    const counts = async () => {
      const [link] = JSON.parse(await ip(a!, '-j', '-d', 'link', 'show', 'dev', 'eth0'));
      return [link.promiscuity, link.allmulti] as const;
    };
    const node = new Node(a!, 'node-a', speaker('node-a') + pool + named('^ens') + web);
    await node.row(vip, { announced: false, reason: 'announceFailed' });
    node.put(speaker('node-a') + pool + named('^e(th|ns)') + web);
    await node.row(vip, { announced: true, interfaces: ['eth0'] });
    expect(await arping(vip)).toEqual([await macOf(a!)]);
    expect(await counts()).toEqual([0, 0]);
    for (const [reception, wanted] of [
      ['promiscuous', [2, 0]],
      ['allMulticast', [0, 2]],
      ['normal', [0, 0]],
    ] as const) {
      node.put(speaker('node-a', `, layer2: {reception: ${reception}}`) + pool + named('^e') + web);
      // One for each of the two sockets, ARP's and neighbour discovery's.
      await node.until(reception, async () => String(await counts()) === String(wanted));
      expect(await arping(vip)).toEqual([await macOf(a!)]);
    }
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
    await ip(segment.host, 'address', 'add', `${vip}/24`, 'dev', 'eth0');
    try {
      await node.until('the claim is noticed', async () => {
        await segment.host.outcome(['arping', '-U', '-c', '1', '-w', '1', '-I', 'eth0', '-s', vip, vip]);
        return node.messages('another host claims the address: silent for now').length > 0;
      });
      // There at once, and counted: nothing is waited for.
      const mac = (await macOf(segment.host)).toLowerCase();
      const row = (await node.show<Layer2Row>('l2')).find((each) => each.ip === vip)!;
      expect(row).toMatchObject({ announced: false, reason: 'addressClaimed', interfaces: [] });
      expect(row.claimedBy).toEqual([{ interface: 'eth0', mac }]);
      expect(row.conflicts).toBeGreaterThan(0);
      await node.row(vip6, { announced: true, conflicts: 0 });
    } finally {
      await ip(segment.host, 'address', 'del', `${vip}/24`, 'dev', 'eth0');
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

it('published examples: a pool by name, one by label, and interfaces by name', async () => {
  const text = (name: string) =>
    readFileSync(fileURLToPath(new URL(`../../fixtures/config/${name}`, import.meta.url)), 'utf8');
  const asks = (name: string, from: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, annotations: {metallb.io/address-pool: ${from}}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---`;
  const rest = `${text('seed-001-layer2-label.yaml')}---${asks('one', 'doc-example-l2')}${asks('two', 'doc-example-l2-label')}`;
  const node = new Node(a!, 'node-a', `${speaker('node-a')}\n${text('seed-001-layer2.yaml')}---\n${rest}`);
  const mac = await macOf(a!);
  for (const target of ['4.4.4.0', '172.31.249.87']) {
    await ip(segment.host, 'route', 'replace', `${target}/32`, 'dev', 'eth0');
    await node.row(target, { announced: true, interfaces: ['eth0'] });
    expect(await arping(target)).toEqual([mac]);
  }
  // As published the interfaces stand one column too far to the right: refused, by place and with a hint.
  const slipped = text('seed-001-layer2-interfaces.yaml');
  node.put(`${speaker('node-a')}\n${slipped}---\n${rest}`);
  await node.until(
    'it is refused',
    () => node.messages('configuration refused: the last good one stays in force').length > 0,
  );
  expect(node.daemon.output).toMatch(/all\.yaml:\d+:4: error: L2Advertisement\/l2advertisement: not YAML/);
  expect(node.daemon.output).toContain('stands in column 4; keys beside');
  await node.row('4.4.4.0', { announced: true, interfaces: ['eth0'] });
  for (const [device, port] of [
    ['interfaceA', 'a2'],
    ['interfaceB', 'a3'],
  ] as const)
    await segment.plug(a!, device, port, `02:00:5e:00:0${port[1]}:0a`);
  try {
    node.put(`${speaker('node-a')}\n${slipped.replace(/\n {3}/g, '\n  ')}---\n${rest}`);
    await node.row('4.4.4.0', { announced: true, interfaces: ['interfaceA', 'interfaceB'] });
    const both = [await macOf(a!, 'interfaceA'), await macOf(a!, 'interfaceB')].sort();
    expect(await arping('4.4.4.0')).toEqual(both);
    expect(await arping('172.31.249.87')).toEqual([mac, ...both].sort());
  } finally {
    for (const port of ['a2', 'a3']) await ip(segment.hub, 'link', 'del', port);
  }
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
