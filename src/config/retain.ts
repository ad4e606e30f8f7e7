/**
 * Keeps what did not change. Documents keep their identity over a reload by themselves, but what assembling makes of
 * several (an advertisement with its pools resolved, the Speaker with its defaults) is made anew each time; where it
 * came out the same, the object of the last configuration is put back, so that `===` means "nothing to redo".
 */
import { equal } from '../lib/diff.ts';
import type { Configuration } from './model.ts';

export function retain(previous: Configuration | undefined, next: Configuration): Configuration {
  if (previous === undefined) return next;
  const advertisements = new Map(previous.advertisements.map((a) => [a.key, a]));
  return {
    ...next,
    speaker: equal(previous.speaker, next.speaker) ? previous.speaker : next.speaker,
    advertisements: next.advertisements.map((a) => {
      const old = advertisements.get(a.key);
      return old !== undefined && equal(old, a) ? old : a;
    }),
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
    sameItems([...a.pools.values()], [...b.pools.values()]) &&
    sameItems(a.advertisements, b.advertisements) &&
    sameItems([...a.nodes.values()], [...b.nodes.values()]) &&
    sameItems([...a.namespaces.values()], [...b.namespaces.values()])
  );
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);
