/** Unix sockets as system calls know them (unix(7)): a path, or a name that is in no file system. */
import { sysClose, sysConnect, sysGetsockopt, sysSocket } from './native.ts';

export const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: process, user, group. */
const CREDENTIAL_OCTETS = 12;
/** Octets of `sun_path`. */
const PATH_OCTETS = 108;

/**
 * struct sockaddr_un. What begins with `@` is a name of its network namespace, which goes with the last socket that has it.
 * Undefined where it cannot be an address.
 */
export function unixAddress(path: string): Uint8Array | undefined {
  const name = new TextEncoder().encode(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  if ((!path.startsWith('/') && !path.startsWith('@')) || name.length >= PATH_OCTETS) return undefined;
  const address = new Uint8Array(2 + name.length + (path.startsWith('@') ? 0 : 1));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

/** Throws `SystemError`. */
export const unixSocket = (): number => sysSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

/**
 * The process that listens there: 0 for one that is not seen from here, as in another container, or cannot be told. Undefined
 * where nobody does.
 */
export function listenerPid(address: Uint8Array): number | undefined {
  let fd: number | undefined;
  try {
    fd = unixSocket();
    sysConnect(fd, address);
    const credentials = sysGetsockopt(fd, SOL_SOCKET, SO_PEERCRED, CREDENTIAL_OCTETS);
    return new Int32Array(credentials.slice().buffer)[0];
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return code === 'ECONNREFUSED' || code === 'ENOENT' ? undefined : 0;
  } finally {
    if (fd !== undefined) sysClose(fd);
  }
}
