/** Work that takes long, in a thread of its own: requests go over one at a time, answers come back in pieces. */
import { parentPort, Worker } from 'node:worker_threads';

interface Piece {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
  readonly done?: true;
}

interface Waiting {
  readonly pieces: Piece[];
  wake: () => void;
}

/** A worker thread is ended when it had nothing to do for this long, ms. */
const IDLE_MS = 5_000;

/** The caller's side: the thread starts with the first request, and keeps the process alive while one is under way. */
export class Thread<Request, Value> {
  private readonly entry: URL;
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private idle: NodeJS.Timeout | undefined;
  private nextId = 0;

  constructor(entry: URL) {
    this.entry = entry;
  }

  async *call(request: Request): AsyncGenerator<Value> {
    const id = this.nextId++;
    const mine: Waiting = { pieces: [], wake: () => {} };
    this.waiting.set(id, mine);
    clearTimeout(this.idle);
    try {
      this.worker ??= this.spawn();
      this.worker.ref();
      this.worker.postMessage({ id, request });
      for (;;) {
        const piece = mine.pieces.shift();
        if (piece === undefined)
          await new Promise<void>((resolve) => {
            mine.wake = resolve;
          });
        else if (piece.error !== undefined) throw new Error(piece.error);
        else if (piece.done) return;
        else yield piece.value as Value;
      }
    } finally {
      this.waiting.delete(id);
      if (this.waiting.size === 0) this.rest();
    }
  }

  private rest(): void {
    this.worker?.unref();
    this.idle = setTimeout(() => {
      void this.worker?.terminate();
      this.worker = undefined;
    }, IDLE_MS).unref();
  }

  private spawn(): Worker {
    const worker = new Worker(this.entry);
    worker.on('message', (piece: Piece) => {
      const waiting = this.waiting.get(piece.id);
      waiting?.pieces.push(piece);
      waiting?.wake();
    });
    const ended = (error: string) => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      for (const [id, waiting] of this.waiting) {
        waiting.pieces.push({ id, error });
        waiting.wake();
      }
    };
    worker.on('error', (error) => ended(error.message));
    worker.on('exit', () => ended('the thread ended'));
    return worker;
  }
}

/** The thread's side: answers each request with what `handle` yields. */
export function serveThread<Request, Value>(handle: (request: Request) => Iterable<Value>): void {
  parentPort!.on('message', ({ id, request }: { id: number; request: Request }) => {
    try {
      for (const value of handle(request)) parentPort!.postMessage({ id, value } satisfies Piece);
      parentPort!.postMessage({ id, done: true } satisfies Piece);
    } catch (error) {
      parentPort!.postMessage({ id, error: (error as Error).message } satisfies Piece);
    }
  });
}
