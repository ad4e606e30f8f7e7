/**
 * Router solicitations and advertisements on one interface: a raw ICMPv6 socket that the event loop watches. The kernel
 * checks and fills in checksums. Everything that arrives is reported with its hop limit; judging it is the reader's part.
 *
 * The socket belongs to the interface as it is now. When that goes down, loses the address or is made anew, close the
 * socket and open another.
 */
import type { Address } from '../lib/address.ts';
import { type Datagram, DatagramReader } from './datagram.ts';
import { type Poll, sysClose, sysInterfaceIndex, sysPoll, sysSendto, sysSetsockopt, sysSocket } from './native.ts';
import { bindSource, int, sockaddr } from './socket.ts';

/** Linux's numbers, from <sys/socket.h>, <netinet/in.h> and <netinet/icmp6.h>. */
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_RECVHOPLIMIT = 51;
const IPPROTO_ICMPV6 = 58;
const ICMP6_FILTER = 1;

/** Longer than any router advertisement that a link of 9000 octets can carry. */
const CAPACITY = 9216;
/** Datagrams taken in one turn of the event loop: a flood of them must not stop everything else. */
const TURN_DATAGRAMS = 64;

/** More than a socket's receive buffer holds. */
const QUEUE_DATAGRAMS = 4096;

export interface Icmp6Events {
  /** `bytes` of the datagram are valid during the call only. */
  received(datagram: Datagram): void;
  /** The socket is of no use any more; it has been closed. */
  failed(error: Error): void;
}

export class Icmp6Socket {
  private readonly fd: number;
  private readonly index: number;
  private readonly events: Icmp6Events;
  private readonly reader = new DatagramReader(CAPACITY);
  private readonly poll: Poll;
  private open = true;

  /**
   * Receives the ICMPv6 types `types` that arrive at `device`, by unicast or for one of `groups`; sends from `local`.
   * Throws `SystemError`: EPERM without CAP_NET_RAW, ENODEV without the interface, EADDRNOTAVAIL while `local` is not
   * there or not yet known to be unique.
   */
  constructor(
    device: string,
    local: Address,
    types: readonly number[],
    groups: readonly Address[],
    events: Icmp6Events,
  ) {
    this.events = events;
    this.fd = sysSocket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    try {
      sysSetsockopt(this.fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter(types));
      sysSetsockopt(this.fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`));
      this.index = sysInterfaceIndex(device);
      bindSource(this.fd, local, device);
      const set = (name: number, value: Uint8Array) => sysSetsockopt(this.fd, IPPROTO_IPV6, name, value);
      set(IPV6_MULTICAST_IF, int(this.index));
      set(IPV6_MULTICAST_LOOP, int(0));
      // RFC 4861 §6.1: what has passed a router is not taken.
      set(IPV6_UNICAST_HOPS, int(255));
      set(IPV6_MULTICAST_HOPS, int(255));
      set(IPV6_RECVHOPLIMIT, int(1));
      for (const group of groups) set(IPV6_ADD_MEMBERSHIP, membership(group, this.index));
      // A raw socket takes all there is from the moment it exists: what came before it was told to be choosy.
      for (let n = 0; n < QUEUE_DATAGRAMS && this.reader.read(this.fd); n++);
      this.poll = sysPoll(this.fd, () => this.drain());
    } catch (error) {
      sysClose(this.fd);
      throw error;
    }
  }

  /** Throws `SystemError`; the socket stays usable. */
  send(to: Address, bytes: Uint8Array): void {
    sysSendto(this.fd, bytes, sockaddr(to, 0, this.index));
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.poll.close();
    sysClose(this.fd);
  }

  private drain(): void {
    for (let n = 0; this.open && n < TURN_DATAGRAMS; n++) {
      let datagram: Datagram | undefined;
      try {
        datagram = this.reader.read(this.fd);
      } catch (error) {
        this.close();
        this.events.failed(error as Error);
        return;
      }
      if (datagram === undefined) return;
      this.events.received(datagram);
    }
  }
}

/** struct icmp6_filter: a bit per type, set where the type is blocked. */
function filter(types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffff_ffff);
  for (const type of types) words[type >>> 5]! &= ~(1 << (type & 31));
  return new Uint8Array(words.buffer);
}

/** struct ipv6_mreq. */
function membership(group: Address, index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(group.bytes);
  bytes.set(int(index), 16);
  return bytes;
}
