/** Which node this is, and which others there are: what node selectors are resolved over. */
import type { Document } from '../document.ts';
import { speakerDefaults } from '../kinds/speaker.ts';
import type { Hearing } from '../membership.ts';
import type { Labels, Node, Selector } from '../model.ts';
import type { Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Speaker } from '../speaker.ts';

export interface NodeOptions {
  /** The node's name as given on the command line. */
  readonly node?: string | undefined;
  /** The host's name, where nothing else names the node. */
  readonly hostname: string;
  /** Who of the cluster is heard of; undefined: whoever documents name counts as alive. */
  readonly hearing?: Hearing | undefined;
}

export interface Found<Value> {
  readonly document: Document;
  readonly value: Value;
}

/**
 * The settings of this node. Its name is the one given, else that of the only Speaker document, else the host's.
 * Its labels are those of its Node document with those of its Speaker document over them; the host name label, which
 * every node of a cluster has, is there even when neither gives it.
 * @param documents how many Speaker documents there are: one that cannot be read may be ours
 */
export function chooseSpeaker(
  speakers: readonly Found<Speaker>[],
  nodes: ReadonlyMap<string, Node>,
  { node, hostname }: NodeOptions,
  report: Report,
  documents: number,
): Speaker {
  const only = documents === 1 ? speakers[0] : undefined;
  const name = node ?? only?.value.name ?? hostname;
  const own = speakers.find((speaker) => speaker.value.name === name);
  if (own === undefined && speakers[0] !== undefined)
    report.warn(
      speakers[0].document,
      ['metadata', 'name'],
      `no Speaker document is named ${JSON.stringify(name)}, as this node is: defaults apply`,
      node === undefined ? 'say which node this is with --node' : undefined,
    );
  const settings = own?.value ?? { name, ...speakerDefaults };
  const members = settings.membership.nodes;
  if (own !== undefined && members.length > 0 && !members.includes(name))
    report.warn(
      own.document,
      ['spec', 'membership', 'nodes'],
      `node ${JSON.stringify(name)} is not in the list, so it announces nothing on layer 2 and carries no EgressService`,
      `add ${name}`,
    );
  const labels = { [HOSTNAME]: name, ...nodes.get(name)?.labels, ...settings.labels };
  return { ...settings, labels };
}

/** Every node of a cluster has the label. */
const withHostname = (node: Node): KnownNode =>
  Object.hasOwn(node.labels, HOSTNAME) ? node : { name: node.name, labels: { [HOSTNAME]: node.name, ...node.labels } };
const HOSTNAME = 'kubernetes.io/hostname';

export interface KnownNode {
  readonly name: string;
  readonly labels: Labels;
}

/** This node first, then the others. */
export class KnownNodes {
  readonly own: KnownNode;
  readonly others: readonly KnownNode[];

  constructor(speaker: Speaker, nodes: ReadonlyMap<string, Node>) {
    this.own = speaker;
    this.others = [...nodes.values()].filter((node) => node.name !== speaker.name).map(withHostname);
  }

  /** A node that both lists of selectors select: this one when they do, else any other. */
  common(a: readonly Selector[], b: readonly Selector[]): KnownNode | undefined {
    const both = ({ labels }: KnownNode) => anySelects(a, labels) && anySelects(b, labels);
    return both(this.own) ? this.own : this.others.find(both);
  }
}
