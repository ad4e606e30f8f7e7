/** A link as an unnumbered peer needs it: up, with a link-local address. */
import { networkInterfaces } from 'node:os';
import { type Address, compareAddresses, isLinkLocal, parseAddress } from '../lib/address.ts';
import { fromHex } from '../lib/bytes.ts';
import { sysInterfaceIndex } from './native.ts';

export interface Link {
  /** The kernel's number: a device that was deleted and made anew has another. */
  readonly index: number;
  readonly local: Address;
  /** Six octets on Ethernet; undefined where the link has no such addresses. */
  readonly linkLayer: Uint8Array | undefined;
}

/**
 * The interface as it is now. Of several link-local addresses the first is taken, or `keep` where that is one of them.
 * `absent`: there is no such interface. `down`: it is not up, has no carrier, or no link-local address. Throws where
 * native calls are not possible.
 */
export function linkOf(name: string, keep?: Address): Link | 'absent' | 'down' {
  const index = sysInterfaceIndex(name);
  if (index === 0) return 'absent';
  const links: Link[] = [];
  for (const { address, mac } of networkInterfaces()[name] ?? []) {
    const local = parseAddress(address);
    if (!local || !isLinkLocal(local)) continue;
    const linkLayer = fromHex(mac.replaceAll(':', ''));
    links.push({ index, local, linkLayer: linkLayer.some((octet) => octet !== 0) ? linkLayer : undefined });
  }
  return links.find(({ local }) => keep && compareAddresses(local, keep) === 0) ?? links[0] ?? 'down';
}
