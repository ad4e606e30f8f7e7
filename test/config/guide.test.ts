/** The guide's own file, and what is said when a piece of it is taken away. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { accepted, told } from '../support/config.ts';

const guide = readFileSync(fileURLToPath(new URL('../../docs/symmetric.md', import.meta.url)), 'utf8');
const whole = /```yaml\n([\s\S]*?)```/.exec(guide)![1]!;

/** The file without what matches, which must be there. */
function without(pattern: RegExp | string, instead = ''): string {
  const text = whole.replace(pattern, instead);
  expect(text).not.toBe(whole);
  return text;
}

describe("the guide's file", () => {
  it('is accepted without a word', async () => {
    const config = await accepted(whole, 'node-a');
    expect(config.egress.get('test/server1')).toMatchObject({ host: 'node-a', document: { network: '2' } });
    expect(config.networkPolicies).toHaveLength(1);
  });

  it.each<[string, string, RegExp]>([
    [
      'the rule to the service network',
      / {6}- \{ip-to: 172.*\n/.source,
      /route-rules: requests that come in by VRF ens4vrf do not reach 172\.30\.5\.5, cluster address of Service test\/server1/,
    ],
    [
      'the rule to the cluster network',
      / {6}- \{ip-to: 10\..*\n/.source,
      /route-rules: .* do not reach 10\.128\.2\.7, endpoint of Service test\/server1/,
    ],
    ['the rule to the masquerade network', / {6}- \{ip-to: 169.*\n/.source, /route-rules: .*masquerades with/],
    ['the default route', / {4}routes:\n.*\n.*\n/.source, /routes: VRF ens4vrf has no IPv4 route out/],
  ])('without %s draws a warning with its line and a remedy', async (_, pattern, message) => {
    const lines = await told(without(new RegExp(pattern)), 'node-a');
    expect(lines).toEqual([expect.stringMatching(message)]);
    expect(lines[0]).toMatch(/^test\.yaml:\d+:\d+: warning: NodeNetworkConfigurationPolicy\/vrfpolicy: .* \(.+\)$/);
  });

  it('with rules that come after that of VRFs is as good as without', async () => {
    expect(await told(without(/priority: 998/g, 'priority: 1998'), 'node-a')).toHaveLength(3);
  });

  it('without the EgressService draws a warning at the Service', async () => {
    const lines = await told(
      without(/apiVersion: k8s\.ovn\.org[\s\S]*?---\n/).replace(
        'egress-service.k8s.ovn.org/test-server1: ""',
        'vrf: "true"',
      ),
      'node-a',
    );
    expect(lines).toEqual([
      expect.stringMatching(
        /Service\/server1: metadata\.name: is announced in VRF ens4vrf, and no EgressService .*network: "ens4vrf"/,
      ),
    ]);
  });

  it.each([
    ['another table', 'network: "3"', /replies leave by 3/],
    ['no network', 'network: ""', /replies leave by the main table/],
  ])('with %s in the EgressService draws a warning there', async (_, network, message) => {
    expect(await told(without('network: "2"', network), 'node-a')).toEqual([
      expect.stringMatching(/EgressService\/server1: spec\.network: .*announced in VRF ens4vrf \(table 2\)/),
    ]);
    expect((await told(without('network: "2"', network), 'node-a'))[0]).toMatch(message);
  });

  it('may name the VRF as the network', async () => {
    await accepted(without('network: "2"', 'network: ens4vrf'), 'node-a');
  });

  it('on a node where the policy does not make the VRF draws a warning at the advertisement', async () => {
    const text = without('  nodeSelectors:\n  - matchLabels: {egress-service.k8s.ovn.org/test-server1: ""}\n')
      .replace('spec: {labels: {vrf: "true"}}', 'spec: {}')
      .replace(/apiVersion: k8s\.ovn\.org[\s\S]*?---\n/, '');
    expect(await told(text, 'node-a')).toEqual([
      expect.stringMatching(
        /BGPAdvertisement\/first-adv: spec\.nodeSelectors: announces in VRF ens4vrf from this node, where NodeNetworkConfigurationPolicy\/vrfpolicy .* \(select the same nodes: vrf: "true"\)/,
      ),
    ]);
  });

  it('says nothing of a VRF that no document makes', async () => {
    const text = without(/apiVersion: nmstate\.io[\s\S]*?---\n/);
    await accepted(text, 'node-a');
  });
});
