/**
 * Which addresses are put on the loopback and which are taken off it, from what should be there and what this host has:
 * an address that somebody else gave the host is left alone, on the loopback or anywhere.
 *
 * Ours are told by their tag (IFA_PROTO). Kernels before 5.18 forget it; there a memory of what was put counts.
 */
import { type Address, bitsOf, formatAddress } from '../lib/address.ts';
import { Protocol } from '../netlink/const.ts';
import type { LinkAddress, LinkAddressSpec } from '../netlink/ifaddr.ts';
import type { Op } from '../netlink/kinds.ts';

/** As on routes; addresses have numbers of their own (IFAPROT_*), of which the kernel uses 1 to 3. */
export const ADDRESS_TAG = Protocol.bgp;

export interface Placement {
  readonly add: readonly Address[];
  readonly remove: readonly Address[];
  /** Wanted, and on this host already: nothing is done. With the index of the link. */
  readonly present: readonly { readonly ip: Address; readonly link: number }[];
  /** Wanted, and put there earlier. */
  readonly kept: readonly Address[];
}

/**
 * @param want by their text
 * @param have all addresses of this host
 * @param loopback the index of the loopback
 * @param remembered texts of what was put there since the machine booted and not taken off
 */
export function place(
  want: ReadonlyMap<string, Address>,
  have: readonly LinkAddress[],
  loopback: number,
  remembered: ReadonlySet<string>,
): Placement {
  const ours = new Map<string, Address>();
  const foreign = new Map<string, number>();
  for (const { address, length, link, protocol } of have) {
    const text = formatAddress(address);
    const tagged = protocol === ADDRESS_TAG || (protocol === undefined && remembered.has(text));
    if (link === loopback && length === bitsOf(address.family) && tagged) ours.set(text, address);
    else foreign.set(text, link);
  }
  const add: Address[] = [];
  const kept: Address[] = [];
  const present: { ip: Address; link: number }[] = [];
  for (const [text, ip] of want) {
    const link = foreign.get(text);
    if (ours.has(text)) kept.push(ip);
    else if (link !== undefined) present.push({ ip, link });
    else add.push(ip);
  }
  const remove = [...ours].flatMap(([text, ip]) => (want.has(text) ? [] : ip));
  return { add, remove, present, kept };
}

/**
 * As the loopback has it: nobody but what listens on the address is to use it. The host's own connections never take
 * it as their source: IPv4 addresses of scope `host` are not considered, nor are IPv6 addresses that are deprecated.
 */
const specOf = (ip: Address, link: number): LinkAddressSpec => ({
  link,
  address: ip,
  length: bitsOf(ip.family),
  protocol: ADDRESS_TAG,
  ...(ip.family === 4 ? { scope: 'host' } : { lifetimes: { preferredSec: 0, validSec: 0xffff_ffff } }),
});

export const putOp = (ip: Address, link: number): Op => ({ verb: 'add', kind: 'address', value: specOf(ip, link) });
export const takeOp = (ip: Address, link: number): Op => ({ verb: 'delete', kind: 'address', value: specOf(ip, link) });
