/**
 * A session written down, and run again. Session is a function of its settings, the events with their times, and the
 * numbers that chance and the transport gave it; a record has exactly these, and what came of it.
 *
 *   RecordedSession ─► lines of JSON ─► Replay ─► the same sessions, and where they differ
 *
 * Passwords are not in it: the transport checks them, not the session. Neither are our own routes: what we sent is not
 * compared, only what state each session was in and what it received.
 */
import { fromHex, toHex } from '../lib/bytes.ts';
import { AdjRibOut } from './adjout.ts';
import type { SessionAction, SessionEvent } from './events.ts';
import { AttributeTable } from './intern.ts';
import { Session, type SessionParts } from './session.ts';
import type { PeerSettings } from './settings.ts';
import type { Update } from './update.ts';

/** A change of state, as `SessionAction` has it. */
type Change = readonly [from: string, to: string, reason: string];

/** One line. Times are on the host's clock, ms. */
export type RecordLine =
  | { readonly type: 'record'; readonly version: 1; readonly program: string; readonly time: string }
  | {
      readonly type: 'peer';
      readonly peer: string;
      readonly settings: PeerSettings;
      readonly restarting: boolean;
    }
  | { readonly type: 'retune'; readonly peer: string; readonly settings: PeerSettings }
  | {
      readonly type: 'event';
      readonly peer: string;
      readonly at: number;
      readonly event: SessionEvent;
      /** What chance and the transport gave while the event was handled. */
      readonly random?: readonly number[];
      readonly connections?: readonly number[];
      readonly states?: readonly Change[];
    };

const OCTETS = '$hex';

/** A line as text: JSON, octets as `{"$hex": …}`. */
export const formatLine = (line: RecordLine): string =>
  // Not `value`: a Buffer has been made a list of numbers by then.
  JSON.stringify(line, function (this: Record<string, unknown>, key, value: unknown) {
    const octets = this[key];
    return octets instanceof Uint8Array ? { [OCTETS]: toHex(octets) } : value;
  });

/** The inverse. Throws `SyntaxError` for what is no line of a record. */
export function parseLine(text: string): RecordLine {
  const line = JSON.parse(text, (_, value: unknown) => {
    const hex = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[OCTETS] : undefined;
    return typeof hex === 'string' ? fromHex(hex) : value;
  }) as RecordLine;
  if (!['record', 'peer', 'retune', 'event'].includes(line?.type)) throw new SyntaxError('not a line of a record');
  if (line.type === 'record' && line.version !== 1) throw new SyntaxError(`a record of version ${line.version}`);
  return line;
}

const withoutPassword = ({ password: _, ...rest }: PeerSettings): PeerSettings => rest;

const changesOf = (actions: readonly SessionAction[]): Change[] =>
  actions.flatMap((a): Change[] => (a.type === 'state' ? [[a.from, a.to, a.reason]] : []));

/** A session that writes down what it is told. */
export class RecordedSession extends Session {
  private readonly write: (line: RecordLine) => void;
  private readonly drawn: { random: number[]; connections: number[] };

  constructor(settings: PeerSettings, parts: SessionParts, write: (line: RecordLine) => void) {
    const drawn = { random: [] as number[], connections: [] as number[] };
    const noted = <T>(list: T[], value: T): T => {
      list.push(value);
      return value;
    };
    super(settings, {
      ...parts,
      random: () => noted(drawn.random, parts.random()),
      newConnection: () => noted(drawn.connections, parts.newConnection()),
    });
    this.write = write;
    this.drawn = drawn;
    const { restarting = false } = parts;
    write({ type: 'peer', peer: settings.name, settings: withoutPassword(settings), restarting });
  }

  override retune(settings: PeerSettings): void {
    this.write({ type: 'retune', peer: settings.name, settings: withoutPassword(settings) });
    super.retune(settings);
  }

  override handle(event: SessionEvent, now: number): readonly SessionAction[] {
    const actions = super.handle(event, now);
    const states = changesOf(actions);
    const { random, connections } = this.drawn;
    this.write({
      type: 'event',
      peer: this.settings.name,
      at: now,
      event,
      ...(random.length > 0 && { random: random.splice(0) }),
      ...(connections.length > 0 && { connections: connections.splice(0) }),
      ...(states.length > 0 && { states }),
    });
    return actions;
  }
}

/** What running a line came to. */
export interface Replayed {
  readonly peer: string;
  readonly at: number;
  readonly states: readonly Change[];
  /** Valid until the next line. */
  readonly updates: readonly Update[];
  /** What the record says instead, where that is something else. */
  readonly recorded: readonly Change[] | undefined;
}

/** Runs a record again, line by line. */
export class Replay {
  readonly attributes = new AttributeTable();
  private readonly sessions = new Map<string, Session>();
  private random: number[] = [];
  private connections: number[] = [];

  /** Undefined for a line that says nothing of a session. Throws `SyntaxError` where the record contradicts itself. */
  take(line: RecordLine): Replayed | undefined {
    switch (line.type) {
      case 'record':
        return undefined;
      case 'peer':
        this.sessions.set(line.peer, this.session(line.settings, line.restarting));
        return undefined;
      case 'retune':
        this.found(line.peer).retune(line.settings);
        return undefined;
      case 'event': {
        this.random = [...(line.random ?? [])];
        this.connections = [...(line.connections ?? [])];
        const actions = this.found(line.peer).handle(line.event, line.at);
        const states = changesOf(actions);
        const updates = actions.flatMap((a) => (a.type === 'update' ? [a.update] : []));
        const recorded = line.states ?? [];
        const same = JSON.stringify(states) === JSON.stringify(recorded);
        return { peer: line.peer, at: line.at, states, updates, recorded: same ? undefined : recorded };
      }
    }
  }

  private session(settings: PeerSettings, restarting: boolean): Session {
    const drawn = <T>(list: T[], what: string): T => {
      const value = list.shift();
      if (value === undefined) throw new SyntaxError(`the session draws a ${what} more than the record has`);
      return value;
    };
    return new Session(settings, {
      out: new AdjRibOut(),
      attributes: this.attributes,
      random: () => drawn(this.random, 'number'),
      newConnection: () => drawn(this.connections, 'connection'),
      restarting,
    });
  }

  private found(name: string): Session {
    const session = this.sessions.get(name);
    if (session === undefined) throw new SyntaxError(`an event of ${name}, which the record has not introduced`);
    return session;
  }
}
