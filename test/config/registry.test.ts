import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kindDocs, kinds, lookup } from '../../src/config/registry.ts';

describe('documentation of kinds', () => {
  it('names each kind and version once', () => {
    const names = kinds.map(({ kind, apiVersion }) => `${apiVersion}/${kind}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('metallb.io/v1beta2/BGPPeer');
  });

  it('describes every field of our own kind, and knows what is required', () => {
    const docs = kindDocs();
    const fields = docs.find(({ kind }) => kind === 'Speaker')!.fields.map(({ path }) => path);
    expect(fields).toEqual([
      'spec.labels',
      'spec.routerID',
      'spec.defaultLocalPref',
      'spec.listen',
      'spec.listen.addresses',
      'spec.listen.port',
      'spec.listen.dynamic',
      'spec.listen.dynamic[].prefix',
      'spec.listen.dynamic[].myASN',
      'spec.listen.dynamic[].peerASN',
      'spec.listen.dynamic[].dynamicASN',
      'spec.listen.dynamic[].limit',
      'spec.listen.dynamic[].maxPrefixes',
      'spec.listen.dynamic[].password',
      'spec.listen.dynamic[].ebgpMultiHop',
      'spec.listen.dynamic[].families',
      'spec.loadBalancerClass',
      'spec.ignoreExcludeLabel',
      'spec.kernel',
      'spec.kernel.install',
      'spec.kernel.protocol',
      'spec.kernel.metric',
      'spec.kernel.mtu',
      'spec.kernel.alwaysBlock',
      'spec.kernel.multipath',
      'spec.kernel.multipath.external',
      'spec.kernel.multipath.internal',
      'spec.kernel.multipath.asPath',
      'spec.kernel.multipath.bandwidth',
      'spec.kernel.resolveViaDefault',
      'spec.kernel.keepOnStop',
      'spec.kernel.sweepAfter',
      'spec.membership',
      'spec.membership.type',
      'spec.membership.nodes',
      'spec.membership.addresses',
      'spec.membership.bfdProfile',
      'spec.loopbackAddresses',
      'spec.serviceCommunities',
      'spec.drain',
      'spec.drain.wait',
      'spec.drain.onShutdown',
      'spec.drain.keepSoleLocal',
      'spec.drain.terminating',
      'spec.drain.message',
      'spec.layer2',
      'spec.layer2.gratuitousInterval',
      'spec.layer2.conflict',
      'spec.layer2.spread',
      'spec.layer2.stickiness',
      'spec.layer2.holdDown',
      'spec.layer2.reception',
      'spec.network',
      'spec.network.rollback',
      'spec.network.probe',
      'spec.network.probe.gateway',
      'spec.network.probe.sessions',
      'spec.network.probe.command',
      'spec.network.vrfSysctls',
      'spec.network.tcpL3mdevAccept',
      'spec.network.interfaces',
      'spec.network.interfaces[].name',
      'spec.network.interfaces[].forwarding',
      'spec.network.interfaces[].rpFilter',
      'spec.stateDir',
    ]);
    const peer = docs.find(({ apiVersion }) => apiVersion === 'metallb.io/v1beta2')!.fields;
    expect(peer.filter(({ required }) => required).map(({ path }) => path)).toContain('spec.myASN');
    for (const { fields, kind } of docs)
      for (const { path, description } of fields) expect(description, `${kind} ${path}`).toMatch(/\.$/);
  });

  const manual = (name: string) =>
    readFileSync(fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)), 'utf8');

  it('has every annotation in the manual', () => {
    const text = manual('annotations');
    const annotations = kindDocs().flatMap((doc) => doc.annotations);
    expect(annotations.length).toBeGreaterThan(10);
    for (const { name, summary } of annotations) {
      expect(text).toContain(`| \`waypost.dev/${name}\` |`);
      expect(summary, name).toMatch(/\.$/);
    }
  });

  it('has every field of the Speaker in the manual', () => {
    const text = manual('speaker');
    for (const { path } of kindDocs().find(({ kind }) => kind === 'Speaker')!.fields)
      expect(text).toContain(`| \`${path.replace('spec.', '')}\` |`);
  });
});

it.each([
  ['metallb.io/v1beta2', 'BGPPeer', 'read'],
  ['metallb.io/v1beta1', 'BGPPeer', 'read'],
  ['metallb.io/v1alpha1', 'BGPPeer', 'error'],
  ['metallb.universe.tf/v1beta1', 'IPAddressPool', 'error'],
  ['v1', 'Service', 'read'],
  ['v1beta1', 'Service', 'error'],
  ['serving.knative.dev/v1', 'Service', 'warning'],
  ['config.openshift.io/v1', 'Node', 'warning'],
  ['metallb.io/v1beta1', 'L2Advertisement', 'read'],
  ['metallb.io/v1beta1', 'BFDProfile', 'read'],
  ['v1', 'ConfigMap', 'read'],
  ['batch/v1', 'Job', 'warning'],
  ['metallb.io/v1beta1', 'IpAddressPool', 'error'],
  ['metallb.io/v1beta1', 'L2Advertisment', 'error'],
  ['metallb.io/v1beta1', 'AddressPool', 'warning'],
  ['metallb.io/v1beta1', 'ServiceL2Status', 'warning'],
  ['crd.projectcalico.org/v1', 'BGPPeer', 'warning'],
  ['projectcalico.org/v3', 'BGPPeer', 'warning'],
  ['example.org/v1', 'BGPPeer', 'error'],
  ['nmstate.io/v1', 'NodeNetworkConfigurationEnactment', 'warning'],
  ['v1', 'Pod', 'warning'],
  ['waypost.dev/v1', 'Speakers', 'error'],
  ['v1', 'service', 'error'],
])('%s %s: %s', (apiVersion, kind, expected) => {
  const found = lookup(apiVersion, kind);
  expect('kind' in found ? 'read' : found.severity).toBe(expected);
});
