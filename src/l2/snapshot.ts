/** What the layer-2 announcer is to do and what it tells: plain data, which crosses threads. */
import type { Address } from '../lib/address.ts';
import type { Mac } from '../lib/mac.ts';
import type { ConflictRule } from './conflict.ts';
import type { Port } from './link.ts';
import type { ScheduleRules } from './schedule.ts';

/** Everything there is to do, whole: what is not in it is no longer done. */
export interface Snapshot {
  /** Counts up. */
  readonly number: number;
  readonly ports: readonly Port[];
  /** Hardware addresses of all interfaces of this node, those that answer nothing included. */
  readonly macs: readonly Mac[];
  readonly addresses: readonly Announced[];
  readonly rules: Layer2Rules;
  /**
   * Another number than before: nodes that did not hear each other do again, and may all have announced the same. Everything
   * is announced anew or, with stickiness, asked for.
   */
  readonly renewals: number;
}

/** An address to announce; each at most once in a snapshot. */
export interface Announced {
  readonly ip: Address;
  /** Names and patterns (lib/cover.ts); those that do not exist do no harm. */
  readonly interfaces: 'all' | readonly string[];
  /** Another number than before asks for another burst of announcements. */
  readonly epoch: number;
}

export interface Layer2Rules {
  readonly schedule: ScheduleRules;
  readonly conflict: ConflictRule;
  /** Before an address is taken over, ask whether another node has it, and leave it to that one if so. */
  readonly stickiness: boolean;
  /**
   * What the network interface is asked to pass up beside what is for us: nothing, all multicast (for those that
   * lose groups), or everything (for those that lose more).
   */
  readonly reception: 'normal' | 'allMulticast' | 'promiscuous';
}

/** Something changed that people want to know. */
export interface ConflictReport {
  readonly type: 'conflict';
  /** As `formatAddress` has it. */
  readonly ip: string;
  readonly interface: string;
  /** The other host's, `02:00:5e:10:00:01`. */
  readonly mac: string;
  /**
   * `begin`: first claim. `yield`: silent from now on. `defer`: never announced, as another node has it. `resume`:
   * announced again. `end`: nothing is heard any more.
   */
  readonly stage: 'begin' | 'yield' | 'defer' | 'resume' | 'end';
}

/** Since the address was first announced, over all interfaces. */
export interface AddressCounters {
  readonly ip: string;
  /** Requests and solicitations that were to be answered. */
  readonly requests: number;
  readonly responses: number;
  /** Packets sent unasked: an ARP announcement is two. */
  readonly gratuitous: number;
  /** Claims of other hosts. */
  readonly claims: number;
  /**
   * When the first announcement left since the address was asked for (with this epoch), on whatever interface, ms on the
   * clock of the announcer; undefined: none did yet.
   */
  readonly firstMs: number | undefined;
}

/** Frames that reached an interface's responder and were not answered, by reason. */
export interface DropCounters {
  readonly interface: string;
  readonly drops: Readonly<Record<string, number>>;
}
