/** What is said of values that people write for numbers, lists and words, and what to write instead. */
import { describe, expect, it } from 'vitest';
import { accepted, configure, told } from '../support/config.ts';

const peer = (spec: string): string =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: p}\nspec:\n  peerAddress: 192.0.2.1\n  ${spec}\n`;
const pool = (spec: string): string =>
  `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/24], ${spec}}\n`;

describe('an AS number', () => {
  it.each([
    ['"65000.1"', 'expected a number, found the string "65000.1" (an AS number is written as one: 4259840001)'],
    [
      '1.10',
      'expected a whole number, found the number 1.1 (an AS number of two parts, HIGH.LOW, is written as HIGH * 65536 + LOW)',
    ],
    [
      '064512',
      'expected a number, found the string "064512" (write 64512: kubectl takes what begins with a zero for octal)',
    ],
    ['"64512"', 'expected a number, found the string "64512" (take the quotes away)'],
    ['64_512', 'expected a number, found the string "64_512" (write the digits alone)'],
    ['AS64512', 'expected a number, found the string "AS64512"'],
    ['4294967296', 'must be in 0..4294967295'],
    ['99999999999999999999', 'must be in 0..4294967295'],
    ['-1', 'must be in 0..4294967295'],
  ])('%s', async (text, message) => {
    expect(await told(peer(`peerASN: ${text}\n  myASN: 64512`))).toEqual([
      `test.yaml:6:12: error: BGPPeer/p: spec.peerASN: ${message}`,
    ]);
  });

  it('may be hexadecimal', async () => {
    expect((await accepted(peer('peerASN: 0xFC01\n  myASN: 64512'))).peers[0]!.peerAsn).toBe(64513);
  });
});

it('a zero in front makes text of any number, in quotes or not', async () => {
  const policy = (fields: string) =>
    `apiVersion: nmstate.io/v1\nkind: NodeNetworkConfigurationPolicy\nmetadata: {name: p}\nspec: {desiredState: {routes: {config: [{destination: 10.0.0.0/8, next-hop-interface: eth0, ${fields}}]}}}\n`;
  for (const text of ['010', '"010"'])
    expect(await told(policy(`table-id: ${text}`))).toEqual([
      expect.stringMatching(/table-id: expected a number, found the string "010" \(write 10: kubectl/),
    ]);
  await accepted(policy('table-id: "10"'));
  const annotated = peer('peerASN: 64513\n  myASN: 64512').replace(
    '{name: p}',
    '{name: p, annotations: {waypost.dev/max-as-path: 010}}',
  );
  expect((await told(annotated))[0]).toMatch(/expected a whole number in 1\.\.1000, found "010"/);
});

it('true and false are written without quotes, as are yes and no', async () => {
  for (const text of ['"false"', "'TRUE'"])
    expect(await told(pool(`autoAssign: ${text}`))).toEqual([
      expect.stringMatching(
        /spec\.autoAssign: expected true or false, found the string ".*" \(take the quotes away\)$/,
      ),
    ]);
  expect((await told(pool('autoAssign: maybe')))[0]).toMatch(/found the string "maybe"$/);
  for (const [text, expected] of [
    ['no', false],
    ['On', true],
  ] as const)
    expect((await accepted(pool(`autoAssign: ${text}`))).pools.get('p')!.autoAssign).toBe(expected);
});

describe('metadata', () => {
  it('is read as strictly as the rest', async () => {
    const text = pool('autoAssign: true').replace('{name: p}', '{name: p, lables: {zone: east}, namespce: x}');
    expect(await told(text)).toEqual([
      'test.yaml:3:21: warning: IPAddressPool/p: metadata.lables: unknown field: ignored (did you mean "labels"?)',
      'test.yaml:3:43: warning: IPAddressPool/p: metadata.namespce: unknown field: ignored (did you mean "namespace"?)',
    ]);
  });

  it('may have all that a cluster keeps there', async () => {
    await accepted(`
apiVersion: v1
kind: Namespace
metadata:
  name: red
  generateName: red-
  creationTimestamp: null
  deletionGracePeriodSeconds: 30
  deletionTimestamp: 2026-11-26T22:16:21Z
  finalizers: [a/b]
  generation: 2
  managedFields:
  - {apiVersion: v1, fieldsType: FieldsV1, manager: kubectl, operation: Update, fieldsV1: {"f:metadata": {"f:labels": {".": {}}}}}
  ownerReferences: [{apiVersion: v1, kind: Node, name: a, uid: x, controller: true}]
  resourceVersion: "7"
  selfLink: /api/v1/namespaces/red
  uid: 0a1b
`);
  });
});

it('a typo in the ports of a Service is told of', async () => {
  const text =
    'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - {name: http, port: 80, targetPort: 8080, appProtocol: http, protcol: UDP}\n';
  expect(await told(text)).toEqual([
    'test.yaml:6:65: warning: Service/web: spec.ports[0].protcol: unknown field: ignored (did you mean "protocol"?)',
  ]);
});

describe('a BGPPeer of v1beta1', () => {
  const old = (spec: string) => peer(`myASN: 64512\n  peerASN: 64513\n  ${spec}`).replace('v1beta2', 'v1beta1');
  it.each(['vrf: red', 'passwordSecret: {name: s}', 'dualStackAddressFamily: true', 'localASN: 64999'])(
    'has no %s, without which it would be another session',
    async (field) => {
      const { configuration, diagnostics } = await configure(old(field));
      expect(configuration).toBeUndefined();
      expect(diagnostics.map(({ path, message, position }) => [path, message, position.line])).toEqual([
        [`spec.${field.split(':')[0]}`, 'belongs to v1beta2: write apiVersion: metallb.io/v1beta2', 8],
      ]);
    },
  );

  it('may say nothing of them', async () => {
    await accepted(old('vrf: # none'));
  });
});

it('well-known communities are numbers', async () => {
  const text =
    'apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: a}\nspec: {communities: [no-export, NO_ADVERTISE]}\n';
  expect((await configure(text)).diagnostics.map(({ hint }) => hint)).toEqual([
    'write "65535:65281"',
    'write "65535:65282"',
  ]);
});

it('less than a second of hold time is none, and is told of', async () => {
  for (const [spec, path] of [
    ['holdTime: 900ms', 'spec.holdTime'],
    ['keepaliveTime: 300ms', 'spec.keepaliveTime'],
  ] as const) {
    const { configuration, diagnostics } = await configure(peer(`myASN: 1\n  peerASN: 2\n  ${spec}`));
    expect(configuration!.peers[0]).toMatchObject({ holdTimeSec: 0, keepaliveTimeSec: 0 });
    expect(diagnostics.map(({ severity, path: at }) => [severity, at])).toEqual([['warning', path]]);
  }
  await accepted(peer('myASN: 1\n  peerASN: 2\n  holdTime: 0s'));
  const frr =
    'apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: f}\nspec: {bgp: {routers: [{asn: 1, neighbors: [{asn: 2, address: 192.0.2.1, holdTime: 900ms, keepaliveTime: 0s}]}]}}\n';
  expect((await told(frr))[0]).toMatch(/warning: .*neighbors\[0\]\.holdTime: counts as 0s/);
});

it('intervals of BFD are milliseconds without a unit', async () => {
  const profile =
    'apiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: b}\nspec: {receiveInterval: 300ms}\n';
  expect((await told(profile))[0]).toMatch(/found the string "300ms" \(write the number of milliseconds alone\)$/);
});

it('what is to be filled in by a capture is no list', async () => {
  const text = `apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: p}
spec:
  desiredState:
    description: words
    routes:
      config: "{{ capture.eth0.routes.running }}"
`;
  expect(await told(text)).toEqual([
    'test.yaml:8:15: error: NodeNetworkConfigurationPolicy/p: spec.desiredState.routes.config: expected a list, found the string "{{ capture.eth0.routes.running }}" (this looks like a template: render it first, and write out what a capture would give)',
  ]);
  await accepted(text.replace(/config: .*/, 'config: []'));
});

it('keepalives are sent where a document asks for none, as an example of MetalLB does', async () => {
  const { configuration, diagnostics } = await configure(
    peer('myASN: 1\n  peerASN: 2\n  holdTime: 9m0s\n  keepaliveTime: 0s'),
  );
  expect(configuration!.peers[0]).toMatchObject({ holdTimeSec: 540, keepaliveTimeSec: 180 });
  expect(diagnostics.map(({ severity, path, hint }) => [severity, path, hint])).toEqual([
    ['warning', 'spec.keepaliveTime', 'write 180s, or leave it out'],
  ]);
  const frr =
    'apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: f}\nspec: {bgp: {routers: [{asn: 1, neighbors: [{asn: 2, address: 192.0.2.1, holdTime: 9s, keepaliveTime: 0s}]}]}}\n';
  expect((await configure(frr)).configuration!.peers[0]).toMatchObject({ holdTimeSec: 9, keepaliveTimeSec: 3 });
});

it('a misspelt password is an error, as a session without one would be', async () => {
  for (const [field, meant] of [
    ['pasword: hunter2', 'password'],
    ['Password: hunter2', 'password'],
    ['passwordsecret: {name: hunter2}', 'passwordSecret'],
  ] as const) {
    const { configuration, diagnostics } = await configure(peer(`myASN: 1\n  peerASN: 2\n  ${field}`));
    expect(configuration).toBeUndefined();
    expect(diagnostics.map((d) => [d.path, d.message, d.hint])).toEqual([
      [`spec.${field.split(':')[0]}`, 'unknown field', `did you mean "${meant}"?`],
    ]);
    expect(JSON.stringify(diagnostics)).not.toMatch(/hunter2/);
  }
});
