/** What the neighbours of one router of an FRRConfiguration are told, and what is taken from them. */
import { bitsOf, parseAddress } from '../../lib/address.ts';
import { formatPrefix, type Prefix } from '../../lib/prefix.ts';
import { type Community, parseCommunity, wellKnownHint } from '../community.ts';
import type { AdvertisedPrefix, NextHops, ReceiveRules } from '../exchange.ts';
import { communityHint } from '../kinds/metallb.ts';
import type { Meta } from '../model.ts';
import { readPrefix } from '../prefix.ts';
import type { Findings, Path } from '../problem.ts';
import type { RawNeighbor, ToAdvertise } from './schema.ts';

type Families = readonly ('ipv4' | 'ipv6')[];

interface Entry {
  readonly prefix: Prefix;
  localPref?: number;
  readonly communities: Community[];
}

/** @param prefixes those of the router: nothing else can be told */
export function readAdvertise(
  raw: ToAdvertise,
  prefixes: readonly Prefix[],
  families: Families,
  document: Meta,
  path: Path,
  findings: Findings,
): readonly AdvertisedPrefix[] {
  const entries = new Map<string, Entry>();
  const add = (prefix: Prefix) => entries.set(formatPrefix(prefix), { prefix, communities: [] });
  const carried = ({ family }: Prefix) => families.includes(`ipv${family}`);
  if (raw.allowed?.mode === 'all') prefixes.filter(carried).forEach(add);
  else {
    const known = new Set(prefixes.map(formatPrefix));
    for (const [i, text] of (raw.allowed?.prefixes ?? []).entries()) {
      const at = [...path, 'allowed', 'prefixes', i];
      const prefix = readPrefix(text, at, findings);
      if (prefix === undefined) continue;
      if (!carried(prefix)) findings.error(at, `the session carries ${families.join(' and ')} only`, dualHint);
      else if (!known.has(formatPrefix(prefix)))
        findings.error(at, `trying to advertise non configured prefix ${text}`, 'add it to the prefixes of the router');
      else add(prefix);
    }
  }
  /** Those of a list that are allowed; the others are complained about. */
  const listed = (texts: readonly string[], at: Path): Entry[] => {
    const found = texts.flatMap((text, i) => {
      const prefix = readPrefix(text, [...at, i], findings);
      const entry = prefix && entries.get(formatPrefix(prefix));
      if (prefix && !entry)
        findings.error([...at, i], `${text} is not among the prefixes that the neighbor is told of`);
      return entry ?? [];
    });
    findings.duplicates(
      at,
      found.map(({ prefix }) => formatPrefix(prefix)),
      'prefix',
    );
    return found;
  };
  readPreferences(raw, listed, [...path, 'withLocalPref'], findings);
  readCommunities(raw, listed, [...path, 'withCommunity'], findings);
  return [...entries.values()].map(({ prefix, localPref, communities }) => ({
    document,
    prefix,
    ...(localPref !== undefined && { localPref }),
    communities: communities.flatMap((c) => (c.type === 'standard' ? c.value : [])),
    largeCommunities: communities.flatMap((c) => (c.type === 'large' ? [c.value] : [])),
  }));
}

const dualHint = 'dualStackAddressFamily: true carries both families';

type Listed = (texts: readonly string[], at: Path) => Entry[];

function readPreferences({ withLocalPref = [] }: ToAdvertise, listed: Listed, path: Path, findings: Findings): void {
  const seen = new Set<number>();
  for (const [i, { prefixes, localPref }] of withLocalPref.entries()) {
    if (seen.has(localPref))
      findings.error(
        [...path, i, 'localPref'],
        `local preference ${localPref} is already defined`,
        'list all its prefixes once',
      );
    seen.add(localPref);
    for (const entry of listed(prefixes, [...path, i, 'prefixes'])) {
      if (entry.localPref !== undefined && entry.localPref !== localPref)
        findings.error(
          [...path, i, 'prefixes'],
          `prefix ${formatPrefix(entry.prefix)} is configured with both local preference ${entry.localPref} and ${localPref}`,
        );
      entry.localPref = localPref;
    }
  }
}

function readCommunities({ withCommunity = [] }: ToAdvertise, listed: Listed, path: Path, findings: Findings): void {
  const seen = new Set<string>();
  for (const [i, { prefixes, community: text }] of withCommunity.entries()) {
    const at = [...path, i, 'community'];
    const community = parseCommunity(text);
    if (typeof community === 'string') {
      findings.error(at, `invalid community ${JSON.stringify(text)}`, wellKnownHint(text) ?? communityHint);
      continue;
    }
    const key = String(community.value);
    if (seen.has(key)) findings.error(at, `community ${text} is already defined`, 'list all its prefixes once');
    seen.add(key);
    for (const entry of listed(prefixes, [...path, i, 'prefixes'])) entry.communities.push(community);
  }
}

/** Next hops must be of a family that the session carries. */
export function readNextHops(
  raw: ToAdvertise['nextHop'],
  families: Families,
  path: Path,
  findings: Findings,
): NextHops {
  const read = (family: 'ipv4' | 'ipv6') => {
    const text = raw?.[family];
    if (!text) return undefined;
    const address = parseAddress(text);
    if (`ipv${address?.family}` !== family)
      findings.error([...path, family], `invalid ${family} next hop ${JSON.stringify(text)}`);
    else if (!families.includes(family))
      findings.error([...path, family], `the session carries ${families.join(' and ')} only`, dualHint);
    return address;
  };
  const [ipv4, ipv6] = [read('ipv4'), read('ipv6')];
  return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
}

/** Which of the neighbour's routes may be used. Prefix length <= ge <= le. */
export function readReceive(
  { allowed = {} }: NonNullable<RawNeighbor['toReceive']>,
  path: Path,
  findings: Findings,
): ReceiveRules {
  const at = [...path, 'allowed', 'prefixes'];
  const rules = (allowed.prefixes ?? []).flatMap(({ prefix: text, ge, le }, i) => {
    const prefix = readPrefix(text, [...at, i, 'prefix'], findings);
    if (prefix === undefined) return [];
    const bits = bitsOf(prefix.family);
    const refuse = (field: 'ge' | 'le', message: string) =>
      findings.error([...at, i, field], `invalid selector lengths: ${message}`);
    if (ge !== undefined && ge > bits) refuse('ge', `ge ${ge} is more than ${bits}`);
    else if (le !== undefined && le > bits) refuse('le', `le ${le} is more than ${bits}`);
    else if (ge !== undefined && le !== undefined && ge > le) refuse('ge', `ge ${ge} is bigger than le ${le}`);
    else if (le !== undefined && prefix.length > le) refuse('le', `cidr mask ${prefix.length} is bigger than le ${le}`);
    else if (ge !== undefined && prefix.length > ge) refuse('ge', `cidr mask ${prefix.length} is bigger than ge ${ge}`);
    return { prefix, ...(ge !== undefined && { ge }), ...(le !== undefined && { le }) };
  });
  return { all: allowed.mode === 'all', rules };
}
