/** Nodes that choose by different rules do not agree on who has which address. */
import { memberNames } from '../membership.ts';
import type { Node } from '../model.ts';
import type { Report } from '../report.ts';
import type { Speaker } from '../speaker.ts';
import type { Found } from './nodes.ts';

export function checkSpread(
  speakers: readonly Found<Speaker>[],
  speaker: Speaker,
  nodes: ReadonlyMap<string, Node>,
  report: Report,
): void {
  const own = speakers.find(({ value }) => value.name === speaker.name)?.document;
  const { spread } = speaker.layer2;
  const members = new Set(memberNames(speaker, nodes));
  const other = speakers.find(({ value }) => members.has(value.name) && value.layer2.spread !== spread)?.value;
  if (own === undefined || other === undefined) return;
  report.warn(
    own,
    ['spec', 'layer2', 'spread'],
    `is ${spread} here and ${other.layer2.spread} in Speaker ${JSON.stringify(other.name)}: addresses get two nodes, or none`,
    'make it the same on all nodes',
  );
}
