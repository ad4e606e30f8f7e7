/**
 * Datagrams with what `node:dgram` leaves out: the hop limit they arrived with, and the interface that a link-local
 * sender is on. Works on any datagram or raw IP socket that was told to report them (IP_RECVTTL, IPV6_RECVHOPLIMIT).
 */
import { type Address, addressFrom } from '../lib/address.ts';
import { sysAddress, sysRecvmsg } from './native.ts';
import { LITTLE } from './socket.ts';

export interface Datagram {
  readonly source: Address;
  /** 0 for raw sockets. */
  readonly port: number;
  /** Index of the interface that a link-local source is on, else 0. */
  readonly scope: number;
  /** Hop limit or TTL; undefined when the socket does not report it. */
  readonly hopLimit: number | undefined;
  /** More octets came than there was room for. */
  readonly truncated: boolean;
  /** A view that the next `read` overwrites. */
  readonly bytes: Uint8Array;
}

/** Linux's numbers, from <sys/socket.h> and <netinet/in.h>. */
const AF_INET = 2;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPPROTO_IPV6 = 41;
const IPV6_HOPLIMIT = 52;
const MSG_TRUNC = 0x20;

/** struct msghdr, struct iovec, struct sockaddr_in6, control data and payload, one after the other. */
const MSGHDR = 0;
const IOVEC = 56;
const NAME = 72;
const NAME_OCTETS = 28;
const CONTROL = 104;
const CONTROL_OCTETS = 128;
const PAYLOAD = CONTROL + CONTROL_OCTETS;
/** struct cmsghdr: a size_t, two ints. */
const CMSGHDR_OCTETS = 16;

export class DatagramReader {
  private readonly memory: Uint8Array;
  private readonly view: DataView;
  private readonly at: bigint;

  /** @param capacity octets of the longest datagram that is read whole */
  constructor(capacity: number) {
    this.memory = new Uint8Array(PAYLOAD + capacity);
    this.view = new DataView(this.memory.buffer);
    this.at = sysAddress(this.memory);
    this.pointer(MSGHDR, NAME);
    this.pointer(MSGHDR + 16, IOVEC);
    this.size(MSGHDR + 24, 1);
    this.pointer(MSGHDR + 32, CONTROL);
    this.pointer(IOVEC, PAYLOAD);
    this.size(IOVEC + 8, capacity);
  }

  /** The next datagram that waits, or undefined. Throws `SystemError`. */
  read(fd: number): Datagram | undefined {
    const { memory, view } = this;
    // What the kernel overwrites with what it used.
    view.setUint32(MSGHDR + 8, NAME_OCTETS, LITTLE);
    this.size(MSGHDR + 40, CONTROL_OCTETS);
    const length = sysRecvmsg(fd, this.at + BigInt(MSGHDR));
    if (length === undefined) return undefined;
    const ip4 = view.getUint16(NAME, LITTLE) === AF_INET;
    return {
      source: addressFrom(memory.slice(NAME + (ip4 ? 4 : 8), NAME + (ip4 ? 8 : 24))),
      port: view.getUint16(NAME + 2),
      scope: ip4 ? 0 : view.getUint32(NAME + 24, LITTLE),
      hopLimit: this.hopLimit(),
      truncated: (view.getInt32(MSGHDR + 48, LITTLE) & MSG_TRUNC) !== 0,
      bytes: memory.subarray(PAYLOAD, PAYLOAD + length),
    };
  }

  private hopLimit(): number | undefined {
    const { view } = this;
    const end = CONTROL + Number(view.getBigUint64(MSGHDR + 40, LITTLE));
    let at = CONTROL;
    while (at + CMSGHDR_OCTETS + 4 <= end) {
      const length = Number(view.getBigUint64(at, LITTLE));
      const level = view.getInt32(at + 8, LITTLE);
      const type = view.getInt32(at + 12, LITTLE);
      if ((level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT) || (level === IPPROTO_IP && type === IP_TTL))
        return view.getInt32(at + CMSGHDR_OCTETS, LITTLE);
      if (length < CMSGHDR_OCTETS) return undefined;
      at += (length + 7) & ~7;
    }
    return undefined;
  }

  private pointer(at: number, target: number): void {
    this.view.setBigUint64(at, this.at + BigInt(target), LITTLE);
  }

  private size(at: number, value: number): void {
    this.view.setBigUint64(at, BigInt(value), LITTLE);
  }
}
