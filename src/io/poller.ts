/**
 * A loop's one place to wait, for a thread that does nothing else. Such a thread never returns to Node's event loop, so
 * nothing that waits for that (timers, streams, promises) may be used in it.
 *
 * epoll knows which descriptors are ready however many there are; a node with hundreds of interfaces has a thousand. It counts
 * in milliseconds (epoll_pwait2 is too new to be had everywhere), so ppoll waits for it, over one descriptor.
 */
import { monotonicMs } from './clock.ts';
import {
  sysClose,
  sysEpollCreate,
  sysEpollCtl,
  sysEpollReady,
  sysEventfd,
  sysPpoll,
  sysRead,
  sysWrite,
} from './native.ts';
import { LITTLE } from './socket.ts';

const POLLIN = 1;
const EPOLLIN = 1;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** struct epoll_event: 32 bits of events, 64 of ours; the kernel packs them on this architecture alone. */
const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
const DATA_WORD = EVENT_WORDS - 2;
/** Descriptors served in one turn; the others are served in the next. */
const TURN_EVENTS = 64;

/** Whoever has a descriptor. Objects of few classes: a function of its own for each would never be called by compiled code. */
export interface Readable {
  /** Something may be read, or an error is pending. */
  ready(): void;
}

export class Poller {
  private readonly epoll = sysEpollCreate();
  private readonly watched = new Map<number, Readable>();
  private readonly events = new Uint8Array(4 * EVENT_WORDS * TURN_EVENTS);
  private readonly words = new Int32Array(this.events.buffer);
  /** struct pollfd and struct timespec. */
  private readonly pollfd = new Uint8Array(8);
  private readonly timeout = new Uint8Array(16);
  private readonly timeoutWords = new Uint32Array(this.timeout.buffer);

  constructor() {
    const view = new DataView(this.pollfd.buffer);
    view.setInt32(0, this.epoll, LITTLE);
    view.setInt16(4, POLLIN, LITTLE);
  }

  /** `ready` is called in `wait` while something can be read, or an error is pending. Throws `SystemError`. */
  watch(fd: number, one: Readable): void {
    const event = Int32Array.of(EPOLLIN, 0, 0, 0);
    event[DATA_WORD] = fd;
    sysEpollCtl(this.epoll, EPOLL_CTL_ADD, fd, new Uint8Array(event.buffer));
    this.watched.set(fd, one);
  }

  /** To be called before the descriptor is closed: its number may be given to another at once. */
  unwatch(fd: number): void {
    if (this.watched.delete(fd)) sysEpollCtl(this.epoll, EPOLL_CTL_DEL, fd, this.events);
  }

  /**
   * Waits at most so long, ms, and serves every descriptor that is ready once: one that stays ready keeps none waiting.
   * @returns when the wait was over
   */
  wait(timeoutMs: number): number {
    const ms = Math.max(0, timeoutMs);
    // Two words of 64 bits, of which 32 are enough.
    this.timeoutWords[LITTLE ? 0 : 1] = Math.floor(ms / 1000);
    this.timeoutWords[LITTLE ? 2 : 3] = Math.floor((ms % 1000) * 1e6);
    const some = sysPpoll(this.pollfd, 1, this.timeout) > 0;
    const overMs = monotonicMs();
    if (!some) return overMs;
    const ready = sysEpollReady(this.epoll, this.events, TURN_EVENTS);
    // What ran before it may have stopped watching it.
    for (let i = 0; i < ready; i++) this.watched.get(this.words[EVENT_WORDS * i + DATA_WORD]!)?.ready();
    return overMs;
  }

  close(): void {
    sysClose(this.epoll);
  }
}

/** Ends another thread's wait: a descriptor that both know by number. */
export class Waker {
  readonly fd: number;

  /** @param fd that of the other thread's waker; a new one when absent */
  constructor(fd: number = sysEventfd()) {
    this.fd = fd;
  }

  wake(): void {
    sysWrite(this.fd, ONE);
  }

  /** Makes it wait for the next `wake`. */
  clear(): void {
    sysRead(this.fd, new Uint8Array(8));
  }

  close(): void {
    sysClose(this.fd);
  }
}

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);
