/**
 * A session with one configured peer: everything between the sockets and the routing tables.
 *
 * Events go in, actions come out. The session has no socket, clock or randomness of its own (`now` and `random` are
 * given), so that two of them can be run against each other in a test, or replayed from a record.
 *
 *   host event ─► Session.handle ─► Connection ─► step (fsm.ts) ─► actions ─► host
 *                                          ▲
 *                                          └ AdjRibOut.pull, whenever the transport has taken the last batch
 *
 * It owns what outlives a connection: back-off and damping, counters, and the peer's Adj-RIB-Out. Invariants: `main`
 * always exists; a rival exists only while `main` has, or dials, a connection; at most one of them is Established;
 * a connection that was closed is never named in an action again.
 *
 * RFC 4271 §6, §8 · RFC 4486 · RFC 5492 · RFC 6286 · RFC 6608 · RFC 7313 · RFC 9003 · RFC 9687
 */
import type { AdjRibOut } from './adjout.ts';
import { Backoff } from './backoff.ts';
import { survivor } from './collision.ts';
import { Connection, type Host } from './connection.ts';
import { familyOf, MessageType } from './const.ts';
import { Cease, ErrorCode, type Notification, notification } from './errors.ts';
import { exportRoute, type LocalAddresses } from './export.ts';
import type { Frame } from './framer.ts';
import type { State } from './fsm.ts';
import type { Agreement } from './handshake.ts';
import type { AttributeTable } from './intern.ts';
import { decodeRouteRefresh, encodeNotification } from './message.ts';
import type { PeerSettings } from './settings.ts';
import { decodeUpdate, type Update } from './update.ts';

/** What the host tells a session. Connections are numbers that both sides use for one TCP connection. */
export type SessionEvent =
  | { readonly type: 'start' }
  /** Ends the session for good, with this Cease (default: Administrative Shutdown). */
  | { readonly type: 'stop'; readonly notification?: Notification }
  /** A dialled connection is up. */
  | { readonly type: 'connected'; readonly connection: number; readonly local: LocalAddresses }
  /** The peer called. */
  | { readonly type: 'accepted'; readonly connection: number; readonly local: LocalAddresses }
  /** The octets may be views: they are not used after `handle` returns. */
  | { readonly type: 'received'; readonly connection: number; readonly bytes: Uint8Array }
  /** The transport has taken all octets of one `send`; sends are taken in order. */
  | { readonly type: 'sent'; readonly connection: number }
  /** A connection ended, or could not be made. */
  | { readonly type: 'closed'; readonly connection: number; readonly error?: string }
  /** The Adj-RIB-Out has changed. */
  | { readonly type: 'routes' }
  /** Time has passed: timers that are due fire. */
  | { readonly type: 'tick' };

export type SessionAction =
  | { readonly type: 'dial'; readonly connection: number }
  /** `bytes` belong to the host from now on. */
  | { readonly type: 'send'; readonly connection: number; readonly bytes: Uint8Array }
  /** Close once everything sent has left, and soon anyway. */
  | { readonly type: 'close'; readonly connection: number }
  | { readonly type: 'state'; readonly from: State; readonly to: State; readonly reason: string }
  /** Routes from the peer. They are views of the octets received: to be taken in before the next event. */
  | { readonly type: 'update'; readonly update: Update };

/** Messages by type (RFC 4271 §4). */
export type MessageCounts = Record<keyof typeof MessageType, number>;
const noMessages = (): MessageCounts => ({ open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 });
const messageNames = Object.keys(MessageType) as (keyof typeof MessageType)[];

/** The reason of a session that was told to stop. */
export const STOPPED = 'stopped';

/** Routes are handed to the transport in pieces of about this size. */
const BATCH_OCTETS = 128 * 1024;

export interface SessionParts {
  readonly out: AdjRibOut;
  readonly attributes: AttributeTable;
  /** In [0, 1). */
  readonly random: () => number;
  /** Numbers for dialled connections, never the same twice. */
  readonly newConnection: () => number;
}

export class Session {
  readonly out: AdjRibOut;
  readonly sent = noMessages();
  readonly received = noMessages();
  /** Times that Established was left. */
  flaps = 0;
  /** Why the last connection ended or could not be made; '' before any did. */
  lastError = '';
  /** When the state last changed, on the host's clock; undefined before it ever did. */
  changedAt: number | undefined;
  private readonly parts: SessionParts;
  private readonly host: Host;
  private current: PeerSettings;
  private backoff: Backoff;
  private main: Connection;
  private rival: Connection | undefined;
  private stopped = true;
  /** Somebody gave a reason during this event. */
  private blamed = false;
  private reported: State = 'Idle';
  private now = 0;
  private actions: SessionAction[] = [];

  constructor(settings: PeerSettings, parts: SessionParts) {
    this.current = settings;
    this.parts = parts;
    this.out = parts.out;
    this.backoff = new Backoff(settings.connectRetrySec);
    this.host = this.makeHost();
    this.main = new Connection(this.host);
  }

  get settings(): PeerSettings {
    return this.current;
  }

  /** Takes over settings that differ in none of `sessionFields`: the session goes on. */
  retune(settings: PeerSettings): void {
    this.current = settings;
    this.backoff = new Backoff(settings.connectRetrySec);
  }

  get state(): State {
    return this.main.state;
  }

  /** What was agreed with the peer; undefined below OpenConfirm. */
  get agreement(): Agreement | undefined {
    return this.main.agreement;
  }

  /** Our end of the connection in use. */
  get local(): LocalAddresses | undefined {
    return this.main.local;
  }

  /** When `tick` is due next, on the host's clock. */
  get nextDue(): number | undefined {
    const a = this.main.nextDue;
    const b = this.rival?.nextDue;
    return a === undefined ? b : b === undefined ? a : Math.min(a, b);
  }

  /** Takes one event at time `now` (monotonic milliseconds) and says what is to be done, in order. */
  handle(event: SessionEvent, now: number): readonly SessionAction[] {
    this.now = now;
    this.blamed = false;
    this.dispatch(event);
    const { actions } = this;
    this.actions = [];
    return actions;
  }

  private dispatch(event: SessionEvent): void {
    switch (event.type) {
      case 'start':
        this.stopped = false;
        return this.main.fire({
          type: this.settings.passive ? 'ManualStart_with_PassiveTcpEstablishment' : 'ManualStart',
        });
      case 'stop':
        this.stopped = true;
        this.lastError = STOPPED;
        for (const c of this.connections()) c.fire({ ...event, type: 'ManualStop' });
        return;
      case 'accepted':
        return this.accept(event.connection, event.local);
      case 'routes':
        return this.main.pump();
      case 'tick':
        for (const c of this.connections()) c.tick();
        return;
    }
    const connection = this.connections().find((c) => c.id === event.connection);
    // Closed by us meanwhile: what the peer still had to say does not count.
    if (connection === undefined) return;
    switch (event.type) {
      case 'connected':
        return connection.connected(event.local);
      case 'received':
        return connection.receive(event.bytes);
      case 'sent':
        return connection.taken();
      case 'closed':
        this.lastError = event.error ?? 'the peer closed the connection';
        return connection.fire({ type: 'TcpConnectionFails' });
    }
  }

  private connections(): readonly Connection[] {
    return this.rival ? [this.main, this.rival] : [this.main];
  }

  private accept(id: number, local: LocalAddresses): void {
    const { state } = this.main;
    if (this.stopped || state === 'Idle' || this.rival) return this.refuse(id, Cease.connectionRejected);
    if (state === 'Established') return this.refuse(id, Cease.connectionCollision);
    // A dial under way goes on beside it: if both ends gave theirs up for the other's, none would be left.
    if (state !== 'Active') this.rival = new Connection(this.host, 'Active');
    const connection = this.rival ?? this.main;
    connection.attach(id, 'remote');
    connection.connected(local);
  }

  private refuse(connection: number, subcode: number): void {
    this.sent.notification++;
    const bytes = encodeNotification(notification(ErrorCode.cease, subcode));
    this.actions.push({ type: 'send', connection, bytes }, { type: 'close', connection });
  }

  /** RFC 4271 §6.8, on a valid OPEN: true when `connection` may go on to OpenConfirm. */
  private resolveCollision(connection: Connection, agreement: Agreement): boolean {
    const other = connection === this.main ? this.rival : this.main;
    if (other === undefined || (other.state !== 'OpenConfirm' && other.state !== 'Established')) return true;
    const { routerId, localAsn } = this.settings;
    const keep = survivor({ routerId, asn: localAsn }, { routerId: agreement.peerRouterId, asn: agreement.peerAsn });
    const loses = other.state === 'Established' || connection.initiator !== keep;
    (loses ? connection : other).fire({ type: 'OpenCollisionDump' });
    return !loses;
  }

  /** Keeps the invariants after a connection's state changed. */
  private moved(connection: Connection, from: State): void {
    if (from === 'Established') {
      this.flaps++;
      this.out.close();
    }
    const { rival } = this;
    if (rival && !hasConnection(rival)) this.rival = undefined;
    else if (rival && !hasConnection(this.main)) this.promote(rival);
    else if (rival?.state === 'Established') {
      // It won without a duel: the peer never answered on the other.
      const loser = this.main;
      this.promote(rival);
      loser.fire({ type: 'AutomaticStop', notification: collision });
    }
    this.report();
    if (connection === this.main && connection.state === 'Established') this.established(connection);
  }

  private promote(rival: Connection): void {
    this.main = rival;
    this.rival = undefined;
  }

  private report(): void {
    const [from, to] = [this.reported, this.main.state];
    if (from === to) return;
    this.reported = to;
    this.changedAt = this.now;
    this.actions.push({ type: 'state', from, to, reason: to === 'Idle' || to === 'Active' ? this.lastError : '' });
  }

  private established(connection: Connection): void {
    const { context } = connection.agreement!;
    const local = connection.local!;
    this.backoff.established(this.now);
    this.out.open(context, (route, family) => exportRoute(route, family, context, this.settings.localAsn, local));
    connection.pump();
  }

  private refresh(m: Frame): void {
    const request = decodeRouteRefresh(m.bytes, m.start, m.end);
    // BoRR and EoRR only answer a request of ours, and we make none: received routes are kept as they came.
    if (request?.subtype !== 'request') return;
    const family = familyOf(request.afi, request.safi);
    const { negotiated } = this.agreement!;
    if (family === undefined || !negotiated.families.includes(family)) return;
    this.out.refresh(family, negotiated.enhancedRefresh);
    this.main.pump();
  }

  private makeHost(): Host {
    const session = this;
    return {
      get settings() {
        return session.current;
      },
      get now() {
        return session.now;
      },
      random: this.parts.random,
      newConnection: this.parts.newConnection,
      do: (action) => this.actions.push(action),
      count: (direction, type) => {
        const name = messageNames[type - 1];
        if (name) this[direction][name]++;
      },
      blame: (reason) => {
        this.lastError = this.blamed ? `${this.lastError}; ${reason}` : reason;
        this.blamed = true;
      },
      retryMs: () => this.backoff.retryMs(),
      idleHoldMs: () => this.backoff.idleHoldMs(this.now),
      opened: (connection, agreement) => this.resolveCollision(connection, agreement),
      moved: (connection, from) => this.moved(connection, from),
      deliver: (connection, m) =>
        this.actions.push({
          type: 'update',
          update: decodeUpdate(m.bytes, m.start, m.end, connection.agreement!.context, this.parts.attributes),
        }),
      refresh: (m) => this.refresh(m),
      pull: () => this.out.pull(BATCH_OCTETS),
    };
  }
}

const collision = notification(ErrorCode.cease, Cease.connectionCollision);

/** A connection that is up, or being dialled. */
const hasConnection = (c: Connection): boolean => c.state !== 'Idle' && c.state !== 'Active';
