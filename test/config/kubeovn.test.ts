/** Kube-OVN's documents, and where they put the addresses of pools. */
import { describe, expect, it } from 'vitest';
import { vlanInterface } from '../../src/config/kubeovn.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import { accepted, fixture, told } from '../support/config.ts';

const network = (spec: string): string => `
apiVersion: kubeovn.io/v1
kind: ProviderNetwork
metadata: {name: underlay0}
spec: {${spec}}
---
apiVersion: kubeovn.io/v1
kind: Vlan
metadata: {name: vlan341}
spec: {id: 341, provider: underlay0}
---
apiVersion: kubeovn.io/v1
kind: Vlan
metadata: {name: untagged}
spec: {provider: underlay0}
`;

async function interfaceOf(spec: string, name: string, vlan = 'vlan341'): Promise<string | undefined> {
  const { kubeOvn } = await accepted(network(spec));
  return vlanInterface(kubeOvn.vlans.get(vlan)!, kubeOvn.networks.get('underlay0')!, { name, labels: { zone: name } });
}

describe('the interface of a VLAN on a node', () => {
  it('is the sub-interface of the default one', async () => {
    expect(await interfaceOf('defaultInterface: eth1', 'node-a')).toBe('eth1.341');
  });

  it('is that of the node, where it has its own', async () => {
    const spec = 'defaultInterface: eth1, customInterfaces: [{interface: bond0, nodes: [node-b]}]';
    expect(await interfaceOf(spec, 'node-b')).toBe('bond0.341');
    expect(await interfaceOf(spec, 'node-a')).toBe('eth1.341');
  });

  it('is the interface itself when nothing is tagged', async () => {
    expect(await interfaceOf('defaultInterface: eth1', 'node-a', 'untagged')).toBe('eth1');
  });

  it('is none on nodes that the network does not reach', async () => {
    expect(await interfaceOf('defaultInterface: eth1, excludeNodes: [node-a]', 'node-a')).toBeUndefined();
    const selected = 'defaultInterface: eth1, nodeSelector: {matchLabels: {zone: node-a}}';
    expect(await interfaceOf(selected, 'node-b')).toBeUndefined();
    expect(await interfaceOf(selected, 'node-a')).toBe('eth1.341');
    expect(await interfaceOf('customInterfaces: [{interface: eth2, nodes: [node-b]}]', 'node-a')).toBeUndefined();
  });
});

describe('a pool in a subnet', () => {
  it('of the published example: each of its four slips is named with its line and a remedy', async () => {
    const lines = await told(fixture('seed-004.yaml'));
    const slips = lines.filter((line) => !line.includes('Deployment'));
    expect(slips).toEqual([
      expect.stringMatching(/:7:13: .*spec\.provider: the subnet has no vlan.*\(spec\.vlan/),
      expect.stringMatching(/:10:3: .*spec\.excludeIps: .*10\.180\.204\.253\.\.10\.180\.204\.254.*\(add /),
      expect.stringMatching(/:31:1: .*L2Advertisement.*every interface.*\(name the VLAN/),
      expect.stringMatching(/:70:19: .*spec\.ipFamilyPolicy: PreferDualStack.*IPv4 only/),
    ]);
  });

  it('draws no warning once they are mended', async () => {
    const mended = fixture('seed-004.yaml')
      .replace('  provider: ovn\n', '  vlan: vlan341\n')
      .replace('  - 10.180.204.252  #', '  - 10.180.204.252..10.180.204.254  #')
      .replace('PreferDualStack', 'SingleStack');
    const lines = await told(`${mended}---${network('defaultInterface: underlay0')}`);
    expect(lines.filter((line) => !line.includes('Deployment'))).toEqual([]);
  });

  it('is told what its subnet excludes as prefixes that cover it exactly', async () => {
    const { kubeOvn } = await accepted(fixture('seed-004-subnet.yaml'));
    expect(kubeOvn.subnets[0]!.excluded.map(formatPrefix)).toEqual([
      '10.180.204.250/32',
      '10.180.204.251/32',
      '10.180.204.252/32',
    ]);
  });

  it('is no concern of Services that get their addresses elsewhere', async () => {
    const text = fixture('seed-004.yaml').replace(
      '  name: nginx-lb\n',
      '  name: nginx-lb\n  annotations: {metallb.io/address-pool: other}\n',
    );
    const other =
      '\n---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: other}\nspec: {addresses: [192.0.2.0/24]}\n';
    expect((await told(text + other)).join('\n')).not.toMatch(/ipFamilyPolicy/);
  });
});
