/**
 * Source addresses by nftables: one table of our own, with a map of who gets which source. Written as nft's JSON
 * (libnftables-json(5)), in one transaction that makes the whole table anew, so that there is no moment without it; read
 * back to tell whether it is still what was written.
 */
import { type Address, type Family, formatAddress } from '../lib/address.ts';
import { formatPrefix } from '../lib/prefix.ts';
import { RouteTable } from '../netlink/const.ts';
import type { Rule as PolicyRule } from '../netlink/rule.ts';

export interface Translation {
  readonly from: Address;
  readonly to: Address;
}

/** Name of the table, of family inet; nobody else's table is looked at. */
export const NAT_TABLE = 'waypost';
/** Before whoever masquerades at srcnat (100). */
const PRIORITY = 90;
/** What OVN-Kubernetes marks packets with whose source is to stay. */
const DO_NOT_TRANSLATE = 0x3f0;

/** An object of nft's JSON. */
type Json = { readonly [key: string]: unknown };

const families: readonly Family[] = [4, 6];
const mapName = (family: Family): string => `source${family}`;
const words = { 4: { ip: 'ip', type: 'ipv4_addr' }, 6: { ip: 'ip6', type: 'ipv6_addr' } } as const;
const table = { family: 'inet', table: NAT_TABLE };

/** What is compared: all as text. */
export interface NatState {
  /** The new source, by the old one. */
  readonly sources: ReadonlyMap<string, string>;
  /** Prefixes on the way to which sources stay. */
  readonly inside: readonly string[];
}

export const natState = (wanted: readonly Translation[], inside: readonly string[]): NatState => ({
  sources: new Map(wanted.map(({ from, to }) => [formatAddress(from), formatAddress(to)])),
  inside: wanted.length === 0 ? [] : inside,
});

/**
 * The networks of the cluster, as the rules say that lead them to the main table before a priority, whoever made those:
 * who serves inside is to see who asks, and could not answer a load balancer's address. Each once, sorted.
 */
export function insideOf(rules: readonly PolicyRule[], before: number): readonly string[] {
  const found = rules.flatMap(({ family: _, priority, protocol: __, flags, action, table: leads, to, ...others }) => {
    const plain = flags === 0 && Object.keys(others).length === 0 && priority < before;
    return plain && action === 'table' && leads === RouteTable.main && to !== undefined ? formatPrefix(to) : [];
  });
  return [...new Set(found)].sort();
}

/** The commands that make the table hold exactly these; no source at all takes it away. */
export function natCommands(wanted: NatState): string {
  const clear: Json[] = [
    // There must be one to delete.
    { add: { table: { family: 'inet', name: NAT_TABLE } } },
    { delete: { table: { family: 'inet', name: NAT_TABLE } } },
  ];
  const make = wanted.sources.size === 0 ? [] : [...objects(wanted)];
  return JSON.stringify({ nftables: [{ metainfo: { json_schema_version: 1 } }, ...clear, ...make] });
}

function* objects({ sources, inside }: NatState): Generator<Json> {
  yield { add: { table: { family: 'inet', name: NAT_TABLE } } };
  for (const family of families) {
    const { type } = words[family];
    const elem = [...sources].filter(([from]) => familyOf(from) === family);
    yield {
      add: { map: { ...table, name: mapName(family), type, map: type, ...(elem.length > 0 && { elem }) } },
    };
  }
  yield {
    add: {
      chain: { ...table, name: 'postrouting', type: 'nat', hook: 'postrouting', prio: PRIORITY, policy: 'accept' },
    },
  };
  for (const { comment, expr } of rules(inside))
    yield { add: { rule: { ...table, chain: 'postrouting', comment, expr } } };
}

const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4);

interface Rule {
  /** Tells the rule when it is read back. */
  readonly comment: string;
  readonly expr: readonly Json[];
}

function* rules(inside: readonly string[]): Generator<Rule> {
  yield {
    comment: 'waypost: keep',
    expr: [{ match: { op: '==', left: { meta: { key: 'mark' } }, right: DO_NOT_TRANSLATE } }, { return: null }],
  };
  for (const text of inside) {
    const [addr, len] = text.split('/');
    const daddr = { payload: { protocol: words[familyOf(text)].ip, field: 'daddr' } };
    const right = { prefix: { addr, len: Number(len) } };
    yield { comment: INSIDE + text, expr: [{ match: { op: '==', left: daddr, right } }, { return: null }] };
  }
  for (const family of families) {
    const saddr = { payload: { protocol: words[family].ip, field: 'saddr' } };
    yield {
      comment: `waypost: source${family}`,
      expr: [{ snat: { family: words[family].ip, addr: { map: { key: saddr, data: `@${mapName(family)}` } } } }],
    };
  }
}

const INSIDE = 'waypost: inside ';

/**
 * What a listing of the table says it does.
 * @returns undefined for a table that is not as this program writes it
 */
export function readNat(listing: string): NatState | undefined {
  const parsed: unknown = JSON.parse(listing);
  const all = isJson(parsed) && Array.isArray(parsed.nftables) ? (parsed.nftables as Json[]) : [];
  const sources = new Map<string, string>();
  const comments: string[] = [];
  let [maps, chains] = [0, 0];
  for (const object of all) {
    if ('metainfo' in object || 'table' in object) continue;
    const [kind, value] = Object.entries(object)[0] ?? ['', undefined];
    if (!isJson(value)) return undefined;
    if (kind === 'rule') comments.push(String(value.comment));
    else if (kind === 'chain' && value.hook === 'postrouting' && value.prio === PRIORITY) chains++;
    else if (kind === 'map') {
      maps++;
      for (const pair of (value.elem ?? []) as unknown[]) {
        if (!Array.isArray(pair)) return undefined;
        sources.set(String(pair[0]), String(pair[1]));
      }
    } else return undefined;
  }
  const inside = comments.flatMap((text) => (text.startsWith(INSIDE) ? text.slice(INSIDE.length) : []));
  const wanted = [...rules(inside)].map(({ comment }) => comment);
  const whole = maps === families.length && chains === 1 && String(comments) === String(wanted);
  return whole ? { sources, inside } : undefined;
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
