/**
 * Packet sockets (packet(7)): whole Ethernet frames of one interface, in and out, with a filter in the kernel. None of the
 * errors that come and go with an interface is thrown by `receive` and `send`.
 */
import { attachFilter, type FilterInstruction } from './filter.ts';
import {
  SystemError,
  sysBind,
  sysClose,
  sysGetsockname,
  sysGetsockopt,
  sysSetsockopt,
  sysSocket,
  sysSocketpair,
  sysTryRecv,
  sysTrySend,
} from './native.ts';
import { int, LITTLE } from './socket.ts';

/** Linux's numbers, from <sys/socket.h> and <linux/if_packet.h>. */
const AF_PACKET = 17;
const AF_UNIX = 1;
const SOCK_RAW = 3;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_RCVBUF = 8;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_DROP_MEMBERSHIP = 2;
const PACKET_STATISTICS = 6;
const PACKET_IGNORE_OUTGOING = 23;

/** What an interface may be asked to pass up (PACKET_MR_*). */
const Membership = { multicast: 0, promiscuous: 1, allMulticast: 2 } as const;

/** A pause of a tenth of a second at 50,000 packets a second loses none. */
const RECEIVE_BUFFER_OCTETS = 4 << 20;

export class PacketSocket {
  readonly fd: number;
  /** 0 of one end of a pair: there is no interface to ask for anything. */
  private readonly index: number;
  private mode: 'normal' | 'allMulticast' | 'promiscuous' = 'normal';

  private constructor(fd: number, index: number) {
    this.fd = fd;
    this.index = index;
  }

  /**
   * Takes frames of one EtherType that arrive on the interface with this index; what the node itself sends is left out by kernels
   * from 4.20 on, and by the filter where it says so.
   * Throws `SystemError`: EPERM without CAP_NET_RAW, ENODEV without the interface.
   */
  static open(index: number, etherType: number, filter: readonly FilterInstruction[]): PacketSocket {
    // Without a protocol nothing arrives until it is bound: no frames of other interfaces, none before the filter.
    const socket = new PacketSocket(sysSocket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), index);
    try {
      socket.setFilter(filter);
      ignoreOutgoing(socket.fd);
      enlarge(socket.fd);
      sysBind(socket.fd, linkLayerAddress(index, etherType));
    } catch (error) {
      sysClose(socket.fd);
      throw error;
    }
    return socket;
  }

  /** Both ends of a link that is nowhere but in this process, to send and to receive by. It takes no privilege. */
  static pair(): readonly [PacketSocket, PacketSocket] {
    const [one, other] = sysSocketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC);
    return [new PacketSocket(one, 0), new PacketSocket(other, 0)];
  }

  /** Replaces the filter; frames that wait already are not judged again. */
  setFilter(filter: readonly FilterInstruction[]): void {
    attachFilter(this.fd, filter);
  }

  /** The next frame into `buffer`: its octets, 0 when there is none, or the negative errno. */
  receive(buffer: Uint8Array): number {
    const length = sysTryRecv(this.fd, buffer);
    return length === -EAGAIN ? 0 : length;
  }

  /** @returns whether the frame left; it does not while the interface is down or its queue is full */
  send(frame: Uint8Array): boolean {
    return sysTrySend(this.fd, frame) === frame.length;
  }

  /** Asks the interface for a multicast group's frames. No report is sent for it: see multicast.ts. */
  join(mac: Uint8Array): void {
    this.membership(PACKET_ADD_MEMBERSHIP, Membership.multicast, mac);
  }

  leave(mac: Uint8Array): void {
    this.membership(PACKET_DROP_MEMBERSHIP, Membership.multicast, mac);
  }

  /** As long as the socket is open and asks for no less; the interface's flags stay as they are. */
  setReception(mode: 'normal' | 'allMulticast' | 'promiscuous'): void {
    if (mode === this.mode) return;
    if (mode !== 'normal') this.membership(PACKET_ADD_MEMBERSHIP, Membership[mode]);
    if (this.mode !== 'normal') this.membership(PACKET_DROP_MEMBERSHIP, Membership[this.mode]);
    this.mode = mode;
  }

  private membership(option: number, type: number, mac: Uint8Array = new Uint8Array(0)): void {
    if (this.index === 0) return;
    // struct packet_mreq
    const request = new Uint8Array(16);
    const view = new DataView(request.buffer);
    view.setInt32(0, this.index, LITTLE);
    view.setUint16(4, type, LITTLE);
    view.setUint16(6, mac.length, LITTLE);
    request.set(mac, 8);
    sysSetsockopt(this.fd, SOL_PACKET, option, request);
  }

  /** False once the interface is gone for good; one that was made since, with the same index, needs another socket. */
  attached(): boolean {
    if (this.index === 0) return true;
    const name = sysGetsockname(this.fd, 20);
    return new DataView(name.buffer, name.byteOffset).getInt32(4, LITTLE) === this.index;
  }

  /** Frames that came faster than they were taken and were lost, since the last call. */
  takeOverruns(): number {
    if (this.index === 0) return 0;
    const statistics = sysGetsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, 8);
    return new DataView(statistics.buffer, statistics.byteOffset).getUint32(4, LITTLE);
  }

  close(): void {
    sysClose(this.fd);
  }
}

const EAGAIN = 11;

function ignoreOutgoing(fd: number): void {
  try {
    sysSetsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, int(1));
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'ENOPROTOOPT') throw error;
  }
}

function enlarge(fd: number): void {
  try {
    sysSetsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int(RECEIVE_BUFFER_OCTETS));
  } catch {
    // Without CAP_NET_ADMIN as much as net.core.rmem_max allows.
    sysSetsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(RECEIVE_BUFFER_OCTETS));
  }
}

/** struct sockaddr_ll. */
function linkLayerAddress(index: number, etherType: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, LITTLE);
  view.setUint16(2, etherType);
  view.setInt32(4, index, LITTLE);
  return bytes;
}
