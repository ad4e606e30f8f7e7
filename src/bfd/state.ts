/** What a session is made of: plain values, all of them (RFC 5880 §6.8.1). Times are milliseconds. */
import type { Timers } from '../lib/timers.ts';
import type { ControlPacket, State } from './packet.ts';

export interface SessionConfig {
  /** Unique among our sessions, never 0 (see demux.ts). Must not change while the session lasts. */
  readonly localDiscriminator: number;
  /** The peer speaks first. */
  readonly passive: boolean;
  readonly desiredMinTxMs: number;
  readonly requiredMinRxMs: number;
  /** 1..255. */
  readonly detectMult: number;
}

/** What our packets say. */
export interface Offer {
  readonly txMs: number;
  readonly rxMs: number;
  readonly detectMult: number;
}

/**
 * `settling`: the Final came, but one that answers an older Poll may still be under way. So the next sequence waits for a
 * packet without it (RFC 5880 §6.8.3, the third of its choices).
 */
export type PollSequence = 'idle' | 'polling' | 'settling';

/** What the peer's last packet said. */
export interface Remote {
  /** 0 while nobody is known. */
  readonly discriminator: number;
  readonly state: State;
  readonly diagnostic: number;
  readonly detectMult: number;
  readonly desiredMinTxMs: number;
  readonly requiredMinRxMs: number;
  readonly demand: boolean;
  /** Its BFD survives a restart of its control plane (the C bit). */
  readonly independent: boolean;
}

export type TimerName = 'transmit' | 'detect' | 'narrow' | 'farewell';

export interface Session {
  readonly state: State;
  /** Why it went down last; none once it is up again. */
  readonly diagnostic: number;
  readonly remote: Remote;
  readonly offer: Offer;
  /** In force; see interval.ts. */
  readonly txMs: number;
  readonly rxMs: number;
  readonly poll: PollSequence;
  /** When the peer spoke last. */
  readonly heardMs: number | undefined;
  /** Beyond the detection time, since our thread was away when it ended; 0 when it was not. */
  readonly graceMs: number;
  /** When we did, answers to a Poll excepted. */
  readonly sentMs: number | undefined;
  readonly sent: ControlPacket | undefined;
  /** Jitter of the interval that runs. */
  readonly factor: number;
  /** Our interval is no shorter, since we were late; 0 when we were not. */
  readonly widenedMs: number;
  readonly timers: Timers<TimerName>;
}

/** What is known of a peer that has not spoken (RFC 5880 §6.8.1): one that takes a packet every microsecond. */
export const nobody: Remote = {
  discriminator: 0,
  state: 'Down',
  diagnostic: 0,
  detectMult: 0,
  desiredMinTxMs: 0,
  requiredMinRxMs: 0.001,
  demand: false,
  independent: false,
};
