/**
 * Three daemons on one bridge that watch each other by BFD: one that dies is taken over without a change to any document,
 * one that leaves at once, and when a divided link is whole again the host is told who has the address. What such a node
 * carries for an EgressService is carried by another one.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { BfdViewRow } from '../../src/daemon/bfdview.ts';
import type { Layer2Row, MemberRow, ServiceRow } from '../../src/daemon/views.ts';
import type { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import { advertisement, endNodes, ip, macOf, Node, pool, Segment, service, speaker } from '../support/segment.ts';

/** By sha256sum over node#address its candidates are, best first, b a c. */
const web = '192.168.10.10';
const letters = ['a', 'b', 'c'] as const;
/** Of the first so many. */
const list = (count: number): string =>
  letters
    .slice(0, count)
    .map((letter, i) => `node-${letter}: 192.168.10.10${i}`)
    .join(', ');

const documents = (name: string, count: number, more: string): string =>
  speaker(name, `, membership: {type: bfd, bfdProfile: fast, addresses: {${list(count)}}}${more}`) +
  `
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
spec: {transmitInterval: 100, receiveInterval: 100}
---${pool}${advertisement()}${service('web', web)}
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web}
spec: {sourceIPBy: LoadBalancerIP}
`;

let segment: Segment;
const spaces = new Map<string, Namespace>();
const macs = new Map<string, string>();
const start = (letter: string, count: number, { before, more = '' }: { before?: Node; more?: string } = {}) =>
  new Node(spaces.get(letter)!, `node-${letter}`, documents(`node-${letter}`, count, more), ['node'], before);

beforeAll(async () => {
  segment = await Segment.create();
  for (const [i, letter] of letters.entries()) {
    const namespace = await segment.join(letter);
    spaces.set(letter, namespace);
    macs.set(`node-${letter}`, (await macOf(namespace)).toLowerCase());
    await ip(namespace, 'link', 'set', 'lo', 'up');
    await ip(namespace, 'address', 'add', `192.168.10.10${i}/24`, 'dev', 'eth0');
  }
});
afterEach(endNodes);
afterAll(() => segment?.close());

/** Has the host ask who has the address. */
const ask = () => segment.host.run(['bash', '-c', `echo > /dev/udp/${web}/9`]);
/** What the host has in its table for it, from then on without asking. */
const known = async (): Promise<string | undefined> => {
  const [entry] = JSON.parse(await ip(segment.host, '-j', 'neigh', 'show', web, 'dev', 'eth0'));
  const mac = (entry as { lladdr?: string } | undefined)?.lladdr;
  return [...macs].find(([, each]) => each === mac)?.[0];
};
const alive = async (node: Node): Promise<string> =>
  (await node.show<MemberRow>('members')).map(({ name, alive }) => (alive ? name : `(${name})`)).join(' ');
/** All of them come to the same node for the EgressService: by `hashText` over node#service b a c. */
const carried = (host: string, ...by: readonly Node[]) =>
  Promise.all(
    by.map((node) =>
      node.until(`${host} carries the Service in the eyes of ${node.name}`, async () => {
        const [row] = await node.show<ServiceRow>('services');
        return row?.egress?.host === host && row.egress.active === (node.name === host);
      }),
    ),
  );
const sees = (node: Node, members: string) =>
  node.until(`${node.name} sees ${members}`, async () => (await alive(node)) === members);

it('a node that dies is taken over, one that leaves at once, and one that comes back has its addresses again', async () => {
  const [a, b, c] = [start('a', 3), start('b', 3), start('c', 3)];
  for (const node of [a, b, c]) await sees(node, 'node-a node-b node-c');
  await b.row(web, { announced: true, owner: 'node-b' });
  await a.row(web, { announced: false, reason: 'notOwner', owner: 'node-b' });
  expect(await segment.arping(web)).toHaveLength(1);
  await ask();
  await waitFor('the host has asked', async () => (await known()) === 'node-b');
  const rows = await a.show<BfdViewRow>('bfd');
  expect(rows.map(({ members, users, state, hops }) => [members, users, state, hops])).toEqual([
    [['node-b'], [], 'Up', 'single'],
    [['node-c'], [], 'Up', 'single'],
  ]);

  await carried('node-b', a, b, c);

  b.daemon.signal('SIGKILL');
  await waitFor('the host was told', async () => (await known()) === 'node-a');
  await a.row(web, { announced: true, owner: 'node-a' });
  await sees(c, 'node-a (node-b) node-c');
  await c.row(web, { announced: false, owner: 'node-a' });
  expect(a.messages('the speaker of another node is silent: what it announced is taken over')).toMatchObject([
    { node: 'node-b', reason: 'control detection time expired' },
  ]);
  expect(await a.metrics()).toContain('waypost_member_alive{node="node-b"} 0');
  // Three packets of 100 ms are missing before it is missed; after that nothing is waited for.
  const sumSec = async (name: string) => {
    const text = await a.metrics();
    if (!text.includes(`${name}_count 1\n`)) return undefined;
    return Number(text.match(new RegExp(`^${name}_sum (\\S+)$`, 'm'))![1]);
  };
  const failoverSec = await a.until('it was measured', () => sumSec('waypost_layer2_failover_seconds'));
  const takeoverSec = (await sumSec('waypost_layer2_takeover_seconds'))!;
  expect(failoverSec - takeoverSec).toBeGreaterThan(0.15);
  expect(takeoverSec).toBeGreaterThan(0);
  expect(failoverSec).toBeLessThan(10);
  expect(a.messages('the addresses of another node are taken over')).toMatchObject([{ node: 'node-b', addresses: 1 }]);

  await carried('node-a', a, c);

  const again = start('b', 3, { before: b });
  await sees(again, 'node-a node-b node-c');
  await again.row(web, { announced: true, owner: 'node-b' });
  await a.row(web, { announced: false, owner: 'node-b' });
  await waitFor('it has moved back', async () => (await known()) === 'node-b');
  await carried('node-b', a, again, c);

  // It says so before it is gone.
  await again.daemon.stop();
  await waitFor('it has moved', async () => (await known()) === 'node-a');
  await carried('node-a', a, c);
  expect(a.messages('the speaker of another node is silent: what it announced is taken over').at(-1)).toMatchObject({
    ...{ node: 'node-b', reason: 'it says so' },
  });
});

const isolate = (how: string) =>
  Promise.all(['a0', 'b0'].map((port) => segment.hub.run(['bridge', 'link', 'set', 'dev', port, 'isolated', how])));

it('nodes that do not hear each other both announce; when they do again, the host is told which of them has it', async () => {
  const [a, b] = [start('a', 2), start('b', 2)];
  const both = 'node-a node-b';
  for (const node of [a, b]) await sees(node, both);
  await b.row(web, { announced: true, owner: 'node-b' });
  await a.row(web, { announced: false, owner: 'node-b' });
  await ask();
  await isolate('on');
  await a.row(web, { announced: true, owner: 'node-a' });
  await b.row(web, { announced: true, owner: 'node-b' });
  // The one that came last was heard last.
  await waitFor('the host was told', async () => (await known()) === 'node-a');
  await isolate('off');
  await sees(a, both);
  await a.row(web, { announced: false, owner: 'node-b' });
  await waitFor('the host was told', async () => (await known()) === 'node-b');
  expect(await segment.arping(web)).toEqual([(await macOf(spaces.get('b')!)).toUpperCase()]);
});

it('with stickiness, where each takes itself for the one that has it, one of them keeps it and the other waits', async () => {
  const more = ', layer2: {stickiness: true}';
  const both = [start('a', 2, { more }), start('b', 2, { more })];
  for (const node of both) await sees(node, 'node-a node-b');
  const reasons = async () => {
    const rows = await Promise.all(both.map((node) => node.show<Layer2Row>('l2')));
    return rows
      .map(([row]) => row?.reason ?? (row?.announced ? 'announced' : ''))
      .sort()
      .join(' ');
  };
  await waitFor('one has it', async () => (await reasons()) === 'announced notOwner');
  await isolate('on');
  await waitFor('both have it', async () => (await reasons()) === 'announced announced');
  await isolate('off');
  await waitFor('one has it', async () => (await reasons()) === 'announced heldElsewhere');
  expect(await segment.arping(web)).toHaveLength(1);
});

it('a node whose link is down has nothing, and takes nothing when it is there again before it has heard of the others', async () => {
  const [a, b] = [start('a', 2), start('b', 2)];
  for (const node of [a, b]) await sees(node, 'node-a node-b');
  await b.row(web, { announced: true, owner: 'node-b' });
  await ip(segment.hub, 'link', 'set', 'b0', 'down');
  await a.row(web, { announced: true, owner: 'node-a' });
  await b.row(web, { announced: false, reason: 'heldDown' });
  a.daemon.signal('SIGSTOP');
  await ip(segment.hub, 'link', 'set', 'b0', 'up');
  // Nobody answers it, so it waits for as long as after a start.
  await b.row(web, { announced: true, owner: 'node-b' });
  a.daemon.signal('SIGCONT');
  for (const node of [a, b]) await sees(node, 'node-a node-b');
  await a.row(web, { announced: false, owner: 'node-b' });
});

it('a node alone announces everything, once it knows that it is alone', async () => {
  const a = start('a', 2);
  await a.row(web, { announced: false, reason: 'heldDown' });
  await a.row(web, { announced: true, owner: 'node-a' });
  expect(await alive(a)).toBe('node-a (node-b)');
});

it('with an even spread each node has as many addresses as another, also when one of them has died', async () => {
  const ips = [10, 11, 12, 13, 14, 15].map((host) => `192.168.10.${host}`);
  const more = ', layer2: {spread: even}';
  const others = ips.slice(1).map((each, i) => service(`other${i}`, each));
  const begin = (letter: string, before?: Node) => {
    const text = `${documents(`node-${letter}`, 3, more)}---${others.join('')}`;
    return new Node(spaces.get(letter)!, `node-${letter}`, text, ['node'], before);
  };
  const all = letters.map((letter) => begin(letter));
  const share = (node: Node, count: number) =>
    node.until(`${node.name} has ${count}`, async () => {
      const found = (await node.show<Layer2Row>('l2')).filter(({ announced }) => announced).map((row) => row.ip);
      return found.length === count && found;
    });
  const shares = async (nodes: readonly Node[], count: number) =>
    (await Promise.all(nodes.map((node) => share(node, count)))).flat().sort();
  expect(await shares(all, 2)).toEqual(ips);
  const [a, b, c] = all as [Node, Node, Node];
  b.daemon.signal('SIGKILL');
  expect(await shares([a, c], 3)).toEqual(ips);
  const again = begin('b', b);
  expect(await shares([a, again, c], 2)).toEqual(ips);
});
