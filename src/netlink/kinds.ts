/** The kinds of objects, by name: requests, answers and events are plain data that say which one they are about. */
import type { Codec, Verb } from './codec.ts';
import { addressCodec, type LinkAddress, type LinkAddressFilter, type LinkAddressSpec } from './ifaddr.ts';
import { type Link, type LinkFilter, type LinkSpec, linkCodec } from './link.ts';
import { type Neighbour, type NeighbourFilter, type NeighbourSpec, neighbourCodec } from './neighbour.ts';
import { type NextHop, type NextHopFilter, type NextHopSpec, nextHopCodec } from './nexthop.ts';
import { type Route, type RouteFilter, type RouteSpec, routeCodec } from './route.ts';
import { type Rule, type RuleFilter, type RuleSpec, ruleCodec } from './rule.ts';

/** What the kernel tells of an object of each kind. */
export interface Values {
  link: Link;
  address: LinkAddress;
  route: Route;
  rule: Rule;
  neighbour: Neighbour;
  nextHop: NextHop;
}

/** What is said of it in requests. */
export interface Specs {
  link: LinkSpec;
  address: LinkAddressSpec;
  route: RouteSpec;
  rule: RuleSpec;
  neighbour: NeighbourSpec;
  nextHop: NextHopSpec;
}

/** What a dump may be restricted to. */
export interface Filters {
  link: LinkFilter;
  address: LinkAddressFilter;
  route: RouteFilter;
  rule: RuleFilter;
  neighbour: NeighbourFilter;
  nextHop: NextHopFilter;
}

export type Kind = keyof Values;

export type Codecs = { readonly [K in Kind]: Codec<Values[K], Specs[K], Filters[K]> };

export const codecs: Codecs = {
  link: linkCodec,
  address: addressCodec,
  route: routeCodec,
  rule: ruleCodec,
  neighbour: neighbourCodec,
  nextHop: nextHopCodec,
};

/** One change to ask of the kernel. */
export type Op = {
  readonly [K in Kind]: { readonly verb: Exclude<Verb, 'get'>; readonly kind: K; readonly value: Specs[K] };
}[Kind];

/** An object that is new or changed, or is no more. */
export type Change = {
  readonly [K in Kind]: { readonly type: 'new' | 'del'; readonly kind: K; readonly value: Values[K] };
}[Kind];

/** The kind that a message of this type is about, and whether it says that the object has gone. */
export function kindOf(messageType: number): { readonly kind: Kind; readonly type: 'new' | 'del' } | undefined {
  return byType.get(messageType);
}

const byType = new Map<number, { readonly kind: Kind; readonly type: 'new' | 'del' }>();
for (const kind of Object.keys(codecs) as Kind[]) {
  byType.set(codecs[kind].types.new, { kind, type: 'new' });
  byType.set(codecs[kind].types.del, { kind, type: 'del' });
}
