/**
 * Names that one process of a network namespace has at a time: sockets of the abstract kind, whose names are the network
 * namespace's, whatever files its processes see, and which go with the process, however that ends.
 */
import { SystemError, sysBind, sysClose, sysConnect, sysGetsockopt, sysListen, sysSocket } from './native.ts';
import { LITTLE } from './socket.ts';

/** Linux's numbers, from <sys/socket.h>. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: process, user, group. */
const CREDENTIALS_OCTETS = 12;
/** Nobody is answered: those who ask are done when they know whom. */
const BACKLOG = 128;

export interface Claim {
  /** The name is anybody's again. */
  close(): void;
}

/** `pid`: 0 where this process cannot see it, as in another container. */
export interface Holder {
  readonly pid: number;
  readonly uid: number;
}

/** Takes a name of at most 100 octets; undefined where another process has it, or this one. Throws `SystemError`. */
export function claim(name: string): Claim | undefined {
  const fd = open();
  try {
    sysBind(fd, abstract(name));
    sysListen(fd, BACKLOG);
  } catch (error) {
    sysClose(fd);
    if (error instanceof SystemError && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return { close: () => void sysClose(fd) };
}

/** Who has a name; undefined where nobody has, or it cannot be told. */
export function holderOf(name: string): Holder | undefined {
  const fd = open();
  try {
    sysConnect(fd, abstract(name));
    const credentials = sysGetsockopt(fd, SOL_SOCKET, SO_PEERCRED, CREDENTIALS_OCTETS);
    const view = new DataView(credentials.buffer, credentials.byteOffset);
    return { pid: view.getInt32(0, LITTLE), uid: view.getUint32(4, LITTLE) };
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  } finally {
    sysClose(fd);
  }
}

const open = (): number => sysSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

/** struct sockaddr_un, whose path begins with a zero octet. */
function abstract(name: string): Uint8Array {
  const octets = new TextEncoder().encode(name);
  const address = new Uint8Array(3 + octets.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, LITTLE);
  address.set(octets, 3);
  return address;
}
