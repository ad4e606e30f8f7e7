/** IPv6 multicast memberships without a receiver: what makes switches forward groups to this node. */
import { SystemError, sysClose, sysSetsockopt, sysSocket } from './native.ts';
import { LITTLE } from './socket.ts';

/** Linux's numbers, from <sys/socket.h> and <netinet/in.h>. */
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_JOIN_GROUP = 20;
const IPV6_LEAVE_GROUP = 21;

/**
 * Membership of IPv6 multicast groups, for which the kernel sends MLD reports, so that switches that listen to those
 * (snooping) forward the groups. Nothing is received here.
 */
export class MulticastGroups {
  /** The socket that holds each membership; a socket has room for some hundred. */
  private readonly sockets = new Map<string, number>();
  /** How many each socket holds. */
  private readonly held = new Map<number, number>();
  private last: number | undefined;

  /** Throws `SystemError`: ENODEV without the interface, EINVAL while it has no IPv6. */
  join(index: number, group: Uint8Array): void {
    const request = groupRequest(index, group);
    this.last ??= openUdp();
    try {
      add(this.last, request);
    } catch (error) {
      const noRoom = error instanceof SystemError && (error.code === 'ENOMEM' || error.code === 'ENOBUFS');
      // Where an empty socket has no room, another one has none either.
      if (!noRoom || !this.held.get(this.last)) throw error;
      this.last = openUdp();
      add(this.last, request);
    }
    this.sockets.set(`${index} ${group}`, this.last);
    this.held.set(this.last, (this.held.get(this.last) ?? 0) + 1);
  }

  leave(index: number, group: Uint8Array): void {
    const key = `${index} ${group}`;
    const fd = this.sockets.get(key);
    if (fd === undefined) return;
    this.sockets.delete(key);
    const held = this.held.get(fd)! - 1;
    this.held.set(fd, held);
    try {
      sysSetsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, groupRequest(index, group));
    } catch (error) {
      // The interface took the membership with it.
      if (!(error instanceof SystemError)) throw error;
    }
    if (held > 0 || fd === this.last) return;
    this.held.delete(fd);
    sysClose(fd);
  }

  close(): void {
    for (const fd of new Set([...this.held.keys(), ...(this.last === undefined ? [] : [this.last])])) sysClose(fd);
    this.sockets.clear();
    this.held.clear();
    this.last = undefined;
  }
}

const openUdp = (): number => sysSocket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

function add(fd: number, request: Uint8Array): void {
  try {
    sysSetsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
  } catch (error) {
    // Left over from an interface of that index which is gone.
    if (!(error instanceof SystemError) || error.code !== 'EADDRINUSE') throw error;
    sysSetsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, request);
    sysSetsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
  }
}

/** struct ipv6_mreq. */
function groupRequest(index: number, group: Uint8Array): Uint8Array {
  const request = new Uint8Array(20);
  request.set(group);
  new DataView(request.buffer).setInt32(16, index, LITTLE);
  return request;
}
