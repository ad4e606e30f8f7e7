import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../src/config/model.ts';
import type { Assignment } from '../../src/intent/assignment.ts';
import type { Reason } from '../../src/intent/reason.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService, type ServiceDecision, unhandled } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import {
  addresses,
  advertisement,
  configuration,
  type Documents,
  endpoint,
  ingress,
  node,
  pool,
  selector,
  service,
  slice,
  speaker,
} from '../support/model.ts';

const lab: Documents = {
  pools: [pool('lab', ['192.0.2.0/24', '2001:db8::/64'])],
  advertisements: [advertisement('all', ['lab'])],
};
const web = service('web', { ingress: ingress('192.0.2.10') });

function decide(
  documents: Documents,
  subject: Service | undefined,
  slices: readonly EndpointSlice[] = [],
  assignment?: Assignment,
): ServiceDecision {
  return decideService({
    key: 'default/web',
    service: subject,
    slices,
    scope: scopeOf(configuration(documents), sha256),
    assignment,
  });
}

test('with nothing against it a Service is announced', () => {
  const d = decide(lab, web);
  expect(d.bgp).toMatchObject({ announced: true, detail: 'through all' });
  expect(d.bgp.reason).toBeUndefined();
  expect(d.ips.map(formatAddress)).toEqual(['192.0.2.10']);
  expect(d.pool).toBe('lab');
  expect(d.bgp.contributions.map((c) => formatPrefix(c.prefix))).toEqual(['192.0.2.10/32']);
});

describe('reasons, each with everything that comes after it wrong as well', () => {
  // A Service against which everything speaks; each step puts right what the step before it named.
  const away = selector({ zone: 'elsewhere' });
  const excluded = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'false' };
  const badNode = speaker({ labels: excluded, loadBalancerClass: 'x' });
  const goodNode = speaker({ labels: { zone: 'elsewhere', ...excluded }, loadBalancerClass: 'x' });
  const unavailable = node('node-a', {}, { networkUnavailable: true });
  const a100 = advertisement('a100', ['lab'], { nodeSelectors: [away], serviceSelectors: [away], localPref: 100 });
  const a200 = advertisement('a200', ['lab'], { nodeSelectors: [away], serviceSelectors: [away], localPref: 200 });
  const other = pool('other', ['198.51.100.0/24']);
  const [inLab] = lab.pools!;

  const clusterIp = service('web', { type: 'ClusterIP', externalTrafficPolicy: 'Local' });
  const noClass = { ...clusterIp, type: 'LoadBalancer' };
  const noAddress = { ...noClass, loadBalancerClass: 'x' };
  const hostName = { ...noAddress, ingress: ingress('lb.example.test', '192.0.2.10') };
  const good = { ...noAddress, ingress: ingress('192.0.2.10') };
  const labelled = { ...good, labels: { zone: 'elsewhere' } };
  const dead = slice(good, endpoint({ ready: false, nodeName: 'node-a' }));
  const elsewhere = slice(good, endpoint({ nodeName: 'node-b' }));

  const bad: Documents = { speaker: badNode, nodes: [unavailable], pools: [other], advertisements: [] };
  const pooled: Documents = { ...bad, pools: [other, inLab!] };
  const referenced: Documents = { ...pooled, advertisements: [a100, a200] };
  const selected: Documents = { ...referenced, speaker: goodNode };
  const agreeing: Documents = { ...selected, advertisements: [a100] };
  const available: Documents = { ...agreeing, nodes: [] };
  const included: Documents = { ...available, speaker: { ...goodNode, ignoreExcludeLabel: true } };

  const steps: [Reason, Documents, Service | undefined, EndpointSlice[]][] = [
    ['serviceDeleted', bad, undefined, [dead]],
    ['notLoadBalancer', bad, clusterIp, [dead]],
    ['loadBalancerClassMismatch', bad, noClass, [dead]],
    ['noIPAllocated', bad, noAddress, [dead]],
    ['invalidIP', bad, hostName, [dead]],
    ['ipNotAllowed', bad, good, [dead]],
    ['notOwner', pooled, good, [dead]],
    ['notOwner', referenced, good, [dead]],
    ['noMatchingAdvertisement', selected, good, [dead]],
    ['conflictingAdvertisements', selected, labelled, [dead]],
    ['nodeNetworkUnavailable', agreeing, labelled, [dead]],
    ['nodeLabeledExcludeBalancers', available, labelled, [dead]],
    ['noLocalEndpoints', included, labelled, [dead]],
    ['noLocalEndpoints', included, labelled, [elsewhere]],
    ['noEndpoints', included, { ...labelled, externalTrafficPolicy: 'Cluster' }, [dead]],
  ];
  test.each(steps.map((s, i) => [i, ...s] as const))('%i: %s', (_, reason, documents, subject, slices) => {
    const { bgp } = decide(documents, subject, slices);
    expect(bgp.reason).toBe(reason);
    expect(bgp).toMatchObject({ announced: false, contributions: [] });
    expect(bgp.detail).not.toBe('');
    if (subject !== undefined && !reason.startsWith('node')) expect(bgp.because).not.toEqual([]);
  });

  test('and in the end it is announced', () => {
    const { bgp } = decide(included, labelled, [dead, slice(good, endpoint({ nodeName: 'node-a' }))]);
    expect(bgp.announced).toBe(true);
    expect(bgp.because.map((d) => d.name)).toEqual(['lab', 'a100']);
  });

  test('a refusal names the documents that decided', () => {
    expect(decide(referenced, good).bgp.because.map((d) => d.name)).toEqual(['lab', 'a100', 'a200']);
    expect(decide(selected, labelled).bgp.because).toEqual([a100, a200]);
    expect(decide(agreeing, labelled).bgp.because).toEqual([unavailable]);
    expect(decide(included, labelled, [dead]).bgp.because).toEqual([labelled, dead]);
  });
});

test('a Service of another type or class is none of ours', () => {
  const scope = { loadBalancerClass: 'x' };
  expect(unhandled(service('s', { loadBalancerClass: 'x' }), scope)).toBeUndefined();
  expect(unhandled(service('s'), scope)?.reason).toBe('loadBalancerClassMismatch');
  expect(unhandled(service('s', { type: 'NodePort', loadBalancerClass: 'x' }), scope)?.reason).toBe('notLoadBalancer');
});

describe('endpoints', () => {
  const local = { ...web, externalTrafficPolicy: 'Local' } as const;
  test.each([
    ['ready', { ready: true }, true],
    ['unknown readiness', {}, true],
    ['terminating but serving', { ready: false, serving: true }, true],
    ['not ready', { ready: false }, false],
    ['neither', { ready: false, serving: false }, false],
    ['ready without an address', { ready: true, addresses: [] }, false],
  ])('%s', (_, conditions, counts) => {
    const here = slice(web, endpoint({ nodeName: 'node-a', ...conditions }));
    expect(decide(lab, web, [here]).bgp.reason).toBe(counts ? undefined : 'noEndpoints');
    expect(decide(lab, local, [here]).bgp.reason).toBe(counts ? undefined : 'noLocalEndpoints');
  });

  test('one without a node is nowhere local', () => {
    expect(decide(lab, local, [slice(web, endpoint())]).bgp.reason).toBe('noLocalEndpoints');
    expect(decide(lab, web, [slice(web, endpoint())]).bgp.announced).toBe(true);
  });

  test('no slice at all: every node counts as having one; an empty slice: none has', () => {
    expect(decide(lab, local, []).bgp.announced).toBe(true);
    expect(decide(lab, local, [slice(web)]).bgp.reason).toBe('noLocalEndpoints');
    expect(decide(lab, web, [slice(web)]).bgp.reason).toBe('noEndpoints');
  });
});

describe('addresses', () => {
  const bare = service('web');
  const assigned: Assignment = {
    assigned: true,
    service: 'default/web',
    ips: addresses('192.0.2.77'),
    pool: 'lab',
    origin: 'chosen',
    evicted: [],
  };

  test('an assigned address is announced, a status goes before it', () => {
    expect(decide(lab, bare, [], assigned).ips.map(formatAddress)).toEqual(['192.0.2.77']);
    expect(decide(lab, web, [], assigned).ips.map(formatAddress)).toEqual(['192.0.2.10']);
  });

  test('a failed allocation is told', () => {
    const failed: Assignment = {
      assigned: false,
      service: 'default/web',
      reason: 'poolExhausted',
      message: 'no available IPs in lab',
      evicted: [],
    };
    const d = decide(lab, bare, [], failed);
    expect(d.bgp).toMatchObject({ reason: 'noIPAllocated', detail: 'no available IPs in lab' });
    expect(d.allocation?.reason).toBe('poolExhausted');
  });

  test('two pools do not add up to one', () => {
    const two = { ...lab, pools: [...lab.pools!, pool('more', ['198.51.100.0/24'])] };
    const both = service('web', { ingress: ingress('192.0.2.10', '198.51.100.1') });
    expect(decide(two, both).bgp.reason).toBe('ipNotAllowed');
  });

  test('membership is all that counts: neither autoAssign nor avoided addresses nor namespaces', () => {
    const strict = pool('lab', ['192.0.2.0/24'], {
      autoAssign: false,
      avoidBuggyIps: true,
      allocation: { priority: 1, namespaces: ['prod'], namespaceSelectors: [], serviceSelectors: [] },
    });
    const odd = service('web', { ingress: ingress('192.0.2.255') });
    expect(decide({ ...lab, pools: [strict] }, odd).bgp.announced).toBe(true);
  });

  test('a change of addresses tells what is given up, whatever the order', () => {
    const scope = scopeOf(configuration(lab), sha256);
    const step = (previous: ServiceDecision | undefined, ...ips: string[]) =>
      decideService({ key: 'k', service: service('web', { ingress: ingress(...ips) }), slices: [], scope, previous });
    const first = step(undefined, '192.0.2.10', '2001:db8::1');
    expect(first.withdrawn).toBeUndefined();
    expect(step(first, '2001:db8::1', '192.0.2.10').withdrawn).toBeUndefined();
    const moved = step(first, '192.0.2.11', '2001:db8::1');
    expect(moved.withdrawn?.reason).toBe('loadBalancerIPChanged');
    expect(moved.withdrawn?.ips.map(formatAddress)).toEqual(['192.0.2.10']);
    expect(moved.bgp.announced).toBe(true);
    const outside = step(undefined, '203.0.113.1');
    expect(outside.bgp.announced).toBe(false);
    expect(step(outside, '192.0.2.10').withdrawn).toBeUndefined();
  });
});

describe('contributions', () => {
  test('one per address and advertisement, masked by family; equal ones once', () => {
    const documents = {
      ...lab,
      advertisements: [
        advertisement('host', ['lab']),
        advertisement('net', ['lab'], { aggregationLength: 24, aggregationLengthV6: 64 }),
      ],
    };
    const many = service('web', { ingress: ingress('192.0.2.10', '192.0.2.11', '2001:db8::5') });
    const { contributions } = decide(documents, many).bgp;
    expect(contributions.map((c) => `${formatPrefix(c.prefix)} ${c.policy.from}`)).toEqual([
      '192.0.2.10/32 BGPAdvertisement/host',
      '192.0.2.0/24 BGPAdvertisement/net',
      '192.0.2.11/32 BGPAdvertisement/host',
      '2001:db8::5/128 BGPAdvertisement/host',
      '2001:db8::/64 BGPAdvertisement/net',
    ]);
  });

  test('they come from the advertisements that select both node and Service', () => {
    const documents = {
      ...lab,
      advertisements: [
        advertisement('elsewhere', ['lab'], { nodeSelectors: [selector({ zone: 'x' })], localPref: 5 }),
        advertisement('others', ['lab'], { serviceSelectors: [selector({ app: 'db' })], localPref: 7 }),
        advertisement('mine', ['lab'], { peers: ['r1'], localPref: 9, communities: [1, 2] }),
        advertisement('unrelated', ['other']),
      ],
    };
    const { contributions } = decide(documents, web).bgp;
    expect(contributions.map((c) => c.policy)).toEqual([
      expect.objectContaining({ localPref: 9, communities: [1, 2], peers: new Set(['r1']) }),
    ]);
  });

  test('deciding again gives the same policies, so that nothing looks changed', () => {
    const [a, b] = [decide(lab, web), decide(lab, web)].map((d) => d.bgp.contributions[0]!.policy);
    expect(a).toBe(b);
  });
});
