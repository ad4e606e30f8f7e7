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
  private readonly turns: Generator<void, void>;
  private timer: NodeJS.Timeout | undefined;

  constructor(likeness: Likeness) {
    this.turns = this.play(likeness);
  }

  /**
   * Goes on by itself until it is done, or `stop`.
   * @param isBusy there is something else to do, which teaches as much
   */
  start(isBusy: () => boolean): void {
    const turn = () => {
      if (isBusy()) {
        this.timer = setTimeout(turn, BUSY_MS).unref();
        return;
      }
      const until = monotonicMs() + WORK_MS;
      while (this.step()) {
        if (monotonicMs() < until) continue;
        this.timer = setTimeout(turn, PAUSE_MS).unref();
        return;
      }
    };
    turn();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** A few milliseconds of it. False when that was all. */
  step(): boolean {
    return !this.turns.next().done;
  }

  private *play(likeness: Likeness): Generator<void, void> {
    const script = new Script();
    for (let n = 0; n < STAGES; n++) {
      const stage = new Stage(likeness);
      for (const bytes of script.steps()) {
        stage.play(bytes);
        yield;
      }
      this.changes += stage.changes;
    }
  }
}
