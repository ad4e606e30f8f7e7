/** What allocation says of one Service. */
import type { Address } from '../lib/address.ts';
import type { Reason } from './reason.ts';

export type Assignment = Assigned | Unassigned;

export interface Assigned {
  readonly assigned: true;
  /** `namespace/name`. */
  readonly service: string;
  /** IPv4 before IPv6; as written where the Service's status names them. */
  readonly ips: readonly Address[];
  readonly pool: string;
  /** Where they come from: named by the status, held before, asked for by the Service, or chosen here. */
  readonly origin: 'status' | 'kept' | 'requested' | 'chosen';
  /** Why the Service lost the addresses it held before. */
  readonly cleared?: Problem;
  /** Services that lost their addresses to this one and are to be assigned again. */
  readonly evicted: readonly string[];
}

export interface Unassigned extends Problem {
  readonly assigned: false;
  readonly service: string;
  readonly cleared?: Problem;
  readonly evicted: readonly string[];
}

export interface Problem {
  readonly reason: Reason;
  readonly message: string;
}

/** The addresses of a Service that is about to be decided. */
export interface Addressed {
  readonly assignment: Assignment | undefined;
  /** They are those that it had when it was decided last. */
  readonly kept: boolean;
}

/** An assignment as it is remembered over a restart: plain JSON. */
export interface Remembered {
  readonly service: string;
  readonly ips: readonly string[];
  /** `TCP/80`, sorted. */
  readonly ports: readonly string[];
  readonly sharingKey: string;
  readonly backendKey: string;
}
