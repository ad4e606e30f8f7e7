/** Where it is written that a received route is not used. */
import type { Configuration } from '../../config/model.ts';
import type { Path } from '../../config/problem.ts';
import { type Source, sourceAt } from './chain.ts';

/** Reasons that a receive policy has, or that there is none. */
const ofPolicies: ReadonlySet<string> = new Set([
  'noReceivePolicy',
  'notAllowed',
  'notAccepted',
  'defaultRoute',
  'ownPrefix',
]);

const annotations = ['metadata', 'annotations'];

/** The field of a peer's own document that others are about. */
const ofPeers: ReadonlyMap<string, Path> = new Map([
  ['asPathTooLong', annotations],
  ['firstAs', annotations],
  ['martianPrefix', annotations],
  ['martianNextHop', annotations],
  ['routeLeak', annotations],
  ['nextHopOffLink', ['spec', 'ebgpMultiHop']],
]);

/** None where no document has to do with it. */
export function refusalSources(
  { speaker, peers }: Pick<Configuration, 'speaker' | 'peers'>,
  peer: string,
  reason: string,
): readonly Source[] {
  if (reason === 'alwaysBlocked') return speakerSources(speaker, ['spec', 'kernel', 'alwaysBlock']);
  const document = peers.find(({ name }) => name === peer);
  if (ofPolicies.has(reason)) {
    // Who called from a range has no document.
    if (document === undefined) return speakerSources(speaker, ['spec', 'listen', 'dynamic']);
    const places = document.receiveFrom ?? [{ document, path: [] }];
    return places.map((place) => sourceAt(place.document, place.path));
  }
  const path = ofPeers.get(reason);
  return document === undefined || path === undefined ? [] : [sourceAt(document, path)];
}

const speakerSources = ({ name, position }: Configuration['speaker'], path: Path): readonly Source[] =>
  position === undefined ? [] : [sourceAt({ kind: 'Speaker', namespace: '', name, position }, path)];
