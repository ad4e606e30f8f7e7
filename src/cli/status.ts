/**
 * The daemon's state as the documents that MetalLB and frr-k8s keep in a cluster (ServiceL2Status, ServiceBGPStatus,
 * BGPSessionState, ConfigurationState), for programs that read those: `show services|peers|config -o yaml`.
 */
import { stringify } from 'yaml';
import type { ConfigView, PeerRow, ServiceRow } from '../daemon/views.ts';
import { sha256 } from '../io/digest.ts';
import { parseAddress } from '../lib/address.ts';
import { toHex } from '../lib/bytes.ts';
import { isPattern } from '../lib/cover.ts';

interface StatusDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly status: object;
}

/** Documents one after the other. */
export const yamlOf = (documents: readonly StatusDocument[]): string =>
  documents.map((document) => stringify(document)).join('---\n');

/** What stands where a cluster has a name that it made up: the same each time. */
const suffix = (...parts: readonly string[]): string =>
  toHex(sha256(new TextEncoder().encode(parts.join('\0')))).slice(0, 5);

/** One for each protocol that announces a Service. */
export function serviceStatuses(node: string, services: readonly ServiceRow[]): StatusDocument[] {
  return services.flatMap(({ service, bgp, layer2 }) => {
    const [serviceNamespace, serviceName] = service.split('/') as [string, string];
    const labels = {
      'metallb.io/node': node,
      'metallb.io/service-name': serviceName,
      'metallb.io/service-namespace': serviceNamespace,
    };
    const document = (kind: string, prefix: string, more: object): StatusDocument => ({
      apiVersion: 'metallb.io/v1beta1',
      kind,
      metadata: { name: `${prefix}-${suffix(node, service)}`, namespace: 'metallb-system', labels },
      status: { node, serviceName, serviceNamespace, ...more },
    });
    const interfaces = layer2.interfaces.filter((name) => !isPattern(name)).map((name) => ({ name }));
    return [
      ...(layer2.announced ? [document('ServiceL2Status', 'l2', interfaces.length > 0 ? { interfaces } : {})] : []),
      ...(bgp.announced ? [document('ServiceBGPStatus', 'bgp', { peers: bgp.peers })] : []),
    ];
  });
}

export function sessionStates(node: string, peers: readonly PeerRow[]): StatusDocument[] {
  return peers.map(({ name, address, interface: link, vrf, state, bfd }) => {
    // A peer that is looked for on a link has no address yet.
    const peer = address || link || name;
    return {
      apiVersion: 'frrk8s.metallb.io/v1beta1',
      kind: 'BGPSessionState',
      metadata: {
        name: `${node}-${suffix(node, peer, vrf)}`,
        namespace: 'frr-k8s-system',
        labels: {
          'frrk8s.metallb.io/node': node,
          'frrk8s.metallb.io/peer': labelOf(peer),
          'frrk8s.metallb.io/vrf': vrf,
        },
      },
      status: { node, peer, vrf, bgpStatus: state, bfdStatus: bfd ?? 'N/A' },
    };
  });
}

/** A label has no colons: all eight groups of an IPv6 address, with dashes between them. */
function labelOf(peer: string): string {
  const address = parseAddress(peer);
  return address?.family === 6 ? toHex(address.bytes).replace(/(.{4})(?!$)/g, '$1-') : peer;
}

export function configurationState(view: ConfigView): StatusDocument {
  const { node, valid, transient, errors, loadedAt } = view;
  const name = node ?? 'unknown';
  const errorSummary = errors.map((e) => `${e.file}:${e.line}: ${e.subject}: ${e.message}`).join('\n');
  const reason = valid ? 'Reconciled' : transient ? 'InfraError' : 'ConfigurationError';
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'ConfigurationState',
    metadata: {
      name: `speaker-${name}`,
      namespace: 'metallb-system',
      labels: { 'metallb.io/component-type': 'speaker', 'metallb.io/node-name': name },
    },
    status: {
      // What may pass by itself makes nothing invalid.
      result: valid ? 'Valid' : transient ? 'Unknown' : 'Invalid',
      ...(errorSummary !== '' && { errorSummary }),
      conditions: [
        {
          type: 'configReconcilerValid',
          status: valid ? 'True' : 'False',
          reason,
          message: errorSummary,
          ...(loadedAt !== null && { lastTransitionTime: loadedAt }),
        },
      ],
    },
  };
}
