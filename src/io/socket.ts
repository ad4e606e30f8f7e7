/**
 * TCP sockets with the options that `node:net` lacks, made before the first packet leaves: TTL and its minimum
 * (GTSM), DSCP, TCP-MD5, and the VRF or interface to use.
 */
import type { Address } from '../lib/address.ts';
import { type Prefix, prefixOf } from '../lib/prefix.ts';
import { SystemError, sysBind, sysClose, sysInterfaceIndex, sysSetsockopt, sysSocket } from './native.ts';

/** Linux's numbers, from <sys/socket.h>, <netinet/in.h> and <netinet/tcp.h>. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPPROTO_TCP = 6;
const TCP_MD5SIG_EXT = 32;
const MD5_FLAG_PREFIX = 1;
/** struct tcp_md5sig: its size, and the longest key. */
const MD5_OCTETS = 216;
export const MAX_MD5_KEY_OCTETS = 80;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;
const IPV6_MINHOPCOUNT = 73;

/** Everything is optional: what is absent stays as the kernel has it. */
export interface SocketOptions {
  /** TTL or hop limit of what is sent, 1..255. */
  readonly ttl?: number;
  /** Segments that arrive with less are dropped by the kernel (RFC 5082), 1..255. */
  readonly minTtl?: number;
  /** DSCP, 0..63. */
  readonly dscp?: number;
  /** VRF or interface that the socket is confined to. */
  readonly device?: string;
}

/** A TCP-MD5 key (RFC 2385) for one peer or for a prefix of them. */
export interface Md5Key {
  readonly peer: Address | Prefix;
  /** 1..80 octets of UTF-8. */
  readonly password: string;
}

/** A socket that is not yet connected: `new net.Socket({fd})` takes it over. The caller closes it where that fails. */
export function openSocket(family: 4 | 6, options: SocketOptions): number {
  const fd = sysSocket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    setOptions(fd, family, options);
  } catch (error) {
    sysClose(fd);
    throw error;
  }
  return fd;
}

/** A socket bound to `address` and `port`, ready to listen. `dual`: an IPv6 socket takes IPv4 callers as well. */
export function openListener(address: Address, port: number, dual: boolean, options: SocketOptions): number {
  const fd = openSocket(address.family, options);
  try {
    sysSetsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int(1));
    if (address.family === 6) sysSetsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, int(dual ? 0 : 1));
    if (dual) setIp4Options(fd, options);
    sysBind(fd, sockaddr(address, port, 0));
  } catch (error) {
    sysClose(fd);
    throw error;
  }
  return fd;
}

/** Fixes the local address; the kernel chooses the port. */
export function bindSource(fd: number, source: Address, device?: string): void {
  sysBind(fd, sockaddr(source, 0, device === undefined ? 0 : sysInterfaceIndex(device)));
}

/** Sets options on a socket that exists, such as one just accepted. */
export function setOptions(fd: number, family: 4 | 6, options: SocketOptions): void {
  const { device } = options;
  if (device !== undefined) sysSetsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`));
  if (family === 4) return setIp4Options(fd, options);
  const { ttl, minTtl, dscp } = options;
  if (ttl !== undefined) sysSetsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, int(ttl));
  if (minTtl !== undefined) sysSetsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, int(minTtl));
  if (dscp !== undefined) sysSetsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, int(dscp << 2));
}

function setIp4Options(fd: number, { ttl, minTtl, dscp }: SocketOptions): void {
  if (ttl !== undefined) sysSetsockopt(fd, IPPROTO_IP, IP_TTL, int(ttl));
  if (minTtl !== undefined) sysSetsockopt(fd, IPPROTO_IP, IP_MINTTL, int(minTtl));
  if (dscp !== undefined) sysSetsockopt(fd, IPPROTO_IP, IP_TOS, int(dscp << 2));
}

/**
 * Adds, replaces or (with an empty password) removes a key, on a listener at any time. `mapped`: the socket is a
 * dual-stack one, which knows IPv4 peers by their IPv4-mapped address. Removing a key that is not there is no error.
 */
export function setMd5Key(fd: number, key: Md5Key, mapped: boolean): void {
  const password = new TextEncoder().encode(key.password);
  if (password.length > MAX_MD5_KEY_OCTETS)
    throw new RangeError(`a TCP-MD5 password has at most ${MAX_MD5_KEY_OCTETS} octets`);
  const whole = 'length' in key.peer ? key.peer : prefixOf(key.peer);
  const value = new Uint8Array(MD5_OCTETS);
  const view = new DataView(value.buffer);
  const base: Address = { family: whole.family, bytes: whole.bytes };
  value.set(sockaddr(mapped && base.family === 4 ? mapAddress(base) : base, 0, 0));
  value[128] = MD5_FLAG_PREFIX;
  // Of a mapped address too, the kernel counts the IPv4 bits.
  value[129] = whole.length;
  view.setUint16(130, password.length, LITTLE);
  value.set(password, 136);
  try {
    sysSetsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, value);
  } catch (error) {
    if (password.length === 0 && error instanceof SystemError && error.code === 'ENOENT') return;
    throw error;
  }
}

function mapAddress(a: Address): Address {
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  bytes.set(a.bytes, 12);
  return { family: 6, bytes };
}

/** The machine's own order, as every struct but addresses has it. */
export const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** struct sockaddr_in or sockaddr_in6. */
export function sockaddr(address: Address, port: number, scope: number): Uint8Array {
  const bytes = new Uint8Array(address.family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, address.family === 4 ? AF_INET : AF_INET6, LITTLE);
  view.setUint16(2, port);
  bytes.set(address.bytes, address.family === 4 ? 4 : 8);
  if (address.family === 6) view.setUint32(24, scope, LITTLE);
  return bytes;
}
