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
import { type PeerSettings, sessionFields } from '../bgp/settings.ts';
import type { Configuration } from '../config/model.ts';
import type { Remembered } from '../intent/assignment.ts';
import { nodePeers, type SkippedPeer } from '../intent/peers.ts';
import { monotonicMs } from '../io/clock.ts';
import { SLICE_MS } from '../io/turn.ts';
import { equal } from '../lib/diff.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Peer } from './peer.ts';
import { type Decided, Services } from './services.ts';
import type { Speaker } from './speaker.ts';

export interface EngineEvents {
  decided(decided: Decided): void;
  peer(change: 'added' | 'removed' | 'reset', name: string, detail: string): void;
  skipped(peer: SkippedPeer): void;
  /** Everything dirty has been worked off. */
  settled(): void;
}

const deconfigured = notification(ErrorCode.cease, Cease.peerDeconfigured);
const reconfigured = notification(ErrorCode.cease, Cease.otherConfigurationChange);

export class Engine {
  readonly services = new Services();
  config: Configuration | undefined;
  private readonly speaker: Speaker;
  private readonly fallbackRouterId: (nodeName: string) => number;
  private readonly events: EngineEvents;
  /** Prefixes whose route may have changed for some peer; one may stand here twice. */
  private readonly dirty: Prefix[] = [];
  /** Peers all of whose routes are to be worked out. */
  private readonly unfilled = new Set<Peer>();
  /** Peers to be started. */
  private readonly waitingPeers = new Set<Peer>();
  /** Peers that do not run here, and why. */
  private skipped = new Map<string, string>();
  private running = false;
  private stopped = false;

  constructor(speaker: Speaker, fallbackRouterId: (nodeName: string) => number, events: EngineEvents) {
    this.speaker = speaker;
    this.fallbackRouterId = fallbackRouterId;
    this.events = events;
  }

  remember(assignments: readonly Remembered[]): void {
    this.services.remember(assignments);
  }

  /** Takes over a configuration; `settled` tells when it is in effect. */
  apply(config: Configuration): void {
    this.config = config;
    const everyRoute = this.services.apply(config);
    this.applyPeers(config);
    if (everyRoute) for (const peer of this.speaker.all.values()) this.unfilled.add(peer);
    this.run();
  }

  stop(): void {
    this.stopped = true;
  }

  private run(): void {
    if (this.running || this.stopped) return;
    const until = monotonicMs() + SLICE_MS;
    while (monotonicMs() < until) {
      const decided = this.services.step();
      if (decided === undefined) break;
      for (const prefix of decided.prefixes) this.dirty.push(prefix);
      this.events.decided(decided);
    }
    if (this.services.backlog === 0) this.advertise(until);
    if (this.services.backlog > 0 || this.dirty.length > 0 || this.unfilled.size > 0) {
      this.running = true;
      setImmediate(() => {
        this.running = false;
        this.run();
      });
      return;
    }
    for (const peer of this.waitingPeers) this.speaker.start(peer);
    this.waitingPeers.clear();
    this.events.settled();
  }

  /** Brings the peers' routes up to date, until the slice is over. */
  private advertise(until: number): void {
    const touched = new Set<Peer>();
    for (const peer of this.unfilled) {
      if (monotonicMs() >= until) break;
      this.unfilled.delete(peer);
      this.fill(peer);
      touched.add(peer);
    }
    while (this.dirty.length > 0 && monotonicMs() < until) {
      const prefix = this.dirty.pop()!;
      for (const peer of this.speaker.all.values()) {
        const route = this.services.advertisements.route(peer.settings, prefix);
        if (route) peer.session.out.set(prefix, route.attributes);
        else peer.session.out.delete(prefix);
        touched.add(peer);
      }
    }
    for (const peer of touched) this.speaker.routesChanged(peer);
  }

  /** All of a peer's routes, from scratch: the Adj-RIB-Out sends the difference. */
  private fill(peer: Peer): void {
    const { advertisements } = this.services;
    function* routes() {
      for (const [prefix, route] of advertisements.routes(peer.settings)) yield [prefix, route.attributes] as const;
    }
    peer.session.out.replace(routes());
  }

  private applyPeers(config: Configuration): void {
    const { peers, skipped } = nodePeers(config, this.fallbackRouterId(config.speaker.name));
    const before = this.skipped;
    this.skipped = new Map(skipped.map(({ document, reason }) => [document.name, reason]));
    for (const s of skipped) if (before.get(s.document.name) !== s.reason) this.events.skipped(s);
    const want = new Map(peers.map(({ settings }) => [settings.name, settings]));
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
    const changed = sessionFields.filter((field) => !equal(have.settings[field], settings[field]));
    if (changed.length === 0) {
      if (!equal(have.settings, settings)) have.session.retune(settings);
      return;
    }
    this.removePeer(have, reconfigured);
    this.addPeer(this.speaker.add(settings, have.session.out));
    this.events.peer('reset', settings.name, `changed: ${changed.join(', ')}`);
  }

  private addPeer(peer: Peer): void {
    this.unfilled.add(peer);
    this.waitingPeers.add(peer);
  }

  private removePeer(peer: Peer, cease: Notification): void {
    this.speaker.remove(peer, cease);
    this.unfilled.delete(peer);
    this.waitingPeers.delete(peer);
  }
}
