import { describe, expect, it } from 'vitest';
import { type Candidacy, type Elected, type Election, type ElectionNode, elect } from '../../src/intent/elect.ts';
import { sha256 } from '../../src/io/digest.ts';
import { address } from '../../src/lib/address.ts';
import { toHex } from '../../src/lib/bytes.ts';

const names = ['node-a', 'node-b', 'node-c'];
const node = (name: string, changes: Partial<ElectionNode> = {}): ElectionNode => ({
  ...{ name, alive: true, networkUnavailable: false, excluded: false, drained: false, endpoint: true },
  ...changes,
});
const advertisement = (changes: Partial<Candidacy> = {}): Candidacy => ({
  ...{ name: 'l2', nodes: new Set(names), byService: false, preference: new Map(), interfaces: [] },
  ...changes,
});
const election = (changes: Partial<Election> = {}): Election => ({
  ...{ self: 'node-b', ips: [address('192.168.10.10')], shared: false, policy: 'Cluster', endpoints: true },
  ...{ advertisements: [advertisement()], nodes: names.map((name) => node(name)), sha256 },
  ...changes,
});
const order = ({ ranking }: Elected) => ranking.map(({ name }) => name);

describe('the election', () => {
  // Worked out with sha256sum: node#address, first four octets.
  it.each([
    ['192.168.10.10', { 'node-b': '0071b2f3', 'node-a': '569bf822', 'node-c': 'a9ecc47a' }],
    ['192.168.10.11', { 'node-c': '1a298486', 'node-a': '962f8c62', 'node-b': 'e6cddb55' }],
    ['fc00:f853:ccd:e799::1', { 'node-b': '288f7893', 'node-a': '7ad384bf', 'node-c': 'cdf5c8f8' }],
    ['203.0.113.200', { 'node-b': '0c011ea3', 'node-a': 'f146be08', 'node-c': 'ff7a177d' }],
  ])('of %s is that of MetalLB', (ip, hashes) => {
    for (const self of names) {
      const result = elect(election({ self, ips: [address(ip)] }));
      expect(order(result)).toEqual(Object.keys(hashes));
      expect(result.ranking.map(({ hash }) => toHex(hash).slice(0, 8))).toEqual(Object.values(hashes));
      expect(result.owner).toBe(Object.keys(hashes)[0]);
      expect(result.reason).toBe(self === result.owner ? undefined : 'notOwner');
    }
  });

  it('hashes the first address only, so that both families stay together', () => {
    const ips = [address('192.168.10.10'), address('fc00:f853:ccd:e799::1')];
    expect(order(elect(election({ ips })))).toEqual(['node-b', 'node-a', 'node-c']);
    expect(order(elect(election({ ips: [address('192.168.10.11'), ips[1]!] })))).toEqual([
      'node-c',
      'node-a',
      'node-b',
    ]);
  });

  it('puts the sum of preferences before the hash, and falls back to it when sums are equal', () => {
    const prefer = (weights: Record<string, number>) => advertisement({ preference: new Map(Object.entries(weights)) });
    const outcome = (...advertisements: Candidacy[]) => order(elect(election({ advertisements })));
    expect(outcome(prefer({ 'node-c': 1 }))).toEqual(['node-c', 'node-b', 'node-a']);
    expect(outcome(prefer({ 'node-c': 10, 'node-a': 100 }))).toEqual(['node-a', 'node-c', 'node-b']);
    expect(outcome(prefer({ 'node-c': 60 }), prefer({ 'node-c': 50, 'node-a': 100 }))).toEqual([
      ...['node-c', 'node-a', 'node-b'],
    ]);
    expect(outcome(prefer({ 'node-c': 50, 'node-a': 50 }))).toEqual(['node-a', 'node-c', 'node-b']);
    expect(outcome(prefer({ 'node-a': 5, 'node-b': 5, 'node-c': 5 }))).toEqual(['node-b', 'node-a', 'node-c']);
  });

  it('takes no notice of a preference for a node that is no candidate', () => {
    const advertisements = [advertisement({ preference: new Map([['node-a', 100]]) })];
    const nodes = [node('node-a', { alive: false }), node('node-b'), node('node-c')];
    expect(elect(election({ advertisements, nodes })).owner).toBe('node-b');
  });

  it('takes no notice of what an advertisement prefers among nodes that it does not select', () => {
    const preference = new Map([
      ['node-a', 100],
      ['node-c', 10],
    ]);
    const advertisements = [advertisement(), advertisement({ nodes: new Set(['node-b', 'node-c']), preference })];
    const { ranking } = elect(election({ advertisements }));
    expect(ranking.map(({ name, weight }) => [name, weight])).toEqual([
      ['node-c', 10],
      ['node-b', 0],
      ['node-a', 0],
    ]);
  });

  it.each<[string, Partial<ElectionNode>, Partial<Election>]>([
    ['notAlive', { alive: false }, {}],
    ['nodeNetworkUnavailable', { networkUnavailable: true }, {}],
    ['nodeLabeledExcludeBalancers', { excluded: true }, {}],
    ['noLocalEndpoints', { endpoint: false }, { policy: 'Local' }],
  ])('leaves out a node: %s', (why, changes, rest) => {
    const nodes = [node('node-a'), node('node-b', changes), node('node-c')];
    const result = elect(election({ self: 'node-a', nodes, ...rest }));
    expect(order(result)).toEqual(['node-a', 'node-c']);
    expect([...result.ineligible]).toEqual([['node-b', why]]);
    expect(result.reason).toBeUndefined();
    expect(elect(election({ nodes, ...rest })).reason).toBe('notOwner');
  });

  it('does not ask for an endpoint on the node under the Cluster policy', () => {
    expect(elect(election({ nodes: names.map((name) => node(name, { endpoint: false })) })).owner).toBe('node-b');
  });

  it('takes its candidates from every advertisement of the Service, so that all nodes see the same ones', () => {
    const advertisements = [
      advertisement({ name: 'a', nodes: new Set(['node-a']), interfaces: ['eth1'] }),
      advertisement({ name: 'c', nodes: new Set(['node-c']), interfaces: ['eth2'] }),
    ];
    for (const self of ['node-a', 'node-c']) {
      const result = elect(election({ self, advertisements }));
      expect(order(result)).toEqual(['node-a', 'node-c']);
      expect([...result.ineligible]).toEqual([['node-b', 'notSelected']]);
      // The interfaces are those of this node's own advertisements.
      expect(result.interfaces).toEqual([self === 'node-a' ? 'eth1' : 'eth2']);
    }
    expect(elect(election({ advertisements })).reason).toBe('noMatchingAdvertisement');
  });

  it('announces on the union of interfaces, and on all where one advertisement names none', () => {
    const on = (...interfaces: string[]) => advertisement({ interfaces });
    expect(elect(election({ advertisements: [on('eth1', 'eth0'), on('eth1', 'bond0')] })).interfaces).toEqual([
      ...['bond0', 'eth0', 'eth1'],
    ]);
    expect(elect(election({ advertisements: [on('eth1'), on()] })).interfaces).toBe('all');
  });

  it('gives the reasons of MetalLB in its order', () => {
    const all = {
      endpoints: false,
      shared: true,
      advertisements: [advertisement({ byService: true, nodes: new Set(['node-a']) })],
    };
    expect(elect(election(all)).reason).toBe('notOwner');
    expect(elect(election({ ...all, endpoints: true })).reason).toBe('sharedIPWithServiceSelector');
    expect(elect(election({ ...all, endpoints: true, shared: false })).reason).toBe('noMatchingAdvertisement');
    expect(elect(election({ advertisements: [] })).reason).toBe('noMatchingAdvertisement');
    expect(elect(election({ nodes: [] }))).toMatchObject({ reason: 'notOwner', ranking: [] });
    expect(elect(election({ nodes: [] })).owner).toBeUndefined();
  });

  it('leaves addresses where they are, if asked to, for as long as that node is a candidate', () => {
    expect(elect(election({ self: 'node-c', holder: 'node-c' }))).toMatchObject({ owner: 'node-c' });
    expect(elect(election({ self: 'node-c', holder: 'node-c' })).reason).toBeUndefined();
    expect(elect(election({ holder: 'node-c' })).reason).toBe('notOwner');
    const nodes = [node('node-a'), node('node-b'), node('node-c', { alive: false })];
    expect(elect(election({ holder: 'node-c', nodes })).owner).toBe('node-b');
    expect(elect(election({ holder: 'node-x' })).owner).toBe('node-b');
  });

  it('announces nothing while held down', () => {
    expect(elect(election({ heldDown: true }))).toMatchObject({ owner: 'node-b', reason: 'heldDown' });
    expect(elect(election({ heldDown: true, holder: 'node-b' })).reason).toBe('heldDown');
    expect(elect(election({ self: 'node-a', heldDown: true })).reason).toBe('notOwner');
  });
});
