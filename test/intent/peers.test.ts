import { describe, expect, test } from 'vitest';
import type { Peer } from '../../src/config/model.ts';
import { dynamicPeer, learningPeers, nodePeers } from '../../src/intent/peers.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { configuration, node, peer, selector, speaker } from '../support/model.ts';

const run = (peers: readonly Peer[], fallback?: number) =>
  nodePeers(configuration({ peers, speaker: speaker({ routerId: address('192.0.2.1') }) }), fallback);

test('what a document leaves out', () => {
  const p = peer('r1', '10.0.0.1');
  const { peers, skipped } = run([p]);
  expect(skipped).toEqual([]);
  expect(peers).toEqual([
    {
      document: p,
      settings: {
        name: 'r1',
        address: address('10.0.0.1'),
        port: 179,
        localAsn: 64500,
        peerAsn: 64501,
        routerId: 0xc0000201,
        holdTimeSec: 90,
        families: ['ipv4'],
        passive: false,
        multihop: false,
        hostname: 'node-a',
      },
    },
  ]);
});

test('what BFD is asked to do', () => {
  const bfd = { receiveIntervalMs: 50, transmitIntervalMs: 60, detectMultiplier: 4, passive: true, minimumTtl: 250 };
  const { peers } = run([peer('r1', '10.0.0.1', { bfd }), peer('r2', '10.0.0.2', { bfd, bfdStrict: true })]);
  expect(peers.map(({ settings }) => settings.bfd)).toEqual([
    { ...bfd, strict: false },
    { ...bfd, strict: true },
  ]);
});

test('what a document says', () => {
  const { peers } = run([
    peer('r1', '2001:db8::1', {
      myAsn: 4200000000,
      port: 1790,
      sourceAddress: address('2001:db8::2'),
      holdTimeSec: 0,
      keepaliveTimeSec: 0,
      connectTimeSec: 7,
      routerId: address('10.9.9.9'),
      ebgpMultiHop: true,
      dualStackAddressFamily: true,
    }),
  ]);
  expect(peers[0]!.settings).toMatchObject({
    localAsn: 4200000000,
    port: 1790,
    sourceAddress: address('2001:db8::2'),
    holdTimeSec: 0,
    keepaliveTimeSec: 0,
    connectRetrySec: 7,
    routerId: 0x0a090909,
    multihop: true,
    families: ['ipv4', 'ipv6'],
  });
});

test('what a document and its annotations say', () => {
  const all = {
    localAsn: 64999,
    vrf: 'red',
    restartTimeSec: 120,
    password: 'hush',
    passive: true,
    ttlSecurityHops: 3,
    addPathReceive: true,
    role: 'customer',
    strictRole: true,
    limits: { maxPrefixes: 10, warnOnly: true },
  } as const;
  expect(run([peer('r1', '10.0.0.1', all)]).peers[0]!.settings).toEqual({
    name: 'r1',
    address: address('10.0.0.1'),
    port: 179,
    trueAsn: 64500,
    peerAsn: 64501,
    routerId: 0xc0000201,
    holdTimeSec: 90,
    families: ['ipv4'],
    multihop: false,
    hostname: 'node-a',
    ...all,
  });
  expect(run([peer('r1', '10.0.0.1', { peerAsn: 'internal' })]).peers[0]!.settings.peerAsn).toBe('internal');
});

describe('an unnumbered peer', () => {
  const { address: _, ...nowhere } = peer('leaf', '10.0.0.1', { peerAsn: 'external', interface: 'eth0' });

  test('is complete but for the address, and carries both families', () => {
    const { peers, unnumbered } = run([nowhere, peer('r1', '10.0.0.1')]);
    expect(peers.map((p) => p.settings.name)).toEqual(['r1']);
    expect(unnumbered).toHaveLength(1);
    expect(unnumbered[0]!.document).toBe(nowhere);
    expect(unnumbered[0]!.settings).toMatchObject({
      name: 'leaf',
      interface: 'eth0',
      peerAsn: 'external',
      families: ['ipv4', 'ipv6'],
    });
    expect(unnumbered[0]!.settings).not.toHaveProperty('address');
  });

  test('is skipped as any other is', () => {
    const away = { ...nowhere, nodeSelectors: [selector({ zone: 'x' })] };
    const { unnumbered, skipped } = run([away]);
    expect(unnumbered).toEqual([]);
    expect(skipped.map(({ reason }) => reason)).toEqual(['nodeNotSelected']);
  });
});

describe('callers without a document', () => {
  const range = {
    prefix: prefix('10.1.0.0/16'),
    myAsn: 64500,
    peerAsn: 'external',
    limit: 7,
    maxPrefixes: 50,
    password: 'hush',
    ebgpMultiHop: true,
    families: ['ipv4', 'ipv6'],
  } as const;
  const ranges = (routerId?: string) =>
    nodePeers(
      configuration({
        speaker: speaker({ dynamicPeers: [range], ...(routerId && { routerId: address(routerId) }) }),
      }),
      0,
    ).ranges;

  test('get the settings of their range, and their address for a name', () => {
    const [found] = ranges('192.0.2.1');
    expect(found).toMatchObject({ prefix: range.prefix, limit: 7 });
    expect(dynamicPeer(found!, address('10.1.2.3'))).toEqual({
      name: '10.1.2.3',
      address: address('10.1.2.3'),
      port: 179,
      localAsn: 64500,
      peerAsn: 'external',
      routerId: 0xc0000201,
      holdTimeSec: 90,
      families: ['ipv4', 'ipv6'],
      passive: true,
      multihop: true,
      hostname: 'node-a',
      password: 'hush',
      limits: { maxPrefixes: 50 },
    });
  });

  test('without a router ID there are none', () => {
    expect(ranges()).toEqual([]);
  });
});

test('the session carries the family of the address', () => {
  expect(run([peer('r1', '2001:db8::1')]).peers[0]!.settings.families).toEqual(['ipv6']);
});

describe('router ID', () => {
  const own = peer('own', '10.0.0.1', { routerId: address('1.1.1.1') });
  const plain = peer('plain', '10.0.0.2');
  const ids = (documents: Parameters<typeof configuration>[0], fallback?: number) => {
    const { peers, skipped } = nodePeers(configuration(documents), fallback);
    return [peers.map((p) => p.settings.routerId), skipped.map((s) => `${s.document.name} ${s.reason}`)];
  };

  test("is the peer's, else the Speaker's, else the derived one, else there is no session", () => {
    const peers = [own, plain];
    expect(ids({ peers, speaker: speaker({ routerId: address('2.2.2.2') }) }, 3)).toEqual([
      [0x01010101, 0x02020202],
      [],
    ]);
    expect(ids({ peers }, 0xc0000263)).toEqual([[0x01010101, 0xc0000263], []]);
    expect(ids({ peers })).toEqual([[0x01010101], ['plain noRouterId']]);
    expect(ids({ peers }, 0)).toEqual([[0x01010101], ['plain noRouterId']]);
  });
});

test('nodeSelectors are asked with the labels of this node', () => {
  const east = peer('east', '10.0.0.1', { nodeSelectors: [selector({ zone: 'east' })] });
  const mine = peer('mine', '10.0.0.2', { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-a' })] });
  const documents = {
    peers: [east, mine],
    nodes: [node('node-a', { zone: 'west' }), node('node-b', { zone: 'east' })],
  };
  const { peers, skipped } = nodePeers(configuration(documents), 1);
  expect(peers.map((p) => p.settings.name)).toEqual(['mine']);
  expect(skipped).toEqual([
    { document: east, reason: 'nodeNotSelected', detail: 'nodeSelectors do not select node node-a', because: [east] },
  ]);
});

test('routes are learned from peers of this node of which something may be received', () => {
  const receive = (name: string, all: boolean, more: Partial<Peer> = {}) =>
    peer(name, '10.0.0.1', { receive: { all, rules: [] }, ...more });
  const some = { ...receive('some', false), receive: { all: false, rules: [{ prefix: prefix('192.0.2.0/24') }] } };
  const elsewhere = receive('elsewhere', true, { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-b' })] });
  const peers = [peer('plain', '10.0.0.2'), receive('none', false), receive('all', true), some, elsewhere];
  expect(learningPeers(configuration({ peers })).map(({ name }) => name)).toEqual(['all', 'some']);
});
