import { describe, expect, it } from 'vitest';
import { accepted, configure, told } from '../support/config.ts';

const doc = (apiVersion: string, kind: string, metadata: string, spec: string) =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}\n`;

describe('a name without a value', () => {
  it('is a label with empty text in metadata, as in Kubernetes', async () => {
    const labels = '{drained:, waypost.dev/community.a: }';
    const node = `apiVersion: v1\nkind: Node\nmetadata: {name: host, labels: ${labels.replace('waypost.dev/community.a', 'b')}}\n`;
    expect((await accepted(node)).nodes.get('host')!.labels).toEqual({ drained: '', b: '' });
    // It asks for a community that there is not, and stops nothing.
    const service = doc('v1', 'Service', `{name: web, labels: ${labels}}`, '{type: LoadBalancer}');
    const { configuration, diagnostics } = await configure(service);
    expect(configuration!.services.get('default/web')!.labels).toEqual({ drained: '', 'waypost.dev/community.a': '' });
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'invalid community format "": the Service is announced without it',
    ]);
  });

  it('selects by empty text, and is told of', async () => {
    const spec = '{nodeSelectors: [{matchLabels: {worker: }}]}';
    const { configuration, diagnostics } = await configure(
      doc('metallb.io/v1beta1', 'BGPAdvertisement', '{name: a}', spec),
    );
    expect(configuration!.advertisements[0]!.nodeSelectors).toEqual([
      { requirements: [{ key: 'worker', operator: 'In', values: [''] }] },
    ]);
    expect(diagnostics.map(({ severity, path, message }) => [severity, path, message])).toEqual([
      ['warning', 'spec.nodeSelectors[0].matchLabels.worker', 'has no value: read as ""'],
    ]);
  });

  it('does so where nodeSelector is read for nodeSelectors, and where labels stand by themselves', async () => {
    const advertisement = doc(
      'metallb.io/v1beta1',
      'BGPAdvertisement',
      '{name: a}',
      '{nodeSelector: {matchLabels: {worker: }}}',
    );
    expect((await configure(advertisement)).configuration!.advertisements[0]!.nodeSelectors).toEqual([
      { requirements: [{ key: 'worker', operator: 'In', values: [''] }] },
    ]);
    const policy = doc('nmstate.io/v1', 'NodeNetworkConfigurationPolicy', '{name: p}', '{nodeSelector: {worker: }}');
    expect((await configure(policy)).configuration!.networkPolicies[0]!.nodeSelector).toEqual({ worker: '' });
  });

  it('is absent anywhere else', async () => {
    const spec = '{addresses: [10.0.0.0/24], autoAssign: , serviceAllocation: {namespaces: , priority: 5}}';
    const pool = (await accepted(doc('metallb.io/v1beta1', 'IPAddressPool', '{name: p, labels: }', spec))).pools.get(
      'p',
    )!;
    expect(pool).toMatchObject({ autoAssign: true, allocation: { priority: 5, namespaces: [] }, labels: {} });
  });
});

it('says of labels beside matchLabels that they restrict nothing', async () => {
  const spec = '{myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, nodeSelectors: [{rack: r1}]}';
  expect(await told(doc('metallb.io/v1beta2', 'BGPPeer', '{name: p}', spec))).toEqual([
    'test.yaml:4:71: warning: BGPPeer/p: spec.nodeSelectors[0].rack: unknown field: ignored (labels belong under matchLabels: as it is, they restrict nothing)',
  ]);
});

it.each([
  ['name: a/b', 'name'],
  ['name: "a b"', 'name'],
  ['name: "a\\nb"', 'name'],
  ['name: "a\\u200b"', 'name'],
  ['name: a, namespace: b/c', 'namespace'],
])('refuses names that are none: %s', async (metadata, field) => {
  const { configuration, diagnostics } = await configure(`apiVersion: v1\nkind: Service\nmetadata: {${metadata}}\n`);
  expect(configuration).toBeUndefined();
  expect(diagnostics.map(({ path, message }) => [path, message])).toEqual([
    [`metadata.${field}`, 'a name has neither blanks nor slashes'],
  ]);
});
