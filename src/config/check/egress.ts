/**
 * Which node carries each EgressService, and the label that it has from then on. In a cluster a manager that sees all
 * nodes, and probes them, chooses; here every node works it out from the same documents and from whom it hears of, where
 * BFD watches the members: so all come to the same.
 *
 * The label is put on the nodes before anything else looks at them: advertisements select by it as by any other.
 */
import { hashText } from '../../lib/hash.ts';
import { drainLabel } from '../annotation.ts';
import { type Egress, type EgressService, egressLabel } from '../egress.ts';
import { hasUsable, hasUsableOn, isSoleHolder } from '../endpoint.ts';
import { type Hearing, memberNames } from '../membership.ts';
import type { EndpointSlice, Labels, Node, Service } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Report } from '../report.ts';
import { selects } from '../selector.ts';
import type { Speaker } from '../speaker.ts';
import type { Found } from './nodes.ts';

export interface EgressGround {
  readonly speaker: Speaker;
  readonly nodes: ReadonlyMap<string, Node>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** Every file could be read, so what is not here does not exist. */
  readonly complete: boolean;
  /** Undefined: every member counts as alive. */
  readonly hearing: Hearing | undefined;
}

/** Who carries each, by `namespace/name`. */
export function electHosts(
  found: readonly Found<EgressService>[],
  ground: EgressGround,
  report: Report,
): ReadonlyMap<string, Egress> {
  const hosts = new Map<string, Egress>();
  for (const { document, value } of found) {
    const key = `${value.namespace}/${value.name}`;
    const egress = electHost(value, ground);
    hosts.set(key, egress);
    if (egress.reason === 'noService' && ground.complete)
      report.warn(
        document,
        ['metadata', 'name'],
        `there is no Service ${key}: has no effect`,
        didYouMean(key, ground.services.keys()) ?? 'its name and namespace must be those of the Service',
      );
    if (egress.reason === 'notLoadBalancer')
      report.warn(document, ['metadata', 'name'], `Service ${key} is no load balancer: has no effect`);
    if (egress.reason === 'noNode')
      report.warn(
        document,
        ['spec', 'nodeSelector'],
        'selects no node that could carry the Service: its endpoints leave as if it were not here',
        'the labels of nodes are those of their Node documents and of the Speaker',
      );
    if (egress.reason === 'unassigned')
      report.warn(
        document,
        ['status', 'host'],
        'says that no node carries the Service: has no effect',
        'without a status a node is chosen here',
      );
  }
  return hosts;
}

function electHost(document: EgressService, ground: EgressGround): Egress {
  const { speaker, nodes, services, slices } = ground;
  const key = `${document.namespace}/${document.name}`;
  const none = (reason: NonNullable<Egress['reason']>): Egress => ({ document, host: '', reason });
  const service = services.get(key);
  if (service === undefined) return none('noService');
  if (service.type !== 'LoadBalancer') return none('notLoadBalancer');
  if (document.sourceIpBy === 'Network') return { document, host: 'ALL' };
  if (document.statusHost === '') return none('unassigned');
  if (document.statusHost !== undefined) return { document, host: document.statusHost };
  const endpoints = slices.get(key) ?? [];
  // Where somebody has chosen for the whole cluster, the node says so too.
  const label = egressLabel(document);
  const marked = [...nodes.values(), speaker].find(({ labels }) => Object.hasOwn(labels, label));
  if (marked !== undefined) return { document, host: marked.name };
  // Without any slice every node counts as having an endpoint.
  if (endpoints.length > 0 && !hasUsable(endpoints)) return none('noEndpoints');
  const local = service.externalTrafficPolicy === 'Local' && endpoints.length > 0;
  // What only a drained node could serve is announced from there still.
  const isKept = (name: string) => speaker.drain.keepSoleLocal && local && isSoleHolder(endpoints, name);
  const candidates = memberNames(speaker, nodes).filter((name) => {
    const { networkUnavailable = false, ready = true, labels: theirs = {} } = nodes.get(name) ?? {};
    const labels = name === speaker.name ? speaker.labels : theirs;
    return (
      selects(document.nodeSelector, { 'kubernetes.io/hostname': name, ...labels }) &&
      !networkUnavailable &&
      ready &&
      (!Object.hasOwn(labels, drainLabel) || isKept(name)) &&
      (!local || hasUsableOn(endpoints, name))
    );
  });
  if (candidates.length === 0) return none('noNode');
  // The highest hash wins: a node that comes takes its share from the others, and one that goes moves only its own.
  const ranked = present(candidates, ground)
    .map((name) => ({ name, hash: hashText(`${name}#${key}`) }))
    .sort((a, b) => b.hash - a.hash || (a.name < b.name ? -1 : 1));
  return ranked[0] === undefined ? none('notAlive') : { document, host: ranked[0].name };
}

/** Those that are heard of. This node needs nobody to be heard of where none but it could carry the Service. */
function present(candidates: readonly string[], { speaker, hearing }: EgressGround): readonly string[] {
  const self = speaker.name;
  if (hearing === undefined || speaker.membership.type !== 'bfd') return candidates;
  if (candidates.length === 1 && candidates[0] === self) return candidates;
  return candidates.filter((name) => (name === self ? !hearing.aside : !hearing.silent.has(name)));
}

/** Labels that nodes have by what they carry, by the node's name. */
function labelsByNode(hosts: ReadonlyMap<string, Egress>): Map<string, Record<string, string>> {
  const byNode = new Map<string, Record<string, string>>();
  for (const { document, host } of hosts.values()) {
    if (host === '' || host === 'ALL') continue;
    const labels = byNode.get(host) ?? {};
    labels[egressLabel(document)] = '';
    byNode.set(host, labels);
  }
  return byNode;
}

/** The last result for a node: one that carries the same stays the same object. */
const labelled = new WeakMap<Node, { readonly keys: string; readonly node: Node }>();

/** The Speaker and the nodes with those labels. */
export function withEgressLabels(
  hosts: ReadonlyMap<string, Egress>,
  speaker: Speaker,
  nodes: ReadonlyMap<string, Node>,
): { readonly speaker: Speaker; readonly nodes: ReadonlyMap<string, Node> } {
  if (hosts.size === 0) return { speaker, nodes };
  const byNode = labelsByNode(hosts);
  return {
    speaker: { ...speaker, labels: { ...speaker.labels, ...byNode.get(speaker.name) } },
    nodes: new Map([...nodes].map(([name, node]) => [name, withLabels(node, byNode.get(name))])),
  };
}

function withLabels(node: Node, labels: Labels | undefined): Node {
  if (labels === undefined) return node;
  const keys = Object.keys(labels).sort().join();
  const last = labelled.get(node);
  if (last?.keys === keys) return last.node;
  const next = { ...node, labels: { ...node.labels, ...labels } };
  labelled.set(node, { keys, node: next });
  return next;
}
