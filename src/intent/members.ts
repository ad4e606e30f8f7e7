/**
 * Who of the nodes has a speaker that is heard of: all that an election asks of a membership, wherever that knows it from.
 */
import type { Configuration } from '../config/model.ts';

export interface Members {
  /** Names of all that may be members, those included that no document describes. */
  readonly names: readonly string[];
  isAlive(name: string): boolean;
}

/**
 * Nobody listens for anybody: whoever is in the Speaker's list is alive, and, where there is no list, this node and
 * all that have a Node document.
 */
export function staticMembers({ speaker, nodes }: Pick<Configuration, 'speaker' | 'nodes'>): Members {
  const listed = speaker.membership.nodes;
  const names = new Set(listed.length > 0 ? listed : [speaker.name, ...nodes.keys()]);
  return { names: [...names], isAlive: (name) => names.has(name) };
}
