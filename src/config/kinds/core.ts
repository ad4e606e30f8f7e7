/** group core/v1: Service, Node, Namespace and Secret. */
import { z } from 'zod';
import { type Address, parseAddress, unmapAddress } from '../../lib/address.ts';
import { nodeLabels, serviceLabels, words } from '../annotation.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Service } from '../model.ts';
import { decodeBase64 } from '../password.ts';
import { Findings } from '../problem.ts';
import { readCommunities, readRequest, readTerminating, terminating } from '../request.ts';
import { anything, documentSchema, int, type Output, word } from '../schema.ts';
import { metallb } from './metallb.ts';

const family = () => z.enum(['IPv4', 'IPv6']);

const serviceSchema = () =>
  documentSchema({
    spec: z
      .object({
        type: word('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName').describe(
          'Only LoadBalancer Services are announced. Default ClusterIP.',
        ),
        ports: z
          .array(
            z.object({
              port: int(1, 65535).describe('Port of the Service, 1..65535.'),
              protocol: z.string().optional(),
              nodePort: z.number().optional(),
              appProtocol: anything(),
              name: anything(),
              targetPort: anything(),
            }),
          )
          .optional()
          .describe('Ports; two Services may share an address when none is the same.'),
        selector: z.record(z.string(), z.string()).optional().describe('Pods behind the Service.'),
        externalTrafficPolicy: word('Cluster', 'Local').describe(
          'Local: only nodes with a ready endpoint announce. Default Cluster.',
        ),
        ipFamilies: z.array(family()).optional().describe('Address families, the preferred one first.'),
        ipFamilyPolicy: z
          .enum(['SingleStack', 'PreferDualStack', 'RequireDualStack'])
          .optional()
          .describe('Whether the Service gets one address or one of each family. Default SingleStack.'),
        clusterIP: z.string().optional(),
        clusterIPs: z.array(z.string()).optional().describe('Tell the families where ipFamilies is absent.'),
        loadBalancerIP: z
          .string()
          .optional()
          .describe('Address wanted; the annotation metallb.io/loadBalancerIPs replaces it.'),
        loadBalancerClass: z
          .string()
          .optional()
          .describe('Announced only when equal to that of the Speaker. Default empty.'),
        allocateLoadBalancerNodePorts: anything(),
        externalIPs: anything(),
        externalName: anything(),
        healthCheckNodePort: anything(),
        internalTrafficPolicy: anything(),
        ipFamily: anything(),
        loadBalancerSourceRanges: anything(),
        publishNotReadyAddresses: anything(),
        sessionAffinity: anything(),
        sessionAffinityConfig: anything(),
        topologyKeys: anything(),
        trafficDistribution: anything(),
      })
      .optional(),
    status: z
      .looseObject({
        loadBalancer: z
          .looseObject({
            ingress: z
              .array(z.looseObject({ ip: z.string().optional(), hostname: z.string().optional() }))
              .optional()
              .describe('Addresses the Service has. Absent: they are taken from the pools here.'),
          })
          .optional(),
      })
      .optional(),
  });

type ServiceSpec = NonNullable<Output<typeof serviceSchema>['spec']>;

const annotations = {
  communities: words(
    'communities separated by commas',
    'Communities of every route of the Service, as far as serviceCommunities of the Speaker allows.',
  ),
  terminating,
} as const;

const service = defineKind({
  kind: 'Service',
  apiVersion: 'v1',
  namespace: 'default',
  global: false,
  summary: 'What is announced, when its type is LoadBalancer.',
  own: { annotations, labels: serviceLabels },
  schema: serviceSchema,
  read({ spec = {}, status }, meta) {
    // What a Service asks for concerns only whoever serves its class: these wait until that is known.
    const claims = new Findings();
    const ipFamilies = familiesOf(spec);
    const request = readRequest(spec.loadBalancerIP, meta, ipFamilies, claims);
    const communities = readCommunities(meta);
    const externalTrafficPolicy = spec.externalTrafficPolicy ?? 'Cluster';
    // Spelt out: V8 gives each object that spreads into a long literal a hidden class of its own, and with 10,000 of
    // them every later access is a slow one.
    const { kind, namespace, name, key, labels, annotations, position } = meta;
    const value: Service = {
      kind,
      namespace,
      name,
      key,
      labels,
      annotations,
      position,
      type: spec.type ?? 'ClusterIP',
      ingress: (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => {
        const address = ip === undefined ? undefined : parseAddress(ip);
        // An IPv4 address in the form of IPv6 is that IPv4 address, as in Kubernetes.
        return { text: ip ?? hostname ?? '', ...(address && { address: unmapAddress(address) }) };
      }),
      loadBalancerClass: spec.loadBalancerClass ?? '',
      externalTrafficPolicy,
      ipFamilies,
      ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack',
      clusterIps: clusterIpsOf(spec),
      ports: (spec.ports ?? []).map(({ port, protocol, nodePort }) => ({
        protocol: protocol || 'TCP',
        port,
        ...(nodePort && { nodePort }),
      })),
      selector: Object.entries(spec.selector ?? {})
        .map(([key, text]) => `${key}=${text}`)
        .sort()
        .join(','),
      request,
      communities: communities.length === 0 ? none : [...new Set(communities.map(({ text }) => text))],
      terminating: readTerminating(meta, externalTrafficPolicy, claims),
    };
    const id = `${namespace}/${name}`;
    const named = request.pool !== undefined || request.addresses.length > 0;
    const something = named || claims.problems.length > 0 || communities.length > 0;
    const asks = value.type === 'LoadBalancer' && something;
    return { type: 'service', value, id, asks, claims: claims.problems, communities };
  },
});

function familiesOf(spec: ServiceSpec): readonly (4 | 6)[] {
  if (spec.ipFamilies !== undefined) return spec.ipFamilies.map((f) => (f === 'IPv4' ? 4 : 6));
  return clusterIpsOf(spec).map(({ family }) => family);
}

/** 'None' and '' say nothing. */
function clusterIpsOf(spec: ServiceSpec): readonly Address[] {
  const texts = spec.clusterIPs ?? (spec.clusterIP === undefined ? noTexts : [spec.clusterIP]);
  return texts.length === 0 ? noAddresses : texts.flatMap((text) => parseAddress(text) ?? []);
}
const noTexts: readonly string[] = Object.freeze([]);
const noAddresses: readonly Address[] = Object.freeze([]);
const none: readonly string[] = Object.freeze([]);

const nodeSchema = () =>
  documentSchema({
    spec: anything(),
    status: z
      .looseObject({
        conditions: z
          .array(z.looseObject({ type: z.string(), status: z.string() }))
          .optional()
          .describe(
            'NetworkUnavailable: True keeps the node from announcing, Ready: False or Unknown from carrying EgressServices.',
          ),
        addresses: z
          .array(z.looseObject({ type: z.string().optional(), address: z.string() }))
          .optional()
          .describe(
            "The node's own: endpoints with one of them use the network of their host, and other speakers reach it at the first, InternalIP before others.",
          ),
      })
      .optional(),
  });

const node = defineKind({
  kind: 'Node',
  apiVersion: 'v1',
  namespace: '',
  global: false,
  summary: 'Labels that node selectors see, and whether the network of the node works.',
  own: { labels: nodeLabels },
  schema: nodeSchema,
  read({ status }, meta) {
    const is = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted)?.status;
    const networkUnavailable = is('NetworkUnavailable') === 'True';
    const ready = (is('Ready') ?? 'True') === 'True';
    const addresses = (status?.addresses ?? [])
      .toSorted((a, b) => Number(b.type === 'InternalIP') - Number(a.type === 'InternalIP'))
      .flatMap(({ address }) => parseAddress(address) ?? []);
    return { type: 'node', value: { ...meta, networkUnavailable, ready, addresses } };
  },
});

const namespace = defineKind({
  kind: 'Namespace',
  apiVersion: 'v1',
  namespace: '',
  global: false,
  summary: 'Labels that namespace selectors of pools see.',
  schema: () => documentSchema({ spec: anything() }),
  read: (_, meta) => ({ type: 'namespace', value: meta }),
});

/** The type of Secrets that sessions have their passwords from. */
export const basicAuth = 'kubernetes.io/basic-auth';

const secret = defineKind({
  kind: 'Secret',
  apiVersion: 'v1',
  // Read for the sake of BGPPeers only: one that names no namespace is meant to be with them.
  namespace: metallb.namespace,
  global: false,
  summary: 'Passwords of BGP sessions, in those of type kubernetes.io/basic-auth.',
  schema: () =>
    documentSchema({
      type: z.string().optional().describe('kubernetes.io/basic-auth for the password of a session.'),
      data: z.record(z.string(), z.string()).optional().describe('Values in base64; that of password is read.'),
      stringData: z
        .record(z.string(), z.string())
        .optional()
        .describe('Values as text; that of password is read, and wins over data.'),
      immutable: anything(),
    }),
  read({ type = '', data, stringData }, meta, findings) {
    const encoded = data?.password;
    const decoded = encoded === undefined ? undefined : decodeBase64(encoded);
    const bad = encoded !== undefined && decoded === undefined;
    // Other programs keep what they like in Secrets of other types.
    if (bad && type === basicAuth)
      findings.error(['data', 'password'], 'is not base64 of UTF-8 text', 'plain text belongs under stringData');
    const password = stringData?.password ?? decoded;
    return { type: 'secret', value: { ...meta, type, ...(password !== undefined && { password }) } };
  },
});

export const kinds: readonly Kind[] = [service, node, namespace, secret];
