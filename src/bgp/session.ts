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
 * It owns what outlives a connection: back-off and damping, counters, and the peer's Adj-RIB-Out. A connection that was
 * closed is never named in an action again.
 *
 * RFC 4271 §6, §8 · RFC 4486 · RFC 5492 · RFC 6286 · RFC 6608 · RFC 7313 · RFC 9003 · RFC 9687
 */
import type { AdjRibOut } from './adjout.ts';
import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import { familyOf } from './const.ts';
import { countMessage, type MessageCounts, noMessages } from './counters.ts';
import { Cease, ErrorCode, notification } from './errors.ts';
import type { SessionAction, SessionEvent } from './events.ts';
import { exportRoute, type LocalAddresses } from './export.ts';
import type { Frame } from './framer.ts';
import type { State } from './fsm.ts';
import type { Agreement } from './handshake.ts';
import type { Host } from './host.ts';
import type { AttributeTable } from './intern.ts';
import { decodeRouteRefresh, encodeNotification } from './message.ts';
import { Pair } from './pair.ts';
import { Report } from './report.ts';
import { farewell, restarts } from './restart.ts';
import type { PeerSettings } from './settings.ts';
import { ending } from './symptom.ts';
import type { ExportRoute } from './templates.ts';
import { decodeUpdate } from './update.ts';

/** How the reason of a session that was told to stop begins. */
export const STOPPED = 'stopped';

/** After so long, no call of the peer is left that it made before the session came up. */
const SETTLED_MS = 5_000;

/** Routes are handed to the transport in pieces of about this size. */
const BATCH_OCTETS = 128 * 1024;

export interface SessionParts {
  readonly out: AdjRibOut;
  readonly attributes: AttributeTable;
  /** In [0, 1). */
  readonly random: () => number;
  /** Numbers for dialled connections, never the same twice. */
  readonly newConnection: () => number;
  /** We were there a moment ago, and the peer may still hold our routes (RFC 4724 §4.1). */
  readonly restarting?: boolean;
}

export class Session {
  readonly out: AdjRibOut;
  readonly sent = noMessages();
  readonly received = noMessages();
  /** Times that Established was left. */
  flaps = 0;
  private readonly parts: SessionParts;
  private readonly host: Host;
  private current: PeerSettings;
  private readonly backoff: Backoff;
  private readonly pair: Pair;
  private readonly report = new Report();
  private now = 0;
  private actions: SessionAction[] = [];

  constructor(settings: PeerSettings, parts: SessionParts) {
    this.current = settings;
    this.parts = parts;
    this.out = parts.out;
    this.backoff = new Backoff(settings.connectRetrySec);
    this.host = this.makeHost();
    this.pair = new Pair(this.host, (connection, subcode) => this.refuse(connection, subcode));
  }

  get settings(): PeerSettings {
    return this.current;
  }

  /** Takes over settings that differ in none of `sessionFields`: the session goes on. */
  retune(settings: PeerSettings): void {
    this.current = settings;
    this.backoff.connectRetrySec = settings.connectRetrySec;
    // One that waits already, for hours perhaps, waits no longer than it would now.
    const { timers, state } = this.pair.main;
    if (state === 'Active' && timers.connectRetry !== undefined && settings.connectRetrySec !== undefined)
      timers.connectRetry = Math.min(timers.connectRetry, this.now + settings.connectRetrySec * 1000);
  }

  get state(): State {
    return this.pair.main.state;
  }

  /** Messages by type, those of the Adj-RIB-Out among them. */
  get messages(): { readonly sent: MessageCounts; readonly received: MessageCounts } {
    const { sent, received, out } = this;
    return { sent: { ...sent, update: out.messagesSent, routeRefresh: out.marksSent }, received: { ...received } };
  }

  /** Why the last connection ended or could not be made; '' before any did. */
  get lastError(): string {
    return this.report.lastError;
  }

  /** When the state last changed, on the host's clock; undefined before it ever did. */
  get changedAt(): number | undefined {
    return this.report.changedAt;
  }

  /** What was agreed with the peer; undefined below OpenConfirm. */
  get agreement(): Agreement | undefined {
    return this.pair.main.agreement;
  }

  /** Our end of the connection in use. */
  get local(): LocalAddresses | undefined {
    return this.pair.main.local;
  }

  /** When `tick` is due next, on the host's clock. */
  get nextDue(): number | undefined {
    const a = this.pair.main.nextDue;
    const b = this.pair.rival?.nextDue;
    return a === undefined ? b : b === undefined ? a : Math.min(a, b);
  }

  /** Takes one event at time `now` (monotonic milliseconds) and says what is to be done, in order. */
  handle(event: SessionEvent, now: number): readonly SessionAction[] {
    this.now = now;
    this.report.begin();
    this.dispatch(event);
    const { actions } = this;
    this.actions = [];
    return actions;
  }

  private dispatch(event: SessionEvent): void {
    const { pair } = this;
    switch (event.type) {
      case 'start':
        if (!pair.stopped) return;
        pair.stopped = false;
        return pair.main.fire({
          type: this.settings.passive ? 'ManualStart_with_PassiveTcpEstablishment' : 'ManualStart',
        });
      case 'stop':
        return this.stop(event.reason, event.notification);
      case 'accepted':
        return pair.accept(event.connection, event.local);
      case 'routes':
        return pair.main.pump();
      case 'addresses':
        return this.readdressed(event.local);
      case 'pathDown':
        return pair.pathDown(event.reason, event.independent, event.hold);
      case 'pathUp':
        pair.pathUp();
        return this.dispatch({ type: 'tick' });
      case 'tick':
        for (const c of pair.all) c.tick();
        return pair.answer();
      case 'connected':
        return pair.find(event.connection)?.connected(event.local);
      case 'received': {
        const connection = pair.find(event.connection);
        return connection ? connection.receive(event.bytes) : pair.received(event.connection, event.bytes);
      }
      case 'sent':
        return pair.find(event.connection)?.taken();
      case 'closed':
        return this.closed(event.connection, event.error);
    }
  }

  private stop(reason = STOPPED, n = notification(ErrorCode.cease, Cease.administrativeShutdown)): void {
    const { pair } = this;
    pair.stopped = true;
    this.report.blame(reason, 'stopped');
    for (const c of pair.all) c.fire({ type: 'ManualStop', notification: farewell(n, c.agreement) });
    pair.hangUp();
  }

  private closed(id: number, error: string | undefined): void {
    const connection = this.pair.find(id);
    if (connection === undefined) return this.pair.closed(id);
    // Of two that collided, one ends so: nothing to report.
    if (this.pair.alone(connection)) this.report.blame(error ?? ending(connection.state));
    connection.closed();
  }

  private refuse(connection: number, subcode: number): void {
    this.sent.notification++;
    const bytes = encodeNotification(notification(ErrorCode.cease, subcode));
    this.actions.push({ type: 'send', connection, bytes }, { type: 'close', connection });
  }

  private moved(connection: Connection, from: State): void {
    if (from === 'Established') {
      this.flaps++;
      this.out.close();
    }
    this.pair.moved(connection);
    const news = this.report.moved(this.pair.main, this.now);
    if (news) this.actions.push(news);
    if (connection.state === 'Established') this.established(connection);
  }

  private established(connection: Connection): void {
    this.backoff.established(this.now);
    this.out.open(connection.agreement!.context, this.exporter(connection));
    connection.pump();
  }

  private readdressed(local: LocalAddresses): void {
    const { main } = this.pair;
    if (main.local === undefined) return;
    main.local = local;
    if (main.state !== 'Established') return;
    this.out.reexport(this.exporter(main));
    main.pump();
  }

  private exporter({ agreement, local }: Connection): ExportRoute {
    const { context } = agreement!;
    const { localAsn, role, nextHops } = this.settings;
    return (route, family) => exportRoute(route, family, context, localAsn, local!, role, nextHops);
  }

  private deliver(connection: Connection, m: Frame): void {
    const { attributes } = this.parts;
    const update = decodeUpdate(m.bytes, m.start, m.end, connection.agreement!.context, attributes);
    for (const { attributes: id } of update.reach) attributes.retain(id);
    this.actions.push({ type: 'update', update });
  }

  private refresh(m: Frame): void {
    const request = decodeRouteRefresh(m.bytes, m.start, m.end);
    if (request === undefined) return;
    const { subtype: mark } = request;
    const family = familyOf(request.afi, request.safi);
    const { families, enhancedRefresh } = this.agreement!.negotiated;
    if (family === undefined || !families.includes(family)) return;
    if (mark !== 'request') {
      if (enhancedRefresh) this.actions.push({ type: 'refresh', family, mark });
      return;
    }
    this.out.refresh(family, enhancedRefresh);
    this.pair.main.pump();
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
      alone: (connection) => this.pair.alone(connection),
      get called() {
        return session.pair.call !== undefined;
      },
      get restartable() {
        // Just after the session came up, it is rather a call that crossed ours.
        const { changedAt, inForce } = session.report;
        return inForce !== undefined && session.now - changedAt! >= SETTLED_MS && restarts(inForce);
      },
      count: (direction, type) => countMessage(this[direction], type),
      blame: (reason, loss) => this.report.blame(reason, loss),
      get past() {
        // Once the peer has our routes again, we are not restarting any more; what it has is forwarded all the time.
        const returned = session.flaps > 0;
        const restarting = session.parts.restarting === true && !returned;
        return { restarting, forwarding: restarting || returned };
      },
      retryMs: () => this.backoff.retryMs(),
      // Nothing has failed while the other connection may still succeed.
      idleHoldMs: () => (this.pair.rival ? 0 : this.backoff.idleHoldMs(this.now)),
      opened: (connection, agreement) => this.pair.opened(connection, agreement),
      chosen: (connection) => this.pair.chosen(connection),
      moved: (connection, from) => this.moved(connection, from),
      deliver: (connection, m) => this.deliver(connection, m),
      refresh: (m) => this.refresh(m),
      pull: () => this.out.pull(BATCH_OCTETS),
    };
  }
}
