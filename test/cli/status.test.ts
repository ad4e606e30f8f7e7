/** The daemon's state as status documents of MetalLB and frr-k8s. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { serviceStatuses, sessionStates } from '../../src/cli/status.ts';
import type { PeerRow, ServiceRow } from '../../src/daemon/views.ts';
import {
  all,
  Folder,
  Router,
  serviceDocument,
  smallest,
  spawnWaypost,
  steadySpeaker,
  waypost,
} from '../support/daemon.ts';
import type { Daemon as Process } from '../support/process.ts';

let router: Router;
let folder: Folder;
let daemon: Process | undefined;
beforeEach(async () => {
  router = await new Router().start();
  folder = new Folder();
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await router.stop();
  folder.dispose();
});

const control = () => folder.file('control.sock');
const status = async (what: string): Promise<Record<string, unknown>[]> => {
  const { code, stdout, stderr } = await waypost(['show', what, '-o', 'yaml', '--control', control()]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout === '' ? [] : parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
};

test('of a running daemon: its Services, its sessions and its configuration, valid and not', async () => {
  const documents = all(
    steadySpeaker(folder.file('state')),
    smallest(router),
    serviceDocument('elsewhere', { ip: '192.0.2.77' }),
  );
  folder.put('main.yaml', documents);
  daemon = spawnWaypost(['run', '-c', folder.file('main.yaml'), '--control', control(), '--http', 'off']);
  await router.knows('198.51.100.0/32');
  // One that is not announced has none.
  expect(await status('services')).toEqual([
    {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'ServiceBGPStatus',
      metadata: {
        name: expect.stringMatching(/^bgp-[0-9a-f]{5}$/),
        namespace: 'metallb-system',
        labels: {
          'metallb.io/node': 'node-a',
          'metallb.io/service-name': 'web',
          'metallb.io/service-namespace': 'default',
        },
      },
      status: { node: 'node-a', serviceName: 'web', serviceNamespace: 'default', peers: ['router'] },
    },
  ]);
  expect(await status('peers')).toEqual([
    {
      apiVersion: 'frrk8s.metallb.io/v1beta1',
      kind: 'BGPSessionState',
      metadata: {
        name: expect.stringMatching(/^node-a-[0-9a-f]{5}$/),
        namespace: 'frr-k8s-system',
        labels: {
          'frrk8s.metallb.io/node': 'node-a',
          'frrk8s.metallb.io/peer': '127.0.0.1',
          'frrk8s.metallb.io/vrf': '',
        },
      },
      status: { node: 'node-a', peer: '127.0.0.1', vrf: '', bgpStatus: 'Established', bfdStatus: 'N/A' },
    },
  ]);
  const [valid] = await status('config');
  expect(valid).toMatchObject({
    kind: 'ConfigurationState',
    metadata: {
      name: 'speaker-node-a',
      labels: { 'metallb.io/component-type': 'speaker', 'metallb.io/node-name': 'node-a' },
    },
    status: { result: 'Valid', conditions: [{ type: 'configReconcilerValid', status: 'True', reason: 'Reconciled' }] },
  });
  folder.put('main.yaml', documents.replace('198.51.100.0/24', 'nonsense'));
  await expect
    .poll(async () => (await status('config'))[0], { timeout: 60_000 })
    .toMatchObject({
      status: {
        result: 'Invalid',
        errorSummary: expect.stringMatching(/main\.yaml:\d+: IPAddressPool\/main: /),
        conditions: [{ status: 'False', reason: 'ConfigurationError' }],
      },
    });
});

test('interfaces where they are restricted, both protocols, and labels without colons', () => {
  const row = {
    service: 'a/b',
    bgp: { announced: true, peers: ['x'] },
    layer2: { announced: true, interfaces: ['/^ens/', 'eth1'] },
  } as unknown as ServiceRow;
  const [l2, bgp] = serviceStatuses('n', [row]);
  expect([l2!.kind, l2!.status]).toEqual([
    'ServiceL2Status',
    { node: 'n', serviceName: 'b', serviceNamespace: 'a', interfaces: [{ name: 'eth1' }] },
  ]);
  expect(bgp!.kind).toBe('ServiceBGPStatus');
  const peer = {
    name: 'p',
    address: 'fc00:f853:ccd:e793::5',
    vrf: 'red',
    state: 'Active',
    bfd: 'Up',
  } as unknown as PeerRow;
  const [state] = sessionStates('n', [peer]);
  expect(state!.metadata.labels).toEqual({
    'frrk8s.metallb.io/node': 'n',
    'frrk8s.metallb.io/peer': 'fc00-f853-0ccd-e793-0000-0000-0000-0005',
    'frrk8s.metallb.io/vrf': 'red',
  });
  expect(state!.status).toMatchObject({ peer: 'fc00:f853:ccd:e793::5', bgpStatus: 'Active', bfdStatus: 'Up' });
  // Nobody has answered on the link yet.
  const [unnumbered] = sessionStates('n', [{ ...peer, address: '', interface: 'eth1', bfd: null }]);
  expect(unnumbered!.status).toEqual({ node: 'n', peer: 'eth1', vrf: 'red', bgpStatus: 'Active', bfdStatus: 'N/A' });
});

test('exit 2 for what has no such document', async () => {
  expect(await waypost(['show', 'received', '-o', 'yaml', '--control', control()])).toMatchObject({ code: 2 });
  for (const other of ['--json', '--watch'])
    expect(await waypost(['show', 'peers', '-o', 'yaml', other])).toEqual({
      code: 2,
      stdout: '',
      stderr: `waypost: -o yaml and ${other} exclude each other\n`,
    });
});
