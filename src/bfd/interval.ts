/**
 * How often packets are sent, and how long their absence is borne (RFC 5880 §6.8.2..4). Three things are told apart: what
 * we want, what our packets say (the *offer*), and what is in force. A Poll Sequence is what makes the last follow the
 * second: it ends when the peer has said, by a Final, that it knows.
 */
import type { Offer, Session, SessionConfig } from './state.ts';

/**
 * Unless Up, packets are no closer together than this, ms (RFC 5880 §6.8.3). Nor does lateness make intervals any longer:
 * a failure would be detected too late to matter.
 */
export const SLOW_MS = 1000;

/** What we want in this state. */
export function wanted(config: SessionConfig, { state, widenedMs }: Pick<Session, 'state' | 'widenedMs'>): Offer {
  const least = Math.max(config.desiredMinTxMs, widenedMs);
  return {
    txMs: state === 'Up' ? least : Math.max(SLOW_MS, least),
    rxMs: config.requiredMinRxMs,
    detectMult: config.detectMult,
  };
}

/**
 * Lets the offer follow what we want. While Up, one sequence at a time; slower sending and faster detection wait for its
 * end, everything else is in force at once. Unless Up, all of it is, since nothing can fail.
 */
export function offerAnew(config: SessionConfig, session: Session): Session {
  const want = wanted(config, session);
  const { state, offer, poll, remote } = session;
  const up = state === 'Up';
  if (up && poll !== 'idle') return session;
  const timing = want.txMs !== offer.txMs || want.rxMs !== offer.rxMs;
  const inForce = want.txMs === session.txMs && want.rxMs === session.rxMs;
  if (!timing && inForce && want.detectMult === offer.detectMult) return session;
  return {
    ...session,
    offer: want,
    txMs: up ? Math.min(session.txMs, want.txMs) : want.txMs,
    rxMs: up ? Math.max(session.rxMs, want.rxMs) : want.rxMs,
    // A peer in Demand mode hears of anything by a Poll Sequence alone: no other packet is repeated (RFC 5880 §6.6).
    poll: (timing || demanded(session)) && remote.discriminator !== 0 ? 'polling' : poll,
  };
}

/** What a packet's Final bit does to a sequence that runs. */
export function answered(session: Session, final: boolean): Session {
  const { poll, offer } = session;
  if (final) return poll === 'polling' ? { ...session, poll: 'settling', txMs: offer.txMs, rxMs: offer.rxMs } : session;
  return poll === 'settling' ? { ...session, poll: 'idle' } : session;
}

/** Between our packets, before jitter: the slower side decides. */
export const transmitMs = ({ txMs, remote }: Session): number => Math.max(txMs, remote.requiredMinRxMs);

/** Silence after which the peer is taken to be gone, ms (RFC 5880 §6.8.4). Of no meaning while there is no peer. */
export const detectionMs = ({ rxMs, remote }: Session): number =>
  remote.detectMult * Math.max(rxMs, remote.desiredMinTxMs);

/** Silence of ours that the peer bears, as far as our packets and its own tell, ms. */
export const remoteDetectionMs = ({ offer, remote }: Session): number =>
  offer.detectMult * Math.max(offer.txMs, remote.requiredMinRxMs);

/** The largest part of the interval that may pass; with a multiplier of 1 the peer bears no more (RFC 5880 §6.8.7). */
const mostOf = (detectMult: number): number => (detectMult === 1 ? 0.9 : 1);

/**
 * A part of the interval, at least three quarters of it.
 * @param random in [0, 1)
 */
export const jitterFactor = (detectMult: number, random: number): number => 0.75 + (mostOf(detectMult) - 0.75) * random;

/** Demand mode is active at the peer, which then does without our periodic packets (RFC 5880 §6.6). */
const demanded = ({ state, remote }: Session): boolean => remote.demand && remote.state === 'Up' && state === 'Up';

/** Nothing may be said before the peer has spoken. */
export const mute = (config: SessionConfig, { remote }: Session): boolean =>
  config.passive && remote.discriminator === 0;

/** When the next periodic packet is due, on the clock of `session.sentMs`; undefined while there are none. */
export function transmitDue(config: SessionConfig, session: Session, nowMs: number): number | undefined {
  const { remote, poll, sentMs, factor, offer } = session;
  if (mute(config, session) || remote.requiredMinRxMs === 0) return undefined;
  if (demanded(session) && poll !== 'polling') return undefined;
  if (sentMs === undefined) return nowMs;
  return sentMs + transmitMs(session) * Math.min(factor, mostOf(offer.detectMult));
}

/** When the peer has been silent for too long; undefined while there is none. */
export const detectDue = (session: Session): number | undefined =>
  session.heardMs === undefined ? undefined : session.heardMs + detectionMs(session) + session.graceMs;

/**
 * For whoever comes late to the end of the detection time: what the peer sent meanwhile may still be on its way through
 * the kernel, or in the peer, where one machine has stopped both. It is given as long as we were late, one interval at most.
 */
export function late(session: Session, lateMs: number, nowMs: number): Session {
  const intervalMs = detectionMs(session) / session.remote.detectMult;
  const until = nowMs + Math.min(lateMs, intervalMs);
  return { ...session, graceMs: until - (detectDue(session) ?? until) };
}

/**
 * An interval at which the peer bears a pause of ours twice as long as the one there was, ms: what it waits for beyond
 * one interval has to be that long.
 */
export function intervalFor(lateMs: number, detectMult: number): number {
  return Math.ceil((2 * lateMs) / (detectMult - mostOf(detectMult)));
}
