/** Worked examples of vendor documentation, from documents to the routes of a peer. */
import { describe, expect, test } from 'vitest';
import type { Configuration } from '../../src/config/model.ts';
import { Advertisements } from '../../src/intent/advertise.ts';
import { Allocator } from '../../src/intent/allocate.ts';
import { allocationOrder } from '../../src/intent/order.ts';
import { nodePeers } from '../../src/intent/peers.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService, type ServiceDecision } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import {
  advertisement,
  allocation,
  configuration,
  type Documents,
  ingress,
  peer,
  pool,
  request,
  selector,
  service,
  speaker,
} from '../support/model.ts';

/** What a speaker with these documents comes to, from a fresh start. */
class Lab {
  readonly advertisements = new Advertisements(100);
  readonly allocator = new Allocator();
  readonly decisions = new Map<string, ServiceDecision>();
  private config: Configuration;

  constructor(documents: Documents) {
    this.config = configuration(documents);
    this.load(documents);
  }

  load(documents: Documents): void {
    const { services } = this.config;
    this.config = configuration(documents);
    const { pools, namespaces, endpointSlices } = this.config;
    this.allocator.setPools(pools, namespaces);
    const scope = scopeOf(this.config, sha256);
    for (const key of services.keys()) if (!this.config.services.has(key)) this.allocator.release(key);
    const assigned = new Map(
      allocationOrder(this.config.services.values(), this.allocator).map((s) => [s, this.allocator.assign(s)] as const),
    );
    for (const key of new Set([...services.keys(), ...this.config.services.keys()])) {
      const service = this.config.services.get(key);
      const decision = decideService({
        key,
        service,
        slices: endpointSlices.get(key) ?? [],
        scope,
        assignment: service && assigned.get(service),
      });
      this.decisions.set(key, decision);
      this.advertisements.update(key, decision.bgp.contributions);
    }
  }

  /** `PREFIX localPref=N COMMUNITIES` of each route, sorted. */
  routes(name: string): string[] {
    const { settings } = nodePeers(this.config, 1).peers.find((p) => p.settings.name === name)!;
    return [...this.advertisements.routes(settings)]
      .map(([p, { attributes }]) => {
        const communities = (attributes.communities ?? []).map((c) => ` ${c >>> 16}:${c & 0xffff}`);
        return `${formatPrefix(p)} localPref=${attributes.localPref}${communities.join('')}`;
      })
      .sort();
  }
}

describe('a pool announced as host routes and as aggregates', () => {
  const documents = {
    pools: [pool('doc-example-bgp-adv', ['203.0.113.200/30', 'fc00:f853:ccd:e799::/124'], { autoAssign: false })],
    advertisements: [
      advertisement('bgpadvertisement-adv-1', ['doc-example-bgp-adv'], { communities: [0xffff_ff02], localPref: 100 }),
      advertisement('bgpadvertisement-adv-2', ['doc-example-bgp-adv'], {
        communities: [(8000 << 16) | 800],
        aggregationLength: 30,
        aggregationLengthV6: 124,
      }),
    ],
    peers: [peer('router', '192.0.2.254', { peerAsn: 64500, dualStackAddressFamily: true })],
    speaker: speaker({ defaultLocalPref: 100 }),
  };
  const dual = (name: string, port = 80) =>
    service(name, {
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ protocol: 'TCP', port }],
      request: request({ pool: 'doc-example-bgp-adv' }),
    });
  const aggregates = ['203.0.113.200/30 localPref=100 8000:800', 'fc00:f853:ccd:e799::/124 localPref=100 8000:800'];

  test('one Service makes four routes', () => {
    const lab = new Lab({ ...documents, services: [dual('one')] });
    expect(lab.routes('router')).toEqual([
      '203.0.113.200/30 localPref=100 8000:800',
      '203.0.113.200/32 localPref=100 65535:65282',
      'fc00:f853:ccd:e799::/124 localPref=100 8000:800',
      'fc00:f853:ccd:e799::/128 localPref=100 65535:65282',
    ]);
  });

  test('two make two more host routes and share the aggregates, which stay until the last one goes', () => {
    const lab = new Lab({ ...documents, services: [dual('one'), dual('two')] });
    const second = [
      '203.0.113.201/32 localPref=100 65535:65282',
      'fc00:f853:ccd:e799::1/128 localPref=100 65535:65282',
    ];
    expect(lab.routes('router')).toHaveLength(6);
    expect(lab.routes('router')).toEqual(expect.arrayContaining([...aggregates, ...second]));
    lab.load({ ...documents, services: [dual('two')] });
    expect(lab.routes('router')).toEqual([...aggregates, ...second].sort());
    lab.load({ ...documents, services: [] });
    expect(lab.routes('router')).toEqual([]);
    expect(lab.decisions.get('default/two')?.bgp.reason).toBe('serviceDeleted');
  });

  test('the IPv6 length left out, the two disagree on the /128, and the Service is not announced', () => {
    const [first, second] = documents.advertisements;
    const same = { ...second!, aggregationLengthV6: 128 };
    const lab = new Lab({ ...documents, advertisements: [first!, same], services: [dual('one')] });
    expect(lab.decisions.get('default/one')?.bgp).toMatchObject({
      reason: 'conflictingAdvertisements',
      because: [first, same],
    });
    expect(lab.routes('router')).toEqual([]);
  });

  test('the pool hands out nothing on its own', () => {
    const lab = new Lab({ ...documents, services: [service('plain')] });
    expect(lab.decisions.get('default/plain')).toMatchObject({
      bgp: { reason: 'noIPAllocated' },
      allocation: { reason: 'noPool' },
    });
  });

  test('two pools that meet in one aggregate: the highest preference, and a report of both', () => {
    const lab = new Lab({
      ...documents,
      pools: [pool('a', ['10.0.0.0-10.0.0.4']), pool('b', ['10.0.0.5-10.0.0.15'])],
      advertisements: [
        advertisement('adv-a', ['a'], { aggregationLength: 30, localPref: 50 }),
        advertisement('adv-b', ['b'], { aggregationLength: 30, localPref: 100 }),
      ],
      services: [service('one', { ingress: ingress('10.0.0.4') }), service('two', { ingress: ingress('10.0.0.5') })],
    });
    expect(lab.routes('router')).toEqual(['10.0.0.4/30 localPref=100']);
    const [found] = lab.advertisements.routes({ name: 'router', families: ['ipv4'] });
    expect(found?.[1].notes?.[0]?.detail).toContain('BGPAdvertisement/adv-a says 50, BGPAdvertisement/adv-b says 100');
  });
});

describe('two overlays, each with its pool, its namespace and its peer', () => {
  const pinned = (name: string) => allocation({ namespaces: [name] });
  const documents = {
    pools: [
      pool('address-pool-red', ['172.30.0.10-172.30.0.15'], { allocation: pinned('red') }),
      pool('address-pool-blue', ['172.30.1.10-172.30.1.15'], { allocation: pinned('blue') }),
    ],
    advertisements: [
      advertisement('bgp-advertisement-red', ['address-pool-red'], { peers: ['peerred'] }),
      advertisement('bgp-advertisement-blue', ['address-pool-blue'], { peers: ['peerblue'] }),
    ],
    peers: [
      peer('peerred', '192.169.10.1', { myAsn: 64515, peerAsn: 64514 }),
      peer('peerblue', '192.169.11.1', { myAsn: 64515, peerAsn: 64514 }),
    ],
    services: [service('blue/nginx-service-blue'), service('red/nginx-service-red'), service('green/none')],
  };

  test('neither sees the routes of the other', () => {
    const lab = new Lab(documents);
    expect(lab.routes('peerred')).toEqual(['172.30.0.10/32 localPref=100']);
    expect(lab.routes('peerblue')).toEqual(['172.30.1.10/32 localPref=100']);
    expect(lab.decisions.get('green/none')?.allocation?.reason).toBe('noPool');
  });

  test('not even an address that its Service asks for from the wrong side', () => {
    const thief = service('red/thief', { request: request({ addresses: ['172.30.1.12'] }) });
    const lab = new Lab({ ...documents, services: [thief] });
    expect(lab.decisions.get('red/thief')?.allocation?.reason).toBe('poolIncompatible');
    expect(lab.routes('peerred')).toEqual([]);
    expect(lab.routes('peerblue')).toEqual([]);
  });
});

test('a pool is advertised from the selected nodes only', () => {
  const documents = {
    pools: [pool('pool1', ['4.4.4.100-4.4.4.200', '2001:100:4::200-2001:100:4::400'])],
    advertisements: [
      advertisement('bgpadvertisement', ['pool1'], {
        nodeSelectors: [
          selector({ 'kubernetes.io/hostname': 'NodeA' }),
          selector({ 'kubernetes.io/hostname': 'NodeB' }),
        ],
      }),
    ],
    peers: [peer('router', '192.0.2.254')],
    services: [service('web')],
  };
  const reason = (name: string) =>
    new Lab({ ...documents, speaker: speaker({ name }) }).decisions.get('default/web')?.bgp.reason;
  expect(reason('NodeA')).toBeUndefined();
  expect(reason('NodeB')).toBeUndefined();
  expect(reason('NodeC')).toBe('notOwner');
  expect(new Lab({ ...documents, speaker: speaker({ name: 'NodeB' }) }).routes('router')).toEqual([
    '4.4.4.100/32 localPref=100',
  ]);
});
