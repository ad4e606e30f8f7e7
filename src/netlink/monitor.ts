/**
 * What changes in the kernel, as events. A socket that the kernel fills faster than it is read loses messages; then
 * whatever is left in it is thrown away too, since it is older than what a dump tells from now on, and `overrun` asks
 * the reader to make that dump.
 */
import { TruncatedError } from '../lib/bytes.ts';
import type { Transport } from './client.ts';
import type { Codec } from './codec.ts';
import { MalformedError } from './errors.ts';
import { type Change, codecs, kindOf } from './kinds.ts';
import { decodeMessages, type Message } from './message.ts';

export type Event =
  /** `portId`: the socket whose request was the cause, 0 for the kernel itself. */
  | (Change & { readonly portId: number })
  | { readonly type: 'overrun' }
  /** A message that cannot be read: its change is not known. */
  | { readonly type: 'malformed'; readonly error: MalformedError | TruncatedError };

/** Datagrams thrown away in one call: more than a socket's buffer holds, fewer than a flood delivers. */
const DISCARD = 10_000;

export class Monitor {
  private readonly source: Pick<Transport, 'receive'>;
  private discarding = false;

  constructor(source: Pick<Transport, 'receive'>) {
    this.source = source;
  }

  /** The events of the next datagram, which may be none; undefined when no datagram is waiting. */
  read(): Event[] | undefined {
    if (this.discarding) return this.discard();
    const bytes = this.source.receive();
    if (bytes === undefined) return undefined;
    if (bytes === 'overrun') return this.discard();
    return decodeEvents(bytes);
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
export function decodeEvents(bytes: Uint8Array): Event[] {
  const events: Event[] = [];
  try {
    for (const message of decodeMessages(bytes)) {
      const event = decodeEvent(message);
      if (event !== undefined) events.push(event);
    }
  } catch (error) {
    events.push(malformed(error));
  }
  return events;
}

function decodeEvent(message: Message): Event | undefined {
  const found = kindOf(message.type);
  if (found === undefined) return undefined;
  try {
    const value = (codecs[found.kind] as Codec<unknown, never, never>).decode(message.body);
    if (value === undefined) return undefined;
    return { ...found, value, portId: message.portId } as Event;
  } catch (error) {
    // The messages behind it may be sound.
    return malformed(error);
  }
}

function malformed(error: unknown): Event {
  if (error instanceof MalformedError || error instanceof TruncatedError) return { type: 'malformed', error };
  throw error;
}
