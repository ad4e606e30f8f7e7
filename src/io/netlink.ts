/**
 * Netlink sockets of the routing family: one kind for requests, whose answers are waiting as soon as the request was
 * sent, and one for notifications, which the event loop watches. What is in the messages is netlink/'s business.
 *
 * A socket belongs to the network namespace that it was made in.
 */
import { attachFilter, notOfPort } from './filter.ts';
import {
  type Poll,
  SystemError,
  sysBind,
  sysClose,
  sysGetsockname,
  sysPoll,
  sysRecvfrom,
  sysSendto,
  sysSendtoAside,
  sysSetsockopt,
  sysSocket,
} from './native.ts';
import { int, LITTLE } from './socket.ts';

/** Linux's numbers, from <sys/socket.h> and <linux/netlink.h>. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** struct sockaddr_nl: family, padding, port, groups. */
const ADDRESS_OCTETS = 12;
const PORT_AT = 4;

/** Longer than any message: the kernel makes dumps in pieces of 32 KiB, and a link with all its virtual functions is less. */
const CAPACITY = 1 << 20;
/** What thousands of requests at once take, and what is said of each when all fail. */
const REQUEST_BUFFER_OCTETS = 8 << 20;
const SEND_BUFFER_OCTETS = 2 << 20;
const EVENT_BUFFER_OCTETS = 4 << 20;

/** A socket for requests. It must be used by one reader alone, and synchronously. */
export class RequestSocket {
  readonly portId: number;
  private readonly socket: Socket;

  /** Throws `SystemError`. */
  constructor() {
    this.socket = new Socket(REQUEST_BUFFER_OCTETS, (fd) => {
      setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_OCTETS);
      sysSetsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, int(1));
      sysSetsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, int(1));
      // What a dump is restricted to is the kernel's work, not ours.
      sysSetsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, int(1));
    });
    this.portId = this.socket.portId;
  }

  /** Throws `SystemError`. */
  send(bytes: Uint8Array): void {
    sysSendto(this.socket.fd, bytes, kernel);
  }

  /**
   * As `send`, while this thread goes on: the kernel takes milliseconds for a batch of routes, and now and then much
   * longer. `bytes` must stay as they are, and the socket open, until `done` is called, which is when answers wait to be
   * received. One at a time.
   */
  sendAside(bytes: Uint8Array, done: (sent: boolean) => void): void {
    sysSendtoAside(this.socket.fd, bytes, kernel, done);
  }

  /** The next datagram, a view that the next call overwrites; `overrun` for ENOBUFS. Throws `SystemError`. */
  receive(): Uint8Array | 'overrun' | undefined {
    return this.socket.receive();
  }

  close(): void {
    this.socket.close();
  }
}

export interface EventSocketOptions {
  /** Multicast groups to join (RTNLGRP_*). */
  readonly groups: readonly number[];
  /** What requests from this port change is not told: whoever asked knows. */
  readonly except?: number;
  /** Room for messages that wait to be read, octets; the kernel counts its own overhead too. */
  readonly bufferOctets?: number;
  /** Something can be read. Called again in the next turn of the event loop unless all of it is. */
  readonly readable: () => void;
}

/** A socket for notifications. It keeps the process alive until it is closed. */
export class EventSocket {
  private readonly socket: Socket;
  private readonly readable: () => void;
  private poll: Poll;

  /** Throws `SystemError`. */
  constructor({ groups, except, bufferOctets = EVENT_BUFFER_OCTETS, readable }: EventSocketOptions) {
    this.readable = readable;
    // A socket that is not bound yet gets nothing.
    this.socket = new Socket(bufferOctets, () => {});
    try {
      if (except !== undefined) attachFilter(this.socket.fd, notOfPort(except));
      for (const group of groups) sysSetsockopt(this.socket.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int(group));
      this.poll = this.watch();
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /** The next datagram, a view that the next call overwrites; `overrun` for ENOBUFS. Throws `SystemError`. */
  receive(): Uint8Array | 'overrun' | undefined {
    return this.socket.receive();
  }

  close(): void {
    if (this.socket.fd < 0) return;
    this.poll.close();
    this.socket.close();
  }

  private watch(): Poll {
    return sysPoll(this.socket.fd, (failed) => {
      if (failed) {
        // ENOBUFS hangs on the socket until it is read, which ends the watch and nothing else.
        this.poll.close();
        this.readable();
        if (this.socket.fd >= 0) this.poll = this.watch();
      } else this.readable();
    });
  }
}

class Socket {
  fd: number;
  readonly portId: number;
  private readonly data = new Uint8Array(CAPACITY);
  private readonly sender = new Uint8Array(ADDRESS_OCTETS);
  private readonly senderView = new DataView(this.sender.buffer);

  constructor(bufferOctets: number, configure: (fd: number) => void) {
    this.fd = sysSocket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    try {
      setBuffer(this.fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferOctets);
      configure(this.fd);
      sysBind(this.fd, kernel);
      const name = sysGetsockname(this.fd, ADDRESS_OCTETS);
      this.portId = new DataView(name.buffer, name.byteOffset).getUint32(PORT_AT, LITTLE);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  receive(): Uint8Array | 'overrun' | undefined {
    for (;;) {
      let length: number | undefined;
      try {
        length = sysRecvfrom(this.fd, this.data, this.sender);
      } catch (error) {
        if (error instanceof SystemError && error.code === 'ENOBUFS') return 'overrun';
        throw error;
      }
      if (length === undefined) return undefined;
      // A cut datagram is as good as a lost one.
      if (length > CAPACITY) return 'overrun';
      // Other processes may write to this port. Only the kernel's is 0.
      if (this.senderView.getUint32(PORT_AT, LITTLE) === 0) return this.data.subarray(0, length);
    }
  }

  close(): void {
    if (this.fd < 0) return;
    sysClose(this.fd);
    this.fd = -1;
  }
}

/** Past the system's limit where that is allowed (CAP_NET_ADMIN), up to it where not. */
function setBuffer(fd: number, force: number, ask: number, size: number): void {
  try {
    sysSetsockopt(fd, SOL_SOCKET, force, int(size));
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'EPERM')) throw error;
    sysSetsockopt(fd, SOL_SOCKET, ask, int(size));
  }
}

/** struct sockaddr_nl of the kernel; bound to, it makes the kernel choose a port. */
const kernel = new Uint8Array(ADDRESS_OCTETS);
new DataView(kernel.buffer).setUint16(0, AF_NETLINK, LITTLE);
