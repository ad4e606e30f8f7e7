/** Facts about the node this speaker runs on, gathered from its documents. */
import { drainLabel } from '../config/annotation.ts';
import { excludeLabel } from '../config/check/exclusion.ts';
import type { Configuration, Labels, Node } from '../config/model.ts';
import type { Speaker } from '../config/speaker.ts';

const HOSTNAME_LABEL = 'kubernetes.io/hostname';

export interface ThisNode {
  readonly name: string;
  readonly labels: Labels;
  readonly networkUnavailable: boolean;
  /** Carries the label that keeps load balancers away, and the Speaker does not ignore it. */
  readonly excluded: boolean;
  /** Carries the label waypost.dev/drain, whatever its value. */
  readonly drained: boolean;
  /** The Node document, where there is one. */
  readonly document?: Node;
}

/** With these labels no load balancer uses a node, unless the Speaker says that this is to be ignored. */
export const isExcluded = (labels: Labels, { ignoreExcludeLabel }: Pick<Speaker, 'ignoreExcludeLabel'>): boolean =>
  Object.hasOwn(labels, excludeLabel) && !ignoreExcludeLabel;

/**
 * The labels of the Node document of this name, overridden by those of the Speaker; where neither says otherwise
 * kubernetes.io/hostname is the node's name, as the kubelet sets it.
 */
export function thisNode(config: Pick<Configuration, 'speaker' | 'nodes'>): ThisNode {
  const { speaker } = config;
  const document = config.nodes.get(speaker.name);
  const labels = { [HOSTNAME_LABEL]: speaker.name, ...document?.labels, ...speaker.labels };
  return {
    name: speaker.name,
    labels,
    networkUnavailable: document?.networkUnavailable ?? false,
    excluded: isExcluded(labels, speaker),
    drained: Object.hasOwn(labels, drainLabel),
    ...(document && { document }),
  };
}
