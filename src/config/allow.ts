/**
 * Which communities Services may add to their routes. Whoever writes a Service is often not who runs the network, so
 * nothing is allowed but what the Speaker lists, by pattern or by name.
 */
import { type Community, type CommunityError, parseCommunity } from './community.ts';

/** The numbers of a community in order; undefined stands for any. */
interface Pattern {
  readonly type: Community['type'];
  readonly parts: readonly (number | undefined)[];
}

export const patternHint = 'A:B or large:G:L1:L2, each number possibly *, or a name that a Community document defines';

/** Parses `A:B` and `large:G:L1:L2` with `*` in place of any number. */
export function parsePattern(text: string): Pattern | CommunityError {
  const texts = text.split(':');
  // The number does not matter where any does.
  const community = parseCommunity(texts.map((part) => (part === '*' ? '0' : part)).join(':'));
  if (typeof community === 'string') return community;
  const wild = texts.slice(community.type === 'large' ? 1 : 0).map((part) => part === '*');
  return {
    type: community.type,
    parts: numbersOf(community).map((number, i) => (wild[i] ? undefined : number)),
  };
}

export type Judgement =
  | { readonly community: Community }
  /** Not allowed, or `format` and `value` as `parseCommunity` has them. */
  | { readonly refused: CommunityError | 'notAllowed' };

export class ServiceCommunities {
  private readonly aliases: ReadonlyMap<string, Community>;
  private readonly patterns: readonly Pattern[];
  private readonly judged = new Map<string, Judgement>();

  /** @param allowed patterns and names; a name that no Community document defines allows nothing */
  constructor(allowed: readonly string[], aliases: ReadonlyMap<string, Community>) {
    this.aliases = aliases;
    this.patterns = allowed.flatMap((text) => {
      const alias = aliases.get(text);
      const pattern = alias ? { type: alias.type, parts: numbersOf(alias) } : parsePattern(text);
      return typeof pattern === 'string' ? [] : pattern;
    });
  }

  /** What becomes of a community as a Service writes it. A name counts before what it looks like. */
  judge(text: string): Judgement {
    let judgement = this.judged.get(text);
    if (judgement === undefined) {
      const community = this.aliases.get(text) ?? parseCommunity(text);
      if (typeof community === 'string') judgement = { refused: community };
      else judgement = this.allows(community) ? { community } : { refused: 'notAllowed' };
      this.judged.set(text, judgement);
    }
    return judgement;
  }

  /** Names that may be meant. */
  get names(): Iterable<string> {
    return this.aliases.keys();
  }

  private allows(community: Community): boolean {
    const numbers = numbersOf(community);
    return this.patterns.some(
      ({ type, parts }) =>
        type === community.type && parts.every((part, i) => part === undefined || part === numbers[i]),
    );
  }
}

const numbersOf = (community: Community): readonly number[] =>
  community.type === 'large' ? community.value : [community.value >>> 16, community.value & 0xffff];
