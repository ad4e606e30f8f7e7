/**
 * A loop's one place to wait: ppoll over descriptors, for a thread that does nothing else. Such a thread never returns to
 * Node's event loop, so nothing that waits for that (timers, streams, promises) may be used in it.
 */
import { monotonicMs } from './clock.ts';
import { sysClose, sysEventfd, sysPpoll, sysRead, sysWrite } from './native.ts';
import { LITTLE } from './socket.ts';

const POLLIN = 1;
/** struct pollfd. */
const POLLFD_OCTETS = 8;

interface Watched {
  readonly fd: number;
  readonly ready: () => void;
}

export class Poller {
  private watched: readonly Watched[] = [];
  private fds = new Uint8Array(0);
  private events = new Int16Array(0);
  private readonly timeout = new Uint8Array(16);
  private readonly timeoutWords = new Uint32Array(this.timeout.buffer);
  private changed = true;

  /** `ready` is called in `wait` while something can be read, or an error is pending. */
  watch(fd: number, ready: () => void): void {
    this.watched = [...this.watched, { fd, ready }];
    this.changed = true;
  }

  /** To be called before the descriptor is closed: its number may be given to another at once. */
  unwatch(fd: number): void {
    this.watched = this.watched.filter((one) => one.fd !== fd);
    this.changed = true;
  }

  /**
   * Waits at most so long, ms, and serves every descriptor that is ready once: one that stays ready keeps none waiting.
   * @returns when the wait was over
   */
  wait(timeoutMs: number): number {
    if (this.changed) this.rebuild();
    const { watched, events } = this;
    const ms = Math.max(0, timeoutMs);
    // Two words of 64 bits, of which 32 are enough.
    this.timeoutWords[LITTLE ? 0 : 1] = Math.floor(ms / 1000);
    this.timeoutWords[LITTLE ? 2 : 3] = Math.floor((ms % 1000) * 1e6);
    let ready = sysPpoll(this.fds, watched.length, this.timeout);
    const overMs = monotonicMs();
    for (let i = 0; ready > 0 && i < watched.length; i++) {
      if (events[4 * i + 3] === 0) continue;
      ready--;
      const one = watched[i]!;
      // What ran before it may have closed it.
      if (this.watched === watched || this.watched.includes(one)) one.ready();
    }
    return overMs;
  }

  private rebuild(): void {
    this.changed = false;
    this.fds = new Uint8Array(POLLFD_OCTETS * this.watched.length);
    this.events = new Int16Array(this.fds.buffer);
    const view = new DataView(this.fds.buffer);
    for (const [i, { fd }] of this.watched.entries()) {
      view.setInt32(POLLFD_OCTETS * i, fd, LITTLE);
      view.setInt16(POLLFD_OCTETS * i + 4, POLLIN, LITTLE);
    }
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
