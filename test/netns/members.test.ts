/**
 * Three daemons on one bridge that watch each other by BFD: one that dies is taken over without a change to any document,
 * one that leaves at once, and when a divided link is whole again the host is told who has the address.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { BfdViewRow } from '../../src/daemon/bfdview.ts';
import type { MemberRow } from '../../src/daemon/views.ts';
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

const documents = (name: string, count: number): string =>
  speaker(name, `, membership: {type: bfd, bfdProfile: fast, addresses: {${list(count)}}}`) +
  `
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
spec: {transmitInterval: 100, receiveInterval: 100}
---${pool}${advertisement()}${service('web', web)}`;

let segment: Segment;
const spaces = new Map<string, Namespace>();
const macs = new Map<string, string>();
const start = (letter: string, count: number, before?: Node) =>
  new Node(spaces.get(letter)!, `node-${letter}`, documents(`node-${letter}`, count), ['node'], before);

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

  b.daemon.signal('SIGKILL');
  await waitFor('the host was told', async () => (await known()) === 'node-a');
  await a.row(web, { announced: true, owner: 'node-a' });
  await sees(c, 'node-a (node-b) node-c');
  await c.row(web, { announced: false, owner: 'node-a' });
  expect(a.messages('the speaker of another node is silent: what it announced is taken over')).toMatchObject([
    { node: 'node-b', reason: 'control detection time expired' },
  ]);
  expect(await a.metrics()).toContain('waypost_member_alive{node="node-b"} 0');

  const again = start('b', 3, b);
  await sees(again, 'node-a node-b node-c');
  await again.row(web, { announced: true, owner: 'node-b' });
  await a.row(web, { announced: false, owner: 'node-b' });
  await waitFor('it has moved back', async () => (await known()) === 'node-b');

  // It says so before it is gone.
  await again.daemon.stop();
  await waitFor('it has moved', async () => (await known()) === 'node-a');
  expect(a.messages('the speaker of another node is silent: what it announced is taken over').at(-1)).toMatchObject({
    ...{ node: 'node-b', reason: 'it says so' },
  });
});

it('nodes that do not hear each other both announce; when they do again, the host is told which of them has it', async () => {
  const [a, b] = [start('a', 2), start('b', 2)];
  const both = 'node-a node-b';
  for (const node of [a, b]) await sees(node, both);
  await b.row(web, { announced: true, owner: 'node-b' });
  await a.row(web, { announced: false, owner: 'node-b' });
  await ask();
  const isolate = (how: string) =>
    Promise.all(['a0', 'b0'].map((port) => segment.hub.run(['bridge', 'link', 'set', 'dev', port, 'isolated', how])));
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
