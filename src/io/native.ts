/**
 * System calls, as far as `node:net` and `node:fs` leave something to be asked of the kernel: errors are thrown or named, and
 * what is usual for a socket that does not wait is no error.
 */
import type * as Koffi from 'koffi';
import { errno, errnoNumbers, koffiItself, load } from './clibrary.ts';

/** A system call failed. */
export class SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  constructor(call: string, errno: number, code: string) {
    super(`${call}: ${code}`);
    this.code = code;
    this.errno = errno;
  }
}

/** Why native calls are not possible here, or undefined when they are. */
export function nativeProblem(): string | undefined {
  try {
    load();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Throws `SystemError` for a negative result; to be called at once, before anything else sets errno. */
function check(call: string, result: number): number {
  if (result >= 0) return result;
  const number = errno();
  throw new SystemError(call, number, errnoName(number));
}

export const sysSocket = (domain: number, type: number, protocol: number): number =>
  check('socket', load().socket(domain, type, protocol));

/** Two sockets, each of which gets what is sent on the other. */
export function sysSocketpair(domain: number, type: number): readonly [number, number] {
  const fds = new Int32Array(2);
  check('socketpair', load().socketpair(domain, type, 0, fds));
  return [fds[0]!, fds[1]!];
}

export const sysBind = (fd: number, address: Uint8Array): number =>
  check('bind', load().bind(fd, address, address.length));

/** Connects without waiting: on a unix socket that is now or never. */
export const sysConnect = (fd: number, address: Uint8Array): number =>
  check('connect', load().connect(fd, address, address.length));

/**
 * Takes a file or folder for this descriptor alone (flock(2)): the lock ends when the descriptor is closed, and so with the
 * process.
 * @returns false where another descriptor has it
 */
export function sysFlock(fd: number): boolean {
  const result = load().flock(fd, LOCK_EX | LOCK_NB);
  if (result < 0 && errno() === errnoNumbers().EAGAIN) return false;
  check('flock', result);
  return true;
}

const LOCK_EX = 2;
const LOCK_NB = 4;

export const sysClose = (fd: number): number => check('close', load().close(fd));

export const sysSetsockopt = (fd: number, level: number, name: number, value: Uint8Array): number =>
  check('setsockopt', load().setsockopt(fd, level, name, value, value.length));

/** An option's value as the kernel reports it, at most `size` octets. */
export function sysGetsockopt(fd: number, level: number, name: number, size: number): Uint8Array {
  const value = new Uint8Array(size);
  const length = Uint32Array.of(size);
  check('getsockopt', load().getsockopt(fd, level, name, value, length));
  return value.subarray(0, length[0]);
}

/** An interface's index, or 0 when there is no such interface. */
export const sysInterfaceIndex = (name: string): number => load().if_nametoindex(name);

/** Asks the kernel; the answer is written over `argument`. */
export const sysIoctl = (fd: number, request: number, argument: Uint8Array): number =>
  check('ioctl', load().ioctl(fd, request, argument));

/** Sends one datagram; octets that the kernel took. */
export const sysSendto = (fd: number, data: Uint8Array, address: Uint8Array): number =>
  check('sendto', load().sendto(fd, data, data.length, 0, address, address.length));

/**
 * As `sysSendto`, on a thread of koffi's: for what keeps the kernel busy. `data` must have a buffer of its own of more
 * than 64 octets and stay as it is until `done`, which comes in a turn of the event loop; `sent`: the kernel took it all.
 */
export function sysSendtoAside(fd: number, data: Uint8Array, address: Uint8Array, done: (sent: boolean) => void): void {
  load().sendto.async(fd, data, data.length, 0, address, address.length, (error, sent) => {
    // At once: in the next turn, everything else that can be read would come first.
    try {
      done(!error && sent === data.length);
    } catch (thrown) {
      // In a callback from native code it would be lost.
      setImmediate(() => {
        throw thrown;
      });
    }
  });
}

/**
 * Receives one datagram without waiting, into what the struct msghdr at this address points to.
 * @returns its octets, or undefined when there is none
 */
export function sysRecvmsg(fd: number, message: bigint): number | undefined {
  const length = load().recvmsg(fd, message, MSG_DONTWAIT);
  return length < 0 && errno() === errnoNumbers().EAGAIN ? undefined : check('recvmsg', length);
}

/**
 * Receives one datagram without waiting; the sender's address is written to `address`.
 * @returns its octets, more than `data` has room for when it was cut; undefined when there is none
 */
export function sysRecvfrom(fd: number, data: Uint8Array, address: Uint8Array): number | undefined {
  const addressLength = Uint32Array.of(address.length);
  const flags = MSG_DONTWAIT | MSG_TRUNC;
  const length = load().recvfrom(fd, data, data.length, flags, address, addressLength);
  return length < 0 && errno() === errnoNumbers().EAGAIN ? undefined : check('recvfrom', length);
}

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/**
 * Receives one packet without waiting, into `data`: its octets, or the negative errno. Made for loops that meet the usual
 * errors (none there: -EAGAIN) many thousand times a second, so nothing is thrown.
 */
export function sysTryRecv(fd: number, data: Uint8Array): number {
  const length = load().recv(fd, data, data.length, MSG_DONTWAIT);
  return length < 0 ? -errno() : length;
}

/** Sends one packet without waiting: octets that the kernel took, or the negative errno. */
export function sysTrySend(fd: number, data: Uint8Array): number {
  const length = load().send(fd, data, data.length, MSG_DONTWAIT);
  return length < 0 ? -errno() : length;
}

/** The word for an errno, `ENETDOWN`. */
export function errnoName(number: number): string {
  const codes = errnoNumbers();
  return Object.keys(codes).find((name) => codes[name] === number) ?? `errno ${number}`;
}

/** The address a socket is bound to, at most `size` octets. */
export function sysGetsockname(fd: number, size: number): Uint8Array {
  const address = new Uint8Array(size);
  const length = Uint32Array.of(size);
  check('getsockname', load().getsockname(fd, address, length));
  return address.subarray(0, length[0]);
}

/**
 * Waits until one of `count` descriptors is ready or the time of the struct timespec is over; a signal ends it as well.
 * @returns how many are ready
 */
export function sysPpoll(fds: Uint8Array, count: number, timeout: Uint8Array): number {
  const ready = load().ppoll(fds, count, timeout, null);
  return ready < 0 && errno() === errnoNumbers().EINTR ? 0 : check('ppoll', ready);
}

export const sysEpollCreate = (): number => check('epoll_create1', load().epoll_create1(EFD_CLOEXEC));

export const sysEpollCtl = (epoll: number, operation: number, fd: number, event: Uint8Array): number =>
  check('epoll_ctl', load().epoll_ctl(epoll, operation, fd, event));

/** Which descriptors are ready now, without waiting: how many of the struct epoll_event were written. */
export const sysEpollReady = (epoll: number, events: Uint8Array, most: number): number =>
  check('epoll_wait', load().epoll_wait(epoll, events, most, 0));

/** A counter as a descriptor, readable while it is not zero: what one thread writes to wakes another. */
export const sysEventfd = (): number => check('eventfd', load().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** Reads what there is; 0 also when there is nothing yet. */
export function sysRead(fd: number, data: Uint8Array): number {
  const length = load().read(fd, data, data.length);
  return length < 0 && errno() === errnoNumbers().EAGAIN ? 0 : check('read', length);
}

export const sysWrite = (fd: number, data: Uint8Array): number => check('write', load().write(fd, data, data.length));

export const sysCapset = (header: Uint8Array, data: Uint8Array): number => check('capset', load().capset(header, data));

/** Takes a capability, by number, from what programs can get that are started from now on. Throws `SystemError`. */
export const sysDropBounding = (capability: number): number =>
  check('prctl', load().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));

const PR_CAPBSET_DROP = 24;

/**
 * Puts the calling thread under SCHED_FIFO with this priority (1..99), or, with 0, under SCHED_OTHER.
 * @returns the errno, EPERM without CAP_SYS_NICE, or 0
 */
export function sysSetRealtime(priority: number): number {
  const c = load();
  const SCHED_OTHER = 0;
  const SCHED_FIFO = 1;
  const parameters = new Uint8Array(Int32Array.of(priority).buffer);
  return c.pthread_setschedparam(c.pthread_self(), priority > 0 ? SCHED_FIFO : SCHED_OTHER, parameters);
}

/**
 * Where these octets are, for structs that point to others. They must have a buffer of their own of more than 64
 * octets (smaller ones live where the garbage collector moves them), which must be kept as long as the address is used.
 */
export const sysAddress = (bytes: Uint8Array): bigint => koffiItself().address(bytes);

/** A descriptor watched by the event loop. */
export interface Poll {
  /** To be called before the descriptor is closed. */
  close(): void;
}

/**
 * Calls `ready` whenever something can be read, in the event loop's next phase: it should read until nothing is left or
 * it has done enough, and is called again where something is. `failed`: an error hangs on the socket, the next call on it
 * tells which, and nothing is watched any more.
 */
export function sysPoll(fd: number, ready: (failed: boolean) => void): Poll {
  let open = true;
  // The declaration that koffi ships leaves out the first argument. What is thrown in there would be lost in native code,
  // so the work waits for `setImmediate`, which comes right after.
  const poll = koffiItself().node.poll as unknown as (
    fd: number,
    done: (status: number) => void,
  ) => Koffi.node.PollHandle;
  const handle = poll(fd, (status) => setImmediate(() => open && ready(status < 0)));
  return {
    close() {
      // After `close`, all but `close` itself would crash.
      open = false;
      handle.close();
    },
  };
}
