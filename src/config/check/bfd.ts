/** BFDProfiles that BGPPeers name. */
import { equal } from '../../lib/diff.ts';
import type { BfdProfile, BfdSettings } from '../bfd.ts';
import type { Document } from '../document.ts';
import type { Peer } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Path } from '../problem.ts';
import type { Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNodes } from './nodes.ts';

export interface Profiles {
  /** Every file could be read, so a profile that is not here does not exist. */
  readonly complete: boolean;
  readonly found: readonly Found<BfdProfile>[];
  /** Those that could not be read as well. */
  readonly names: ReadonlySet<string>;
}

/** The last result for a peer: one whose profile says what it did before stays the same object. */
const resolved = new WeakMap<Peer, Peer>();

/**
 * The peer with what its profile says. Without the profile this node's configuration is refused; a peer of other nodes
 * need not have it here.
 */
export function resolveBfd(
  { document, value: peer }: Found<Peer>,
  profiles: Profiles,
  nodes: KnownNodes,
  report: Report,
): Peer {
  const { bfdProfile: name } = peer;
  if (name === undefined) return peer;
  const profile = profiles.found.find(({ value }) => value.name === name);
  if (profile !== undefined) return withBfd(peer, profile.value.settings);
  if (profiles.complete && !profiles.names.has(name)) tellUnknown(document, peer, name, profiles, nodes, report);
  return peer;
}

function withBfd(peer: Peer, bfd: BfdSettings): Peer {
  const last = resolved.get(peer);
  if (last !== undefined && equal(last.bfd, bfd)) return last;
  const watched: Peer = { ...peer, bfd };
  resolved.set(peer, watched);
  return watched;
}

function tellUnknown(
  document: Document,
  { nodeSelectors }: Peer,
  name: string,
  { names }: Profiles,
  nodes: KnownNodes,
  report: Report,
): void {
  const { transient, ...problem } = unknownProfile(name, names, ['spec', 'bfdProfile']);
  const own = anySelects(nodeSelectors, nodes.own.labels);
  report.add(document, own ? { ...problem, transient } : { ...problem, severity: 'warning' });
}

/** There is none of that name, yet: its file may be on its way. */
export function unknownProfile(name: string, names: ReadonlySet<string>, path: Path) {
  const hint = didYouMean(name, [...names]);
  const message = `there is no BFDProfile ${JSON.stringify(name)}`;
  return { severity: 'error', path, message, ...(hint !== undefined && { hint }), transient: true } as const;
}
