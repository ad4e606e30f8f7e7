/** Loading documents in tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Assembled, assemble } from '../../src/config/assemble.ts';
import { formatDiagnostic } from '../../src/config/format.ts';
import { type LoadedFile, Loader } from '../../src/config/load.ts';
import type { Hearing } from '../../src/config/membership.ts';
import type { Configuration } from '../../src/config/model.ts';

const folder = fileURLToPath(new URL('../../fixtures/config/', import.meta.url));

export const fixture = (name: string): string => readFileSync(folder + name, 'utf8');

/** Names of the fixtures that match; none is an error. */
export function fixtures(pattern: RegExp): string[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  if (names.length === 0) throw new Error(`no fixture matches ${pattern}`);
  return names.sort();
}

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export const loadText = (text: string, file = 'test.yaml', loader = new Loader()): Promise<LoadedFile> =>
  loader.load(file, encode(text));

/** Everything from text to configuration; `node` as if given with --node, `hearing` as if of a daemon. */
export async function configure(text: string, node?: string, hearing?: Hearing): Promise<Assembled> {
  return assemble([await loadText(text)], { node, hostname: 'host', hearing });
}

/** As `configure`, for documents that must be accepted without a word. */
export async function accepted(text: string, node?: string, hearing?: Hearing): Promise<Configuration> {
  const { configuration, diagnostics } = await configure(text, node, hearing);
  if (configuration === undefined || diagnostics.length > 0)
    throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return configuration;
}

/** The diagnostics as lines. */
export const told = async (text: string, node?: string): Promise<string[]> =>
  (await configure(text, node)).diagnostics.map(formatDiagnostic);

/** Service default/web with an address and two endpoints on node-a, whose packets are to leave by a network as the Service. */
export const egressDocuments = (network: string, egress = ''): string => `apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web}
spec:
  sourceIPBy: LoadBalancerIP
  network: ${network}
${egress}---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: public}
spec: {addresses: [203.0.113.0/30]}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIPs: [172.30.0.5], ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
  - {addresses: [10.244.0.5], nodeName: node-a}
  - {addresses: [10.244.0.6], nodeName: node-a}
`;
