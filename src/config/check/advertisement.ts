/** What an advertisement refers to: pools by name and label, communities by alias. */
import { type Community, parseCommunity, wellKnownHint } from '../community.ts';
import type { AdvertisementDraft, Layer2Draft } from '../document.ts';
import { communityHint } from '../kinds/metallb.ts';
import type { BgpAdvertisement, Layer2Advertisement, Pool } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Path, Problem } from '../problem.ts';
import type { Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import type { Found, KnownNode } from './nodes.ts';

/** A prefix carries no more than this: MetalLB refuses to push one that does. */
const maxCommunities = 63;

export interface References {
  /** Every file could be read, so what is not among the names does not exist. */
  readonly complete: boolean;
  readonly aliases: ReadonlyMap<string, Community>;
  readonly pools: readonly Found<Pool>[];
  /** Names of all pools and peers, those that could not be read among them. */
  readonly poolNames: ReadonlySet<string>;
  readonly peerNames: ReadonlySet<string>;
  /** Names of documents that stand for peers of other names. */
  readonly sessions: ReadonlyMap<string, readonly string[]>;
  /** This node. */
  readonly node: KnownNode;
}

type Refuse = (path: Path, message: string, more?: Pick<Problem, 'hint' | 'transient'>) => void;

/** The last result for a draft: an advertisement whose references resolve as before stays the same object. */
const resolved = new WeakMap<AdvertisementDraft, BgpAdvertisement>();

/**
 * Resolves a draft; what cannot be resolved is reported. What is wrong with one that does not select this node is a warning,
 * as each node judges what it uses (MetalLB since 0.16).
 */
export function resolveAdvertisement(
  found: Found<AdvertisementDraft>,
  references: References,
  report: Report,
): BgpAdvertisement {
  const { document, value: draft } = found;
  const { poolNames: _, poolSelectors: __, communities: ___, ...rest } = draft;
  const pools = selectPools(found, references, report);
  for (const [i, name] of draft.peers.entries())
    warnUnknown(found, ['spec', 'peers', i], 'BGPPeer', name, references.peerNames, references, report);
  const own = anySelects(draft.nodeSelectors, references.node.labels);
  const refuse = (path: Path, message: string, more: Pick<Problem, 'hint' | 'transient'> = {}) =>
    report.judge(own, document, { severity: 'error', path, message, ...more });
  for (const pool of pools) checkAggregation(draft, pool, refuse);
  const communities = resolveCommunities(draft, references.aliases, refuse);
  if (communities.communities.length + communities.largeCommunities.length > maxCommunities)
    refuse(
      ['spec', 'communities'],
      `max supported communities is ${maxCommunities}, found ${draft.communities.length}`,
    );
  const peers = [...new Set(draft.peers.flatMap((name) => references.sessions.get(name) ?? [name]))];
  const next: BgpAdvertisement = { ...rest, ...communities, peers, pools: pools.map((pool) => pool.name) };
  const last = resolved.get(draft);
  if (last !== undefined && sameReferences(last, next)) return last;
  resolved.set(draft, next);
  return next;
}

const sameReferences = (a: BgpAdvertisement, b: BgpAdvertisement): boolean =>
  String(a.pools) === String(b.pools) &&
  String(a.peers) === String(b.peers) &&
  String(a.communities) === String(b.communities) &&
  String(a.largeCommunities) === String(b.largeCommunities);

/** The last result for a draft, as above. */
const resolvedLayer2 = new WeakMap<Layer2Draft, Layer2Advertisement>();

/** Resolves the pools of a draft; those that do not exist are reported. */
export function resolveLayer2(
  found: Found<Layer2Draft>,
  references: Pick<References, 'complete' | 'pools' | 'poolNames'>,
  report: Report,
): Layer2Advertisement {
  const { poolNames: _, poolSelectors: __, ...rest } = found.value;
  const next = { ...rest, pools: selectPools(found, references, report).map((pool) => pool.name) };
  const last = resolvedLayer2.get(found.value);
  if (last !== undefined && String(last.pools) === String(next.pools)) return last;
  resolvedLayer2.set(found.value, next);
  return next;
}

/** The pools that are named or that a selector selects, or all where neither is given. */
function selectPools(
  found: Found<Pick<Layer2Draft, 'poolNames' | 'poolSelectors'>>,
  references: Pick<References, 'complete' | 'pools' | 'poolNames'>,
  report: Report,
): readonly Pool[] {
  const { poolNames, poolSelectors } = found.value;
  for (const [i, name] of poolNames.entries())
    warnUnknown(found, ['spec', 'ipAddressPools', i], 'IPAddressPool', name, references.poolNames, references, report);
  const every = poolNames.length === 0 && poolSelectors.length === 0;
  const named = new Set(poolNames);
  return references.pools
    .map(({ value }) => value)
    .filter(
      (pool) => every || named.has(pool.name) || (poolSelectors.length > 0 && anySelects(poolSelectors, pool.labels)),
    );
}

function warnUnknown(
  { document }: Found<unknown>,
  path: readonly (string | number)[],
  kind: string,
  name: string,
  known: ReadonlySet<string>,
  { complete }: Pick<References, 'complete'>,
  report: Report,
): void {
  if (complete && !known.has(name))
    report.warn(document, path, `no ${kind} is named ${JSON.stringify(name)}: ignored`, didYouMean(name, known));
}

/** An alias is looked up before the text is parsed, so one that is named like a community wins. */
function resolveCommunities(
  { communities }: AdvertisementDraft,
  aliases: ReadonlyMap<string, Community>,
  refuse: Refuse,
): Pick<BgpAdvertisement, 'communities' | 'largeCommunities'> {
  const standard = new Set<number>();
  const large = new Map<string, readonly [number, number, number]>();
  for (const [i, text] of communities.entries()) {
    const path = ['spec', 'communities', i];
    const community = aliases.get(text) ?? parseCommunity(text);
    if (community === 'value') refuse(path, `invalid community value ${JSON.stringify(text)}`, { hint: communityHint });
    else if (community === 'format')
      refuse(
        path,
        `invalid community format ${JSON.stringify(text)}: neither a community nor a name that a Community document defines`,
        { hint: didYouMean(text, aliases.keys()) ?? wellKnownHint(text) ?? communityHint, transient: true },
      );
    else if (community.type === 'standard') standard.add(community.value);
    else large.set(community.value.join(':'), community.value);
  }
  return {
    communities: [...standard].sort((a, b) => a - b),
    largeCommunities: [...large.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]),
  };
}

/**
 * An aggregate may not be wider than the widest block of any entry of the pool. For a range the widest block of its
 * summary counts, so that `.1-.6` (/32 /31 /31 /32) takes 31 and 32 only.
 */
function checkAggregation(draft: AdvertisementDraft, pool: Pool, refuse: Refuse): void {
  for (const { text, prefixes } of pool.addresses) {
    const v4 = prefixes[0]!.family === 4;
    const length = v4 ? draft.aggregationLength : draft.aggregationLengthV6;
    const shortest = Math.min(...prefixes.map((prefix) => prefix.length));
    if (length < shortest)
      refuse(
        ['spec', v4 ? 'aggregationLength' : 'aggregationLengthV6'],
        `invalid aggregation length ${length}: prefix ${shortest} in this pool is more specific than the aggregation length ` +
          `for addresses ${text} of pool ${JSON.stringify(pool.name)}`,
        { hint: `use ${shortest} or more` },
      );
  }
}
