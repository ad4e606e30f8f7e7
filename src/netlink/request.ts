/** A change as the kernel is asked for it: a message whose type and flags say what is to be done. */
import { OverflowError } from '../lib/bytes.ts';
import type { Codec } from './codec.ts';
import { MessageFlag } from './const.ts';
import { Errno, NetlinkError } from './errors.ts';
import { type HostWriter, read16 } from './host.ts';
import { codecs, type Op } from './kinds.ts';
import { encodeMessage } from './message.ts';

const { request, ack, create, exclusive, replace, append } = MessageFlag;
const flagsOf: Readonly<Record<Op['verb'], number>> = {
  add: request | create | exclusive,
  replace: request | create | replace,
  append: request | create | append,
  set: request,
  delete: request,
};

/** Of nlmsg_flags in struct nlmsghdr. */
const FLAGS_AT = 6;

/**
 * Writes the request for a change. Throws `RangeError` for what cannot be expressed and `OverflowError` when there is no
 * room for it; nothing has been written then.
 * @param w at a multiple of four octets
 */
export function encodeRequest(w: HostWriter, { verb, kind, value }: Op, sequence: number): void {
  const codec = codecs[kind] as unknown as Codec<unknown, unknown, unknown>;
  if (!codec.verbs.includes(verb)) throw new RangeError(`no ${verb} for a ${kind}`);
  const type = verb === 'delete' ? codec.types.del : codec.types.new;
  encodeMessage(w, { type, flags: flagsOf[verb], sequence }, (out) => codec.encode(out, value, verb));
}

/** Asks for an acknowledgement of the request that was written at `at`. */
export function askAck(w: HostWriter, at: number): void {
  w.set16(at + FLAGS_AT, read16(w.bytes, at + FLAGS_AT) | ack);
}

/** What could not be written at all, as the error that the kernel would have for it. Throws what is no such error. */
export function refusal(error: unknown): NetlinkError {
  if (error instanceof RangeError) return new NetlinkError(Errno.inval, error.message);
  if (error instanceof OverflowError) return new NetlinkError(Errno.msgsize, error.message);
  throw error;
}
