/**
 * Lines to a descriptor behind which somebody reads slowly or not at all, has gone, or a disk is full. Writing never keeps
 * the process waiting, and never ends it: what cannot be written is counted, and told of once it can.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { errnoName, nativeProblem, sysTrySend } from './native.ts';

/** Characters that may wait; lines that come on top are lost. */
const MAX_WAITING = 1024 * 1024;
/** Until a full pipe is tried again, ms. */
const RETRY_MS = 100;

/** Octets that were taken, one at least. Throws an error with its code, EAGAIN where nothing is taken at the moment. */
type Take = (bytes: Uint8Array) => number;

const NOTHING = new Uint8Array(0);

export class Sink {
  private readonly fd: number;
  private readonly lossText: (lines: number) => string;
  private take: Take | undefined;
  /** Whole lines, of which none was begun. */
  private waiting = '';
  private lost = 0;
  /** What is left of lines that were begun, and how many they were, with those lost before that they tell of. */
  private rest: Uint8Array = NOTHING;
  private begun = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly drained: (() => void)[] = [];

  /** @param lossText a line that says how many were lost before it */
  constructor(fd: number, lossText: (lines: number) => string) {
    this.fd = fd;
    this.lossText = lossText;
    process.on('exit', () => this.pass());
  }

  /** @param text ends its own line */
  write(text: string): void {
    if (this.waiting.length + text.length > MAX_WAITING) this.lost++;
    else this.waiting += text;
    if (this.timer === undefined) this.pass();
  }

  /** Calls back when nothing waits any more, whatever became of it. */
  flush(done: () => void): void {
    if (this.timer === undefined) done();
    else this.drained.push(done);
  }

  private pass(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      this.take ??= takerOf(this.fd);
      while (this.rest.length > 0 || this.waiting !== '') {
        if (this.rest.length === 0) this.begin();
        this.rest = this.rest.subarray(this.take(this.rest));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        this.timer = setTimeout(() => this.pass(), RETRY_MS).unref();
        return;
      }
      this.lost += this.begun;
      this.rest = NOTHING;
    }
    for (const done of this.drained.splice(0)) done();
  }

  private begin(): void {
    const loss = this.lost > 0 ? this.lossText(this.lost) : '';
    this.begun = this.lost + this.waiting.split('\n').length - 1;
    this.rest = Buffer.from(loss + this.waiting);
    this.waiting = '';
    this.lost = 0;
  }
}

/** The descriptor is the parent's, too: whether it blocks is not ours to change. */
function takerOf(fd: number): Take {
  const stats = fstatSync(fd);
  if (stats.isSocket() && nativeProblem() === undefined)
    return (bytes) => {
      const octets = sysTrySend(fd, bytes);
      if (octets < 0) throw Object.assign(new Error('send'), { code: errnoName(-octets) });
      return octets;
    };
  let own = fd;
  try {
    // What is opened anew through here is the same pipe or terminal, with flags of its own.
    if (!stats.isFile())
      own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // Somebody else's: it is written to as it is.
  }
  return (bytes) => writeSync(own, bytes);
}
