/**
 * Drains the node in two steps (RFC 8326): every route becomes a last choice, and after a while, in which peers move
 * their traffic to others, it is withdrawn. Asked for by the operator, by the node's label, or by the end of the process;
 * it lasts while anybody asks.
 */
import type { Speaker as SpeakerConfig } from '../config/model.ts';
import type { Engine } from './engine.ts';

/** Who wants the node drained. */
export type DrainCause = 'operator' | 'label' | 'shutdown';

export class Drainer {
  private readonly engine: Engine;
  private readonly settings: () => SpeakerConfig['drain'];
  private readonly causes = new Set<DrainCause>();
  private timer: NodeJS.Timeout | undefined;
  /** `none`, or how far it is. */
  stage: 'none' | 'lowered' | 'withdrawn' = 'none';

  constructor(engine: Engine, settings: () => SpeakerConfig['drain']) {
    this.engine = engine;
    this.settings = settings;
  }

  /** Drains for this cause. Resolves when the routes are withdrawn. */
  async begin(cause: DrainCause): Promise<void> {
    this.causes.add(cause);
    if (this.stage !== 'none' && cause !== 'shutdown') return;
    const { waitMs } = this.settings();
    if (this.stage === 'none') this.enter('lowered');
    clearTimeout(this.timer);
    await new Promise<void>((resolve) => {
      this.timer = setTimeout(resolve, this.stage === 'withdrawn' ? 0 : waitMs);
    });
    if (this.causes.size > 0) this.enter('withdrawn');
  }

  /** The cause is gone; with the last one the routes come back. */
  end(cause: DrainCause): void {
    if (!this.causes.delete(cause) || this.causes.size > 0) return;
    clearTimeout(this.timer);
    this.stage = 'none';
    this.engine.drain(undefined);
  }

  private enter(stage: 'lowered' | 'withdrawn'): void {
    this.stage = stage;
    // Nobody serves a Service whose only node has gone: what is kept is kept only while the process lives.
    const keepSoleLocal = this.settings().keepSoleLocal && !(stage === 'withdrawn' && this.causes.has('shutdown'));
    this.engine.drain({ stage, keepSoleLocal });
  }
}
