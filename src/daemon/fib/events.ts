/** What is to be known of routes in the kernel, and what is told of them. */
import type { Place } from './places.ts';

export interface FibSettings {
  readonly install: boolean;
  readonly protocol: number;
  readonly metric: number;
  readonly mtu?: number;
  readonly resolveViaDefault: boolean;
}

export interface FibEvents {
  /** Ways to next hops may be others. */
  waysChanged(): void;
  /** `routes` may give others, or some where it gave none. */
  tablesChanged(): void;
  /** Routes will be put here for the first time; or nothing of earlier processes is there any more. */
  place(place: Place): void;
  leftPlace(place: Place): void;
  /** The kernel refuses routes, and for now no more are tried if `paused`. */
  refused(error: string, paused: boolean): void;
  accepted(): void;
  /** What is in the kernel was read. */
  audited(): void;
  /** It cannot be read, for this reason, although that was tried again and again; or, `undefined`, it can. */
  unread(problem: string | undefined): void;
  /** Others make routes here in our name, again and again: those that nobody here wants are left to them. */
  contested(place: Place): void;
  /** Every change that was wanted is carried out, or refused. */
  idle(): void;
}
