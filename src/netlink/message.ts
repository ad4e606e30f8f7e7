/** Messages: struct nlmsghdr, and how several of them follow each other in one datagram. */
import { HEADER_OCTETS } from './const.ts';
import { MalformedError } from './errors.ts';
import { HostReader, type HostWriter } from './host.ts';

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Of the socket that asked. In notifications: of the socket whose request was the cause, 0 for the kernel itself. */
  readonly portId: number;
  /** What follows the header. It shares memory with the datagram. */
  readonly body: HostReader;
}

/** The messages of a datagram, in order. Throws `MalformedError` where a length is wrong. */
export function* decodeMessages(bytes: Uint8Array): Generator<Message, void, undefined> {
  const r = new HostReader(bytes);
  while (!r.done) {
    if (r.remaining < HEADER_OCTETS) throw new MalformedError(`${r.remaining} octets after the last message`);
    const length = r.h32();
    if (length < HEADER_OCTETS || length - 4 > r.remaining)
      throw new MalformedError(`a message of ${length} octets, where ${r.remaining + 4} are left`);
    const type = r.h16();
    const flags = r.h16();
    const sequence = r.h32();
    const portId = r.h32();
    yield { type, flags, sequence, portId, body: r.sub(length - HEADER_OCTETS) };
    r.skip(Math.min(-length & 3, r.remaining));
  }
}

/**
 * Writes a message whose body `write` writes. When that throws, nothing has been written.
 * @param w at a multiple of four octets
 */
export function encodeMessage(
  w: HostWriter,
  header: Pick<Message, 'type' | 'flags' | 'sequence'>,
  write: (w: HostWriter) => void,
): void {
  const start = w.at;
  try {
    // The port is the kernel's to fill in.
    w.h32(0).h16(header.type).h16(header.flags).h32(header.sequence).h32(0);
    write(w);
    w.set32(start, w.at - start);
    w.align(start);
  } catch (error) {
    w.at = start;
    throw error;
  }
}
