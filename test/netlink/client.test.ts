import { describe, expect, it } from 'vitest';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { Client, type Transport } from '../../src/netlink/client.ts';
import { MessageFlag, MessageType } from '../../src/netlink/const.ts';
import { NetlinkError } from '../../src/netlink/errors.ts';
import { HostWriter } from '../../src/netlink/host.ts';
import { codecs, type Op } from '../../src/netlink/kinds.ts';
import { decodeMessages, encodeMessage, type Message } from '../../src/netlink/message.ts';

const PORT = 4711;
type Piece = Uint8Array | 'overrun' | undefined;

/** A kernel that answers each datagram with what `answer` makes of its messages, and notes what it was sent. */
class Kernel implements Transport {
  readonly portId = PORT;
  readonly sent: Message[][] = [];
  readonly queue: Piece[] = [];
  private readonly answer: (messages: Message[], kernel: Kernel) => Piece[];

  constructor(answer: (messages: Message[], kernel: Kernel) => Piece[]) {
    this.answer = answer;
  }

  send(bytes: Uint8Array): void {
    const messages = [...decodeMessages(bytes.slice())];
    this.sent.push(messages);
    this.queue.push(...this.answer(messages, this));
  }

  receive(): Piece {
    return this.queue.shift();
  }
}

interface Head {
  readonly type?: number;
  readonly flags?: number;
  readonly sequence: number;
  readonly portId?: number;
}

function message({ type = MessageType.error, flags = 0, sequence, portId = PORT }: Head, body: Uint8Array): Uint8Array {
  const w = new HostWriter(1 << 16);
  encodeMessage(w, { type, flags, sequence }, (out) => out.put8s(body));
  w.set32(12, portId);
  return w.finish();
}

/** NLMSG_ERROR as a socket gets it that asked for short ones. */
function ack(head: Head, errno = 0, text?: string, offset?: number): Uint8Array {
  const w = new HostWriter(1000).i32(-errno).zeros(16);
  if (text !== undefined)
    w.h16(4 + text.length + 1)
      .h16(1)
      .put8s(new TextEncoder().encode(`${text}\0`))
      .align();
  if (offset !== undefined) w.h16(8).h16(2).h32(offset);
  return message({ ...head, flags: MessageFlag.capped | MessageFlag.ackAttributes }, w.finish());
}

function done({ sequence, flags = MessageFlag.multi }: Head, errno = 0): Uint8Array {
  return message({ type: MessageType.done, flags, sequence }, new HostWriter(4).i32(-errno).finish());
}

function route(sequence: number, destination: string, head: Partial<Head> = {}, table = 1000): Uint8Array {
  const w = new HostWriter(1000);
  codecs.route.encode(w, { destination: prefix(destination), table, protocol: 186 }, 'add');
  return message({ type: MessageType.newRoute, flags: MessageFlag.multi, ...head, sequence }, w.finish());
}

const joined = (...pieces: Uint8Array[]): Uint8Array => Uint8Array.from(pieces.flatMap((p) => [...p]));

const add = (n: number): Op => ({
  verb: 'add',
  kind: 'route',
  value: { destination: prefix(`10.${n >> 8}.${n & 255}.0/24`), table: 1000, protocol: 186, type: 'blackhole' },
});

/** Acknowledges as the kernel does: what failed, and what asked for it. */
const acknowledging =
  (fails: (sequence: number) => number) =>
  (messages: Message[]): Piece[] =>
    messages.flatMap(({ sequence, flags }) => {
      const errno = fails(sequence);
      return errno !== 0 || (flags & MessageFlag.ack) !== 0 ? [ack({ sequence }, errno, errno ? 'no' : undefined)] : [];
    });

describe('changes', () => {
  it('go out a hundred at a time, the last of which is acknowledged', () => {
    const kernel = new Kernel(acknowledging(() => 0));
    const outcomes = new Client(kernel).apply(Array.from({ length: 250 }, (_, n) => add(n)));
    expect(outcomes).toEqual(new Array(250).fill(undefined));
    expect(kernel.sent.map((batch) => batch.length)).toEqual([100, 100, 50]);
    for (const batch of kernel.sent)
      expect(batch.map(({ flags }) => (flags & MessageFlag.ack) !== 0)).toEqual(
        batch.map((_, i) => i === batch.length - 1),
      );
    const sequences = kernel.sent.flat().map(({ sequence }) => sequence);
    expect(new Set(sequences).size).toBe(250);
  });

  it('fail one by one', () => {
    const failing = new Set([3, 100, 101, 205]);
    const kernel = new Kernel(acknowledging((sequence) => (failing.has(sequence) ? 17 : 0)));
    const outcomes = new Client(kernel).apply(Array.from({ length: 205 }, (_, n) => add(n)));
    expect(outcomes.flatMap((error, n) => (error === undefined ? [] : [n + 1]))).toEqual([...failing]);
    for (const n of failing) expect(outcomes[n - 1]).toMatchObject({ code: 'EEXIST', message: 'EEXIST: no' });
  });

  it('fail with the name of the attribute', () => {
    // RTA_TABLE is behind header, rtmsg and RTA_DST, in the second message too.
    const kernel = new Kernel((messages) => messages.map(({ sequence }) => ack({ sequence }, 22, 'bad', 36)));
    const outcomes = new Client(kernel).apply([add(1), add(2)]);
    expect(outcomes.map((error) => error?.attribute)).toEqual(['RTA_TABLE', 'RTA_TABLE']);
  });

  it('that cannot be written fail alone, and nothing is sent of them', () => {
    const kernel = new Kernel(acknowledging(() => 0));
    const bad: Op = { verb: 'add', kind: 'route', value: { destination: prefix('10.0.0.0/8'), protocol: 300 } };
    const impossible: Op = { verb: 'replace', kind: 'rule', value: { family: 4 } };
    const long: Op = {
      verb: 'add',
      kind: 'link',
      value: { name: 'x', alias: 'x'.repeat(70_000) },
    };
    const outcomes = new Client(kernel).apply([bad, add(1), impossible, long, add(2), bad]);
    expect(outcomes.map((error) => error?.code)).toEqual([
      'EINVAL',
      undefined,
      'EINVAL',
      'EMSGSIZE',
      undefined,
      'EINVAL',
    ]);
    expect(outcomes[2]?.message).toBe('EINVAL: no replace for a rule');
    // Whether it is too long for any batch shows only in one of its own.
    expect(kernel.sent.map((batch) => batch.length)).toEqual([1, 1]);
    expect(new Client(kernel).apply([bad])[0]?.code).toBe('EINVAL');
    expect(kernel.sent).toHaveLength(2);
  });

  it('are sent in more pieces where they are long', () => {
    const kernel = new Kernel(acknowledging(() => 0));
    const op = (n: number): Op => ({ verb: 'set', kind: 'link', value: { index: n + 1, alias: 'x'.repeat(20_000) } });
    expect(new Client(kernel).apply([0, 1, 2, 3].map(op))).toEqual(new Array(4).fill(undefined));
    expect(kernel.sent.map((batch) => batch.length)).toEqual([3, 1]);
  });

  it('of others are nobody else’s', () => {
    const kernel = new Kernel((messages) => {
      const { sequence } = messages[0]!;
      return [
        ack({ sequence, portId: PORT + 1 }, 17),
        ack({ sequence: sequence + 1000 }, 17),
        message({ type: MessageType.noop, sequence }, new Uint8Array(0)),
        ack({ sequence }),
      ];
    });
    expect(new Client(kernel).apply([add(1)])).toEqual([undefined]);
    expect(kernel.queue).toEqual([]);
  });

  it('whose answers were lost are not taken for done', () => {
    const kernel = new Kernel((messages) => [
      'overrun',
      ack({ sequence: messages[1]!.sequence }, 17),
      ack({ sequence: messages[2]!.sequence }),
    ]);
    const outcomes = new Client(kernel).apply([add(1), add(2), add(3)]);
    expect(outcomes.map((error) => error?.code)).toEqual(['ENOBUFS', 'EEXIST', undefined]);
    const silent = new Client(new Kernel(() => [])).apply([add(1), add(2)]);
    expect(silent.map((error) => error?.code)).toEqual(['ENOBUFS', 'ENOBUFS']);
  });

  it('that fail alone throw', () => {
    const client = new Client(new Kernel(acknowledging((sequence) => (sequence === 1 ? 1 : 0))));
    expect(() => client.perform(add(1))).toThrow(NetlinkError);
    expect(() => client.perform(add(1))).not.toThrow();
  });

  it('none at all send nothing', () => {
    const kernel = new Kernel(() => []);
    expect(new Client(kernel).apply([])).toEqual([]);
    expect(kernel.sent).toEqual([]);
  });
});

describe('dumps', () => {
  const names = (client: Client, filter = {}) =>
    client.dump('route', filter).map(({ destination }) => formatPrefix(destination));

  it('come in pieces of several messages, and end', () => {
    const kernel = new Kernel(([{ sequence } = { sequence: 0 }]) => [
      joined(route(sequence, '10.1.0.0/16'), route(sequence, '10.2.0.0/16')),
      route(sequence, '10.4.0.0/16', { portId: 9 }),
      route(sequence + 1, '10.5.0.0/16'),
      joined(route(sequence, '10.3.0.0/16'), done({ sequence })),
    ]);
    expect(names(new Client(kernel))).toEqual(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']);
    expect(kernel.queue).toEqual([]);
    expect(kernel.sent[0]![0]).toMatchObject({ type: MessageType.getRoute, flags: 0x301 });
  });

  it('are filtered again, for kernels that do not', () => {
    const kernel = new Kernel(([{ sequence } = { sequence: 0 }]) => [
      route(sequence, '10.1.0.0/16', {}, 1000),
      route(sequence, '10.2.0.0/16', {}, 2000),
      done({ sequence }),
    ]);
    expect(names(new Client(kernel), { table: 2000 })).toEqual(['10.2.0.0/16']);
    expect(names(new Client(kernel), { family: 6 })).toEqual([]);
    expect(names(new Client(kernel), { protocol: 3 })).toEqual([]);
  });

  it('that were interrupted are begun anew', () => {
    let tries = 0;
    const kernel = new Kernel(([{ sequence } = { sequence: 0 }]) => {
      const flags = MessageFlag.multi | (++tries < 4 ? MessageFlag.dumpInterrupted : 0);
      return [route(sequence, `10.${tries}.0.0/16`, { flags }), done({ sequence })];
    });
    expect(names(new Client(kernel))).toEqual(['10.4.0.0/16']);
    // The flag may come with the end alone.
    const restless = new Kernel(([{ sequence } = { sequence: 0 }]) => [
      done({ sequence, flags: MessageFlag.multi | MessageFlag.dumpInterrupted }),
    ]);
    expect(() => names(new Client(restless))).toThrow(/^EINTR: changed while it was read/);
    expect(restless.sent).toHaveLength(10);
  });

  it('may fail at once, or at the end', () => {
    const failing = (make: (sequence: number) => Uint8Array) =>
      new Client(new Kernel(([{ sequence } = { sequence: 0 }]) => [make(sequence)]));
    expect(() => names(failing((sequence) => ack({ sequence }, 22, 'Invalid')))).toThrow(/^EINVAL: Invalid/);
    expect(() => names(failing((sequence) => done({ sequence }, 12)))).toThrow(/^ENOMEM/);
    // The kernel has no table without routes.
    expect(
      names(
        failing((sequence) => done({ sequence }, 2)),
        { table: 7 },
      ),
    ).toEqual([]);
    expect(
      names(
        failing((sequence) => ack({ sequence }, 2)),
        { table: 7 },
      ),
    ).toEqual([]);
    expect(() => names(failing((sequence) => done({ sequence }, 2)))).toThrow(/^ENOENT/);
  });

  it('of which something was lost fail, and leave nothing behind', () => {
    const kernel = new Kernel(([{ sequence } = { sequence: 0 }]) => ['overrun', route(sequence, '10.1.0.0/16')]);
    expect(() => names(new Client(kernel))).toThrow(/^ENOBUFS/);
    expect(kernel.queue).toEqual([]);
    expect(() => names(new Client(new Kernel(() => [])))).toThrow(/^EPROTO/);
  });

  it('that cannot be read throw a typed error', () => {
    const garbled = (bytes: Uint8Array) => () => names(new Client(new Kernel(() => [bytes])));
    expect(garbled(Uint8Array.of(1, 2, 3))).toThrow(/^EBADMSG/);
    const cut = message({ type: MessageType.done, sequence: 1 }, Uint8Array.of(2, 0));
    expect(garbled(cut)).toThrow(/^EBADMSG: truncated/);
  });

  it('can be taken page by page, and left', () => {
    const kernel = new Kernel(([{ sequence, type } = { sequence: 0, type: 0 }]) =>
      type !== MessageType.getRoute
        ? [ack({ sequence })]
        : [route(sequence, '10.1.0.0/16'), route(sequence, '10.2.0.0/16'), done({ sequence })],
    );
    const client = new Client(kernel);
    const pages = client.pages('route', {});
    expect(pages.next().value).toHaveLength(1);
    expect(() => client.apply([add(1)])).toThrow(/dump is under way/);
    expect(() => client.dump('route', {})).toThrow(/dump is under way/);
    expect(() => client.get('link', { index: 1 })).toThrow(/dump is under way/);
    pages.return();
    expect(kernel.queue).toEqual([]);
    expect(client.apply([add(1)])).toEqual([undefined]);
    expect([...client.pages('route', {})]).toHaveLength(2);
  });
});

describe('questions', () => {
  it('have one answer', () => {
    const kernel = new Kernel(([{ sequence } = { sequence: 0 }]) => [
      route(sequence, '10.9.0.0/16', { flags: 0, portId: 1 }),
      route(sequence, '10.1.0.0/16', { flags: 0 }),
    ]);
    const found = new Client(kernel).get('route', { destination: prefix('10.1.2.3') });
    expect(formatPrefix(found.destination)).toBe('10.1.0.0/16');
    expect(kernel.sent[0]![0]!.flags).toBe(MessageFlag.request);
  });

  it('may have none', () => {
    const client = new Client(new Kernel(([{ sequence } = { sequence: 0 }]) => [ack({ sequence }, 101)]));
    expect(() => client.get('route', { destination: prefix('10.1.2.3') })).toThrow(/^ENETUNREACH/);
  });
});
