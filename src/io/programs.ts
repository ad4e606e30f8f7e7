/** Other programs of this network namespace, and what they have open in it (proc(5)). */
import { readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Address, compareAddresses, unmapAddress } from '../lib/address.ts';
import { entriesOf, textOf } from './text.ts';

export interface Program {
  readonly pid: number;
  /** As the kernel has it, 15 characters at most: `bgpd`. */
  readonly name: string;
}

/** A socket of TCP or UDP in this namespace. */
export interface OpenSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** `TCP_LISTEN` and the like (<net/tcp_states.h>), which UDP uses, too. */
  readonly state: number;
  readonly inode: string;
}

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

export const SocketState = { established: 1, unconnected: 7, listen: 10 } as const;

/** Sees all of them only as root: those whose namespace it may not know are left out. */
export function programsHere(): Program[] {
  const own = namespaceOf('self');
  return processes().flatMap((pid) => {
    if (pid === process.pid || own === undefined || namespaceOf(`${pid}`) !== own) return [];
    const name = nameOf(pid);
    return name === undefined ? [] : [{ pid, name }];
  });
}

export function openSockets(protocol: 'tcp' | 'udp'): OpenSocket[] {
  return [protocol, `${protocol}6`].flatMap((file) => socketsOf(textOf(`/proc/net/${file}`) ?? ''));
}

/** Who has a socket open; undefined where that is not to be seen. */
export function holderOf(inode: string): Program | undefined {
  const wanted = `socket:[${inode}]`;
  for (const pid of processes()) {
    if (!descriptorsOf(pid).includes(wanted)) continue;
    const name = nameOf(pid);
    if (name !== undefined) return { pid, name };
  }
  return undefined;
}

/** The inode of the listening socket at a path of the file system. */
export function unixInode(path: string): string | undefined {
  const wanted = resolve(path);
  for (const line of (textOf('/proc/net/unix') ?? '').split('\n')) {
    const fields = line.trim().split(/\s+/);
    // Num RefCount Protocol Flags Type St Inode Path; with __SO_ACCEPTCON it listens.
    if (fields.slice(7).join(' ') === wanted && (Number.parseInt(fields[3]!, 16) & 0x10000) !== 0) return fields[6];
  }
  return undefined;
}

/** Of a table as /proc/net/tcp, udp, tcp6 and udp6 have it. */
export function socketsOf(text: string): OpenSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, here, there, state = '', , , , , , inode] = line.trim().split(/\s+/);
    const [local, remote] = [endpointOf(here), endpointOf(there)];
    if (local === undefined || remote === undefined || inode === undefined) return [];
    return [{ local, remote, state: Number.parseInt(state, 16), inode }];
  });
}

function endpointOf(text = ''): Endpoint | undefined {
  const [hex = '', port = ''] = text.split(':');
  const address = addressOf(hex);
  return address && { address, port: Number.parseInt(port, 16) };
}

/** Words of 32 bits as this machine has them. */
function addressOf(hex: string): Address | undefined {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return undefined;
  const words = hex.match(/.{8}/g)!.map((word) => Number.parseInt(word, 16));
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  return bytes.length === 4 ? { family: 4, bytes } : unmapAddress({ family: 6, bytes });
}

const isAny = ({ bytes }: Address): boolean => bytes.every((octet) => octet === 0);

/** One port of the two cannot be had by two sockets: what is open for every IPv6 address is open for IPv4, too. */
export function clash(a: Address, b: Address): boolean {
  if (!isAny(a) && !isAny(b)) return compareAddresses(a, b) === 0;
  return a.family === b.family || isAny(a.family === 6 ? a : b);
}

const processes = (): number[] =>
  entriesOf('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const nameOf = (pid: number): string | undefined => textOf(`/proc/${pid}/comm`)?.trimEnd();

const namespaceOf = (pid: string): string | undefined => linkOf(`/proc/${pid}/ns/net`);

const descriptorsOf = (pid: number): string[] =>
  entriesOf(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`) ?? []);

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
