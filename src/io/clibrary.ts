/**
 * The C library's functions. Every foreign function of the program is declared here, beside its prototype: a wrong signature
 * crashes the process, so this is the one place to look. What is made of them is in native.ts.
 *
 * koffi is loaded at the first call, not before: what needs no native call pays nothing for it, and where it cannot be
 * loaded the program still does everything else. See docs/native.md for why koffi and nothing else.
 */
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

export interface Library {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly socketpair: (domain: number, type: number, protocol: number, fds: Int32Array) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly connect: (fd: number, address: Uint8Array, length: number) => number;
  readonly flock: (fd: number, operation: number) => number;
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
  readonly madvise: (address: bigint, length: number, advice: number) => number;
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

/** Throws an `Error` with a message for the operator where there are no native calls. */
export function load(): Library {
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
      connect: c.func('int connect(int fd, const void *address, unsigned int length)'),
      flock: c.func('int flock(int fd, int operation)'),
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
      // int madvise(void *address, size_t length, int advice)
      madvise: c.func('int madvise(uintptr_t address, size_t length, int advice)'),
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

/** What is there already: for what is not worth loading it. */
export const loaded = (): Library | undefined => library;

/** Of the last call that failed; to be asked at once, before anything else sets it. */
export const errno = (): number => koffi!.errno();

/** The numbers of this system by their names, `EAGAIN`. */
export function errnoNumbers(): Readonly<Record<string, number>> {
  load();
  return koffi!.os.errno;
}

/** What of koffi is no call: addresses, and descriptors in the event loop. */
export function koffiItself(): typeof Koffi {
  load();
  return koffi!;
}
