/**
 * From what intent wants advertised to what one session's UPDATE says: AS_PATH, NEXT_HOP and LOCAL_PREF depend on
 * the session, everything else is passed on (RFC 4271 §5.1).
 */
import { type Address, isLinkLocal } from '../lib/address.ts';
import { type AddressFamily, AS_TRANS } from './const.ts';
import type { Context } from './context.ts';
import type { AsSegment, PathAttributes } from './path.ts';
import type { NextHops, Role } from './settings.ts';

/** Our addresses as a peer can use them for next hops: those of the interface that the session leaves by. */
export interface LocalAddresses {
  /** The local end of the connection. */
  readonly transport: Address;
  readonly ipv4?: Address;
  /** A global IPv6 address. */
  readonly ipv6?: Address;
  readonly linkLocal?: Address;
}

/** Used on iBGP when a route has no preference of its own (RFC 4271 §5.1.5 requires the attribute). */
const DEFAULT_LOCAL_PREF = 100;

/**
 * The attributes for one session, with next hops of `nextHops` in the place of our own. Undefined where the route
 * cannot be advertised on it: no next hop can be given for the family, or it is only for customers (RFC 9234 §5) and
 * the peer is none.
 */
export function exportRoute(
  route: PathAttributes,
  family: AddressFamily,
  context: Context,
  localAsn: number,
  local: LocalAddresses,
  role?: Role,
  nextHops: NextHops = {},
): PathAttributes | undefined {
  const given = route.nextHop ?? nextHops[family];
  const nextHop = given ? usable(given, family, context) : nextHopSelf(family, context, local);
  if (nextHop === undefined) return undefined;
  const { localPref, linkLocalNextHop: _, prepend: extra = 0, bandwidthMbit, ...rest } = route;
  const linkLocal = given ? route.linkLocalNextHop : local.linkLocal;
  const out: PathAttributes = {
    ...rest,
    nextHop,
    ...(bandwidthMbit !== undefined && {
      extendedCommunities: [
        ...(route.extendedCommunities ?? []),
        linkBandwidth(bandwidthMbit, localAsn, context.internal),
      ],
    }),
    // RFC 2545 §3: only beside a global next hop, and only to a peer on that link, which an iBGP peer need not be.
    ...(linkLocal && nextHop.family === 6 && !isLinkLocal(nextHop) && isLinkLocal(local.transport)
      ? { linkLocalNextHop: linkLocal }
      : {}),
  };
  if (context.internal) return { ...out, localPref: localPref ?? DEFAULT_LOCAL_PREF };
  // RFC 9234 §5, egress: what carries OTC stays below; what goes down or sideways gets it.
  if (out.otc !== undefined && role !== undefined && !staysBelow(role)) return undefined;
  const otc = out.otc ?? (role !== undefined && goesDown(role) ? localAsn : undefined);
  return { ...out, ...(otc !== undefined && { otc }), asPath: prepend(route.asPath, localAsn, 1 + extra) };
}

/**
 * The link bandwidth community (draft-ietf-idr-link-bandwidth): octets a second as a float, beside an AS of two octets. It
 * does not leave an AS, but for a route that begins with us: other ASes get its transitive twin, as from FRR.
 */
function linkBandwidth(mbit: number, localAsn: number, internal: boolean): bigint {
  const octets = new DataView(new ArrayBuffer(8));
  octets.setUint16(0, internal ? 0x4004 : 0x0004);
  octets.setUint16(2, localAsn > 0xffff ? AS_TRANS : localAsn);
  octets.setFloat32(4, mbit * 125_000);
  return octets.getBigUint64(0);
}

/** Customers and clients of our route server may have what is only for customers; `role` is ours. */
const staysBelow = (role: Role): boolean => role === 'provider' || role === 'routeServer';

/** To customers, clients of our route server, and peers. */
const goesDown = (role: Role): boolean => role === 'provider' || role === 'routeServer' || role === 'peer';

function nextHopSelf(family: AddressFamily, context: Context, local: LocalAddresses): Address | undefined {
  const { transport } = local;
  if (family === 'ipv6')
    return transport.family === 6 && !isLinkLocal(transport) ? transport : (local.ipv6 ?? local.linkLocal);
  if (transport.family === 4) return transport;
  // RFC 8950: an IPv6 next hop needs no IPv4 address on the link; without it, one of that interface must do.
  return context.extendedNextHop ? nextHopSelf('ipv6', context, local) : local.ipv4;
}

/** The next hop itself where the session can express it. */
function usable(nextHop: Address, family: AddressFamily, context: Context): Address | undefined {
  if (nextHop.family === (family === 'ipv4' ? 4 : 6)) return nextHop;
  return family === 'ipv4' && context.extendedNextHop ? nextHop : undefined;
}

/** RFC 4271 §5.1.2: our AS in front, in the leading sequence or in a new one when that is missing or full. */
export function prepend(path: readonly AsSegment[], asn: number, times = 1): readonly AsSegment[] {
  const asns = new Array<number>(times).fill(asn);
  const [first, ...rest] = path;
  if (first?.type === 'sequence' && first.asns.length + times <= 255)
    return [{ type: 'sequence', asns: [...asns, ...first.asns] }, ...rest];
  return [{ type: 'sequence', asns }, ...path];
}
