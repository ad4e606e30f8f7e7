/**
 * Which received routes may be used at all, whoever wants them: loops, a path that cannot be, a next hop that nobody
 * has (RFC 4271 §9.1.2, RFC 4456 §8, RFC 9234 §5). What the operator wants of the rest is receive policy.
 *
 * Routes that fail stay in the Adj-RIB-In with their reason, so that `show received` can tell.
 */
import { type Address, formatAddress } from '../lib/address.ts';
import { contains, type Prefix, prefix } from '../lib/prefix.ts';
import { AttributeCode } from './const.ts';
import { type AsSegment, type PathAttributes, pathLength } from './path.ts';
import type { Role } from './settings.ts';

/** Why a route may not be used, in the words of `show received` and the metrics. */
export type ImportReason =
  | 'asLoop'
  | 'firstAs'
  | 'asPathTooLong'
  | 'originatorLoop'
  | 'clusterLoop'
  | 'nextHopSelf'
  | 'martianNextHop'
  | 'martianPrefix'
  | 'routeLeak';

/** What holds for one session. */
export interface ImportRules {
  readonly internal: boolean;
  readonly peerAsn: number;
  /** AS numbers that are ours: a path that holds one has been here. */
  readonly localAsns: readonly number[];
  /** Our router ID, and our cluster ID where it differs. */
  readonly routerId: number;
  /** Longest AS_PATH accepted, hops; undefined: any. */
  readonly maxAsPath?: number;
  /** The peer must be the first AS of its paths; off for route servers (RFC 7947 §2.2.2.1). */
  readonly enforceFirstAs: boolean;
  /** Refuse next hops and prefixes that belong on no wire: this network, loopback, link-local, multicast, reserved. */
  readonly refuseMartians: boolean;
  /** Our own role on this session (RFC 9234 §4.1). */
  readonly role?: Role;
  /** Addresses of this node: a next hop among them leads back here. */
  readonly isLocal: (address: Address) => boolean;
}

/** Every AS number the path names, those of sets and confederations too. */
const names = (path: readonly AsSegment[], asn: number): boolean => path.some((s) => s.asns.includes(asn));

/** Attributes that `attributeReason` looks at. */
export const judgedAttributes = [
  AttributeCode.asPath,
  AttributeCode.nextHop,
  AttributeCode.originatorId,
  AttributeCode.clusterList,
  AttributeCode.otc,
] as const;

/** The first reason the attributes give, or undefined. It depends on the set alone, so callers may keep it by set. */
export function attributeReason(a: PathAttributes, rules: ImportRules): ImportReason | undefined {
  if (rules.localAsns.some((asn) => names(a.asPath, asn))) return 'asLoop';
  if (rules.internal) {
    if (a.originatorId === rules.routerId) return 'originatorLoop';
    if (a.clusterList?.includes(rules.routerId)) return 'clusterLoop';
  } else if (rules.enforceFirstAs && a.asPath[0]?.asns[0] !== rules.peerAsn) return 'firstAs';
  if (rules.maxAsPath !== undefined && pathLength(a.asPath) > rules.maxAsPath) return 'asPathTooLong';
  if (!rules.internal && leaked(a, rules)) return 'routeLeak';
  const { nextHop } = a;
  if (nextHop === undefined) return undefined;
  if (rules.isLocal(nextHop)) return 'nextHopSelf';
  return rules.refuseMartians && martianNextHops.some((m) => contains(m, nextHop)) ? 'martianNextHop' : undefined;
}

/** RFC 9234 §5, ingress: a customer's or a route-server client's route must not carry OTC, a peer's only its own. */
function leaked({ otc }: PathAttributes, { role, peerAsn }: ImportRules): boolean {
  if (otc === undefined) return false;
  if (role === 'provider' || role === 'routeServer') return true;
  return role === 'peer' && otc !== peerAsn;
}

/** RFC 6890's blocks that never are a destination beyond the node or the link. A default route is none of them. */
export const martianPrefixes: readonly Prefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(prefix);

/** As next hops, link-local IPv6 addresses are fine. */
const martianNextHops = martianPrefixes.filter((p) => formatAddress({ family: p.family, bytes: p.bytes }) !== 'fe80::');
