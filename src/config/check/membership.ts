/** Where the other members of the cluster are, and how they are watched. */
import type { Address, Family } from '../../lib/address.ts';
import { type BfdSettings, readBfd } from '../bfd.ts';
import { type MemberPath, memberNames } from '../membership.ts';
import type { Node } from '../model.ts';
import { Findings } from '../problem.ts';
import type { Report } from '../report.ts';
import type { Speaker } from '../speaker.ts';
import { type Profiles, unknownProfile } from './bfd.ts';
import type { Found } from './nodes.ts';

const path = ['spec', 'membership'] as const;
/** A profile without fields. */
const defaults: BfdSettings = readBfd({}, [], new Findings());
/** Both ends come to the same: IPv4 where both have it. */
const families: readonly Family[] = [4, 6];

export interface MembershipGround {
  readonly speakers: readonly Found<Speaker>[];
  readonly nodes: ReadonlyMap<string, Node>;
  readonly profiles: Profiles;
}

/** The other members, by name; none where nobody is watched. */
export function resolveMembers(
  speaker: Speaker,
  { speakers, nodes, profiles }: MembershipGround,
  report: Report,
): readonly MemberPath[] {
  const { name: self, membership } = speaker;
  const document = speakers.find(({ value }) => value.name === self)?.document;
  if (membership.type !== 'bfd' || document === undefined) return [];
  const { bfdProfile } = membership;
  const profile = profiles.found.find(({ value }) => value.name === bfdProfile)?.value;
  if (bfdProfile !== undefined && profile === undefined && profiles.complete && !profiles.names.has(bfdProfile))
    report.add(document, unknownProfile(bfdProfile, profiles.names, [...path, 'bfdProfile']));
  const settings = profile?.settings ?? defaults;
  if (settings.passive)
    report.error(
      document,
      [...path, 'bfdProfile'],
      `BFDProfile ${JSON.stringify(bfdProfile)} is passive: members would wait for each other`,
      'one without passiveMode',
    );
  const addressesOf = (name: string): readonly Address[] => {
    const given = membership.addresses.get(name);
    return given === undefined ? (nodes.get(name)?.addresses ?? []) : [given];
  };
  const own = addressesOf(self);
  return memberNames(speaker, nodes)
    .filter((name) => name !== self)
    .sort()
    .flatMap((name): MemberPath[] => {
      const theirs = addressesOf(name);
      const found = pairOf(own, theirs);
      if (found !== undefined) return [{ name, ...found, settings }];
      const hint = `add it to membership.addresses, or load its Node document with status.addresses`;
      if (theirs.length === 0)
        report.error(
          document,
          path,
          `no address of node ${JSON.stringify(name)} is known, so BFD cannot watch it`,
          hint,
        );
      else
        report.error(
          document,
          [...path, 'addresses'],
          `the addresses of nodes ${JSON.stringify(self)} and ${JSON.stringify(name)} are of different families`,
        );
      return [];
    });
}

/** Addresses of the same family, the first of each; any of theirs where ours are not known. */
function pairOf(
  own: readonly Address[],
  theirs: readonly Address[],
): Pick<MemberPath, 'address' | 'source'> | undefined {
  for (const family of families) {
    const address = theirs.find((one) => one.family === family);
    const source = own.find((one) => one.family === family);
    if (address === undefined || (source === undefined && own.length > 0)) continue;
    return { address, ...(source && { source }) };
  }
  return undefined;
}
