/**
 * One BFD session in Asynchronous mode (RFC 5880 §6), as a pure step machine: what happened goes in with the time, packets
 * to send and news for the clients come out.
 *
 * Demand mode is never asked for. Where the peer asks for it, periodic packets cease as they must, and nothing else
 * changes: ours to detect is what it sends. Echo packets are neither sent nor wanted.
 *
 * Times are milliseconds on any monotonic clock. A packet that comes in the very step in which the detection time is over
 * counts: whoever is late should read what waits in its sockets first, and let time pass after that, saying how late it is.
 */
import { arm, nextDue } from '../lib/timers.ts';
import {
  answered,
  detectDue,
  detectionMs,
  intervalFor,
  jitterFactor,
  late,
  mute,
  offerAnew,
  remoteDetectionMs,
  SLOW_MS,
  transmitDue,
  transmitMs,
  wanted,
} from './interval.ts';
import { type ControlPacket, Diagnostic, type DropReason, type State } from './packet.ts';
import { nobody, type Remote, type Session, type SessionConfig, type TimerName } from './state.ts';

export type BfdEvent =
  /** A packet for this session (see demux.ts). */
  | { readonly type: 'received'; readonly packet: ControlPacket }
  /** `lateMs`: that long ago something was due, and the thread was away. */
  | { readonly type: 'tick'; readonly lateMs?: number }
  /** The configuration that `step` gets is another one. */
  | { readonly type: 'configured' }
  | { readonly type: 'enable' }
  | { readonly type: 'disable'; readonly diagnostic: number }
  /** Our own thread was so late: the peer should bear it the next time. */
  | { readonly type: 'widen'; readonly lateMs: number };

export type BfdAction =
  | { readonly type: 'send'; readonly packet: ControlPacket }
  /**
   * `fault`: what depends on the path should stop using it. It is not set where one side took the session down on purpose
   * (RFC 5882 §4.2), or it was never up.
   */
  | {
      readonly type: 'changed';
      readonly from: State;
      readonly to: State;
      readonly diagnostic: number;
      readonly fault: boolean;
      /**
       * Of a fault: packets were lost, and not since the peer's control plane restarts (RFC 5882 §4.3.2). Ours tells the
       * peer nothing of the kind: whoever signals that it does not hear us may have seen our own restart.
       */
      readonly independent: boolean;
    }
  /** While Up: the intervals in force are others now. */
  | { readonly type: 'negotiated'; readonly txIntervalMs: number; readonly detectionMs: number }
  | { readonly type: 'dropped'; readonly reason: DropReason }
  /** The peer has another discriminator: it was started anew. */
  | { readonly type: 'remoteChanged'; readonly from: number; readonly to: number }
  /** The peer asks for Demand mode, or does so no longer. */
  | { readonly type: 'remoteDemand'; readonly demand: boolean }
  /** We send less often from the end of a Poll Sequence on, since our thread was late. */
  | { readonly type: 'widened'; readonly lateMs: number; readonly txMs: number }
  /** It was not late for a while: back to what is configured. */
  | { readonly type: 'narrowed'; readonly txMs: number }
  /** The session is disabled, and the peer had time to learn of it: it may be thrown away. */
  | { readonly type: 'farewellOver' };

type Step = [Session, BfdAction[]];

/** Without lateness for so long, sending goes back to what is configured, ms. */
const NARROW_MS = 60_000;

/** A session that is enabled and knows nobody; in the active role its first packet is due at once. */
export function newSession(config: SessionConfig, nowMs: number): Session {
  const offer = wanted(config, { state: 'Down', widenedMs: 0 });
  return {
    state: 'Down',
    diagnostic: Diagnostic.none,
    remote: nobody,
    offer,
    txMs: offer.txMs,
    rxMs: offer.rxMs,
    poll: 'idle',
    heardMs: undefined,
    graceMs: 0,
    sentMs: undefined,
    sent: undefined,
    factor: 1,
    widenedMs: 0,
    timers: config.passive ? {} : { transmit: nowMs },
  };
}

/** When `tick` is due; undefined when never. */
export const dueMs = (session: Session): number | undefined => nextDue(session.timers)?.at;

/** @param random in [0, 1) */
export function step(config: SessionConfig, session: Session, event: BfdEvent, nowMs: number, random: number): Step {
  const [next, actions] = react(config, session, event, nowMs);
  const offered = offerAnew(config, next);
  const { state, diagnostic } = offered;
  if (state !== session.state) {
    const onPurpose = state === 'AdminDown' || offered.remote.state === 'AdminDown';
    const fault = session.state === 'Up' && !onPurpose;
    const lost = diagnostic === Diagnostic.controlDetectionTimeExpired;
    const independent = fault && lost && session.remote.independent;
    actions.push({ type: 'changed', from: session.state, to: state, diagnostic, fault, independent });
  }
  actions.push(...negotiated(session, offered));
  const answer = event.type === 'received' && event.packet.poll && state !== 'AdminDown';
  return transmit(config, offered, answer, nowMs, random, actions);
}

function react(config: SessionConfig, session: Session, event: BfdEvent, nowMs: number): Step {
  switch (event.type) {
    case 'received':
      return receive(session, event.packet, nowMs);
    case 'tick':
      return tick(session, config, nowMs, event.lateMs ?? 0);
    case 'configured':
      return [session, []];
    case 'enable':
      if (session.state !== 'AdminDown') return [session, []];
      return [
        {
          ...session,
          state: 'Down',
          diagnostic: Diagnostic.none,
          timers: arm(session.timers, 'farewell', undefined),
        },
        [],
      ];
    case 'disable':
      return disable(config, session, event.diagnostic, nowMs);
    case 'widen':
      return widen(config, session, event.lateMs, nowMs);
  }
}

/** What a received state does to ours (RFC 5880 §6.8.6, and the diagram of §6.2). */
const table: { readonly [Ours in Exclude<State, 'AdminDown'>]: { readonly [Theirs in State]: State } } = {
  Down: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Down' },
  Init: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Up' },
  Up: { AdminDown: 'Down', Down: 'Down', Init: 'Up', Up: 'Up' },
};

function receive(session: Session, packet: ControlPacket, nowMs: number): Step {
  const actions: BfdAction[] = [];
  const { remote } = session;
  if (remote.discriminator !== 0 && remote.discriminator !== packet.myDiscriminator)
    actions.push({ type: 'remoteChanged', from: remote.discriminator, to: packet.myDiscriminator });
  if (remote.demand !== packet.demand) actions.push({ type: 'remoteDemand', demand: packet.demand });
  const heard = answered({ ...session, remote: remoteOf(packet), heardMs: nowMs, graceMs: 0 }, packet.final);
  if (session.state === 'AdminDown') return [heard, [...actions, { type: 'dropped', reason: 'adminDown' }]];
  return [enter(heard, table[session.state][packet.state], Diagnostic.neighborSignaledSessionDown), actions];
}

const remoteOf = (packet: ControlPacket): Remote => ({
  discriminator: packet.myDiscriminator,
  state: packet.state,
  diagnostic: packet.diagnostic,
  detectMult: packet.detectMult,
  desiredMinTxMs: packet.desiredMinTxUs / 1000,
  requiredMinRxMs: packet.requiredMinRxUs / 1000,
  demand: packet.demand,
  independent: packet.controlPlaneIndependent,
});

/** Our state becomes `state`; the diagnostic says why, where it becomes Down. */
function enter(session: Session, state: State, diagnostic: number): Session {
  if (state === session.state) return session;
  if (state === 'Init') return { ...session, state };
  return { ...session, state, diagnostic: state === 'Up' ? Diagnostic.none : diagnostic };
}

function tick(session: Session, config: SessionConfig, nowMs: number, lateMs: number): Step {
  const actions: BfdAction[] = [];
  const over = (name: TimerName): boolean => (session.timers[name] ?? Number.POSITIVE_INFINITY) <= nowMs;
  if (over('farewell')) {
    session = { ...session, timers: arm(session.timers, 'farewell', undefined) };
    actions.push({ type: 'farewellOver' });
  }
  if (over('narrow')) {
    session = { ...session, widenedMs: 0, timers: arm(session.timers, 'narrow', undefined) };
    actions.push({ type: 'narrowed', txMs: config.desiredMinTxMs });
  }
  // Once in a silence: a thread that is always late must still notice.
  if (over('detect')) session = lateMs > 0 && session.graceMs === 0 ? late(session, lateMs, nowMs) : forget(session);
  return [session, actions];
}

/** The peer has been silent for a detection time: nothing of what it said holds any more. */
function forget(session: Session): Session {
  const state = session.state === 'AdminDown' ? 'AdminDown' : 'Down';
  const silent = enter(session, state, Diagnostic.controlDetectionTimeExpired);
  return { ...silent, remote: nobody, heardMs: undefined, graceMs: 0, poll: 'idle' };
}

function disable(config: SessionConfig, session: Session, diagnostic: number, nowMs: number): Step {
  if (session.state === 'AdminDown') return [session, []];
  const down: Session = { ...session, state: 'AdminDown', diagnostic };
  if (session.remote.discriminator === 0) return [down, [{ type: 'farewellOver' }]];
  // RFC 5880 §6.8.16, at the slow rate that this state is told at.
  const farewell = nowMs + remoteDetectionMs({ ...down, offer: wanted(config, down) });
  return [{ ...down, timers: arm(down.timers, 'farewell', farewell) }, []];
}

function widen(config: SessionConfig, session: Session, lateMs: number, nowMs: number): Step {
  const needed = Math.min(SLOW_MS, intervalFor(lateMs, config.detectMult));
  if (needed <= Math.max(config.desiredMinTxMs, session.remote.requiredMinRxMs)) return [session, []];
  const timers = arm(session.timers, 'narrow', nowMs + NARROW_MS);
  if (needed <= session.widenedMs) return [{ ...session, timers }, []];
  return [{ ...session, widenedMs: needed, timers }, [{ type: 'widened', lateMs, txMs: needed }]];
}

function negotiated(before: Session, after: Session): BfdAction[] {
  if (after.state !== 'Up') return [];
  const txIntervalMs = transmitMs(after);
  const detection = detectionMs(after);
  const same = before.state === 'Up' && txIntervalMs === transmitMs(before) && detection === detectionMs(before);
  return same ? [] : [{ type: 'negotiated', txIntervalMs, detectionMs: detection }];
}

/** Sends what there is to send now, and arms the timers for what comes next. */
function transmit(
  config: SessionConfig,
  session: Session,
  answer: boolean,
  nowMs: number,
  random: number,
  actions: BfdAction[],
): Step {
  if (answer) {
    const packet = packetOf(config, session, true);
    actions.push({ type: 'send', packet });
    session = { ...session, sent: packet };
  }
  const due = transmitDue(config, session, nowMs);
  if ((due !== undefined && due <= nowMs) || (!mute(config, session) && urgent(session))) {
    const packet = packetOf(config, session, false);
    actions.push({ type: 'send', packet });
    const factor = jitterFactor(session.offer.detectMult, random);
    session = { ...session, sentMs: nowMs, sent: packet, factor };
  }
  const timers = arm<TimerName>(session.timers, 'transmit', transmitDue(config, session, nowMs));
  return [{ ...session, timers: arm(timers, 'detect', detectDue(session)) }, actions];
}

/**
 * The peer should know without waiting for the next periodic packet (RFC 5880 §6.8.7). Not so other intervals: a Poll
 * Sequence must do with the periodic ones (§6.5).
 */
const urgent = ({ sent, state, diagnostic, remote, offer }: Session): boolean =>
  sent === undefined ||
  sent.state !== state ||
  sent.diagnostic !== diagnostic ||
  sent.yourDiscriminator !== remote.discriminator ||
  sent.detectMult !== offer.detectMult;

const packetOf = (config: SessionConfig, { state, diagnostic, remote, offer, poll }: Session, final: boolean) => ({
  diagnostic,
  state,
  poll: poll === 'polling' && !final,
  final,
  // It ends with the process that announces routes.
  controlPlaneIndependent: false,
  demand: false,
  detectMult: offer.detectMult,
  myDiscriminator: config.localDiscriminator,
  yourDiscriminator: remote.discriminator,
  desiredMinTxUs: 1000 * offer.txMs,
  requiredMinRxUs: 1000 * offer.rxMs,
  requiredMinEchoRxUs: 0,
});
