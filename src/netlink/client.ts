/**
 * Requests to the kernel and their answers, over a socket that is somebody else's business. Everything here is
 * synchronous: the kernel works a request off while it is sent, so that its answers are waiting right after.
 *
 * Changes go out many at a time, and only the last of a batch asks for an acknowledgement; the kernel reports failures
 * of the others unasked. Answers are recognised by port and sequence number, and others are ignored.
 */
import { OverflowError } from '../lib/bytes.ts';
import { type Ack, decodeAck, errorOf } from './ack.ts';
import type { Codec } from './codec.ts';
import { MessageFlag, MessageType } from './const.ts';
import { Errno, NetlinkError } from './errors.ts';
import { HostWriter } from './host.ts';
import { codecs, type Filters, type Kind, type Op, type Specs, type Values } from './kinds.ts';
import { decodeMessages, encodeMessage, type Message } from './message.ts';
import { askAck, encodeRequest, refusal } from './request.ts';
import { isUnreadable, unreadable } from './unreadable.ts';

export interface Transport {
  /** The socket's port, as the kernel gave it. */
  readonly portId: number;
  /** Hands a datagram to the kernel. Throws when it does not take it. */
  send(bytes: Uint8Array): void;
  /**
   * The kernel's next datagram, valid until the next call; undefined when none is waiting, `overrun` when the kernel had
   * to drop some (ENOBUFS).
   */
  receive(): Uint8Array | 'overrun' | undefined;
}

/** What `get` can be asked for. A route is asked for by a packet that would take it. */
export type Gettable = 'link' | 'route' | 'neighbour' | 'nextHop';

const BATCH_MESSAGES = 100;
/** Much less than a socket may send at once, much more than 100 ordinary messages have. */
const BATCH_OCTETS = 65536;
/** A dump is begun anew this often when what it reads keeps changing. */
const DUMP_TRIES = 10;

const { request, dump } = MessageFlag;

/** A request that is under way: which of the operations it is, and where its octets begin. */
interface Sent {
  readonly index: number;
  readonly at: number;
}

export class Client {
  private readonly transport: Transport;
  private readonly unreadable: Pick<typeof unreadable, 'pass'>;
  private readonly writer = new HostWriter(BATCH_OCTETS);
  private sequence = 0;
  private dumping = false;

  /** @param passing told of objects that cannot be read */
  constructor(transport: Transport, passing: Pick<typeof unreadable, 'pass'> = unreadable) {
    this.transport = transport;
    this.unreadable = passing;
  }

  /**
   * Carries out operations in their order. One that fails does not stop those behind it. A batch of 100 can take the
   * kernel 100 ms when its table grows: callers with other things to do hand over few at a time. Throws what `send` throws.
   * @returns for each operation its error, or undefined when it was carried out
   */
  apply(ops: readonly Op[]): (NetlinkError | undefined)[] {
    this.ready();
    const outcomes: (NetlinkError | undefined)[] = new Array(ops.length).fill(undefined);
    for (let next = 0; next < ops.length; ) next = this.batch(ops, next, outcomes);
    return outcomes;
  }

  /** Carries out one operation. Throws `NetlinkError`. */
  perform(op: Op): void {
    const [error] = this.apply([op]);
    if (error !== undefined) throw error;
  }

  /** One object. Throws `NetlinkError`: ENODEV, ENOENT … when there is none, EBADMSG when it cannot be read. */
  get<K extends Gettable>(kind: K, spec: Specs[K]): Values[K] {
    this.ready();
    const codec = codecs[kind] as unknown as Codec<Values[K], Specs[K], Filters[K]>;
    const sequence = this.send(codec.types.get, request, (w) => codec.encode(w, spec, 'get'));
    for (const message of this.answers(sequence)) {
      if (message.type === MessageType.error) this.check(ackOf(message), kind);
      if (message.type !== codec.types.new) continue;
      const value = this.read(message, kind);
      if (value === UNREADABLE) throw new NetlinkError(Errno.badmsg, `the ${kind} cannot be read`);
      if (value !== undefined) return value;
    }
    throw new NetlinkError(Errno.proto, 'no answer');
  }

  /**
   * All objects of a kind that the filter lets through, as they were at one moment: what changed while it was read is
   * read again. Of routes the kernel does not say so: those that change meanwhile may be missing or there twice, and
   * whoever needs all of them follows the events too. What cannot be read is passed over (`Unreadable`). Throws
   * `NetlinkError`, EINTR when it kept changing.
   */
  dump<K extends Kind>(kind: K, filter: Filters[K]): Values[K][] {
    for (let tries = 1; ; tries++) {
      try {
        const all: Values[K][] = [];
        for (const page of this.pages(kind, filter)) for (const value of page) all.push(value);
        return all;
      } catch (error) {
        if (tries === DUMP_TRIES || !(error instanceof NetlinkError) || error.errno !== Errno.intr) throw error;
      }
    }
  }

  /**
   * As `dump`, in pieces, for callers with other things to do in between. Until it has ended the client can do nothing
   * else. Throws EINTR at the end when pieces may be missing or wrong.
   */
  *pages<K extends Kind>(kind: K, filter: Filters[K]): Generator<Values[K][], void, undefined> {
    this.ready();
    const codec = codecs[kind] as unknown as Codec<Values[K], Specs[K], Filters[K]>;
    const sequence = this.send(codec.types.get, request | dump, (w) => codec.encodeDump(w, filter));
    this.dumping = true;
    let interrupted = false;
    let ended = false;
    try {
      for (let bytes = this.receive(); ; bytes = this.receive()) {
        const page: Values[K][] = [];
        for (const message of messagesOf(bytes)) {
          if (!this.isAnswer(message, sequence)) continue;
          if ((message.flags & MessageFlag.dumpInterrupted) !== 0) interrupted = true;
          if (message.type === MessageType.done || message.type === MessageType.error) {
            ended = true;
            this.checkDump(ackOf(message), kind, filter);
            break;
          }
          const value = message.type === codec.types.new ? this.read(message, kind) : undefined;
          if (value !== undefined && value !== UNREADABLE && codec.matches(value, filter)) page.push(value);
        }
        if (page.length > 0) yield page;
        if (ended) break;
      }
    } finally {
      this.dumping = false;
      if (!ended) this.discard();
    }
    if (interrupted) throw new NetlinkError(Errno.intr, 'changed while it was read');
  }

  /** Sends operations from `first` on, as many as a batch holds; returns the first that it did not. */
  private batch(ops: readonly Op[], first: number, outcomes: (NetlinkError | undefined)[]): number {
    const w = this.writer;
    w.at = 0;
    const sent = new Map<number, Sent>();
    let next = first;
    let last: Sent = { index: first, at: 0 };
    for (; next < ops.length && sent.size < BATCH_MESSAGES; next++) {
      const at = w.at;
      const sequence = this.nextSequence();
      try {
        encodeRequest(w, ops[next]!, sequence);
      } catch (error) {
        if (error instanceof OverflowError && at > 0) break;
        outcomes[next] = refusal(error);
        continue;
      }
      last = { index: next, at };
      sent.set(sequence, last);
    }
    if (sent.size === 0) return next;
    askAck(w, last.at);
    this.transport.send(w.bytes.subarray(0, w.at));
    this.collect(ops, sent, last, outcomes);
    return next;
  }

  /** Takes the answers to a batch, up to the one to its last message. */
  private collect(
    ops: readonly Op[],
    sent: Map<number, Sent>,
    last: Sent,
    outcomes: (NetlinkError | undefined)[],
  ): void {
    let lost = false;
    let acknowledged = false;
    while (!acknowledged) {
      const bytes = this.transport.receive();
      if (bytes === undefined) break;
      if (bytes === 'overrun') {
        lost = true;
        continue;
      }
      for (const message of messagesOf(bytes)) {
        const found = message.type === MessageType.error ? sent.get(message.sequence) : undefined;
        if (found === undefined || message.portId !== this.transport.portId) continue;
        const result = ackOf(message);
        if (result.errno !== 0)
          outcomes[found.index] = errorOf(result, ops[found.index]!.kind, this.writer.bytes.subarray(found.at));
        sent.delete(message.sequence);
        if (found === last) acknowledged = true;
      }
    }
    // Silence means success, unless somebody may have been interrupted.
    if (acknowledged && !lost) return;
    for (const { index } of sent.values()) outcomes[index] ??= new NetlinkError(Errno.nobufs, 'the answer was lost');
  }

  /** Sends one request and returns its sequence number. */
  private send(type: number, flags: number, write: (w: HostWriter) => void): number {
    const w = this.writer;
    w.at = 0;
    const sequence = this.nextSequence();
    encodeMessage(w, { type, flags, sequence }, write);
    this.transport.send(w.bytes.subarray(0, w.at));
    return sequence;
  }

  /** The answers to one request, as they come. */
  private *answers(sequence: number): Generator<Message, void, undefined> {
    for (;;) for (const message of messagesOf(this.receive())) if (this.isAnswer(message, sequence)) yield message;
  }

  /** The object of a message; undefined for what is no such object, though the messages have the same type. */
  private read<K extends Kind>({ body }: Message, kind: K): Values[K] | typeof UNREADABLE | undefined {
    const codec = codecs[kind] as unknown as Codec<Values[K], Specs[K], Filters[K]>;
    const from = body.at;
    try {
      return codec.decode(body);
    } catch (error) {
      this.unreadable.pass(kind, error, body.bytes.subarray(from, body.end));
      return UNREADABLE;
    }
  }

  /** The next datagram, which must be there. */
  private receive(): Uint8Array {
    const bytes = this.transport.receive();
    if (bytes === 'overrun') throw new NetlinkError(Errno.nobufs, 'the answer was lost');
    if (bytes === undefined) throw new NetlinkError(Errno.proto, 'no answer, or only a part of it');
    return bytes;
  }

  private isAnswer(message: Message, sequence: number): boolean {
    return message.sequence === sequence && message.portId === this.transport.portId;
  }

  private check(result: Ack, kind: Kind): void {
    if (result.errno !== 0) throw errorOf(result, kind, this.writer.bytes.subarray(0, this.writer.at));
  }

  /** A table without routes does not exist, for the kernel. */
  private checkDump<K extends Kind>(result: Ack, kind: K, filter: Filters[K]): void {
    if (result.errno === Errno.noent && kind === 'route' && 'table' in filter) return;
    this.check(result, kind);
  }

  /** Takes whatever is left of an answer that nobody wants any more: the kernel begins no dump before it. */
  private discard(): void {
    while (this.transport.receive() !== undefined);
  }

  private ready(): void {
    if (this.dumping) throw new Error('a dump is under way on this socket');
  }

  private nextSequence(): number {
    // 0 is what the kernel's own messages have.
    this.sequence = this.sequence === 0xffff_ffff ? 1 : this.sequence + 1;
    return this.sequence;
  }
}

const UNREADABLE = Symbol();

/** As `decodeMessages`: what cannot be read is an answer that was not had. Throws `NetlinkError` EBADMSG. */
function* messagesOf(bytes: Uint8Array): Generator<Message, void, undefined> {
  try {
    yield* decodeMessages(bytes);
  } catch (error) {
    throw unanswered(error);
  }
}

function ackOf(message: Message): Ack {
  try {
    return decodeAck(message);
  } catch (error) {
    throw unanswered(error);
  }
}

const unanswered = (error: unknown): unknown =>
  isUnreadable(error) ? new NetlinkError(Errno.badmsg, error.message) : error;
