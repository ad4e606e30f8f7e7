/**
 * Three daemons and a host on one bridge: one of them alone speaks for each address, whatever happens to the others.
 * All that the host hears is taken down, and judged in the end of each step.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Layer2Row, MemberRow, ServiceRow } from '../../src/daemon/views.ts';
import type { Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';
import { advertisement, endNodes, ip, macOf, Node, Segment, service, speaker } from '../support/segment.ts';

// Worked out with sha256sum over node#address. The owners, in order: b a c; c a b; b a c; b a c.
const [web, api, six, far] = ['192.168.10.10', '192.168.10.11', 'fc00:f853:ccd:e799::1', '203.0.113.200'];
/** The second address of `web`, which goes where the first does: by itself it would be elsewhere. */
const web6 = 'fc00:f853:ccd:e799::10';

const rest = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lab}
spec: {addresses: [192.168.10.0/24, "fc00:f853:ccd:e799::/64", 203.0.113.200/32]}
---${advertisement()}${service('web', web, web6)}${service('api', api)}${service('six', six)}${service('far', far)}`;

const documents = (name: string, members: string, layer2 = '') =>
  speaker(name, `, loopbackAddresses: [layer2], membership: {nodes: [${members}]}, layer2: {${layer2}}`) + rest;

let segment: Segment;
const spaces = new Map<string, Namespace>();
const macs = new Map<string, string>();
let sniffer: Daemon;

const space = (name: string): Namespace => spaces.get(name)!;
const start = (name: string, text: string, before?: Node) => new Node(space(name), name, text, ['node'], before);

/** What was heard since the last call. */
let read = 0;
function heard(): string[] {
  const end = sniffer.stdout.lastIndexOf('\n') + 1;
  const lines = sniffer.stdout.slice(read, end).split('\n').filter(Boolean);
  read = end;
  return lines;
}
/** Names of the nodes that said that they have the address, and how often. */
function speakers(lines: readonly string[], address: string): string[] {
  const said = [`Reply ${address} is-at`, `tell ${address},`, `tgt is ${address},`];
  const found = lines.filter((line) => said.some((text) => line.includes(text))).map((line) => line.split(' ')[0]!);
  return [...new Set(found)].map((mac) => macs.get(mac) ?? mac).sort();
}
/** Who accepts the connection. */
const connect = (address: string): Promise<string> =>
  segment.host.run(['curl', '-sf', '-m', '5', `http://${address.includes(':') ? `[${address}]` : address}/`]);
const loopback = async (name: string): Promise<string> => ip(space(name), '-br', 'address', 'show', 'dev', 'lo');

beforeAll(async () => {
  segment = await Segment.create();
  for (const letter of ['a', 'b', 'c']) {
    const name = `node-${letter}`;
    const namespace = await segment.join(letter);
    spaces.set(name, namespace);
    macs.set((await macOf(namespace)).toLowerCase(), name);
    await namespace.run(['sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2']);
    await ip(namespace, 'link', 'set', 'lo', 'up');
    await ip(namespace, 'address', 'add', `192.168.10.10${letter.charCodeAt(0) - 97}/24`, 'dev', 'eth0');
    await ip(namespace, 'address', 'add', `fc00:f853:ccd:e799::a${letter}/64`, 'dev', 'eth0', 'nodad');
    const server = `require('http').createServer((_, r) => r.end('${name}')).listen(80, '::', () => console.log('up'))`;
    const web = namespace.spawn(['node', '-e', server]);
    await waitFor('the server listens', () => web.output.includes('up'), { log: () => web.output });
  }
  sniffer = segment.host.spawn(['tcpdump', '-l', '-n', '-e', '-t', '-i', 'eth0', '--immediate-mode', 'arp or icmp6']);
  await waitFor('tcpdump listens', () => sniffer.output.includes('listening on'));
});
afterEach(endNodes);
afterAll(() => segment?.close());

it('one node has each address; when it dies and the others read so, the next one has it at once', async () => {
  const all = 'node-a, node-b, node-c';
  const a = start('node-a', documents('node-a', all));
  const b = start('node-b', documents('node-b', all));
  const c = start('node-c', documents('node-c', all));
  for (const address of [web, web6, six, far]) await b.row(address, { announced: true });
  await c.row(api, { announced: true });
  for (const address of [web, web6, six, far]) {
    await a.row(address, { announced: false, reason: 'notOwner', owner: 'node-b' });
    await c.row(address, { announced: false, reason: 'notOwner', owner: 'node-b' });
  }
  expect(await segment.arping(web)).toHaveLength(1);
  expect(await segment.ndisc(six)).toHaveLength(1);
  expect([await connect(web), await connect(web6), await connect(six), await connect(api)]).toEqual([
    ...['node-b', 'node-b', 'node-b', 'node-c'],
  ]);
  for (const address of [web, web6, six, far]) expect(await loopback('node-b')).toContain(address);
  expect(await loopback('node-a')).not.toContain(web);
  expect((await c.show<ServiceRow>('services')).find((row) => row.service === 'default/api')?.loopback).toEqual({
    [api]: 'put',
  });
  expect(b.messages('put on the loopback')[0]).toMatchObject({ addresses: 4 });
  expect(b.daemon.output).not.toContain('arp_ignore');
  let lines = heard();
  for (const [address, name] of [
    ...[web, web6, six, far].map((each) => [each, 'node-b'] as const),
    ...[[api, 'node-c'] as const],
  ])
    expect([address, ...speakers(lines, address!)]).toEqual([address, name]);

  b.daemon.signal('SIGKILL');
  await waitFor('it is dead', () => !b.daemon.running);
  heard();
  for (const node of [a, c]) node.put(documents(node.name, 'node-a, node-c'));
  const known = (address: string, mac: string) => async () =>
    (await ip(segment.host, 'neigh', 'show', address, 'dev', 'eth0')).includes(mac);
  const [macA] = [...macs].find(([, name]) => name === 'node-a')!;
  // The host has b's address in its table, and asks nobody: it is told.
  for (const address of [web, web6, six]) await waitFor(`${address} has moved`, known(address, macA));
  expect([await connect(web), await connect(web6), await connect(six)]).toEqual(['node-a', 'node-a', 'node-a']);
  lines = heard();
  for (const address of [web, web6, six, far]) expect(speakers(lines, address)).toEqual(['node-a']);
  expect(lines.filter((line) => line.includes(`who-has ${web} tell 192.168.10.2`) && line.includes('ff:ff'))).toEqual(
    [],
  );
  expect((await a.show<MemberRow>('members')).map((row) => [row.name, row.alive, row.addresses])).toEqual([
    ['node-a', true, 4],
    ['node-c', true, 1],
  ]);

  // What the killed process left on the loopback is taken up by the next one, and taken off at its end.
  expect(await loopback('node-b')).toContain(web);
  for (const node of [a, c]) node.put(documents(node.name, all));
  await a.row(web, { announced: false, owner: 'node-b' });
  heard();
  const again = start('node-b', documents('node-b', all), b);
  for (const address of [web, web6, six, far]) await again.row(address, { announced: true });
  await waitFor('it has moved back', known(web, [...macs].find(([, name]) => name === 'node-b')![0]));
  expect([await connect(web), await connect(web6)]).toEqual(['node-b', 'node-b']);
  lines = heard();
  for (const address of [web, web6, six, far]) expect(speakers(lines, address)).toEqual(['node-b']);
  expect(await loopback('node-a')).not.toContain(web);
  await again.daemon.stop();
  expect(again.messages('taken off the loopback').at(-1)).toMatchObject({ addresses: 4 });
  for (const address of [web, web6, six, far]) expect(await loopback('node-b')).not.toContain(address);
});

it('with stickiness an address stays where it is, and moves without a word when that node dies', async () => {
  const text = (name: string, members = 'node-a, node-b') => documents(name, members, 'stickiness: true');
  const a = start('node-a', text('node-a', 'node-a'));
  await a.row(web, { announced: true });
  await waitFor('a was heard', async () => (await segment.arping(web)).length === 1);
  a.put(text('node-a'));
  heard();
  const b = start('node-b', text('node-b'));
  // First by hash, and without a memory: it asks.
  await b.row(web, { announced: false, reason: 'heldElsewhere', conflicts: 0 });
  await b.row(web6, { announced: false, reason: 'heldElsewhere' });
  expect(await segment.arping(web)).toHaveLength(1);
  const lines = heard();
  for (const address of [web, web6]) expect(speakers(lines, address)).toEqual(['node-a']);
  a.daemon.signal('SIGKILL');
  await waitFor('it is dead', () => !a.daemon.running);
  heard();
  await b.row(web, { announced: true, interfaces: ['eth0'] });
  await b.row(web6, { announced: true, interfaces: ['eth0'] });
  expect(await connect(web)).toBe('node-b');
  const again = start('node-a', text('node-a'), a);
  await again.row(web, { announced: false, reason: 'heldElsewhere', owner: 'node-a' });
  expect(await segment.arping(web)).toHaveLength(1);
  for (const address of [web, web6]) expect(speakers(heard(), address)).toEqual(address === web ? ['node-b'] : []);
  const rows = await again.show<Layer2Row>('l2');
  expect(rows.every(({ conflicts }) => conflicts === 0)).toBe(true);
});
