/** For a received route that is not used, the line of the document that has to do with it. */
import { expect, test } from 'vitest';
import { refusalSources } from '../../../src/intent/explain/refusal.ts';
import { configure } from '../../support/config.ts';

const documents = `apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec:
  routerID: 192.0.2.1
  kernel:
    alwaysBlock: [10.0.0.0/8]
  listen:
    addresses: ["::"]
    dynamic:
      - {prefix: 10.1.0.0/16, myASN: 64512, peerASN: 64513}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: plain}
spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.3}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata:
  name: router
  annotations: {waypost.dev/max-as-path: "10"}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: 192.0.2.2
  ebgpMultiHop: false
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: learn}
spec:
  bgp:
    routers:
      - asn: 64512
        neighbors:
          - address: 192.0.2.2
            asn: 64513
            toReceive: {allowed: {prefixes: [{prefix: 203.0.113.0/24}]}}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: more}
spec: {bgp: {routers: [{asn: 64512, neighbors: [{address: 192.0.2.2, asn: 64513}, {address: 192.0.2.4, asn: 64513}]}]}}
`;

test.each([
  ['router', 'notAllowed', ['FRRConfiguration/learn:39', 'FRRConfiguration/more:44']],
  ['router', 'ownPrefix', ['FRRConfiguration/learn:39', 'FRRConfiguration/more:44']],
  ['192.0.2.4', 'notAllowed', ['FRRConfiguration/more:44']],
  ['plain', 'noReceivePolicy', ['BGPPeer/plain:13']],
  ['10.1.0.7', 'noReceivePolicy', ['Speaker/node-a:10']],
  ['router', 'alwaysBlocked', ['Speaker/node-a:7']],
  ['router', 'asPathTooLong', ['BGPPeer/router:22']],
  ['router', 'nextHopOffLink', ['BGPPeer/router:27']],
  ['router', 'asLoop', []],
  ['10.1.0.7', 'asPathTooLong', []],
])('%s: %s', async (peer, reason, places) => {
  const { configuration, diagnostics } = await configure(documents, 'node-a');
  if (configuration === undefined) throw new Error(JSON.stringify(diagnostics));
  const found = refusalSources(configuration, peer, reason);
  expect(found.map(({ kind, name, line }) => `${kind}/${name}:${line}`)).toEqual(places);
});
