/** Routes as JSON and in text: the shapes that `show`, `peer --json` and `decode` share. */
import { AttributeCode } from '../bgp/const.ts';
import { formatCommunity, formatLargeCommunity, type PathAttributes, pathNumbers } from '../bgp/path.ts';
import { formatAddress, fromU32 } from '../lib/address.ts';
import { toHex } from '../lib/bytes.ts';

/** Attributes that every route shows, absent ones as null or empty; rarer ones only where present. */
export interface RouteJson {
  readonly nextHop: string | null;
  readonly linkLocalNextHop?: string;
  readonly origin: string;
  readonly asPath: readonly (number | number[])[];
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly atomicAggregate?: true;
  readonly aggregator?: { readonly asn: number; readonly address: string };
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly aigp?: number;
  readonly otc?: number;
  readonly unknown?: readonly { readonly code: number; readonly flags: number; readonly value: string }[];
}

export const formatRouterId = (id: number): string => formatAddress({ family: 4, bytes: fromU32(id) });

export function routeJson(a: PathAttributes): RouteJson {
  return {
    nextHop: a.nextHop ? formatAddress(a.nextHop) : null,
    ...(a.linkLocalNextHop && { linkLocalNextHop: formatAddress(a.linkLocalNextHop) }),
    origin: a.origin,
    asPath: pathNumbers(a.asPath),
    localPref: a.localPref ?? null,
    med: a.med ?? null,
    communities: (a.communities ?? []).map(formatCommunity),
    largeCommunities: (a.largeCommunities ?? []).map(formatLargeCommunity),
    ...(a.extendedCommunities && {
      extendedCommunities: a.extendedCommunities.map((c) => c.toString(16).padStart(16, '0')),
    }),
    ...(a.atomicAggregate && { atomicAggregate: true }),
    ...(a.aggregator && { aggregator: { asn: a.aggregator.asn, address: formatRouterId(a.aggregator.address) } }),
    ...(a.originatorId !== undefined && { originatorId: formatRouterId(a.originatorId) }),
    ...(a.clusterList && { clusterList: a.clusterList.map(formatRouterId) }),
    ...(a.aigp !== undefined && { aigp: Number(a.aigp) }),
    ...(a.otc !== undefined && { otc: a.otc }),
    ...(a.unknown && { unknown: a.unknown.map((u) => ({ ...u, value: toHex(u.value) })) }),
  };
}

/** One line: what differs from the ordinary, in the order an operator looks for it. */
export function routeText(r: RouteJson): string {
  const words = [`via ${r.nextHop ?? '-'}`];
  if (r.asPath.length > 0)
    words.push(`as-path ${r.asPath.map((p) => (Array.isArray(p) ? `{${p.join(',')}}` : p)).join(' ')}`);
  words.push(`origin ${r.origin}`);
  if (r.localPref !== null) words.push(`local-pref ${r.localPref}`);
  if (r.med !== null) words.push(`med ${r.med}`);
  if (r.communities.length > 0) words.push(`communities ${r.communities.join(' ')}`);
  if (r.largeCommunities.length > 0) words.push(`large-communities ${r.largeCommunities.join(' ')}`);
  return words.join('  ');
}

const attributeNames = Object.fromEntries(Object.entries(AttributeCode).map(([name, code]) => [code, name]));

/** The registry's name of an attribute, or its number. */
export const attributeName = (code: number): string => attributeNames[code] ?? `attribute ${code}`;
