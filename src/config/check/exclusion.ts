/** The label that keeps load balancers from a node: control planes have it without anybody's doing. */
import type { Node } from '../model.ts';
import type { Report } from '../report.ts';
import type { Speaker } from '../speaker.ts';
import type { Found } from './nodes.ts';

/** Whatever its value. */
export const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Says once that this node announces nothing, which is looked for in vain in advertisements. */
export function checkExclusion(nodes: readonly Found<Node>[], speaker: Speaker, report: Report): void {
  const own = nodes.find(({ value }) => value.name === speaker.name);
  if (own === undefined || speaker.ignoreExcludeLabel || !Object.hasOwn(own.value.labels, excludeLabel)) return;
  report.warn(
    own.document,
    ['metadata', 'labels', excludeLabel],
    'keeps this node from announcing Services',
    'take it away, or set ignoreExcludeLabel in the Speaker',
  );
}
