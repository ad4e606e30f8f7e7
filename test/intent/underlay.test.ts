import { describe, expect, it } from 'vitest';
import type { KubeOvn, Subnet } from '../../src/config/kubeovn.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { prefix } from '../../src/lib/prefix.ts';
import {
  configuration,
  endpoint,
  ingress,
  layer2Advertisement,
  node,
  pool,
  service,
  slice,
  speaker,
} from '../support/model.ts';

const meta = (kind: string, name: string) => ({ ...node(name), kind, key: `${kind}//${name}` });
const subnet: Subnet = {
  ...meta('Subnet', 'vlan341'),
  cidrs: [prefix('10.180.204.0/24')],
  gateways: [],
  excluded: [],
  vlan: 'vlan341',
  externalLb: true,
};
const kubeOvn = (excludeNodes: readonly string[] = []): KubeOvn => ({
  subnets: [subnet],
  vlans: new Map([['vlan341', { ...meta('Vlan', 'vlan341'), id: 341, provider: 'underlay0' }]]),
  networks: new Map([
    [
      'underlay0',
      { ...meta('ProviderNetwork', 'underlay0'), defaultInterface: 'eth1', customInterfaces: [], excludeNodes },
    ],
  ]),
});

const web = service('web', { ingress: ingress('10.180.204.252') });

function decide(own: string, more: Parameters<typeof configuration>[0] = {}) {
  const config = configuration({
    speaker: speaker({ name: own }),
    nodes: ['node-a', 'node-b', 'node-c'].map((name) => node(name)),
    pools: [pool('underlay', ['10.180.204.250-10.180.204.254'])],
    layer2Advertisements: [layer2Advertisement('all', ['underlay'])],
    services: [web],
    kubeOvn: kubeOvn(),
    ...more,
  });
  const slices = config.endpointSlices.get('default/web') ?? [];
  return decideService({ key: 'default/web', service: web, slices, scope: scopeOf(config, sha256) }).layer2;
}

describe('an address of a Kube-OVN subnet', () => {
  it("is announced on the subnet's VLAN and nowhere else", () => {
    const { owner, interfaces } = decide('node-a');
    expect(interfaces).toEqual(['eth1.341']);
    expect(decide(owner!)).toMatchObject({ announced: true, interfaces: ['eth1.341'] });
  });

  it('is announced where the advertisement says, when it does', () => {
    const layer2Advertisements = [layer2Advertisement('named', ['underlay'], { interfaces: ['underlay0.341'] })];
    expect(decide('node-a', { layer2Advertisements }).interfaces).toEqual(['underlay0.341']);
  });

  it('is announced by a node that is on the VLAN', () => {
    const all = ['node-a', 'node-b', 'node-c'];
    for (const only of all) {
      const others = all.filter((name) => name !== only);
      expect(decide(only, { kubeOvn: kubeOvn(others) })).toMatchObject({ announced: true, owner: only });
      expect(decide(others[0]!, { kubeOvn: kubeOvn(others) }).reason).toBe('noMatchingAdvertisement');
    }
  });

  it('is announced by a node with an endpoint, where one is on the VLAN', () => {
    for (const holder of ['node-a', 'node-b', 'node-c']) {
      const slices = [slice(web, endpoint({ nodeName: holder }))];
      expect(decide('node-a', { slices }).owner).toBe(holder);
      // An ordinary pool knows no such preference: one of the three is not the holder of every Service.
    }
    const owners = ['node-a', 'node-b', 'node-c'].map(
      (holder) =>
        decide('node-a', {
          slices: [slice(web, endpoint({ nodeName: holder }))],
          kubeOvn: { subnets: [], vlans: new Map(), networks: new Map() },
        }).owner,
    );
    expect(new Set(owners).size).toBe(1);
  });

  it('may be anywhere as long as the VLAN is not known', () => {
    const bare = { ...kubeOvn(), vlans: new Map() };
    expect(decide('node-a', { kubeOvn: bare }).interfaces).toBe('all');
  });
});
