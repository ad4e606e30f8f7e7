/**
 * UDP sockets of BFD (RFC 5881 §4, RFC 5883 §5): receivers on the well-known ports, one per address family and VRF, and a
 * sender for each session, since each has a source port of its own.
 *
 * A socket that is confined to a device belongs to the one that had the name then: when that is made anew, close the
 * socket and open another.
 */
import type { Address } from '../lib/address.ts';
import { type Datagram, DatagramReader } from './datagram.ts';
import { attachFilter, leastTtl, nothing } from './filter.ts';
import { SystemError, sysBind, sysClose, sysGetsockopt, sysSendto, sysSetsockopt, sysSocket } from './native.ts';
import { random } from './random.ts';
import { int, LITTLE, setOptions, sockaddr } from './socket.ts';

/** Linux's numbers, from <sys/socket.h> and <netinet/in.h>. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const SK_MEMINFO_DROPS = 8;
const IPPROTO_IP = 0;
const IP_RECVTTL = 12;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVHOPLIMIT = 51;

export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;
/** What single-hop packets are sent and arrive with (RFC 5881 §5). */
export const SINGLE_HOP_TTL = 255;
/** CS6, network control. */
const DSCP = 48;
/** RFC 5881 §4: 49152 to 65535. */
const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 16_384;
/** The longest packet there is, authentication included, fits twice. */
const CAPACITY = 512;
/** A pause of a tenth of a second at 10,000 packets a second loses none. */
const RECEIVE_BUFFER_OCTETS = 1 << 20;

export interface ReceiverOptions {
  readonly family: 4 | 6;
  /** 3784 or 4784. */
  readonly port: number;
  /** Packets that arrive with a lower TTL or hop limit are dropped by the kernel: 255 for single hop. */
  readonly minTtl: number;
  /** VRF or interface that the socket is confined to. Without one, packets that come in by a VRF are not received. */
  readonly device?: string;
}

/** What this process has open: they may share a port where they differ in their device. */
const receivers = new Set<BfdReceiver>();

export class BfdReceiver {
  readonly fd: number;
  readonly options: ReceiverOptions;
  private readonly reader = new DatagramReader(CAPACITY);
  private drops = 0;

  /** Throws `SystemError`: EADDRINUSE while another BFD daemon runs here, ENODEV without the device. */
  constructor(options: ReceiverOptions) {
    const { family, port, minTtl, device } = options;
    this.options = options;
    this.fd = openUdp(family);
    try {
      attachFilter(this.fd, leastTtl(family, minTtl));
      setOptions(this.fd, family, device === undefined ? {} : { device });
      if (family === 4) sysSetsockopt(this.fd, IPPROTO_IP, IP_RECVTTL, int(1));
      else sysSetsockopt(this.fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int(1));
      enlarge(this.fd);
      this.bind(sockaddr({ family, bytes: new Uint8Array(family === 4 ? 4 : 16) }, port, 0));
    } catch (error) {
      sysClose(this.fd);
      throw error;
    }
    receivers.add(this);
  }

  /**
   * The kernel lets UDP sockets with different devices share a port only where all of them allow it. They do so for this
   * moment and among themselves: else a second daemon would take our packets away without either noticing.
   */
  private bind(address: Uint8Array): void {
    const { family, port, device } = this.options;
    const beside = [...receivers].filter(({ options }) => options.family === family && options.port === port);
    const shared = beside.every(({ options }) => options.device !== device) ? beside : [];
    const allow = (value: number): void => {
      if (shared.length === 0) return;
      for (const { fd } of [this, ...shared]) sysSetsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int(value));
    };
    allow(1);
    try {
      sysBind(this.fd, address);
    } finally {
      allow(0);
    }
  }

  /** Packets that wait already are not judged again: where it matters, look at `hopLimit`. */
  setMinTtl(minTtl: number): void {
    attachFilter(this.fd, leastTtl(this.options.family, minTtl));
  }

  /** The next packet, or undefined when there is none; its octets are valid until the next call. Throws `SystemError`. */
  receive(): Datagram | undefined {
    return this.reader.read(this.fd);
  }

  /** Packets the kernel dropped since the last call: with a TTL too low, or since they were not read fast enough. */
  takeDrops(): number {
    const memory = sysGetsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, 64);
    const drops = new DataView(memory.buffer, memory.byteOffset).getUint32(4 * SK_MEMINFO_DROPS, LITTLE);
    const since = (drops - this.drops) >>> 0;
    this.drops = drops;
    return since;
  }

  close(): void {
    receivers.delete(this);
    sysClose(this.fd);
  }
}

export interface SenderOptions {
  readonly peer: Address;
  /** 3784 or 4784. */
  readonly port: number;
  /** Index of the interface that a link-local peer is on. */
  readonly scope?: number;
  /** Local address; where it is absent the kernel chooses one per packet. */
  readonly source?: Address;
  /** VRF or interface that the socket is confined to. */
  readonly device?: string;
}

/** Source ports of the sessions of this process: no two have the same one, whatever their addresses are. */
const taken = new Set<number>();

export class BfdSender {
  readonly fd: number;
  /** The same for all packets of the session (RFC 5881 §4). */
  readonly sourcePort: number;
  private readonly to: Uint8Array;

  /** Throws `SystemError`: EADDRNOTAVAIL while `source` is not there, ENODEV without the device, EADDRINUSE without a free port; `RangeError` past 16384 sessions. */
  constructor({ peer, port, scope = 0, source, device }: SenderOptions) {
    this.to = sockaddr(peer, port, scope);
    this.fd = openUdp(peer.family);
    try {
      // Nobody reads it, so nothing should wait in it.
      attachFilter(this.fd, nothing);
      setOptions(this.fd, peer.family, { ttl: SINGLE_HOP_TTL, dscp: DSCP, ...(device !== undefined && { device }) });
      const any: Address = { family: peer.family, bytes: new Uint8Array(peer.bytes.length) };
      this.sourcePort = bindFreePort(this.fd, source ?? any, scope);
    } catch (error) {
      sysClose(this.fd);
      throw error;
    }
  }

  /** @returns the word for what went wrong, such as ENETUNREACH, which may go right the next time; undefined when sent */
  send(packet: Uint8Array): string | undefined {
    try {
      sysSendto(this.fd, packet, this.to);
      return undefined;
    } catch (error) {
      if (error instanceof SystemError) return error.code;
      throw error;
    }
  }

  close(): void {
    taken.delete(this.sourcePort);
    sysClose(this.fd);
  }
}

function openUdp(family: 4 | 6): number {
  const fd = sysSocket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    if (family === 6) sysSetsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, int(1));
  } catch (error) {
    sysClose(fd);
    throw error;
  }
  return fd;
}

function bindFreePort(fd: number, source: Address, scope: number): number {
  const start = Math.floor(random() * SOURCE_PORTS);
  let last: SystemError | undefined;
  for (let n = 0; n < SOURCE_PORTS; n++) {
    const port = FIRST_SOURCE_PORT + ((start + n) % SOURCE_PORTS);
    if (taken.has(port)) continue;
    try {
      sysBind(fd, sockaddr(source, port, scope));
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== 'EADDRINUSE') throw error;
      last = error;
      continue;
    }
    taken.add(port);
    return port;
  }
  throw last ?? new RangeError(`each of the ${SOURCE_PORTS} source ports has a session`);
}

function enlarge(fd: number): void {
  try {
    sysSetsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int(RECEIVE_BUFFER_OCTETS));
  } catch {
    // Without CAP_NET_ADMIN as much as net.core.rmem_max allows.
    sysSetsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(RECEIVE_BUFFER_OCTETS));
  }
}
