/** A decision and what it rests on. */
import type { Meta } from '../config/model.ts';
import type { Note, Reason } from './reason.ts';

/** A yes or no with the deciding rule. */
export interface Verdict {
  readonly announced: boolean;
  /** Absent when announced. */
  readonly reason?: Reason;
  /** The particulars, for people. */
  readonly detail: string;
  /** The documents that decided. */
  readonly because: readonly Meta[];
  /** What else there is to know of a Service that is announced. */
  readonly notes?: readonly Note[];
}

export const no = (reason: Reason, detail: string, ...because: readonly Meta[]): Verdict => ({
  announced: false,
  reason,
  detail,
  because,
});
