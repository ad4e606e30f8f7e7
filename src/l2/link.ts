/**
 * Which interfaces get a responder, from what the kernel says about them. MetalLB's rules, but that a member of a VRF
 * counts (its traffic does not pass to its master on layer 2), and that IPv6 needs no link-local address.
 */
import type { Mac } from '../lib/mac.ts';

/** What the kernel says about an interface (rtnetlink: RTM_NEWLINK). */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Undefined where the interface is no Ethernet. */
  readonly mac?: Mac;
  /** IFF_UP, IFF_RUNNING, IFF_BROADCAST, IFF_MULTICAST, IFF_NOARP, IFF_LOOPBACK. */
  readonly up: boolean;
  readonly running: boolean;
  readonly broadcast: boolean;
  readonly multicast: boolean;
  readonly noArp: boolean;
  readonly loopback: boolean;
  /** Octets; undefined where it is not known. */
  readonly mtu?: number;
  /** The kind of the interface that this one is a member of: `bridge`, `bond`, `team`, `vrf` … */
  readonly masterKind?: string;
}

/** Why an interface answers nothing. */
export type LinkReason = 'excluded' | 'loopback' | 'notEthernet' | 'enslaved' | 'noArp';

/** An interface that answers. `running`: up and with a carrier; while it is not, its sockets are kept for its return. */
export interface Port {
  readonly index: number;
  readonly name: string;
  readonly mac: Mac;
  readonly running: boolean;
  readonly arp: boolean;
  readonly ndp: boolean;
  /** Another number than before: neighbours and switches are to be told again where it is. */
  readonly moves?: number;
}

/** No IPv6 crosses a link of less (RFC 8200 §5): the kernel takes it off the interface, with the groups that were joined there. */
const IPV6_MTU = 1280;

/** @param exclude patterns of names (metallb-excludel2) */
export function portOf(link: Link, exclude: readonly RegExp[]): Port | LinkReason {
  const { index, name, mac, mtu = IPV6_MTU } = link;
  if (exclude.some((pattern) => pattern.test(name))) return 'excluded';
  if (link.loopback) return 'loopback';
  if (mac === undefined) return 'notEthernet';
  // Frames of members arrive at the bridge or bond, which answers; those of a VRF's members at the members.
  if (link.masterKind !== undefined && link.masterKind !== 'vrf') return 'enslaved';
  if (link.noArp) return 'noArp';
  return {
    index,
    name,
    mac,
    running: link.up && link.running,
    arp: link.broadcast,
    ndp: link.multicast && mtu >= IPV6_MTU,
  };
}
