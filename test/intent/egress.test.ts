import { describe, expect, it } from 'vitest';
import type { Egress, EgressService } from '../../src/config/egress.ts';
import type { Service } from '../../src/config/model.ts';
import { decideEgress, type EgressDecision } from '../../src/intent/egress.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { configuration, endpoint, node, service, slice, speaker } from '../support/model.ts';

interface Site {
  readonly host?: string;
  readonly network?: string;
  readonly reason?: Egress['reason'];
  readonly service?: Partial<Service>;
  readonly ips?: readonly string[];
  readonly own?: readonly string[];
}

function decide(site: Site, ...endpoints: Parameters<typeof endpoint>[0][]): EgressDecision {
  const web = service('test/web', { clusterIps: [address('172.30.5.5')], ...site.service });
  const document: EgressService = {
    ...node('web'),
    kind: 'EgressService',
    namespace: 'test',
    sourceIpBy: site.host === 'ALL' ? 'Network' : 'LoadBalancerIP',
    nodeSelector: { requirements: [] },
    network: site.network ?? '',
  };
  const config = configuration({
    speaker: speaker({ name: 'node-a' }),
    services: [web],
    slices: endpoints.length === 0 ? [] : [slice(web, ...endpoints.map((each) => endpoint(each)))],
    nodes: [node('node-b', {}, { addresses: [address('192.0.2.2')] })],
    egress: new Map([
      ['test/web', { document, host: site.host ?? 'node-a', ...(site.reason && { reason: site.reason }) }],
    ]),
  });
  const [decision] = decideEgress(config, {
    ips: new Map([['test/web', (site.ips ?? ['203.0.113.10']).map(address)]]),
    own: (site.own ?? []).map(address),
    table: (network) => ({ red: 2, '7': 7 })[network],
  });
  return decision!;
}

const sources = ({ translations }: EgressDecision) =>
  translations.map(({ from, to }) => `${formatAddress(from)} > ${formatAddress(to)}`);
const rules = (decision: EgressDecision) =>
  decision.rules.map(({ from, sourcePort, table }) =>
    [formatAddress(from), ...(sourcePort === undefined ? [] : ['sport', sourcePort]), '>', table].join(' '),
  );
const [one, two] = [
  { addresses: ['10.244.0.5'], nodeName: 'node-a' },
  { addresses: ['10.244.1.5'], nodeName: 'node-b' },
];

describe('an EgressService with the address of its Service', () => {
  it('gives it to all endpoints, wherever they run, where this node carries it', () => {
    expect(sources(decide({}, one, two))).toEqual(['10.244.0.5 > 203.0.113.10', '10.244.1.5 > 203.0.113.10']);
  });

  it('leaves that to the node that carries it', () => {
    expect(decide({ host: 'node-b', network: 'red' }, one)).toMatchObject({
      reason: 'notHost',
      rules: [],
      translations: [],
    });
  });

  it('gives each endpoint the address of its family', () => {
    const six = { addresses: ['fd00::5'], nodeName: 'node-a' };
    expect(sources(decide({ ips: ['203.0.113.10', '2001:db8::10'] }, one, six))).toEqual([
      '10.244.0.5 > 203.0.113.10',
      'fd00::5 > 2001:db8::10',
    ]);
    expect(sources(decide({}, one, six))).toEqual(['10.244.0.5 > 203.0.113.10']);
  });

  it('counts endpoints that are not ready, which may still send', () => {
    expect(sources(decide({}, { ...one, ready: false, serving: false }))).toHaveLength(1);
  });

  it('leaves endpoints on the network of their host alone', () => {
    const host = { addresses: ['192.0.2.1'], nodeName: 'node-a' };
    const other = { addresses: ['192.0.2.2'], nodeName: 'node-b' };
    expect(sources(decide({ own: ['192.0.2.1'] }, one, host, other))).toEqual(['10.244.0.5 > 203.0.113.10']);
  });

  it('sends them by no other table unless a network is named', () => {
    expect(rules(decide({}, one))).toEqual([]);
  });
});

describe('an EgressService with a network', () => {
  it('sends endpoints and cluster addresses by its table', () => {
    const clusterIps = [address('172.30.5.5'), address('fd02::5')];
    expect(rules(decide({ network: 'red', service: { clusterIps } }, one, two))).toEqual([
      '10.244.0.5 > 2',
      '10.244.1.5 > 2',
      '172.30.5.5 > 2',
      'fd02::5 > 2',
    ]);
  });

  it('under the Local policy, replies of its node ports too', () => {
    const site: Site = {
      network: '7',
      service: {
        externalTrafficPolicy: 'Local',
        clusterIps: [address('172.30.5.5'), address('fd02::5')],
        ports: [
          { protocol: 'TCP', port: 80, nodePort: 30080 },
          { protocol: 'TCP', port: 443, nodePort: 30443 },
        ],
      },
    };
    expect(rules(decide(site)).slice(2)).toEqual([
      '169.254.169.3 sport 30080 > 7',
      '169.254.169.3 sport 30443 > 7',
      'fd69::3 sport 30080 > 7',
      'fd69::3 sport 30443 > 7',
    ]);
    expect(rules(decide({ ...site, service: { ...site.service, externalTrafficPolicy: 'Cluster' } }))).toHaveLength(2);
  });

  it('on every node sends its own endpoints, with the sources they have', () => {
    const nowhere = { addresses: ['10.244.9.9'] };
    const all = decide({ host: 'ALL', network: 'red' }, one, two, nowhere);
    expect(rules(all)).toEqual(['10.244.0.5 > 2', '10.244.9.9 > 2', '172.30.5.5 > 2']);
    expect(all.translations).toEqual([]);
  });

  it('that does not exist does nothing, and says so', () => {
    expect(decide({ network: 'blue' }, one)).toMatchObject({
      reason: 'networkNotFound',
      detail: 'there is neither a routing table nor a VRF "blue"',
      rules: [],
      translations: [],
    });
  });
});

it('an EgressService whose nodes are all silent says so', () => {
  expect(decide({ host: '', reason: 'notAlive' }, one)).toMatchObject({
    reason: 'noHost',
    detail: 'none of the nodes that could carry it is heard of',
  });
});

describe('an EgressService does nothing', () => {
  it.each<[string, Site, string]>([
    ['without a load balancer', { service: { type: 'ClusterIP' } }, 'noService'],
    ['without an address', { ips: [] }, 'noIPAllocated'],
    ['without a node that carries it', { host: '', reason: 'noEndpoints' }, 'noHost'],
  ])('%s', (_, site, reason) => {
    expect(decide({ network: 'red', ...site }, one)).toMatchObject({ reason, rules: [], translations: [] });
  });
});

it('an endpoint of two Services has the address of the first, and the second says so', () => {
  const services = ['test/api', 'test/web'].map((key) => service(key));
  const config = configuration({
    speaker: speaker({ name: 'node-a' }),
    services,
    slices: services.map((each) =>
      slice(each, endpoint(one), endpoint({ addresses: [`10.244.7.${each.name === 'api' ? 1 : 2}`] })),
    ),
    egress: new Map(
      services.map(({ namespace, name }): [string, Egress] => [
        `${namespace}/${name}`,
        {
          document: {
            ...{ ...node(name), kind: 'EgressService', namespace, sourceIpBy: 'LoadBalancerIP', network: '' },
            nodeSelector: { requirements: [] },
          },
          host: 'node-a',
        },
      ]),
    ),
  });
  const ips = new Map([
    ['test/api', [address('203.0.113.1')]],
    ['test/web', [address('203.0.113.2')]],
  ]);
  const decisions = decideEgress(config, { ips, own: [], table: () => undefined });
  expect(decisions.map((each) => [each.key, sources(each), each.detail])).toEqual([
    ['test/api', ['10.244.0.5 > 203.0.113.1', '10.244.7.1 > 203.0.113.1'], '2 endpoints'],
    ['test/web', ['10.244.7.2 > 203.0.113.2'], '2 endpoints, 1 of which have the address of test/api'],
  ]);
});
