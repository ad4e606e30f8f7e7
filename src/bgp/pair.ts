/**
 * The TCP connections of one session: `main`, which always exists and is what the session shows of itself, and a
 * `rival` while both ends have called each other. A third, unanswered, may wait for the end of idle hold (call.ts).
 *
 * Invariants: a rival exists only while `main` has, or dials, a connection; at most one of the two is Established, and
 * that one is `main`.
 */
import { Call } from './call.ts';
import { type Initiator, judge, settles, survivor } from './collision.ts';
import { Connection } from './connection.ts';
import { Cease, ErrorCode, notification } from './errors.ts';
import type { LocalAddresses } from './export.ts';
import type { State } from './fsm.ts';
import type { Agreement } from './handshake.ts';
import type { Host } from './host.ts';
import { farewell } from './restart.ts';

/** Turns a call away with a Cease of this subcode. */
export type Refuse = (connection: number, subcode: number) => void;

export class Pair {
  main: Connection;
  rival: Connection | undefined;
  call: Call | undefined;
  /** Nothing is to go on: a connection that could is not taken up. */
  stopped = true;
  /** The last session ended since the path was down. */
  private pathLost = false;
  private readonly host: Host;
  private readonly refuse: Refuse;

  constructor(host: Host, refuse: Refuse) {
    this.host = host;
    this.refuse = refuse;
    this.main = new Connection(host);
  }

  get all(): readonly Connection[] {
    return this.rival ? [this.main, this.rival] : [this.main];
  }

  find(id: number): Connection | undefined {
    return this.all.find((c) => c.id === id);
  }

  /** The peer called. */
  accept(id: number, local: LocalAddresses): void {
    if (this.stopped) return this.refuse(id, Cease.connectionRejected);
    if (this.main.state === 'Established') {
      if (!this.host.restartable) return this.refuse(id, Cease.connectionCollision);
      // RFC 4724 §5: its end of this connection went away without a word.
      this.host.blame('the peer has restarted: it calls during the session');
      this.main.fire({ type: 'TcpConnectionFails' });
    }
    const { state } = this.main;
    if (state === 'Idle') {
      this.hangUp();
      this.call = new Call(id, local);
      return;
    }
    // Who calls again has given up a call that led nowhere.
    if (this.rival?.state === 'OpenSent') this.rival.fire({ type: 'OpenCollisionDump' });
    if (this.rival) return this.refuse(id, Cease.connectionRejected);
    // A dial under way goes on beside it: if both ends gave theirs up for the other's, none would be left.
    if (state !== 'Active') this.rival = new Connection(this.host, 'Active');
    const connection = this.rival ?? this.main;
    connection.attach(id, 'remote');
    connection.connected(local);
  }

  /** Octets on a connection that is none of the two; those of one that was closed come too late to count. */
  received(id: number, bytes: Uint8Array): void {
    if (this.call?.connection === id && !this.call.keep(bytes)) this.hangUp();
  }

  closed(id: number): void {
    if (this.call?.connection === id) this.call = undefined;
  }

  /** Takes the call that waited, once idle hold is over. */
  answer(): void {
    const { call } = this;
    if (call === undefined || this.main.state === 'Idle') return;
    this.call = undefined;
    this.accept(call.connection, call.local);
    this.find(call.connection)?.receive(call.octets);
  }

  /** Refuses the call that waits, if one does. */
  hangUp(): void {
    if (this.call) this.refuse(this.call.connection, Cease.connectionRejected);
    this.call = undefined;
  }

  /** RFC 4271 §6.8, on a valid OPEN. */
  opened(connection: Connection, agreement: Agreement): void {
    const other = this.beside(connection);
    const verdict = other ? judge(connection.initiator, other, this.survivor(agreement)) : 'proceed';
    if (verdict === 'wait') return;
    if (verdict === 'yield') return connection.fire({ type: 'OpenCollisionDump' });
    if (verdict === 'replace') other?.fire({ type: 'OpenCollisionDump' });
    // A dial that is still under way could only collide with this one.
    else if (other?.state === 'Connect') other.fire({ type: 'AutomaticStop', notification: collision });
    // The end of the other may have brought this one forward already.
    if (connection.waits) connection.confirm();
  }

  /** The peer answered on a connection that waited for it to decide. */
  chosen(connection: Connection): void {
    this.beside(connection)?.fire({ type: 'OpenCollisionDump' });
  }

  /** Keeps the invariants after a connection's state changed. */
  moved(connection: Connection): void {
    const { main, rival } = this;
    if (rival === undefined) return;
    if (!hasConnection(rival)) this.rival = undefined;
    else if (!hasConnection(main)) {
      this.main = rival;
      this.rival = undefined;
      if (rival.waits && !this.stopped) rival.confirm();
    } else if (connection.state === 'Established') this.settle(connection);
  }

  /** One of two connections is Established. */
  private settle(winner: Connection): void {
    const loser = this.beside(winner)!;
    if (!settles(winner.initiator, loser.initiator, this.survivor(winner.agreement!))) return;
    this.main = winner;
    this.rival = undefined;
    loser.fire({ type: 'AutomaticStop', notification: collision });
  }

  /**
   * The path to the peer is down. What becomes of its routes depends on whether the peer may just be restarting: if so,
   * this is how a restart begins, else they are of no use (RFC 5882 §4.3.2), and neither are ours to it.
   */
  pathDown(reason: string, independent: boolean, hold: boolean): void {
    for (const connection of this.all) {
      if (connection.state === 'Idle' || connection.state === 'Connect' || connection.state === 'Active') continue;
      this.host.blame(reason, independent ? 'path' : 'connection');
      const cease = independent ? farewell(bfdDown, connection.agreement) : bfdDown;
      connection.fire({ type: 'BfdDown', notification: cease });
      this.pathLost = true;
    }
    if (!hold) return;
    this.stopped = true;
    for (const connection of this.all) connection.fire({ type: 'ManualStop' });
    this.hangUp();
  }

  /** Where the path was to blame, the next attempt is due now. */
  pathUp(): void {
    const { state, timers } = this.main;
    const timer = state === 'Idle' ? 'idleHold' : 'connectRetry';
    if (this.pathLost && state !== 'Connect' && timers[timer] !== undefined) timers[timer] = this.host.now;
    this.pathLost = false;
  }

  alone(connection: Connection): boolean {
    const other = this.beside(connection);
    return other === undefined || other.state === 'Connect';
  }

  private beside(connection: Connection): Connection | undefined {
    return connection === this.main ? this.rival : this.main;
  }

  private survivor({ peerRouterId, peerAsn }: Agreement): Initiator {
    const { routerId, localAsn } = this.host.settings;
    return survivor({ routerId, asn: localAsn }, { routerId: peerRouterId, asn: peerAsn });
  }
}

const collision = notification(ErrorCode.cease, Cease.connectionCollision);
/** RFC 9384 */
const bfdDown = notification(ErrorCode.cease, Cease.bfdDown);

/** A connection that is up, or being dialled. */
const hasConnection = ({ state }: { readonly state: State }): boolean => state !== 'Idle' && state !== 'Active';
