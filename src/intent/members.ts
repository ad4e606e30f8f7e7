/**
 * Who of the nodes has a speaker that is heard of: all that an election asks of a membership, wherever that knows it from.
 */
import { memberNames } from '../config/membership.ts';
import type { Configuration } from '../config/model.ts';

export interface Members {
  /** Names of all that may be members, those included that no document describes. */
  readonly names: readonly string[];
  isAlive(name: string): boolean;
}

/** @param silent members that should be heard of and are not; none where nobody listens */
export function membersOf(
  { speaker, nodes }: Pick<Configuration, 'speaker' | 'nodes'>,
  silent: ReadonlySet<string> = new Set(),
): Members {
  const names = new Set(memberNames(speaker, nodes));
  return { names: [...names], isAlive: (name) => names.has(name) && !silent.has(name) };
}
