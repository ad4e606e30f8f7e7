/**
 * The way of a received route, gone with made-up ones while there is nothing else to do: UPDATEs to a session of its own,
 * its RIB, decisions, a batch for the kernel that goes nowhere. The engine compiles what has run often; until then an UPDATE
 * takes ten times as long, and the first full table is what comes right after a start. Nothing is shared with the daemon
 * but the code.
 */
import { monotonicMs } from '../../io/clock.ts';
import { Script } from './script.ts';
import { type Likeness, Stage } from './stage.ts';

/**
 * What has run with one object alone is compiled for that object, and thrown away when the daemon's own comes along: so
 * there is more than one.
 */
const STAGES = 3;
/** How long it works, and pauses, so that whatever else happens does not wait. */
const WORK_MS = 4;
const PAUSE_MS = 1;
const BUSY_MS = 50;

export class Rehearsal {
  /** Changes of routes that have gone all the way. */
  changes = 0;
  /** Undefined when all is done: nothing of it stays in memory. */
  private turns: Generator<void, void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(likeness: Likeness) {
    this.turns = this.play(likeness);
  }

  /**
   * Goes on by itself until it is done, or `stop`.
   * @param isBusy there is something else to do, which teaches as much
   * @param failed it ends here: what is done for speed alone is to end nothing else
   */
  start(isBusy: () => boolean, failed: (error: Error) => void): void {
    const turn = () => {
      let pauseMs: number | undefined = BUSY_MS;
      try {
        if (!isBusy()) pauseMs = this.work() ? PAUSE_MS : undefined;
      } catch (error) {
        return failed(error as Error);
      }
      if (pauseMs !== undefined) this.timer = setTimeout(turn, pauseMs).unref();
    };
    turn();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** A few milliseconds of it. False when that was all. */
  step(): boolean {
    if (this.turns?.next().done) this.turns = undefined;
    return this.turns !== undefined;
  }

  /** Steps for a while. False when that was all. */
  private work(): boolean {
    const until = monotonicMs() + WORK_MS;
    let more = this.step();
    while (more && monotonicMs() < until) more = this.step();
    return more;
  }

  private *play(likeness: Likeness): Generator<void, void> {
    const script = new Script();
    const steps: Buffer[] = [];
    for (let n = 0; n < STAGES; n++) {
      const stage = new Stage(likeness);
      for (const bytes of n === 0 ? script.steps() : steps) {
        if (n === 0) steps.push(bytes);
        stage.play(bytes);
        yield;
      }
      this.changes += stage.changes;
    }
  }
}
