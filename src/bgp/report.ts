/** What a session tells of its state: each change once, why it came, and, when Established ended, how. */
import type { SessionAction } from './events.ts';
import type { State } from './fsm.ts';
import type { Agreement } from './handshake.ts';
import type { Loss } from './restart.ts';

export class Report {
  /** Why the last connection ended or could not be made; '' before any did. */
  lastError = '';
  /** When the state last changed, on the host's clock; undefined before it ever did. */
  changedAt: number | undefined;
  /** What holds while Established. */
  inForce: Agreement | undefined;
  private state: State = 'Idle';
  /** Somebody gave a reason during this event. */
  private blamed = false;
  /** How the session ends, if it does during this event. */
  private loss: Loss | undefined;

  /** An event of the host begins: it is the cause of all that comes until the next. */
  begin(): void {
    this.blamed = false;
    this.loss = undefined;
  }

  /** One more reason; the first of several kinds of loss counts. */
  blame(reason: string, loss?: Loss): void {
    this.loss ??= loss;
    this.lastError = this.blamed ? `${this.lastError}; ${reason}` : reason;
    this.blamed = true;
  }

  /** Undefined where the state is the one that was told of last. */
  moved({ state, agreement }: Moved, now: number): SessionAction | undefined {
    const { state: from, inForce } = this;
    if (from === state) return undefined;
    this.state = state;
    this.changedAt = now;
    this.inForce = state === 'Established' ? agreement : undefined;
    return {
      type: 'state',
      from,
      to: state,
      reason: from === 'Established' || state === 'Idle' || state === 'Active' ? this.lastError : '',
      ...(this.inForce && { agreement: this.inForce }),
      ...(inForce && { ended: { agreement: inForce, loss: this.loss ?? 'connection' } }),
    };
  }
}

interface Moved {
  readonly state: State;
  readonly agreement: Agreement | undefined;
}
