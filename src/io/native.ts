/**
 * The C library, as far as `node:net` leaves something to be asked of it. Every foreign function of the program is
 * declared here, beside its prototype: a wrong signature crashes the process, so this is the one place to look.
 *
 * koffi is loaded at the first call, not before: what needs no native call pays nothing for it, and where it cannot be
 * loaded the program still does everything else. See docs/native.md for why koffi and nothing else.
 */
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

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

interface Library {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly socketpair: (domain: number, type: number, protocol: number, fds: Int32Array) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly close: (fd: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly getsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: Uint32Array) => number;
  readonly if_nametoindex: (name: string) => number;
  readonly sendto: {
    (fd: number, data: Uint8Array, length: number, flags: number, address: Uint8Array, addressLength: number): number;
    readonly async: (
      fd: number,
      data: Uint8Array,
      length: number,
      flags: number,
      address: Uint8Array,
      addressLength: number,
      done: (error: unknown, length: number) => void,
    ) => void;
  };
  readonly recvfrom: (
    fd: number,
    data: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: Uint32Array,
  ) => number;
  readonly ioctl: (fd: number, request: number, argument: Uint8Array) => number;
  readonly recvmsg: (fd: number, message: bigint, flags: number) => number;
  readonly recv: (fd: number, data: Uint8Array, length: number, flags: number) => number;
  readonly send: (fd: number, data: Uint8Array, length: number, flags: number) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint32Array) => number;
  readonly ppoll: (fds: Uint8Array, count: number, timeout: Uint8Array, mask: null) => number;
  readonly epoll_create1: (flags: number) => number;
  readonly epoll_ctl: (epoll: number, operation: number, fd: number, event: Uint8Array) => number;
  readonly epoll_wait: (epoll: number, events: Uint8Array, most: number, timeoutMs: number) => number;
  readonly eventfd: (value: number, flags: number) => number;
  readonly read: (fd: number, data: Uint8Array, length: number) => number;
  readonly write: (fd: number, data: Uint8Array, length: number) => number;
  readonly capset: (header: Uint8Array, data: Uint8Array) => number;
  readonly prctl: (option: number, a: number, b: number, c: number, d: number) => number;
  readonly pthread_self: () => number | bigint;
  readonly pthread_setschedparam: (thread: number | bigint, policy: number, parameters: Uint8Array) => number;
}

let koffi: typeof Koffi | undefined;
let library: Library | undefined;
let failure: string | undefined;

function load(): Library {
  if (library) return library;
  if (failure !== undefined) throw new Error(failure);
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    // The process's own symbols: node links the C library, whichever it is (glibc or musl).
    const c = koffi.load(null);
    library = {
      socket: c.func('int socket(int domain, int type, int protocol)'),
      socketpair: c.func('int socketpair(int domain, int type, int protocol, _Out_ int *fds)'),
      bind: c.func('int bind(int fd, const void *address, unsigned int length)'),
      close: c.func('int close(int fd)'),
      setsockopt: c.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int length)'),
      getsockopt: c.func(
        'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ unsigned int *length)',
      ),
      if_nametoindex: c.func('unsigned int if_nametoindex(const char *name)'),
      sendto: c.func(
        'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, unsigned int addressLength)',
      ),
      recvfrom: c.func(
        'intptr_t recvfrom(int fd, _Out_ void *data, size_t length, int flags, _Out_ void *address, _Inout_ unsigned int *addressLength)',
      ),
      // int ioctl(int fd, unsigned long request, ...): on Linux a pointer is passed in the same way there.
      ioctl: c.func('int ioctl(int fd, unsigned long request, _Inout_ void *argument)'),
      // ssize_t recvmsg(int fd, struct msghdr *message, int flags)
      recvmsg: c.func('intptr_t recvmsg(int fd, uintptr_t message, int flags)'),
      // ssize_t recv(int fd, void *data, size_t length, int flags)
      recv: c.func('intptr_t recv(int fd, _Out_ void *data, size_t length, int flags)'),
      // ssize_t send(int fd, const void *data, size_t length, int flags)
      send: c.func('intptr_t send(int fd, const void *data, size_t length, int flags)'),
      getsockname: c.func('int getsockname(int fd, _Out_ void *address, _Inout_ unsigned int *length)'),
      // int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
      ppoll: c.func('int ppoll(_Inout_ void *fds, unsigned long count, const void *timeout, const void *mask)'),
      epoll_create1: c.func('int epoll_create1(int flags)'),
      // int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
      epoll_ctl: c.func('int epoll_ctl(int epoll, int operation, int fd, const void *event)'),
      // int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
      epoll_wait: c.func('int epoll_wait(int epoll, _Out_ void *events, int most, int timeout)'),
      eventfd: c.func('int eventfd(unsigned int value, int flags)'),
      // ssize_t read(int fd, void *data, size_t length)
      read: c.func('intptr_t read(int fd, _Out_ void *data, size_t length)'),
      // ssize_t write(int fd, const void *data, size_t length)
      write: c.func('intptr_t write(int fd, const void *data, size_t length)'),
      // int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
      capset: c.func('int capset(_Inout_ void *header, const void *data)'),
      // int prctl(int option, ...): what it takes here are numbers, which are passed in the same way.
      prctl: c.func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)'),
      // pthread_t pthread_self(void)
      pthread_self: c.func('uintptr_t pthread_self()'),
      // int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameters)
      pthread_setschedparam: c.func('int pthread_setschedparam(uintptr_t thread, int policy, const void *parameters)'),
    };
    return library;
  } catch (error) {
    failure = `native sockets are not available on this machine: ${(error as Error).message}`;
    throw new Error(failure);
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
  const errno = koffi!.errno();
  throw new SystemError(call, errno, errnoName(errno));
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
    // What is thrown in a callback from native code would be lost.
    setImmediate(done, !error && sent === data.length);
  });
}

/**
 * Receives one datagram without waiting, into what the struct msghdr at this address points to.
 * @returns its octets, or undefined when there is none
 */
export function sysRecvmsg(fd: number, message: bigint): number | undefined {
  const length = load().recvmsg(fd, message, MSG_DONTWAIT);
  return length < 0 && koffi!.errno() === koffi!.os.errno.EAGAIN ? undefined : check('recvmsg', length);
}

/**
 * Receives one datagram without waiting; the sender's address is written to `address`.
 * @returns its octets, more than `data` has room for when it was cut; undefined when there is none
 */
export function sysRecvfrom(fd: number, data: Uint8Array, address: Uint8Array): number | undefined {
  const addressLength = Uint32Array.of(address.length);
  const flags = MSG_DONTWAIT | MSG_TRUNC;
  const length = load().recvfrom(fd, data, data.length, flags, address, addressLength);
  return length < 0 && koffi!.errno() === koffi!.os.errno.EAGAIN ? undefined : check('recvfrom', length);
}

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/**
 * Receives one packet without waiting, into `data`: its octets, or the negative errno. Made for loops that meet the usual
 * errors (none there: -EAGAIN) many thousand times a second, so nothing is thrown.
 */
export function sysTryRecv(fd: number, data: Uint8Array): number {
  const length = load().recv(fd, data, data.length, MSG_DONTWAIT);
  return length < 0 ? -koffi!.errno() : length;
}

/** Sends one packet without waiting: octets that the kernel took, or the negative errno. */
export function sysTrySend(fd: number, data: Uint8Array): number {
  const length = load().send(fd, data, data.length, MSG_DONTWAIT);
  return length < 0 ? -koffi!.errno() : length;
}

/** The word for an errno, `ENETDOWN`. */
export function errnoName(errno: number): string {
  load();
  const { errno: codes } = koffi!.os;
  return Object.keys(codes).find((name) => codes[name] === errno) ?? `errno ${errno}`;
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
  return ready < 0 && koffi!.errno() === koffi!.os.errno.EINTR ? 0 : check('ppoll', ready);
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
  return length < 0 && koffi!.errno() === koffi!.os.errno.EAGAIN ? 0 : check('read', length);
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
export function sysAddress(bytes: Uint8Array): bigint {
  load();
  return koffi!.address(bytes);
}

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
  load();
  let open = true;
  // The declaration that koffi ships leaves out the first argument. What is thrown in there would be lost in native code,
  // so the work waits for `setImmediate`, which comes right after.
  const poll = koffi!.node.poll as unknown as (fd: number, done: (status: number) => void) => Koffi.node.PollHandle;
  const handle = poll(fd, (status) => setImmediate(() => open && ready(status < 0)));
  return {
    close() {
      // After `close`, all but `close` itself would crash.
      open = false;
      handle.close();
    },
  };
}
