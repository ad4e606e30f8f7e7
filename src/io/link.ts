/**
 * A link as an unnumbered peer needs it: up, with a link-local address. Looked at every second, on nodes with hundreds of
 * interfaces, where `os.networkInterfaces` takes 15 ms: so the kernel is asked about this one alone.
 */
import { readFileSync } from 'node:fs';
import { type Address, addressFrom, compareAddresses, isLinkLocal } from '../lib/address.ts';
import { fromHex } from '../lib/bytes.ts';
import { SystemError, sysClose, sysInterfaceIndex, sysIoctl, sysSocket } from './native.ts';
import { LITTLE } from './socket.ts';

export interface Link {
  /** The kernel's number: a device that was deleted and made anew has another. */
  readonly index: number;
  readonly local: Address;
  /** Six octets; undefined where the link is not an Ethernet. */
  readonly linkLayer: Uint8Array | undefined;
}

/** Why a link is of no use now. */
export type LinkObstacle =
  | 'absent' // there is no such interface
  | 'down' // it is not up, or has no carrier
  | 'noAddress' // it has no link-local address
  | 'tentative' // its address is not yet known to be unique, which takes a second or two
  | 'duplicate'; // somebody else has its address

/** Linux's numbers, from <sys/socket.h>, <linux/sockios.h>, <net/if.h>, <net/if_arp.h> and <linux/if_addr.h>. */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFHWADDR = 0x8927;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const ARPHRD_ETHER = 1;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
/** struct ifreq: a name of at most 15 octets, then what was asked for. */
const IFREQ_OCTETS = 40;
const IFREQ_VALUE = 16;

/**
 * The interface as it is now. Of several link-local addresses the first is taken, or `keep` where that is one of them.
 * Throws where the kernel cannot be asked.
 */
export function linkOf(name: string, keep?: Address): Link | LinkObstacle {
  const index = sysInterfaceIndex(name);
  if (index === 0) return 'absent';
  const fd = sysSocket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const wanted = IFF_UP | IFF_RUNNING;
    if ((request(fd, SIOCGIFFLAGS, name).getUint16(IFREQ_VALUE, LITTLE) & wanted) !== wanted) return 'down';
    const own = addressesOf(name);
    const usable = own.filter(({ flags }) => (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0);
    const local = usable.find(({ address }) => keep && compareAddresses(address, keep) === 0) ?? usable[0];
    if (local) return { index, local: local.address, linkLayer: linkLayer(request(fd, SIOCGIFHWADDR, name)) };
    if (own.length === 0) return 'noAddress';
    return own.every(({ flags }) => (flags & IFA_F_DADFAILED) !== 0) ? 'duplicate' : 'tentative';
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENODEV') return 'absent';
    throw error;
  } finally {
    sysClose(fd);
  }
}

function request(fd: number, what: number, name: string): DataView {
  const ifreq = new Uint8Array(IFREQ_OCTETS);
  ifreq.set(new TextEncoder().encode(name));
  sysIoctl(fd, what, ifreq);
  return new DataView(ifreq.buffer);
}

const linkLayer = (ifreq: DataView): Uint8Array | undefined =>
  ifreq.getUint16(IFREQ_VALUE, LITTLE) === ARPHRD_ETHER ? new Uint8Array(ifreq.buffer, IFREQ_VALUE + 2, 6) : undefined;

/** The interface's link-local addresses: address, index, prefix length, scope and flags in hexadecimal, and its name. */
function addressesOf(name: string): { readonly address: Address; readonly flags: number }[] {
  return ip6Addresses()
    .split('\n')
    .filter((line) => line.startsWith('fe') && line.endsWith(` ${name}`))
    .map((line) => line.trim().split(/ +/))
    .map(([bytes, , , , flags]) => ({ address: addressFrom(fromHex(bytes!)), flags: Number.parseInt(flags!, 16) }))
    .filter(({ address }) => isLinkLocal(address));
}

function ip6Addresses(): string {
  try {
    return readFileSync('/proc/net/if_inet6', 'latin1');
  } catch (error) {
    // A kernel without IPv6.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
