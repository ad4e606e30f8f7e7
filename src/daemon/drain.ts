/**
 * Drains the node in two steps (RFC 8326): every route becomes a last choice, and after a while, in which peers move
 * their traffic to others, it is withdrawn. Asked for by the operator, by the node's label, or by the end of the process;
 * it lasts while anybody asks.
 */
import type { Speaker as SpeakerConfig } from '../config/speaker.ts';
import type { Engine } from './engine.ts';

/** Who wants the node drained. */
export type DrainCause = 'operator' | 'label' | 'shutdown';

export class Drainer {
  private readonly engine: Engine;
  private readonly settings: () => SpeakerConfig['drain'];
  private readonly changed: (stage: Drainer['stage'], causes: readonly DrainCause[]) => void;
  private readonly causes = new Set<DrainCause>();
  private timer: NodeJS.Timeout | undefined;
  /** Resolves when the drain under way has come to its end, or was called off. */
  private over: Promise<void> = Promise.resolve();
  private finish: () => void = () => {};
  /** `none`, or how far it is. */
  stage: 'none' | 'lowered' | 'withdrawn' = 'none';

  /** @param changed told of every new stage, and who asks for it */
  constructor(
    engine: Engine,
    settings: () => SpeakerConfig['drain'],
    changed: (stage: Drainer['stage'], causes: readonly DrainCause[]) => void = () => {},
  ) {
    this.engine = engine;
    this.settings = settings;
    this.changed = changed;
  }

  /** Drains for this cause, without the wait where `atOnce`. Resolves when the sessions have the withdrawals, or the drain was called off: `stage` tells. */
  async begin(cause: DrainCause, atOnce = false): Promise<void> {
    this.causes.add(cause);
    if (this.stage === 'withdrawn' || atOnce) this.enter('withdrawn');
    else if (this.stage === 'none') {
      this.enter('lowered');
      this.over = new Promise((resolve) => {
        this.finish = resolve;
      });
      this.timer = setTimeout(() => {
        this.enter('withdrawn');
        this.finish();
      }, this.settings().waitMs);
    }
    await this.over;
    await this.engine.idle();
  }

  /** The cause is gone; with the last one the routes come back. */
  end(cause: DrainCause): void {
    if (!this.causes.delete(cause) || this.causes.size > 0) return;
    clearTimeout(this.timer);
    this.stage = 'none';
    this.changed('none', []);
    this.engine.drain(undefined);
    this.finish();
  }

  /** Settings may have changed. The wait under way stays as long as it was. */
  retune(): void {
    if (this.stage !== 'none') this.enter(this.stage);
  }

  /** Nobody but the label wants the node drained. */
  get isByLabel(): boolean {
    return this.causes.size === 1 && this.causes.has('label');
  }

  /** The daemon ends: whoever waits for a drain waits no longer, and neither does the process. */
  stop(): void {
    clearTimeout(this.timer);
    this.finish();
  }

  private enter(stage: 'lowered' | 'withdrawn'): void {
    if (this.stage !== stage) this.changed(stage, [...this.causes]);
    this.stage = stage;
    // Nobody serves a Service whose only node has gone: what is kept is kept only while the process lives.
    const keepSoleLocal = this.settings().keepSoleLocal && !(stage === 'withdrawn' && this.causes.has('shutdown'));
    this.engine.drain({ stage, keepSoleLocal });
  }
}
