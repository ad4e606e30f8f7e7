/**
 * The reconciler between intent and sessions: given a configuration, it makes the peers of this node and what each of
 * them is told match it, with the smallest change.
 *
 *   configuration ─► Services.step (one Service) ─► dirty prefixes ─► AdjRibOut of each peer ─► Session
 *                └─► nodePeers ─► peers added, replaced, retuned, removed
 *
 * Work is sliced: a reload of 10,000 Services yields to the sockets every few milliseconds. Nobody is told anything
 * until all Services are decided: a route that many of them make (an aggregate) never shows half of a change, and the
 * first UPDATEs of a new peer are the whole truth, which End-of-RIB means.
 */
import { Cease, ErrorCode, type Notification, notification } from '../bgp/errors.ts';
import { changedFields, type PeerSettings } from '../bgp/settings.ts';
import type { Configuration } from '../config/model.ts';
import type { Remembered } from '../intent/assignment.ts';
import type { Drain } from '../intent/drain.ts';
import type { SkippedPeer } from '../intent/peers.ts';
import type { RouteDecision } from '../intent/route.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Ends } from '../io/tcp.ts';
import { SLICE_MS } from '../io/turn.ts';
import { equal } from '../lib/diff.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Peer } from './peer.ts';
import { Roster } from './roster.ts';
import { type Decided, Services } from './services.ts';
import type { Speaker } from './speaker.ts';

export interface EngineEvents {
  decided(decided: Decided): void;
  peer(change: 'added' | 'removed' | 'reset', name: string, detail: string): void;
  skipped(peer: SkippedPeer): void;
  /** Something the operator must see to. */
  problem(text: string): void;
  /** Every Service is decided, and peers are about to be told. */
  resolved(): void;
  /** Everything dirty has been worked off. */
  settled(): void;
}

const deconfigured = notification(ErrorCode.cease, Cease.peerDeconfigured);
const reconfigured = notification(ErrorCode.cease, Cease.otherConfigurationChange);

export class Engine {
  readonly services = new Services();
  config: Configuration | undefined;
  readonly roster: Roster;
  private readonly speaker: Speaker;
  private readonly fallbackRouterId: (nodeName: string) => number;
  private readonly events: EngineEvents;
  /** Prefixes whose route may have changed for some peer; one may stand here twice. */
  private readonly dirty: Prefix[] = [];
  /** Peers all of whose routes are to be worked out, and how far that is. */
  private readonly unfilled = new Map<Peer, Filling>();
  /** Peers to be started. */
  private readonly waitingPeers = new Set<Peer>();
  /** Peers that do not run here, and why. */
  private skipped = new Map<string, string>();
  /** No peer was given a route yet. */
  private untold = true;
  private running = false;
  private readonly idlers: (() => void)[] = [];
  private stopped = false;

  constructor(speaker: Speaker, fallbackRouterId: (nodeName: string) => number, events: EngineEvents) {
    this.speaker = speaker;
    this.roster = new Roster({
      changed: () => this.reconcilePeers(),
      problem: (text) => events.problem(text),
    });
    this.fallbackRouterId = fallbackRouterId;
    speaker.instances.setAnnounces((...prefix) => this.services.advertisements.has(...prefix));
    this.events = events;
  }

  remember(assignments: readonly Remembered[]): void {
    this.services.remember(assignments);
  }

  /** Takes over a configuration; `settled` tells when it is in effect. */
  apply(config: Configuration): void {
    const until = monotonicMs() + SLICE_MS;
    this.config = config;
    const everyRoute = this.services.apply(config);
    this.tellSkipped(this.roster.apply(config, this.fallbackRouterId(config.speaker.name)));
    this.dirty.push(...this.services.originate());
    this.applyPeers();
    if (everyRoute) for (const peer of this.speaker.all.values()) this.refill(peer);
    this.run(until);
  }

  /** Makes every route a last choice, or withdraws it, or undoes that. */
  drain(drain: Drain | undefined): void {
    this.services.drain(drain);
    this.dirty.push(...this.services.originate());
    this.run(monotonicMs() + SLICE_MS);
  }

  /** Addresses may be taken over on layer 2 from now on. */
  endHoldDown(): void {
    this.services.holdDown(undefined);
    this.run(monotonicMs() + SLICE_MS);
  }

  /** Who of the cluster is alive has changed, or is known now. */
  hear(silent: ReadonlySet<string>, joining: boolean): void {
    if (this.services.hear(silent, joining)) this.run(monotonicMs() + SLICE_MS);
  }

  /** Somebody calls who is no peer yet: a peer now, where that is allowed. */
  call(ends: Ends): Peer | undefined {
    const settings = this.stopped ? undefined : this.roster.call(ends, monotonicMs());
    if (settings === undefined) return undefined;
    const peer = this.speaker.add(settings);
    this.events.peer('added', settings.name, 'it called');
    this.fillFirst(peer);
    this.speaker.start(peer);
    setImmediate(() => this.run(monotonicMs() + SLICE_MS));
    return peer;
  }

  /** How long a caller is turned away since its sessions have failed, ms. */
  waitMs(ends: Ends): number {
    return this.roster.waitMs(ends, monotonicMs());
  }

  /** A peer has no session any more: one that had called goes, once nothing is kept for its restart. */
  left(peer: Peer): void {
    if (!this.roster.isCaller(peer.name)) return;
    // It may have called again in this very turn.
    setImmediate(() => {
      const { name, retention, session } = peer;
      const isAway = session.state === 'Idle' || session.state === 'Active';
      if (this.speaker.all.get(name) !== peer || !isAway || retention.stale.length > 0) return;
      if (this.roster.leave(name, session.flaps > 0, monotonicMs())) this.reconcilePeers();
    });
  }

  /** Resolves when everything dirty has been worked off, at once where nothing is. */
  idle(): Promise<void> {
    return this.running && !this.stopped ? new Promise((resolve) => this.idlers.push(resolve)) : Promise.resolve();
  }

  stop(): void {
    this.stopped = true;
    this.wake();
    this.roster.close();
  }

  private reconcilePeers(): void {
    if (this.stopped) return;
    this.applyPeers();
    this.run(monotonicMs() + SLICE_MS);
  }

  private run(until: number): void {
    if (this.running || this.stopped) return;
    while (monotonicMs() < until) {
      if (this.services.prepare()) continue;
      const decided = this.services.step();
      if (decided === undefined) break;
      for (const prefix of decided.prefixes) this.dirty.push(prefix);
      this.events.decided(decided);
    }
    if (this.services.backlog === 0) {
      // At first every peer gets everything, and needs no single prefixes.
      if (this.untold) this.dirty.length = 0;
      this.untold = false;
      this.events.resolved();
      this.advertise(until);
    }
    if (this.services.backlog > 0 || this.dirty.length > 0 || this.unfilled.size > 0) {
      this.running = true;
      setImmediate(() => {
        this.running = false;
        this.run(monotonicMs() + SLICE_MS);
      });
      return;
    }
    for (const peer of this.waitingPeers) this.speaker.start(peer);
    this.waitingPeers.clear();
    this.events.settled();
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.idlers.splice(0)) resolve();
  }

  /** Brings the peers' routes up to date, until the slice is over. */
  private advertise(until: number): void {
    const touched = new Set<Peer>();
    for (const [peer, filling] of this.unfilled) {
      touched.add(peer);
      if (!fill(peer, filling, until)) break;
      this.unfilled.delete(peer);
      peer.session.out.incomplete = false;
    }
    while (this.dirty.length > 0 && monotonicMs() < until) {
      const prefix = this.dirty.pop()!;
      this.speaker.instances.reannounced(prefix);
      for (const peer of this.speaker.all.values()) {
        tell(peer, prefix, this.services.advertisements.decide(peer.settings, prefix));
        touched.add(peer);
      }
    }
    for (const peer of touched) this.speaker.routesChanged(peer);
  }

  private tellSkipped(skipped: readonly SkippedPeer[]): void {
    const before = this.skipped;
    this.skipped = new Map(skipped.map(({ document, reason }) => [document.name, reason]));
    for (const s of skipped) if (before.get(s.document.name) !== s.reason) this.events.skipped(s);
  }

  private applyPeers(): void {
    const want = this.roster.wanted;
    for (const peer of [...this.speaker.all.values()]) {
      if (want.has(peer.name)) continue;
      this.removePeer(peer, deconfigured);
      this.events.peer('removed', peer.name, '');
    }
    for (const settings of want.values()) this.applyPeer(settings);
  }

  private applyPeer(settings: PeerSettings): void {
    const have = this.speaker.all.get(settings.name);
    if (have === undefined) {
      this.addPeer(this.speaker.add(settings));
      this.events.peer('added', settings.name, '');
      return;
    }
    const changed = changedFields(have.settings, settings);
    if (changed.length === 0) {
      if (equal(have.settings, settings)) return;
      const { onlyNamed } = have.settings;
      this.speaker.retune(have, settings);
      if (onlyNamed !== settings.onlyNamed) this.refill(have);
      return;
    }
    this.removePeer(have, reconfigured);
    const detail = `changed: ${changed.join(', ')}`;
    // Who calls is a peer again as soon as he does.
    if (this.roster.dismiss(settings.name)) return this.events.peer('removed', settings.name, detail);
    this.addPeer(this.speaker.add(settings, have.session.out));
    this.events.peer('reset', settings.name, detail);
  }

  private addPeer(peer: Peer): void {
    this.fillFirst(peer);
    this.waitingPeers.add(peer);
  }

  /** Whatever starts its session meanwhile, the peer is told nothing until it can be told all. */
  private fillFirst(peer: Peer): void {
    peer.session.out.incomplete = true;
    this.refill(peer);
  }

  private refill(peer: Peer): void {
    this.unfilled.set(peer, this.services.advertisements.decisions(peer.settings));
  }

  private removePeer(peer: Peer, cease: Notification): void {
    this.speaker.remove(peer, cease);
    this.unfilled.delete(peer);
    this.waitingPeers.delete(peer);
  }
}

type Filling = Iterator<readonly [Prefix, RouteDecision]>;

/** Goes on with a peer's routes until the slice is over. @returns whether they are complete */
function fill(peer: Peer, filling: Filling, until: number): boolean {
  for (let n = 0; n % 64 !== 0 || monotonicMs() < until; n++) {
    const next = filling.next();
    if (next.done) return true;
    tell(peer, ...next.value);
  }
  return false;
}

/** The Adj-RIB-Out sends what differs from what the peer has. */
function tell(peer: Peer, prefix: Prefix, decision: RouteDecision): void {
  if (decision.advertised) peer.session.out.set(prefix, decision.attributes);
  else peer.session.out.delete(prefix);
}
