/** The published examples that users start from, word for word, and what becomes of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/config/format.ts';
import { anySelects } from '../../src/config/selector.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import { accepted, configure, fixture, fixtures, told } from '../support/config.ts';

const seeds = fileURLToPath(new URL('../../fixtures/seeds/', import.meta.url));

describe('the seeds', () => {
  it('are copied word for word', () => {
    const texts = new Map(readdirSync(seeds).map((name) => [name.slice(0, 3), readFileSync(seeds + name, 'utf8')]));
    const copies = fixtures(/^seed-.*\.yaml$/).filter((name) => name !== 'seed-002-pools.yaml');
    for (const name of copies) {
      const lines = texts.get(name.slice(5, 8))!.split('\n');
      for (const document of fixture(name).split('---\n')) {
        const wanted = document.trimEnd().split('\n');
        const found = lines.some((line, at) => {
          const indent = line.length - line.trimStart().length;
          return wanted.every((text, i) => lines[at + i] === (text === '' ? '' : ' '.repeat(indent) + text));
        });
        expect(found, `${name}: ${wanted[3]}`).toBe(true);
      }
    }
  });

  it('basic: one pool of two families, advertised host by host', async () => {
    const { pools, advertisements } = await accepted(fixture('seed-001-basic.yaml'));
    const [pool] = pools.values();
    expect(pool!.addresses.map(({ prefixes }) => prefixes.map(formatPrefix))).toEqual([
      ['203.0.113.200/30'],
      ['fc00:f853:ccd:e799::/124'],
    ]);
    expect(advertisements).toHaveLength(1);
    expect(advertisements[0]).toMatchObject({
      name: 'bgpadvertisement-basic',
      pools: ['doc-example-bgp-basic'],
      aggregationLength: 32,
      aggregationLengthV6: 128,
      localPref: 0,
      communities: [],
      peers: [],
    });
  });

  it('advanced: two advertisements of one pool that differ in both lengths', async () => {
    const { pools, advertisements } = await accepted(fixture('seed-001-advanced.yaml'));
    expect(pools.get('doc-example-bgp-adv')).toMatchObject({ autoAssign: false, labels: { zone: 'east' } });
    expect(advertisements.map((a) => [a.aggregationLength, a.aggregationLengthV6, a.localPref, a.communities])).toEqual(
      [
        [32, 128, 100, [65535 * 65536 + 65282]],
        [30, 124, 0, [8000 * 65536 + 800]],
      ],
    );
  });

  it('advanced without the IPv6 length: one localPref for an IPv6 prefix, or none', async () => {
    const text = fixture('seed-001-advanced.yaml').replace('  aggregationLengthV6: 124\n', '');
    const { configuration, diagnostics } = await configure(text);
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      expect.stringMatching(
        /^test\.yaml:32:1: error: BGPAdvertisement\/bgpadvertisement-adv-2: spec\.localPref: invalid local preference 0: local preference 100 was already set .* by BGPAdvertisement\/bgpadvertisement-adv-1 \(test\.yaml:25\)/,
      ),
    ]);
  });

  it('a subset of nodes: nodeSelector is read as nodeSelectors, and only the first draws a warning', async () => {
    const singular = fixture('seed-001-nodes.yaml');
    const plural = singular.replace('nodeSelector:', 'nodeSelectors:');
    const { configuration, diagnostics } = await configure(singular);
    expect(diagnostics.map(({ severity, path }) => [severity, path])).toEqual([['warning', 'spec.nodeSelector']]);
    const selectors = configuration!.advertisements[0]!.nodeSelectors;
    expect(selectors).toEqual((await accepted(plural)).advertisements[0]!.nodeSelectors);
    const nodes = ['NodeA', 'NodeB', 'NodeC'].filter((name) =>
      anySelects(selectors, { 'kubernetes.io/hostname': name }),
    );
    expect(nodes).toEqual(['NodeA', 'NodeB']);
    expect((await accepted(plural, 'NodeA')).speaker.labels).toEqual({ 'kubernetes.io/hostname': 'NodeA' });
  });

  it('two VRFs: peers, the pools left out there, and an advertisement for each', async () => {
    const parts = ['peers', 'pools', 'advertisements'].map((part) => fixture(`seed-002-${part}.yaml`));
    const { peers, pools, advertisements } = await accepted(parts.join('---\n'));
    expect(peers.map((p) => [p.name, p.myAsn, p.peerAsn, formatAddress(p.address!), p.port])).toEqual([
      ['peerred', 64515, 64514, '192.169.10.1', 179],
      ['peerblue', 64515, 64514, '192.169.11.1', 179],
    ]);
    expect([...pools.values()].map((p) => [p.name, p.allocation?.namespaces])).toEqual([
      ['address-pool-red', ['red']],
      ['address-pool-blue', ['blue']],
    ]);
    expect(advertisements.map((a) => [a.pools, a.peers])).toEqual([
      [['address-pool-red'], ['peerred']],
      [['address-pool-blue'], ['peerblue']],
    ]);
  });

  it('sessions of the second, whole: each BGPPeer is one, and takes all routes', async () => {
    const parts = ['vni', 'peers', 'pools', 'advertisements', 'receive'].map((part) =>
      fixture(`seed-002-${part}.yaml`),
    );
    const { configuration } = await configure(parts.join('---\n'));
    expect(configuration?.peers.map(({ name, receive }) => [name, receive?.all])).toEqual([
      ['peerred', true],
      ['peerblue', true],
    ]);
    expect(await told(parts.join('---\n'))).toEqual([]);
  });

  it('a Service that asks for nothing', async () => {
    const { configuration } = await configure(
      `${fixture('seed-004-service.yaml')}---\n${fixture('seed-004-metallb.yaml')}`,
    );
    expect(configuration?.services.get('default/nginx-lb')).toMatchObject({
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ipFamilies: [4],
      ipFamilyPolicy: 'PreferDualStack',
      ports: [{ protocol: 'TCP', port: 80 }],
      selector: 'app=nginx',
      ingress: [],
      request: { addresses: [], sharingKey: '' },
    });
  });
});
