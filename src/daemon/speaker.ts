/**
 * Sessions on the network: carries out what sessions ask (dial, send, close, wait) and tells them what happened.
 * The daemon, `waypost peer` and the demo's router are each one of these.
 *
 * One table of attribute sets serves all peers, and one RIB those of a VRF (instance.ts). Their upkeep runs in slices
 * between events, so that the end of a session with a full table stops nobody else's.
 */
import { AdjRibOut } from '../bgp/adjout.ts';
import type { Notification } from '../bgp/errors.ts';
import type { SessionAction, SessionEvent } from '../bgp/events.ts';
import { AttributeTable } from '../bgp/intern.ts';
import { Session, type SessionParts } from '../bgp/session.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import { monotonicMs } from '../io/clock.ts';
import type { ListenKey, ListenPlace } from '../io/listener.ts';
import { random } from '../io/random.ts';
import { type Ends, Tcp } from '../io/tcp.ts';
import type { Address } from '../lib/address.ts';
import { seedTables } from '../lib/seed.ts';
import { callingPeer } from './caller.ts';
import { Instances } from './instances.ts';
import { excessOf } from './limit.ts';
import { joined, moved } from './local.ts';
import { Peer } from './peer.ts';
import { Reception } from './reception.ts';
import { Retention } from './retention.ts';
import type { SpeakerEvents } from './speakerevents.ts';
import { adapt, dialOptions } from './transport.ts';

/** How often our addresses beside those of sessions are looked at, ms. */
const ADDRESS_CHECK_MS = 1_000;
/** Peers a RIB can tell apart. */
const MAX_PEERS = 65_536;

export type MakeSession = (settings: PeerSettings, parts: SessionParts) => Session;

export class Speaker {
  static {
    seedTables(Math.floor(random() * 2 ** 32));
  }

  readonly attributes = new AttributeTable();
  readonly instances = new Instances(this.attributes, {
    offLink: (peer, nextHop) => this.events.offLink?.(peer, nextHop),
    tooManyPaths: (peer, prefix) => this.events.tooManyPaths?.(peer, prefix),
  });
  private readonly events: SpeakerEvents;
  private readonly makeSession: MakeSession;
  private readonly tcp: Tcp;
  private readonly reception: Reception;
  private readonly peers = new Map<string, Peer>();
  private readonly byConnection = new Map<number, Peer>();
  private ranges: readonly ListenKey[] = [];
  private restarting = new Set<string>();
  private readonly freeSlots: number[] = [];
  private slots = 0;
  private readonly addressCheck: NodeJS.Timeout;

  /** @param makeSession for sessions that are more than one (bgp/record.ts) */
  constructor(events: SpeakerEvents = {}, makeSession: MakeSession = (...given) => new Session(...given)) {
    this.events = events;
    this.makeSession = makeSession;
    this.addressCheck = setInterval(() => this.checkAddresses(), ADDRESS_CHECK_MS).unref();
    this.tcp = new Tcp({
      connected: (connection, ends) =>
        this.tell(connection, joined('connected', connection, ends, this.byConnection.get(connection))),
      accepted: (connection, ends) => this.accept(connection, ends),
      received: (connection, bytes) => this.tell(connection, { type: 'received', connection, bytes }),
      sent: (connection) => this.tell(connection, { type: 'sent', connection }),
      closed: (connection, error) =>
        this.tell(connection, { type: 'closed', connection, ...(error !== undefined && { error }) }),
      keyless: (reason) => this.events.problem?.(reason),
    });
    this.reception = new Reception(this.tcp, (text) => this.events.problem?.(text));
  }

  /** Accepts peers' calls at `address`. Rejects with a message for the operator when that is not possible. */
  listen(address: Address, port: number): Promise<number> {
    return this.tcp.listen({ address, port });
  }

  /** See `Reception.setListeners`. */
  setListeners(wanted: readonly ListenPlace[]): Promise<void> {
    return this.reception.setListeners(wanted);
  }

  /** Peers that may still hold routes of the process before this one: each until its first session. */
  setRestarting(names: ReadonlySet<string>): void {
    this.restarting = new Set(names);
  }

  /** Passwords that callers from these ranges must know. */
  setRanges(ranges: readonly ListenKey[]): void {
    this.ranges = ranges;
    this.learnKeys();
  }

  /** By name, in the order they were added. */
  get all(): ReadonlyMap<string, Peer> {
    return this.peers;
  }

  /** Names of the peers whose sessions are up. */
  get established(): ReadonlySet<string> {
    const up = [...this.peers.values()].filter(({ session }) => session.state === 'Established');
    return new Set(up.map(({ name }) => name));
  }

  /** Some peer has routes of ours. */
  get hasTold(): boolean {
    const advertised = ({ session: { out } }: Peer) => out.counts('ipv4').advertised + out.counts('ipv6').advertised;
    return [...this.peers.values()].some((peer) => advertised(peer) > 0);
  }

  /**
   * Adds a peer, not yet started so that its routes can be set first. `out` carries the routes over from a session
   * that these settings replace.
   */
  add(settings: PeerSettings, out: AdjRibOut = new AdjRibOut()): Peer {
    if (this.peers.has(settings.name)) throw new Error(`peer ${settings.name} exists`);
    const slot = this.freeSlots.pop() ?? this.slots++;
    if (slot >= MAX_PEERS) throw new RangeError(`more than ${MAX_PEERS} peers`);
    const session = this.makeSession(settings, {
      out,
      attributes: this.attributes,
      random,
      newConnection: this.tcp.newConnection,
      restarting: this.restarting.has(settings.name),
    });
    const instance = this.instances.of(settings.vrf);
    const retention = new Retention(
      instance,
      slot,
      () => this.instances.needUpkeep(),
      () => this.events.forgotten?.(peer),
    );
    const peer: Peer = new Peer(session, slot, instance, retention);
    this.peers.set(settings.name, peer);
    instance.intake.update(peer);
    this.events.peers?.();
    return peer;
  }

  start(peer: Peer): void {
    this.learnKeys();
    peer.release();
    peer.waiting = this.mustWait(peer);
    if (peer.waiting) return;
    this.handle(peer, { type: 'start' });
  }

  /** Settings that differ in none of `sessionFields`: the session goes on, or comes back where a limit had ended it. */
  retune(peer: Peer, settings: PeerSettings): void {
    peer.session.retune(settings);
    peer.instance.intake.update(peer);
    this.events.peers?.();
    this.hold(peer);
    const { local } = peer.session;
    this.handle(peer, local ? { type: 'addresses', local } : { type: 'tick' });
    if (peer.cutOff || peer.waiting) this.start(peer);
    else this.limit(peer);
  }

  /** Ends a peer's session with this Cease and forgets the peer. */
  remove(peer: Peer, notification?: Notification): void {
    this.handle(peer, { type: 'stop', ...(notification && { notification }) });
    this.peers.delete(peer.name);
    this.events.peers?.();
    peer.end();
    this.learnKeys();
    this.freeSlots.push(peer.slot);
  }

  /** A session that is to wait for BFD and is not up. */
  private hold(peer: Peer): void {
    const busy = peer.waiting || peer.cutOff || peer.session.state === 'Established';
    if (busy || !this.mustWait(peer)) return;
    peer.waiting = true;
    this.handle(peer, { type: 'pathDown', reason: peer.session.lastError, independent: false, hold: true });
  }

  private mustWait(peer: Peer): boolean {
    return peer.settings.bfd?.strict === true && !(this.events.permits?.(peer) ?? true);
  }

  /** BFD: the path to the peer of this name works. */
  pathUp(name: string): void {
    const peer = this.peers.get(name);
    if (peer === undefined) return;
    if (peer.waiting && !peer.cutOff) this.start(peer);
    else this.handle(peer, { type: 'pathUp' });
  }

  /** BFD: it does not. `independent`: and that is not since the peer's control plane restarts. */
  pathDown(name: string, reason: string, independent: boolean): void {
    const peer = this.peers.get(name);
    if (peer === undefined) return;
    const hold = peer.settings.bfd?.strict === true;
    peer.waiting ||= hold;
    this.handle(peer, { type: 'pathDown', reason, independent, hold });
    if (independent) peer.retention.pathDown();
  }

  /** The peer's Adj-RIB-Out has changed. */
  routesChanged(peer: Peer): void {
    this.handle(peer, { type: 'routes' });
  }

  /** Ends every session and stops listening; resolves when the farewells have left, within about a second. */
  async stop(notification?: Notification): Promise<void> {
    clearInterval(this.addressCheck);
    this.reception.stop();
    for (const peer of [...this.peers.values()]) this.remove(peer, notification);
    await this.tcp.stop();
  }

  private accept(connection: number, ends: Ends): boolean {
    const peer = callingPeer(this.peers.values(), ends) ?? this.events.caller?.(ends);
    if (peer === undefined) {
      this.events.stranger?.(ends);
      return false;
    }
    this.byConnection.set(connection, peer);
    adapt(this.tcp, connection, peer.settings);
    this.handle(peer, joined('accepted', connection, ends, peer));
    return true;
  }

  /** Listeners know the passwords of exactly the peers there are. */
  private learnKeys(): void {
    const peers = [...this.peers.values()].map((p) => p.settings);
    const problem = this.reception.learnKeys(peers, this.ranges);
    if (problem !== undefined) this.events.problem?.(problem);
  }

  private tell(connection: number, event: SessionEvent): void {
    const peer = this.byConnection.get(connection);
    if (event.type === 'closed') this.byConnection.delete(connection);
    if (peer) this.handle(peer, event);
  }

  private handle(peer: Peer, event: SessionEvent): void {
    const { session } = peer;
    const { state, lastError } = session;
    for (const action of session.handle(event, monotonicMs())) this.perform(peer, action);
    // A dial that nobody answered is followed by another: the state stays as it is, and says nothing.
    if (state === 'Connect' && session.state === 'Connect' && session.lastError !== lastError)
      this.events.unanswered?.(peer, session.lastError);
    if (this.peers.get(peer.name) === peer) peer.schedule(() => this.handle(peer, { type: 'tick' }));
  }

  private perform(peer: Peer, action: SessionAction): void {
    switch (action.type) {
      case 'dial':
        this.byConnection.set(action.connection, peer);
        return this.tcp.dial(action.connection, dialOptions(peer.settings));
      case 'send':
        return this.tcp.send(action.connection, action.bytes);
      case 'close':
        this.byConnection.delete(action.connection);
        return this.tcp.close(action.connection);
      case 'update':
        // What came behind the prefix that was one too many, in the same octets, does not count any more.
        if (!peer.cutOff) this.events.update?.(peer, action.update);
        peer.take(action.update, !peer.cutOff);
        for (const { attributes } of action.update.reach) this.attributes.release(attributes);
        this.limit(peer);
        return this.instances.needUpkeep();
      case 'refresh':
        if (!peer.refresh(action.mark, action.family)) this.events.early?.(peer, action.family);
        return;
      case 'state':
        if (action.ended) peer.retention.lost(action.ended.agreement, action.ended.loss);
        if (action.to === 'Established') this.restarting.delete(peer.name);
        if (action.agreement) peer.begin(action.agreement);
        this.events.state?.(peer, action.from, action.to, action.reason);
        if (action.to === 'Idle') this.hold(peer);
        if (action.agreement) this.events.established?.(peer, action.agreement);
        return;
    }
  }

  /** A peer that sends more prefixes than it may is told so, and left alone for as long as configured. */
  private limit(peer: Peer): void {
    const { warnOnly, restartSec } = peer.settings.limits ?? {};
    const excess = excessOf(peer);
    if (excess && !peer.overLimit) this.events.limit?.(peer, excess.prefixes, excess.limit);
    peer.overLimit = excess !== undefined;
    if (excess === undefined || warnOnly || peer.cutOff) return;
    peer.cutOff = true;
    const reason = `${excess.prefixes} prefixes where ${excess.limit} are allowed`;
    this.handle(peer, { type: 'stop', notification: excess.cease, reason });
    if (restartSec !== undefined) peer.restartIn(restartSec * 1000, () => this.start(peer));
  }

  private checkAddresses(): void {
    this.instances.checkAddresses();
    for (const [peer, local] of moved(this.peers.values())) this.handle(peer, { type: 'addresses', local });
  }
}
