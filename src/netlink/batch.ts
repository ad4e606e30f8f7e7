/**
 * Route changes by the hundred thousand. Routes of a table differ in little but their prefix, so a message is a copy of
 * a template with the prefix written into it: no object exists for a route, and none for its message.
 *
 * Only the last message of a batch asks for an acknowledgement; the kernel reports failures of the others unasked.
 */
import type { Family } from '../lib/address.ts';
import { TruncatedError } from '../lib/bytes.ts';
import type { PrefixTable } from '../lib/table.ts';
import { decodeAck } from './ack.ts';
import type { Transport } from './client.ts';
import { HEADER_OCTETS, MessageType } from './const.ts';
import { Errno, MalformedError } from './errors.ts';
import { HostWriter } from './host.ts';
import { decodeMessages, type Message } from './message.ts';
import { askAck, encodeRequest } from './request.ts';
import type { RouteSpec } from './route.ts';

/** `add` fails where any route of that prefix and metric is, `replace` takes its place, whoever made it. */
export type RouteVerb = 'add' | 'replace' | 'delete';

/** A route without its prefix. */
export type RouteShape = Omit<RouteSpec, 'destination' | 'packet'>;

/** A whole message for the prefix of all zeros. */
export type RouteTemplate = Uint8Array & { readonly '': 'RouteTemplate' };

/** Longer than a route with 256 next hops. */
const TEMPLATE_OCTETS = 16_384;
/** Of nlmsg_seq in struct nlmsghdr, rtm_dst_len in struct rtmsg, and the value of RTA_DST behind it. */
const SEQUENCE_AT = 8;
const LENGTH_AT = HEADER_OCTETS + 1;
const PREFIX_AT = HEADER_OCTETS + 12 + 4;

/** Throws `RangeError` for what cannot be expressed and `OverflowError` for more next hops than fit. */
export function routeTemplate(verb: RouteVerb, family: Family, shape: RouteShape): RouteTemplate {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  const w = new HostWriter(TEMPLATE_OCTETS);
  const value = { ...shape, destination: { family, bytes, length: bytes.length * 8 } };
  encodeRequest(w, { verb, kind: 'route', value }, 0);
  return w.finish() as RouteTemplate;
}

export class RouteBatch {
  /** Messages in it. */
  size = 0;
  /** By message: the id of its prefix, and a number that means something to whoever made it. */
  readonly ids: Uint32Array;
  readonly notes: Uint32Array;
  /** What came of it: the errno of each message that failed, by place in the batch. */
  readonly failures = new Map<number, number>();
  /** What the kernel said of a failure beside the errno, where it said anything. */
  readonly texts = new Map<number, string>();
  private readonly limit: number;
  private readonly buffer: HostWriter;
  /** Sequence number of the first message; 0 is what the kernel's own messages have. */
  private first = 1;
  private lastAt = 0;
  /** The last message was answered; some answer was lost before. */
  private acknowledged = false;
  private overrun = false;

  /** @param octets room for all messages; what does not fit waits for the next batch */
  constructor(limit: number, octets: number) {
    this.limit = limit;
    this.ids = new Uint32Array(limit);
    this.notes = new Uint32Array(limit);
    this.buffer = new HostWriter(octets);
  }

  /**
   * Begins anew.
   * @param after a batch sent before on the same socket, whose sequence numbers are not used again
   */
  clear(after: RouteBatch = this): void {
    const next = after.first + after.size;
    this.first = next > 0xf000_0000 ? 1 : next;
    this.size = 0;
    this.buffer.at = 0;
    this.failures.clear();
    this.texts.clear();
    this.acknowledged = false;
    this.overrun = false;
  }

  /** Appends a message for a prefix of a table of the template's family; false when there is no room. */
  push(template: RouteTemplate, prefixes: PrefixTable, id: number, note: number): boolean {
    const w = this.buffer;
    if (this.size >= this.limit || template.length > w.room) return false;
    const at = w.at;
    const b = w.bytes;
    for (let i = 0; i < template.length; i++) b[at + i] = template[i]!;
    w.at = at + template.length;
    w.set32(at + SEQUENCE_AT, this.first + this.size);
    b[at + LENGTH_AT] = prefixes.lengthOf(id);
    const words = prefixes.family === 4 ? 1 : 4;
    for (let i = 0; i < words; i++) put32(b, at + PREFIX_AT + 4 * i, prefixes.word(id, i));
    this.lastAt = at;
    this.ids[this.size] = id;
    this.notes[this.size] = note;
    this.size++;
    return true;
  }

  /** What is to be sent: a view, valid until `clear`. There must be a message in it. */
  finish(): Uint8Array {
    const { buffer: w, lastAt } = this;
    askAck(w, lastAt);
    return w.bytes.subarray(0, w.at);
  }

  /**
   * Takes the answers that wait. There may be some while the batch is being sent. No other batch may be sent on the same
   * socket before this one is answered, or `end` was called.
   * @returns whether the kernel has carried out all of it
   */
  collect(transport: Pick<Transport, 'portId' | 'receive'>): boolean {
    while (!this.acknowledged) {
      const bytes = transport.receive();
      if (bytes === undefined) break;
      if (bytes === 'overrun') {
        this.overrun = true;
        continue;
      }
      try {
        for (const message of decodeMessages(bytes)) {
          if (message.type === MessageType.error && message.portId === transport.portId) this.hear(message);
        }
      } catch (error) {
        if (!(error instanceof MalformedError || error instanceof TruncatedError)) throw error;
        this.overrun = true;
      }
    }
    return this.acknowledged;
  }

  /**
   * No more answers are to come. One that is lost (ENOBUFS) may have been a failure of any message that was not heard of:
   * each fails with ENOBUFS then. One that cannot be read is as good as lost.
   */
  end(): void {
    if (this.acknowledged && !this.overrun) return;
    const unheard = this.acknowledged ? this.size - 1 : this.size;
    for (let index = 0; index < unheard; index++) if (!this.failures.has(index)) this.failures.set(index, Errno.nobufs);
  }

  private hear(message: Message): void {
    const index = message.sequence - this.first;
    if (index < 0 || index >= this.size) return;
    const { errno, text } = decodeAck(message);
    if (errno !== 0) this.failures.set(index, errno);
    if (errno !== 0 && text !== undefined) this.texts.set(index, text);
    if (index === this.size - 1) this.acknowledged = true;
  }
}

function put32(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 24;
  b[at + 1] = v >>> 16;
  b[at + 2] = v >>> 8;
  b[at + 3] = v;
}
