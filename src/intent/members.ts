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

/** What an election asks of a node beside its endpoints. */
export interface MemberFlags {
  /** A speaker runs there and is heard of. */
  readonly alive: boolean;
  readonly networkUnavailable: boolean;
  /** Carries the exclude-from-external-load-balancers label, which is not to be ignored. */
  readonly excluded: boolean;
  /** Its addresses are being moved away. */
  readonly drained: boolean;
}

/** `alive`, or the first reason for which the node is no candidate. */
export function memberState({ alive, networkUnavailable, excluded, drained }: MemberFlags) {
  if (!alive) return 'notAlive';
  if (networkUnavailable) return 'nodeNetworkUnavailable';
  if (excluded) return 'nodeLabeledExcludeBalancers';
  return drained ? 'nodeDrained' : 'alive';
}
