/** A session as its users see it: plain values that cross threads, and that `show` prints. */
import { detectionMs, transmitMs } from './interval.ts';
import type { DropReason, State } from './packet.ts';
import type { Session, SessionConfig } from './state.ts';

/** Since the session was first there. */
export interface SessionCounters {
  sent: number;
  received: number;
  /** Became Up. */
  ups: number;
  /** Was Up and is no more, for whatever reason. */
  downs: number;
  /** Packets that came and were not taken. */
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Packets that could not be sent, and why the last of them. */
  sendErrors: number;
  lastSendError: string;
}

export const noCounters = (): SessionCounters => ({
  ...{ sent: 0, received: 0, ups: 0, downs: 0, dropped: {}, sendErrors: 0, lastSendError: '' },
});

export interface SessionView {
  readonly state: State;
  readonly diagnostic: number;
  readonly localDiscriminator: number;
  /** 0 while nobody is known; nor is then anything else of the peer's. */
  readonly remoteDiscriminator: number;
  readonly remoteState: State;
  readonly remoteDiagnostic: number;
  readonly remoteDetectMult: number;
  readonly remoteMinTxMs: number;
  readonly remoteMinRxMs: number;
  readonly remoteDemand: boolean;
  readonly remoteIndependent: boolean;
  /** Between our packets, and the peer's, as negotiated and before jitter; 0 while there are none. */
  readonly txIntervalMs: number;
  readonly rxIntervalMs: number;
  /** Silence that we bear, ms; 0 while there is nobody to be silent. */
  readonly detectMs: number;
  /** Our interval was made that long since we were late; else 0. */
  readonly widenedMs: number;
  readonly counters: SessionCounters;
}

export function viewOf(config: SessionConfig, session: Session, counters: SessionCounters): SessionView {
  const { state, diagnostic, remote, widenedMs } = session;
  const known = remote.discriminator !== 0;
  return {
    state,
    diagnostic,
    localDiscriminator: config.localDiscriminator,
    remoteDiscriminator: remote.discriminator,
    remoteState: remote.state,
    remoteDiagnostic: remote.diagnostic,
    remoteDetectMult: remote.detectMult,
    remoteMinTxMs: remote.desiredMinTxMs,
    remoteMinRxMs: known ? remote.requiredMinRxMs : 0,
    remoteDemand: remote.demand,
    remoteIndependent: remote.independent,
    txIntervalMs: config.passive && !known ? 0 : transmitMs(session),
    rxIntervalMs: known ? Math.max(session.rxMs, remote.desiredMinTxMs) : 0,
    detectMs: known ? detectionMs(session) : 0,
    widenedMs,
    counters: { ...counters, dropped: { ...counters.dropped } },
  };
}
