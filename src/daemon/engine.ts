/**
 * The reconciler between intent and sessions: given a configuration, it makes the peers of this node and what each of
 * them is told match it, with the smallest change.
 *
 *   configuration ─► Services.step (one Service) ─► prefixes ─► AdjRibOut of each peer ─► Session
 *                └─► nodePeers ─► peers added, replaced, retuned, removed
 *
 * Work is sliced: a reload of 10,000 Services yields to the sockets every few milliseconds. Peers that are new start
 * when all Services are decided, so that their first UPDATEs are the whole truth and End-of-RIB means it.
 */
import { Cease, ErrorCode, notification } from '../bgp/errors.ts';
import { type PeerSettings, sessionFields } from '../bgp/settings.ts';
import type { Configuration } from '../config/model.ts';
import type { Remembered } from '../intent/assignment.ts';
import { nodePeers, type SkippedPeer } from '../intent/peers.ts';
import { monotonicMs } from '../io/clock.ts';
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

/** Work between two turns of the event loop, ms. */
const SLICE_MS = 8;

const deconfigured = notification(ErrorCode.cease, Cease.peerDeconfigured);
const reconfigured = notification(ErrorCode.cease, Cease.otherConfigurationChange);

export class Engine {
  readonly services = new Services();
  config: Configuration | undefined;
  private readonly speaker: Speaker;
  private readonly fallbackRouterId: (nodeName: string) => number;
  private readonly events: EngineEvents;
  private readonly waitingPeers = new Set<Peer>();
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
    if (everyRoute) for (const peer of this.speaker.all.values()) this.fill(peer);
    this.run();
  }

  stop(): void {
    this.stopped = true;
  }

  private run(): void {
    if (this.running || this.stopped) return;
    const until = monotonicMs() + SLICE_MS;
    const touched = new Set<Peer>();
    while (monotonicMs() < until) {
      const decided = this.services.step();
      if (decided === undefined) break;
      for (const prefix of decided.prefixes) this.advertise(prefix, touched);
      this.events.decided(decided);
    }
    for (const peer of touched) this.speaker.routesChanged(peer);
    if (this.services.backlog > 0) {
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

  private advertise(prefix: Prefix, touched: Set<Peer>): void {
    for (const peer of this.speaker.all.values()) {
      const route = this.services.advertisements.route(peer.settings, prefix);
      if (route) peer.session.out.set(prefix, route.attributes);
      else peer.session.out.delete(prefix);
      touched.add(peer);
    }
  }

  /** All of a peer's routes, from scratch: the Adj-RIB-Out sends the difference. */
  private fill(peer: Peer): void {
    const { advertisements } = this.services;
    function* routes() {
      for (const [prefix, route] of advertisements.routes(peer.settings)) yield [prefix, route.attributes] as const;
    }
    peer.session.out.replace(routes());
    this.speaker.routesChanged(peer);
  }

  private applyPeers(config: Configuration): void {
    const { peers, skipped } = nodePeers(config, this.fallbackRouterId(config.speaker.name));
    for (const s of skipped) this.events.skipped(s);
    const want = new Map(peers.map(({ settings }) => [settings.name, settings]));
    for (const peer of [...this.speaker.all.values()]) {
      if (want.has(peer.name)) continue;
      this.speaker.remove(peer, deconfigured);
      this.waitingPeers.delete(peer);
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
    this.speaker.remove(have, reconfigured);
    this.waitingPeers.delete(have);
    this.addPeer(this.speaker.add(settings, have.session.out));
    this.events.peer('reset', settings.name, `changed: ${changed.join(', ')}`);
  }

  private addPeer(peer: Peer): void {
    this.fill(peer);
    this.waitingPeers.add(peer);
  }
}
