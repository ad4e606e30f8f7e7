import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { Demux } from '../../src/bfd/demux.ts';
import { decodeControl, encodeControl } from '../../src/bfd/packet.ts';
import { dueMs } from '../../src/bfd/session.ts';
import { BfdReceiver, BfdSender, type ReceiverOptions, type SenderOptions } from '../../src/io/bfdsocket.ts';
import { monotonicMs } from '../../src/io/clock.ts';
import { sysGetsockopt, sysTryRecv } from '../../src/io/native.ts';
import { Poller } from '../../src/io/poller.ts';
import { int } from '../../src/io/socket.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { Lone } from '../support/bfd.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const each of cleanup.splice(0).reverse()) each();
});

const closing = <T extends { close(): void }>(socket: T): T => {
  cleanup.push(() => socket.close());
  return socket;
};
const receiver = (options: ReceiverOptions): BfdReceiver => closing(new BfdReceiver(options));
const sender = (options: SenderOptions): BfdSender => closing(new BfdSender(options));

/** A receiver on a port that is free: the well-known ones may be in use on this machine. */
function anywhere(options: Omit<ReceiverOptions, 'port'>): BfdReceiver {
  for (;;) {
    try {
      return receiver({ ...options, port: 20_000 + Math.floor(Math.random() * 10_000) });
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE') throw error;
    }
  }
}

/** Sends from a socket that knows nothing of BFD. */
async function send(family: 4 | 6, ttl: number, octets: number[], port: number): Promise<void> {
  const socket = closing(createSocket(family === 4 ? 'udp4' : 'udp6'));
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  socket.setTTL(ttl);
  const host = family === 4 ? '127.0.0.1' : '::1';
  await new Promise<void>((resolve, reject) =>
    socket.send(Uint8Array.from(octets), port, host, (error) => (error ? reject(error) : resolve())),
  );
}

describe.each([
  [4, '127.0.0.1'],
  [6, '::1'],
] as const)('over IPv%i', (family, host) => {
  it('packets leave with TTL 255 and CS6, from one source port of the range, and arrive as they left', () => {
    const there = anywhere({ family, minTtl: 255 });
    const here = sender({ peer: address(host), port: there.options.port, source: address(host) });
    for (const octet of [1, 2, 3]) {
      expect(here.send(Uint8Array.of(octet, 9))).toBeUndefined();
      const { source, ...rest } = there.receive()!;
      expect(formatAddress(source)).toBe(host);
      expect(rest).toEqual({
        ...{ port: here.sourcePort, scope: 0, hopLimit: 255, truncated: false },
        bytes: Uint8Array.of(octet, 9),
      });
    }
    expect(there.receive()).toBeUndefined();
    expect(here.sourcePort).toBeGreaterThanOrEqual(49_152);
    const [level, tos] = family === 4 ? [0, 1] : [41, 67];
    expect(sysGetsockopt(here.fd, level, tos, 4)).toEqual(int(0xc0));
  });

  it('what has passed a router never gets here, and is counted', async () => {
    const there = anywhere({ family, minTtl: 255 });
    const { port } = there.options;
    for (const ttl of [254, 1, 64, 255, 128]) await send(family, ttl, [ttl], port);
    expect(there.receive()).toMatchObject({ hopLimit: 255, bytes: Uint8Array.of(255) });
    expect(there.receive()).toBeUndefined();
    expect(there.takeDrops()).toBe(4);
    expect(there.takeDrops()).toBe(0);
  });

  it('from several hops away as much TTL is asked for as is said', async () => {
    const there = anywhere({ family, minTtl: 250 });
    const { port } = there.options;
    for (const ttl of [249, 250, 251]) await send(family, ttl, [ttl], port);
    expect([there.receive()?.hopLimit, there.receive()?.hopLimit, there.receive()]).toEqual([250, 251, undefined]);
    there.setMinTtl(100);
    for (const ttl of [99, 100]) await send(family, ttl, [ttl], port);
    expect([there.receive()?.hopLimit, there.receive()]).toEqual([100, undefined]);
    expect(there.takeDrops()).toBe(2);
  });

  it('what is too long says so', async () => {
    const there = anywhere({ family, minTtl: 255 });
    await send(family, 255, new Array(600).fill(7), there.options.port);
    expect(there.receive()).toMatchObject({ truncated: true });
  });

  it('a sender takes nothing in', async () => {
    const here = sender({ peer: address(host), port: 9 });
    for (let n = 0; n < 10; n++) await send(family, 255, [n], here.sourcePort);
    expect(sysTryRecv(here.fd, new Uint8Array(10))).toBe(-11);
  });

  it('sessions have different source ports, even with different addresses', () => {
    const sources = family === 4 ? ['127.0.0.1', '127.0.0.2', undefined] : ['::1', undefined];
    const ports = Array.from({ length: 300 }, (_, i) => {
      const source = sources[i % sources.length];
      return sender({ peer: address(host), port: 9, ...(source && { source: address(source) }) }).sourcePort;
    });
    expect(new Set(ports).size).toBe(300);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49_152);
    expect(Math.max(...ports)).toBeLessThanOrEqual(65_535);
  });
});

describe('receivers', () => {
  it('take both address families on one port', async () => {
    const four = anywhere({ family: 4, minTtl: 255 });
    const six = receiver({ family: 6, minTtl: 255, port: four.options.port });
    await send(4, 255, [4], four.options.port);
    await send(6, 255, [6], four.options.port);
    expect([four.receive()?.bytes[0], four.receive()]).toEqual([4, undefined]);
    expect([six.receive()?.bytes[0], six.receive()]).toEqual([6, undefined]);
  });

  it('share a port where one is confined to a device, whose packets it gets', async () => {
    for (const order of [
      [undefined, 'lo'],
      ['lo', undefined],
    ]) {
      const with_ = (device: string | undefined) => (device === undefined ? {} : { device });
      const first = anywhere({ family: 4, minTtl: 255, ...with_(order[0]) });
      const { port } = first.options;
      const second = receiver({ family: 4, minTtl: 255, port, ...with_(order[1]) });
      const [plain, confined] = order[0] === undefined ? [first, second] : [second, first];
      await send(4, 255, [1], port);
      expect(confined.receive()).toMatchObject({ hopLimit: 255 });
      expect(plain.receive()).toBeUndefined();
      // The same again is refused.
      expect(() => receiver({ ...plain.options })).toThrow('bind: EADDRINUSE');
      expect(() => receiver({ ...confined.options })).toThrow('bind: EADDRINUSE');
    }
  });

  it('share no port with anybody else, who is not to share it with them either', async () => {
    const foreign = closing(createSocket({ type: 'udp4', reuseAddr: true }));
    await new Promise<void>((resolve) => foreign.bind(0, resolve));
    expect(() => receiver({ family: 4, minTtl: 255, port: foreign.address().port })).toThrow('bind: EADDRINUSE');

    const plain = anywhere({ family: 4, minTtl: 255 });
    receiver({ ...plain.options, device: 'lo' });
    const late = createSocket({ type: 'udp4', reuseAddr: true });
    const refused = new Promise((resolve) => late.once('error', resolve));
    late.bind(plain.options.port);
    expect(await refused).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('and senders name what is not there', () => {
    expect(() => receiver({ family: 4, minTtl: 255, port: 1, device: 'nosuch0' })).toThrow('setsockopt: ENODEV');
    expect(() => sender({ peer: address('127.0.0.1'), port: 9, device: 'nosuch0' })).toThrow('setsockopt: ENODEV');
    const source = address('192.0.2.77');
    expect(() => sender({ peer: address('127.0.0.1'), port: 9, source })).toThrow('bind: EADDRNOTAVAIL');
  });
});

it('a packet that the kernel does not take is no exception', () => {
  const here = sender({ peer: address('255.255.255.255'), port: 9 });
  expect(here.send(Uint8Array.of(1))).toBe('EACCES');
  expect(sender({ peer: address('127.0.0.1'), port: 9 }).send(Uint8Array.of(1))).toBeUndefined();
});

it('two sessions come up through them', () => {
  const poller = new Poller();
  const demux = new Demux<Lone>();
  const there = anywhere({ family: 4, minTtl: 255 });
  const hosts = ['127.0.0.1', '127.0.0.2'] as const;
  const [a, b] = hosts.map((source, i) => {
    const peer = hosts[1 - i]!;
    const lone = new Lone({ localDiscriminator: i + 1 });
    lone.random = Math.random;
    demux.add(i + 1, { hops: 'single', peer: address(peer), scope: 0, device: '' }, lone);
    const socket = sender({ peer: address(peer), port: there.options.port, source: address(source) });
    const flush = () => {
      for (const { action } of lone.take('send')) expect(socket.send(encodeControl(action.packet))).toBeUndefined();
    };
    return { lone, flush };
  });
  const ends = [a!, b!];
  const ready = () => {
    for (let got = there.receive(); got !== undefined; got = there.receive()) {
      const packet = decodeControl(got.bytes);
      if (typeof packet === 'string') throw new Error(packet);
      const chosen = demux.select(packet, { hops: 'single', peer: got.source, scope: got.scope, device: '' });
      if (typeof chosen === 'string') throw new Error(chosen);
      chosen.nowMs = monotonicMs();
      chosen.do({ type: 'received', packet });
    }
  };
  poller.watch(there.fd, { ready });
  const giveUpMs = monotonicMs() + 15_000;
  while (ends.some(({ lone }) => lone.session.state !== 'Up' || lone.session.remote.state !== 'Up')) {
    const nowMs = monotonicMs();
    if (nowMs > giveUpMs) throw new Error(ends.map(({ lone }) => lone.session.state).join(' and '));
    for (const { lone, flush } of ends) {
      lone.nowMs = nowMs;
      if ((dueMs(lone.session) ?? Number.POSITIVE_INFINITY) <= nowMs) lone.do({ type: 'tick' });
      flush();
    }
    poller.wait(10);
  }
  expect(ends.map(({ lone }) => lone.session.remote.discriminator)).toEqual([2, 1]);
});
