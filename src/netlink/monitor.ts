/**
 * What changes in the kernel, as events. A socket that the kernel fills faster than it is read loses messages; then
 * whatever is left in it is thrown away too, since it is older than what a dump tells from now on, and `overrun` asks
 * the reader to make that dump.
 */
import type { Transport } from './client.ts';
import type { Codec } from './codec.ts';
import { type Change, codecs, kindOf } from './kinds.ts';
import { decodeMessages, type Message } from './message.ts';
import { isUnreadable, unreadable } from './unreadable.ts';

export type Event =
  /** `portId`: the socket whose request was the cause, 0 for the kernel itself. */
  | (Change & { readonly portId: number })
  | { readonly type: 'overrun' }
  /** A message that cannot be read: its change is not known. */
  | { readonly type: 'malformed'; readonly reason: string };

type Passing = Pick<typeof unreadable, 'pass'>;

/** Datagrams thrown away in one call: more than a socket's buffer holds, fewer than a flood delivers. */
const DISCARD = 10_000;

export class Monitor {
  private readonly source: Pick<Transport, 'receive'>;
  private readonly unreadable: Passing;
  private discarding = false;

  /** @param passing told of objects that cannot be read */
  constructor(source: Pick<Transport, 'receive'>, passing: Passing = unreadable) {
    this.source = source;
    this.unreadable = passing;
  }

  /** The events of the next datagram, which may be none; undefined when no datagram is waiting. */
  read(): Event[] | undefined {
    if (this.discarding) return this.discard();
    const bytes = this.source.receive();
    if (bytes === undefined) return undefined;
    if (bytes === 'overrun') return this.discard();
    return decodeEvents(bytes, this.unreadable);
  }

  private discard(): Event[] {
    for (let n = 0; n < DISCARD; n++) {
      if (this.source.receive() !== undefined) continue;
      this.discarding = false;
      return [{ type: 'overrun' }];
    }
    this.discarding = true;
    return [];
  }
}

/** The events of a datagram. Messages of other kinds are left out; nothing is thrown. */
export function decodeEvents(bytes: Uint8Array, passing: Passing = unreadable): Event[] {
  const events: Event[] = [];
  try {
    for (const message of decodeMessages(bytes)) {
      const event = decodeEvent(message, passing);
      if (event !== undefined) events.push(event);
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    events.push({ type: 'malformed', reason: error.message });
  }
  return events;
}

function decodeEvent({ type, portId, body }: Message, passing: Passing): Event | undefined {
  const found = kindOf(type);
  if (found === undefined) return undefined;
  const from = body.at;
  try {
    const value = (codecs[found.kind] as Codec<unknown, never, never>).decode(body);
    return value === undefined ? undefined : ({ ...found, value, portId } as Event);
  } catch (error) {
    // The messages behind it may be sound.
    passing.pass(found.kind, error, body.bytes.subarray(from, body.end));
    return { type: 'malformed', reason: (error as Error).message };
  }
}
