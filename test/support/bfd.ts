/** BFD sessions without sockets: one that is told what to hear, and two on a link that loses and delays. */
import { Demux, type Path } from '../../src/bfd/demux.ts';
import { type ControlPacket, decodeControl, encodeControl, type State } from '../../src/bfd/packet.ts';
import { type BfdAction, type BfdEvent, dueMs, newSession, step } from '../../src/bfd/session.ts';
import type { Session, SessionConfig } from '../../src/bfd/state.ts';
import { address } from '../../src/lib/address.ts';

export const configOf = (changes: Partial<SessionConfig> = {}): SessionConfig => ({
  ...{ localDiscriminator: 1, passive: false, desiredMinTxMs: 300, requiredMinRxMs: 300, detectMult: 3 },
  ...changes,
});

/** A peer's packet: that of a default session, Down, unless told otherwise. */
export const packetOf = (changes: Partial<ControlPacket> = {}): ControlPacket => ({
  ...{ diagnostic: 0, state: 'Down', poll: false, final: false, controlPlaneIndependent: false, demand: false },
  ...{ detectMult: 3, myDiscriminator: 2, yourDiscriminator: 1 },
  ...{ desiredMinTxUs: 1_000_000, requiredMinRxUs: 300_000, requiredMinEchoRxUs: 0 },
  ...changes,
});

/** One session on a fake clock; nothing is shortened at random unless `random` says so. */
export class Lone {
  config: SessionConfig;
  session: Session;
  nowMs = 0;
  random: () => number = () => 1;
  /** Everything that came out, with its time. */
  readonly log: { readonly atMs: number; readonly action: BfdAction }[] = [];

  constructor(changes: Partial<SessionConfig> = {}) {
    this.config = configOf(changes);
    this.session = newSession(this.config, 0);
  }

  do(event: BfdEvent): this {
    const [session, actions] = step(this.config, this.session, event, this.nowMs, this.random());
    this.session = session;
    for (const action of actions) this.log.push({ atMs: this.nowMs, action });
    return this;
  }

  /** Runs whatever is due until then. */
  until(ms: number): this {
    for (let due = dueMs(this.session); due !== undefined && due <= ms; due = dueMs(this.session)) {
      this.nowMs = due;
      this.do({ type: 'tick' });
      if (dueMs(this.session) === due) throw new Error(`a timer of ${due} ms does not end`);
    }
    this.nowMs = ms;
    return this;
  }

  hear = (changes: Partial<ControlPacket> = {}): this => this.do({ type: 'received', packet: packetOf(changes) });

  configure(changes: Partial<SessionConfig>): this {
    this.config = { ...this.config, ...changes };
    return this.do({ type: 'configured' });
  }

  /** Packets sent since the last time, with their times. */
  takeSent(): (ControlPacket & { readonly atMs: number })[] {
    return this.take('send').map(({ atMs, action }) => ({ ...action.packet, atMs }));
  }

  /** Actions of a kind since the last time, with their times. */
  take<T extends BfdAction['type']>(type: T): { atMs: number; action: Extract<BfdAction, { type: T }> }[] {
    const found = this.log.filter(({ action }) => action.type === type);
    this.log.splice(0, this.log.length, ...this.log.filter(({ action }) => action.type !== type));
    return found as { atMs: number; action: Extract<BfdAction, { type: T }> }[];
  }
}

/** A session that came up at 0 with a peer of the same intervals, the first Poll Sequence over. Nothing in its log. */
export function upSession(changes: Partial<SessionConfig> = {}, theirs: Partial<ControlPacket> = {}): Lone {
  const lone = new Lone(changes).until(0);
  const peer: Partial<ControlPacket> = { desiredMinTxUs: 300_000, ...theirs };
  lone.hear({ ...peer, state: 'Down' }).hear({ ...peer, state: 'Init' });
  lone.hear({ ...peer, state: 'Up', final: true }).hear({ ...peer, state: 'Up' });
  if (lone.session.state !== 'Up' || lone.session.poll !== 'idle') throw new Error('the session is not settled');
  lone.log.length = 0;
  return lone;
}

/** What the link does with a packet: its delay, ms, or undefined when it is lost. */
export type Fate = (from: 0 | 1, nowMs: number) => number | undefined;

interface Flight {
  readonly atMs: number;
  readonly to: 0 | 1;
  readonly bytes: Uint8Array;
}

export interface Change {
  readonly atMs: number;
  readonly who: 0 | 1;
  readonly from: State;
  readonly to: State;
  readonly fault: boolean;
}

/** Two sessions on a link, on one fake clock; octets pass between them. */
export class Pair {
  readonly ends: readonly [Lone, Lone];
  nowMs = 0;
  readonly changes: Change[] = [];
  /** Called after every step, with its time. */
  watch: (nowMs: number) => void = () => {};
  private readonly fate: Fate;
  private flights: Flight[] = [];
  private readonly demuxes: readonly [Demux<Lone>, Demux<Lone>];

  constructor(a: Partial<SessionConfig>, b: Partial<SessionConfig>, random: () => number, fate: Fate) {
    this.fate = fate;
    this.ends = [new Lone({ ...a, localDiscriminator: 0xa }), new Lone({ ...b, localDiscriminator: 0xb })];
    this.demuxes = [new Demux(), new Demux()];
    for (const who of [0, 1] as const) {
      this.ends[who].random = random;
      this.demuxes[who].add(this.ends[who].config.localDiscriminator, path, this.ends[who]);
    }
  }

  get states(): readonly [State, State] {
    return [this.ends[0].session.state, this.ends[1].session.state];
  }

  until(ms: number): this {
    for (;;) {
      const flight = this.flights.reduce<Flight | undefined>((a, b) => (a && a.atMs <= b.atMs ? a : b), undefined);
      const dues = this.ends.map(({ session }) => dueMs(session) ?? Number.POSITIVE_INFINITY);
      const at = Math.min(flight?.atMs ?? Number.POSITIVE_INFINITY, ...dues);
      if (at > ms) break;
      this.nowMs = Math.max(this.nowMs, at);
      // What has arrived is read before time passes.
      if (flight && flight.atMs <= this.nowMs) {
        this.flights = this.flights.filter((one) => one !== flight);
        this.arrive(flight);
      } else this.do(dues[0]! <= dues[1]! ? 0 : 1, { type: 'tick' });
    }
    this.nowMs = ms;
    return this;
  }

  private arrive({ to, bytes }: Flight): void {
    const packet = decodeControl(bytes);
    if (typeof packet === 'string') throw new Error(packet);
    const chosen = this.demuxes[to].select(packet, path);
    if (typeof chosen !== 'string') this.do(to, { type: 'received', packet });
  }

  do(who: 0 | 1, event: BfdEvent): this {
    const end = this.ends[who];
    end.nowMs = this.nowMs;
    end.do(event);
    for (const { action } of end.log.splice(0)) {
      if (action.type === 'changed') this.changes.push({ atMs: this.nowMs, who, ...action });
      if (action.type !== 'send') continue;
      const delayMs = this.fate(who, this.nowMs);
      if (delayMs === undefined) continue;
      const to = who === 0 ? 1 : 0;
      this.flights.push({ atMs: this.nowMs + delayMs, to, bytes: encodeControl(action.packet).slice() });
    }
    this.watch(this.nowMs);
    return this;
  }

  configure(who: 0 | 1, changes: Partial<SessionConfig>): this {
    const end = this.ends[who];
    end.config = { ...end.config, ...changes };
    return this.do(who, { type: 'configured' });
  }
}

const path: Path = { hops: 'single', peer: address('192.0.2.1'), scope: 0, device: '' };
