/** Who answers on layer 2, from documents: MetalLB's rules, each with what it comes to on every node. */
import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Layer2Advertisement, Service } from '../../src/config/model.ts';
import type { Drain } from '../../src/intent/drain.ts';
import type { Layer2Decision } from '../../src/intent/layer2.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import {
  configuration,
  type Documents,
  endpoint,
  ingress,
  layer2Advertisement,
  node,
  pool,
  request,
  selector,
  service,
  slice,
  speaker,
} from '../support/model.ts';

const names = ['node-a', 'node-b', 'node-c'];
const lab: Documents = {
  pools: [pool('lab', ['192.168.10.0/24', 'fc00:f853:ccd:e799::/64']), pool('other', ['203.0.113.0/24'])],
  layer2Advertisements: [layer2Advertisement('l2', ['lab'])],
  nodes: names.map((name) => node(name)),
};
const web = service('web', { ingress: ingress('192.168.10.10') });
const byName = (name: string) => selector({ 'kubernetes.io/hostname': name });
const advertise = (...documents: Layer2Advertisement[]): Documents => ({ ...lab, layer2Advertisements: documents });

function decide(
  documents: Documents,
  subject: Service = web,
  { self = 'node-b', slices = [], drain }: { self?: string; slices?: readonly EndpointSlice[]; drain?: Drain } = {},
): Layer2Decision {
  const config = configuration({ ...documents, speaker: documents.speaker ?? speaker({ name: self }) });
  return decideService({ key: 'default/web', service: subject, slices, scope: scopeOf(config, sha256, { drain }) })
    .layer2;
}

describe('the owner', () => {
  // Worked out with sha256sum over node#address: the lowest wins.
  test.each([
    ['192.168.10.10', 'node-b'],
    ['192.168.10.11', 'node-c'],
    ['fc00:f853:ccd:e799::1', 'node-b'],
  ])('of %s is %s, and every node says so', (ip, owner) => {
    for (const self of names) {
      const d = decide(lab, service('web', { ingress: ingress(ip) }), { self });
      expect(d).toMatchObject({ announced: self === owner, owner, interfaces: 'all' });
      expect(d.reason).toBe(self === owner ? undefined : 'notOwner');
    }
  });

  test('goes by the first address for both families', () => {
    const dual = (...ips: string[]) => decide(lab, service('web', { ingress: ingress(...ips) })).owner;
    expect(dual('192.168.10.11', 'fc00:f853:ccd:e799::1')).toBe('node-c');
    expect(dual('fc00:f853:ccd:e799::1', '192.168.10.11')).toBe('node-b');
  });

  test('is this node where no other is known', () => {
    const d = decide({ ...lab, nodes: [] }, web, { self: 'node-a' });
    expect(d).toMatchObject({ announced: true, owner: 'node-a', detail: 'through l2' });
    expect(d.because.map(({ key }) => key)).toEqual([
      'IPAddressPool/metallb-system/lab',
      'L2Advertisement/metallb-system/l2',
    ]);
  });

  test('is among the nodes that some advertisement selects', () => {
    const documents = advertise(
      layer2Advertisement('one', ['lab'], { nodeSelectors: [byName('node-a')], interfaces: ['eth1'] }),
      layer2Advertisement('two', ['lab'], { nodeSelectors: [byName('node-c')], interfaces: ['eth2'] }),
    );
    expect(decide(documents, web, { self: 'node-a' })).toMatchObject({ announced: true, interfaces: ['eth1'] });
    expect(decide(documents, web, { self: 'node-c' })).toMatchObject({ reason: 'notOwner', owner: 'node-a' });
    expect(decide(documents)).toMatchObject({ announced: false, reason: 'noMatchingAdvertisement' });
  });

  test('is the node with the highest sum of weights', () => {
    const prefer = (weight: number, name: string) => ({ weight, selector: byName(name) });
    const documents = advertise(
      layer2Advertisement('one', ['lab'], { preferences: [prefer(60, 'node-a'), prefer(50, 'node-c')] }),
      layer2Advertisement('two', ['lab'], { preferences: [prefer(20, 'node-c')] }),
    );
    expect(decide(documents).owner).toBe('node-c');
    const away = documents.layer2Advertisements!.map((a) => ({ ...a, nodeSelectors: [byName('node-b')] }));
    expect(decide(advertise(...away)).owner).toBe('node-b');
  });

  test.each([
    ['networkUnavailable', node('node-b', {}, { networkUnavailable: true }), 'nodeNetworkUnavailable'],
    ['the exclude label', node('node-b', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }), 'node'],
    ['the drain label', node('node-b', { 'waypost.dev/drain': '' }), 'nodeDrained'],
  ])('is no node with %s', (_, bad, why) => {
    const documents = { ...lab, nodes: [node('node-a'), bad, node('node-c')] };
    for (const self of names) expect(decide(documents, web, { self }).owner).toBe('node-a');
    expect(decide(documents).detail).toContain(`no candidate: ${why}`);
  });

  test('may carry the exclude label where that is to be ignored', () => {
    const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    const documents = { ...lab, nodes: names.map((name) => node(name, label)) };
    expect(decide(documents)).toMatchObject({ announced: false, reason: 'notOwner' });
    expect(decide(documents).owner).toBeUndefined();
    expect(decide({ ...documents, speaker: speaker({ name: 'node-b', ignoreExcludeLabel: true }) }).owner).toBe(
      'node-b',
    );
  });
});

describe('endpoints', () => {
  const local = service('web', { ingress: ingress('192.168.10.10'), externalTrafficPolicy: 'Local' });
  const on = (...nodes: string[]) => [slice(local, ...nodes.map((nodeName) => endpoint({ nodeName })))];

  test('must exist', () => {
    const dead = [slice(web, endpoint({ nodeName: 'node-b', ready: false }))];
    expect(decide(lab, web, { slices: dead })).toMatchObject({
      reason: 'notOwner',
      detail: 'no usable endpoint on any node',
    });
  });

  test('restrict the candidates under the Local policy alone', () => {
    const slices = on('node-a', 'node-c');
    expect(decide(lab, local, { slices })).toMatchObject({ reason: 'notOwner', owner: 'node-a' });
    expect(decide(lab, local, { slices, self: 'node-a' }).announced).toBe(true);
    expect(decide(lab, web, { slices }).announced).toBe(true);
    expect(decide(lab, local).announced).toBe(true);
  });

  test('on a drained node keep the Service there when nobody else has any', () => {
    const drain = { stage: 'withdrawn', keepSoleLocal: true } as const;
    const membership = { type: 'bfd', nodes: [], addresses: new Map() } as const;
    const heard = { ...lab, speaker: speaker({ name: 'node-b', membership }) };
    expect(decide(heard, local, { slices: on('node-b'), drain }).announced).toBe(true);
    expect(decide(heard, local, { slices: on('node-b', 'node-c'), drain })).toMatchObject({
      reason: 'notOwner',
      owner: 'node-c',
    });
    expect(decide(heard, local, { slices: on('node-b'), drain: { ...drain, keepSoleLocal: false } }).announced).toBe(
      false,
    );
    expect(decide(heard, web, { drain: { ...drain, stage: 'lowered' } }).announced).toBe(true);
  });
});

describe('a drain that the others', () => {
  const drain = { stage: 'withdrawn', keepSoleLocal: true } as const;
  const labels = { 'waypost.dev/drain': '' };

  test('do not hear of leaves addresses here, which none of them would take over', () => {
    expect(decide(lab, web, { drain })).toMatchObject({ announced: true });
    expect(decide({ ...lab, speaker: speaker({ name: 'node-b', labels }) })).toMatchObject({ announced: true });
    expect(decide(lab, web, { self: 'node-a' })).toMatchObject({ announced: false, owner: 'node-b' });
  });

  test('read in the documents, too, moves them', () => {
    const documents = { ...lab, nodes: [node('node-a'), node('node-b', labels), node('node-c')] };
    expect(decide(documents, web, { drain })).toMatchObject({ announced: false, owner: 'node-a' });
    expect(decide(documents, web, { self: 'node-a' })).toMatchObject({ announced: true });
  });
});

describe('advertisements', () => {
  const web1 = { app: 'web' };

  test('of other pools say nothing', () => {
    const documents = advertise(layer2Advertisement('other', ['other']));
    expect(decide(documents)).toMatchObject({
      reason: 'noMatchingAdvertisement',
      detail: 'no L2Advertisement references pool lab',
    });
  });

  test('with serviceSelectors are for those Services, unless these share addresses', () => {
    const documents = advertise(layer2Advertisement('l2', ['lab'], { serviceSelectors: [selector(web1)] }));
    const labelled = service('web', { ingress: web.ingress, labels: web1 });
    const sharing = service('web', { ...labelled, request: request({ sharingKey: 'k' }) });
    expect(decide(documents).reason).toBe('noMatchingAdvertisement');
    expect(decide(documents, labelled).announced).toBe(true);
    expect(decide(documents, sharing).reason).toBe('sharedIPWithServiceSelector');
    expect(decide(lab, sharing).announced).toBe(true);
  });

  test('add up their interfaces, and one that names none means all', () => {
    const on = (...interfaces: string[]) => layer2Advertisement(`on-${interfaces}`, ['lab'], { interfaces });
    expect(decide(advertise(on('eth1', 'eth0'), on('eth2', 'eth0'))).interfaces).toEqual(['eth0', 'eth1', 'eth2']);
    expect(decide(advertise(on('eth1'), on())).interfaces).toBe('all');
  });
});

test('what is wrong with the Service or its addresses comes first', () => {
  const foreign = service('web', { ingress: ingress('198.51.100.1') });
  expect(decide(lab, foreign)).toMatchObject({ announced: false, reason: 'ipNotAllowed', interfaces: [] });
  expect(decide(lab, service('web', { type: 'ClusterIP' })).reason).toBe('notLoadBalancer');
});

test('on layer 2 alone, addresses that changed are told as well', () => {
  const scope = scopeOf(configuration({ ...lab, speaker: speaker({ name: 'node-b' }) }), sha256);
  const step = (subject: Service, previous?: ReturnType<typeof decideService>) =>
    decideService({ key: 'default/web', service: subject, slices: [], scope, previous });
  const first = step(web);
  expect(first.bgp.announced).toBe(false);
  const second = step(service('web', { ingress: ingress('192.168.10.20') }), first);
  expect(second.withdrawn).toMatchObject({ ips: first.ips, reason: 'loadBalancerIPChanged' });
});
