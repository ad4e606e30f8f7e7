/**
 * A thread with a loop of its own (see poller.ts), which shares nothing with the main thread but messages. It cannot be
 * ended from outside while it waits in the kernel, so it is asked to end, and never waits long.
 */
import { setFlagsFromString } from 'node:v8';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';
import { type LateCounts, Lateness } from '../lib/late.ts';
import { Waker } from './poller.ts';

interface Start {
  readonly port: MessagePort;
  readonly wakerFd: number;
  /** [0]: not zero once the thread is to end. [1]: how often its loop has turned. */
  readonly flags: Int32Array;
  readonly lateness: SharedArrayBuffer;
}

export interface LoopEvents<Up> {
  message(message: Up): void;
  /** The thread has ended, although nobody asked it to. */
  failed(error: Error): void;
}

/** Threads that have not ended. */
const alive = new Map<object, { readonly flags: Int32Array; readonly lateness: Lateness }>();

/** How often the loop of each thread has turned: one that stays the same for longer than the loop may wait is stuck. */
export const loopTurns = (): ReadonlyMap<object, number> =>
  new Map([...alive].map(([thread, { flags }]) => [thread, Atomics.load(flags, 1)]));

/** How late the loop of the fast worker woke for what was due; undefined where there is none. */
export const loopLateness = (): LateCounts | undefined => [...alive.values()][0]?.lateness.totals;

/** The main thread's side. */
export class LoopThread<Down, Up> {
  private readonly worker: Worker;
  private readonly port: MessagePort;
  private readonly waker = new Waker();
  private readonly flags = new Int32Array(new SharedArrayBuffer(8));
  private readonly ended: Promise<void>;
  private readonly quit = () => this.ask();

  /** Throws where there are no native calls (see native.ts). */
  constructor(entry: URL, { message, failed }: LoopEvents<Up>) {
    // Else its garbage collector waits for helper threads, which have no priority and, on a busy machine, their turn only
    // after tens of milliseconds. V8 knows this for the process only; collections of the main thread take longer.
    setFlagsFromString('--no-parallel-scavenge');
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const lateness = new SharedArrayBuffer(Lateness.OCTETS);
    const start: Start = { port: port2, wakerFd: this.waker.fd, flags: this.flags, lateness };
    this.worker = new Worker(entry, { workerData: start, transferList: [port2] });
    alive.set(this, { flags: this.flags, lateness: new Lateness(lateness) });
    this.port.on('message', message);
    let cause: Error | undefined;
    this.worker.on('error', (error) => {
      cause = error;
    });
    // A process that exits waits for its threads.
    process.on('exit', this.quit);
    this.ended = new Promise((resolve) => {
      this.worker.on('exit', (code) => {
        process.off('exit', this.quit);
        alive.delete(this);
        // From here on nothing is to be posted or asked: the waker is gone.
        const asked = Atomics.exchange(this.flags, 0, 1) !== 0;
        this.port.close();
        this.waker.close();
        resolve();
        if (cause !== undefined || !asked) failed(cause ?? new Error(`the thread ended with ${code}`));
      });
    });
  }

  post(message: Down): void {
    if (Atomics.load(this.flags, 0) !== 0) return;
    this.port.postMessage(message);
    this.waker.wake();
  }

  /** Asks the thread to end, and waits until it has. */
  stop(): Promise<void> {
    this.ask();
    return this.ended;
  }

  private ask(): void {
    if (Atomics.exchange(this.flags, 0, 1) === 0) this.waker.wake();
  }
}

/** The thread's own side. */
export interface LoopEnd<Down, Up> {
  /** Readable when there may be messages, or the loop is to end. */
  readonly waker: Waker;
  /** The next message, or undefined when there is none. */
  receive(): Down | undefined;
  post(message: Up): void;
  /** Whether the loop is to end. To be asked once each turn, by which the main thread knows that it turns. */
  stopping(): boolean;
  /** How late it woke, for the main thread to tell of. */
  readonly lateness: Lateness;
}

/** To be called in the thread, once. The thread ends when nothing keeps it any more. */
export function loopEnd<Down, Up>(): LoopEnd<Down, Up> {
  const { port, wakerFd, flags, lateness } = workerData as Start;
  return {
    waker: new Waker(wakerFd),
    receive: () => (receiveMessageOnPort(port) as { readonly message: Down } | undefined)?.message,
    post: (message) => port.postMessage(message),
    lateness: new Lateness(lateness),
    stopping: () => {
      Atomics.add(flags, 1, 1);
      return Atomics.load(flags, 0) !== 0;
    },
  };
}
