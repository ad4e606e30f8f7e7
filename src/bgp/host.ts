/** What a connection asks of its session: whatever concerns the peer as a whole. */
import type { Connection } from './connection.ts';
import type { SessionAction } from './events.ts';
import type { Frame } from './framer.ts';
import type { State } from './fsm.ts';
import type { Agreement, Past } from './handshake.ts';
import type { Loss } from './restart.ts';
import type { PeerSettings } from './settings.ts';

export interface Host {
  readonly settings: PeerSettings;
  /** Milliseconds; the same during one event. */
  readonly now: number;
  random(): number;
  do(action: SessionAction): void;
  count(direction: 'sent' | 'received', type: number): void;
  /** Why the connection is about to end; the first of several kinds of loss counts. */
  blame(reason: string, loss?: Loss): void;
  readonly past: Past;
  newConnection(): number;
  /** How long Active waits before the next dial, or idle hold lasts. */
  retryMs(): number;
  idleHoldMs(connection: Connection): number;
  /** There is no other connection to the peer, at most one that is still being dialled. */
  alone(connection: Connection): boolean;
  /** The peer called while this speaker was in idle hold. */
  readonly called: boolean;
  /** A peer that calls during a session has restarted. */
  readonly restartable: boolean;
  /** A valid OPEN came: the session calls `confirm` when the connection may go on. */
  opened(connection: Connection, agreement: Agreement): void;
  /** The peer has decided a collision for this connection, on which it waited. */
  chosen(connection: Connection): void;
  moved(connection: Connection, from: State): void;
  deliver(connection: Connection, m: Frame): void;
  refresh(m: Frame): void;
  /** The next batch of routes; undefined when there is none. */
  pull(): Uint8Array | undefined;
}
