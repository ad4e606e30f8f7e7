/**
 * The text that MetalLB's ConfigMap `bgpextras` appends to a configuration of FRR: prefix-lists, and for each peer the
 * route-map that takes the place of MetalLB's own, which takes no route. Everything else in it is refused by line.
 *
 *   ip prefix-list NAME [seq N] permit|deny PREFIX|any [ge N] [le N]
 *   route-map PEER-in permit 20
 *     match ip address prefix-list NAME
 */
import { bitsOf } from '../lib/address.ts';
import { type Prefix, parsePrefix, prefix } from '../lib/prefix.ts';
import type { PrefixRule, ReceiveRules } from './exchange.ts';
import type { Meta } from './model.ts';
import type { Findings, Path } from './problem.ts';

/** What the route-map of one peer lets in. */
export interface ExtraPolicy {
  /** As FRR calls it: its address or interface, with `-VRF` behind it. */
  readonly peer: string;
  readonly path: Path;
  readonly receive: ReceiveRules;
}

export interface Extras extends Meta {
  readonly policies: readonly ExtraPolicy[];
}

type Family = 4 | 6;

interface Entry {
  readonly sequence: number;
  readonly rule: PrefixRule;
}

interface RouteMap {
  readonly path: Path;
  /** Name and line of the prefix-list that each family must be in. */
  readonly matches: Map<Family, { readonly list: string; readonly path: Path }>;
}

const listLine =
  /^(ip|ipv6)\s+prefix-list\s+(\S+)\s+(?:seq\s+(\d{1,10})\s+)?(permit|deny)\s+(\S+)((?:\s+(?:ge|le)\s+\d{1,3})*)$/;
const mapLine = /^route-map\s+(\S+)\s+permit\s+20$/;
const matchLine = /^match\s+(ip|ipv4|ipv6)\s+address\s+prefix-list\s+(\S+)$/;

/** @param path of the text; a line of it is one more step, its number from 0 */
export function readExtras(text: string, path: Path, findings: Findings): readonly ExtraPolicy[] {
  const lists = new Map<string, Entry[]>();
  const maps = new Map<string, RouteMap>();
  let open: RouteMap | undefined;
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const at = [...path, i];
    if (line === '' || line.startsWith('!')) continue;
    const list = listLine.exec(line);
    const map = mapLine.exec(line);
    const match = matchLine.exec(line);
    if (list !== null) {
      open = undefined;
      addEntry(lists, list, at, findings);
    } else if (map !== null) open = openMap(maps, map[1]!, at, findings);
    else if (match !== null && open !== undefined) addMatch(open, match, at, findings);
    else if (line === 'exit' && open !== undefined) open = undefined;
    else findings.error(at, `not understood: ${JSON.stringify(short(withoutSecret(line)))}`, hintFor(line));
  }
  return [...maps].map(([name, { matches, path: at }]) => ({
    peer: name,
    path: at,
    receive: matches.size === 0 ? { all: true, rules: [] } : { all: false, rules: rulesOf(matches, lists, findings) },
  }));
}

function openMap(maps: Map<string, RouteMap>, name: string, path: Path, findings: Findings): RouteMap {
  const peer = /^(.+)-in$/.exec(name)?.[1];
  if (peer === undefined)
    findings.error(
      path,
      `route-map ${JSON.stringify(name)} is that of no peer`,
      'it is called PEER-in, after the address of the peer',
    );
  else if (maps.has(peer)) findings.error(path, `route-map ${JSON.stringify(name)} stands here twice`);
  const map = { path, matches: new Map() };
  if (peer !== undefined) maps.set(peer, map);
  return map;
}

function addMatch({ matches }: RouteMap, [, word, list]: RegExpExecArray, path: Path, findings: Findings): void {
  const family = word === 'ipv6' ? 6 : 4;
  if (matches.has(family))
    findings.error(path, `a second match of IPv${family} addresses takes the place of the first in FRR`, 'keep one');
  else if (matches.size > 0)
    findings.error(
      path,
      'both matches would have to hold: no route is of both families',
      'an FRRConfiguration can filter both families of a session',
    );
  matches.set(family, { list: list!, path });
}

function addEntry(lists: Map<string, Entry[]>, match: RegExpExecArray, path: Path, findings: Findings): void {
  const [, word, name, seq, action, text, lengths] = match;
  const family: Family = word === 'ipv6' ? 6 : 4;
  const key = `${family} ${name}`;
  const entries = lists.get(key) ?? [];
  lists.set(key, entries);
  const highest = entries.reduce((max, { sequence }) => Math.max(max, sequence), 0);
  const sequence = seq === undefined ? (Math.floor(highest / 5) + 1) * 5 : Number(seq);
  if (entries.some((e) => e.sequence === sequence))
    findings.error(path, `seq ${sequence} of ${name} stands here twice`);
  const range = readRange(text!, lengths!, family);
  if (typeof range === 'string') findings.error(path, range);
  else entries.push({ sequence, rule: { ...range, ...(action === 'deny' && { deny: true }) } });
}

/** FRR's rule: length of the prefix <= ge <= le. */
function readRange(text: string, lengths: string, family: Family): PrefixRule | string {
  const bits = bitsOf(family);
  if (text === 'any')
    return lengths === '' ? { prefix: prefix(family === 4 ? '0.0.0.0/0' : '::/0'), le: bits } : 'any has no lengths';
  const found: Prefix | undefined = text.includes('/') ? parsePrefix(text) : undefined;
  if (found?.family !== family) return `not an IPv${family} prefix: ${JSON.stringify(short(text))}`;
  const words = [...lengths.matchAll(/(ge|le)\s+(\d+)/g)].map(([, word, number]) => [word!, Number(number)] as const);
  const { ge, le } = Object.fromEntries(words) as { readonly ge?: number; readonly le?: number };
  const [from, to] = [ge ?? found.length, le ?? (ge === undefined ? found.length : bits)];
  if (words.length > new Set(words.map(([word]) => word)).size) return 'a length is given twice';
  if (from < found.length || from > to || to > bits)
    return `invalid prefix range: ${found.length} <= ge <= le <= ${bits} is needed`;
  return { prefix: found, ...(ge !== undefined && { ge }), ...(le !== undefined && { le }) };
}

function rulesOf(matches: RouteMap['matches'], lists: Map<string, Entry[]>, findings: Findings): readonly PrefixRule[] {
  return [...matches].flatMap(([family, { list, path }]) => {
    const entries = lists.get(`${family} ${list}`);
    if (entries === undefined)
      findings.error(
        path,
        `there is no ${family === 4 ? 'ip' : 'ipv6'} prefix-list ${JSON.stringify(short(list))} here`,
      );
    return (entries ?? []).toSorted((a, b) => a.sequence - b.sequence).map(({ rule }) => rule);
  });
}

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

/** A line as far as it may be repeated: what FRR's words for passwords are followed by is left out. */
const withoutSecret = (line: string): string => line.replace(/\b(password|key-string|md5|secret)\b.*$/i, '$1 …');

function hintFor(line: string): string {
  if (/\bpassword\b/i.test(line)) return 'a BGPPeer has its password, or the passwordSecret that names one';
  if (/^route-map\s/.test(line)) return 'only "route-map PEER-in permit 20" is carried out';
  if (/^match\s/.test(line)) return 'only "match ip|ipv6 address prefix-list NAME" in a route-map is carried out';
  if (/prefix-list/.test(line)) return 'write "ip|ipv6 prefix-list NAME [seq N] permit|deny PREFIX [ge N] [le N]"';
  return 'only prefix-lists and route-maps of what peers may send are carried out: there is no FRR here';
}
