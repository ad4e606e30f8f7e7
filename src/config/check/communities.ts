/** Names of communities, and what the Speaker lets Services do with them. */
import { parsePattern, patternHint } from '../allow.ts';
import { type Community, parseCommunity } from '../community.ts';
import type { CommunityAliases, Document } from '../document.ts';
import { didYouMean } from '../nearest.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import type { Speaker } from '../speaker.ts';
import type { Found } from './nodes.ts';

/** All names of all documents; one given twice is reported. */
export function collectAliases(documents: readonly Found<CommunityAliases>[], report: Report): Map<string, Community> {
  const aliases = new Map<string, Community>();
  const places = new Map<string, { document: Document; path: Path }>();
  for (const { document, value } of documents) {
    for (const [i, { name, value: text }] of value.aliases.entries()) {
      const path = ['spec', 'communities', i, 'name'];
      const first = places.get(name);
      if (first !== undefined) {
        const where = placeOf(first.document, first.path);
        report.error(document, path, `duplicate definition of community ${JSON.stringify(name)}, first at ${where}`);
        continue;
      }
      places.set(name, { document, path });
      const community = parseCommunity(text);
      // Anything else was refused when the document was read.
      if (typeof community !== 'string') aliases.set(name, community);
    }
  }
  return aliases;
}

/** Names that the Speaker of this node allows must be known. */
export function checkAllowed(
  speakers: readonly Found<Speaker>[],
  speaker: Speaker,
  aliases: ReadonlyMap<string, Community>,
  report: Report,
): void {
  const own = speakers.find(({ value }) => value.name === speaker.name);
  for (const [i, text] of speaker.serviceCommunities.entries())
    if (own && !aliases.has(text) && parsePattern(text) === 'format')
      report.add(own.document, {
        severity: 'error',
        path: ['spec', 'serviceCommunities', i],
        message: `invalid community format ${JSON.stringify(text)}: neither a pattern nor a name that a Community document defines`,
        hint: didYouMean(text, aliases.keys()) ?? patternHint,
        transient: true,
      });
}
