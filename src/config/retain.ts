/**
 * Keeps what did not change. Documents, and advertisements resolved from them, keep their identity over a reload by
 * themselves; the Speaker with its defaults and the lists of slices are made anew each time. Where those came out the
 * same, the objects of the last configuration are put back, so that `===` means "nothing to redo".
 */
import { equal } from '../lib/diff.ts';
import type { Configuration } from './model.ts';

export function retain(previous: Configuration | undefined, next: Configuration): Configuration {
  if (previous === undefined) return next;
  return {
    ...next,
    speaker: equal(previous.speaker, next.speaker) ? previous.speaker : next.speaker,
    members: equal(previous.members, next.members) ? previous.members : next.members,
    aliases: equal(previous.aliases, next.aliases) ? previous.aliases : next.aliases,
    endpointSlices: new Map(
      [...next.endpointSlices].map(([service, slices]) => {
        const old = previous.endpointSlices.get(service);
        const same = old?.length === slices.length && old.every((s, i) => s === slices[i]);
        return [service, same ? old : slices];
      }),
    ),
  };
}

/** What every Service's decision rests on besides the Service and its endpoints is the same object by object. */
export function sameGround(a: Configuration, b: Configuration): boolean {
  return (
    a.speaker === b.speaker &&
    a.aliases === b.aliases &&
    sameItems([...a.pools.values()], [...b.pools.values()]) &&
    sameItems(a.advertisements, b.advertisements) &&
    sameItems(a.layer2Advertisements, b.layer2Advertisements) &&
    sameItems([...a.nodes.values()], [...b.nodes.values()]) &&
    sameItems([...a.namespaces.values()], [...b.namespaces.values()]) &&
    sameItems(a.kubeOvn.subnets, b.kubeOvn.subnets) &&
    sameItems([...a.kubeOvn.vlans.values()], [...b.kubeOvn.vlans.values()]) &&
    sameItems([...a.kubeOvn.networks.values()], [...b.kubeOvn.networks.values()])
  );
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);
