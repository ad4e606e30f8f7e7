/** A password in a file that everybody may read is told of, wherever the document has it; the password is not. */
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { all, Folder, serviceDocument, waypost } from '../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

const documents = all(
  'apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: direct}\nspec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, password: hidden}\n',
  'apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: metallb-system}\ntype: kubernetes.io/basic-auth\nstringData: {password: hidden}\n',
  'apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: frr}\nspec: {bgp: {routers: [{asn: 64512, neighbors: [{address: 192.0.2.2, asn: 64513, password: hidden}]}]}}\n',
  'apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: open}\nspec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.3}\n',
  serviceDocument('web'),
);

test('a warning for each document that has one, with the remedy; none once only owner and group may read it', async () => {
  folder.write('a.yaml', documents);
  chmodSync(folder.file('a.yaml'), 0o644);
  const { stdout } = await waypost(['check', folder.file('a.yaml')]);
  const told = stdout.split('\n').filter((line) => line.includes('everybody on this machine may read'));
  expect(told.map((line) => /warning: (\S+):/.exec(line)![1])).toEqual([
    'BGPPeer/direct',
    'Secret/key',
    'FRRConfiguration/frr',
  ]);
  expect(told[0]).toContain(`(chmod 640 ${folder.file('a.yaml')})`);
  expect(stdout).not.toContain('hidden');
  chmodSync(folder.file('a.yaml'), 0o640);
  expect((await waypost(['check', folder.file('a.yaml')])).stdout).not.toContain('everybody');
});
