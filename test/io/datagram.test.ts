import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { type Datagram, DatagramReader } from '../../src/io/datagram.ts';
import {
  type Poll,
  type SystemError,
  sysBind,
  sysClose,
  sysGetsockopt,
  sysPoll,
  sysSendto,
  sysSetsockopt,
  sysSocket,
} from '../../src/io/native.ts';
import { int, sockaddr } from '../../src/io/socket.ts';
import { type Address, address, formatAddress } from '../../src/lib/address.ts';

const SOCK_DGRAM = 2;
const IP_RECVTTL = [0, 12] as const;
const IPV6_RECVHOPLIMIT = [41, 51] as const;

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const each of cleanup.splice(0).reverse()) each();
});

/** A bound UDP socket on loopback, made natively, and where it is. */
function receiver(own: Address, reports: boolean): { fd: number; port: number } {
  const fd = sysSocket(own.family === 4 ? 2 : 10, SOCK_DGRAM, 0);
  cleanup.push(() => sysClose(fd));
  const port = bindAnywhere(fd, own);
  const [level, name] = own.family === 4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT;
  if (reports) sysSetsockopt(fd, level, name, int(1));
  return { fd, port };
}

/** Binds to a port that is free. */
function bindAnywhere(fd: number, own: Address): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      sysBind(fd, sockaddr(own, port, 0));
      return port;
    } catch (error) {
      if ((error as SystemError).code !== 'EADDRINUSE') throw error;
    }
  }
}

async function sender(family: 4 | 6, hops: number): Promise<Socket> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  cleanup.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, family === 4 ? '127.0.0.1' : '::1', resolve));
  socket.setTTL(hops);
  return socket;
}

const send = (socket: Socket, octets: Uint8Array, port: number, host: string) =>
  new Promise<void>((resolve, reject) =>
    socket.send(octets, port, host, (error) => (error ? reject(error) : resolve())),
  );

describe.each([
  [4, '127.0.0.1'],
  [6, '::1'],
] as const)('a datagram over IPv%i', (family, host) => {
  it('comes with its sender and the hop limit it arrived with', async () => {
    const { fd, port } = receiver(address(host), true);
    const reader = new DatagramReader(1500);
    expect(reader.read(fd)).toBeUndefined();
    for (const hops of [255, 1, 64]) {
      const from = await sender(family, hops);
      await send(from, Uint8Array.of(hops, 2, 3), port, host);
      const { source, ...rest } = reader.read(fd)!;
      expect(formatAddress(source)).toBe(host);
      expect(rest).toEqual({
        port: from.address().port,
        scope: 0,
        hopLimit: hops,
        truncated: false,
        bytes: Uint8Array.of(hops, 2, 3),
      });
      expect(reader.read(fd)).toBeUndefined();
    }
  });

  it('comes without a hop limit where the socket was not told to report it', async () => {
    const { fd, port } = receiver(address(host), false);
    await send(await sender(family, 255), Uint8Array.of(1), port, host);
    expect(new DatagramReader(1500).read(fd)).toMatchObject({ hopLimit: undefined });
  });

  it('says that it was longer than there was room for', async () => {
    const { fd, port } = receiver(address(host), true);
    const from = await sender(family, 64);
    const reader = new DatagramReader(100);
    for (const [octets, truncated] of [
      [100, false],
      [101, true],
      [9_000, true],
      [0, false],
    ] as const) {
      await send(from, new Uint8Array(octets).fill(7), port, host);
      expect(reader.read(fd)).toMatchObject({
        truncated,
        hopLimit: 64,
        bytes: new Uint8Array(Math.min(100, octets)).fill(7),
      });
    }
  });
});

describe('readers', () => {
  it('survive the garbage collector', async () => {
    const { fd, port } = receiver(address('127.0.0.1'), true);
    const from = await sender(4, 33);
    const reader = new DatagramReader(64);
    for (let n = 0; n < 200; n++) {
      Array.from({ length: 2_000 }, (_, i) => new Uint8Array(i % 90));
      await send(from, Uint8Array.of(n), port, '127.0.0.1');
      expect(reader.read(fd)).toMatchObject({ hopLimit: 33, bytes: Uint8Array.of(n) });
    }
  });

  it('name the call that failed', () => {
    expect(() => new DatagramReader(10).read(-1)).toThrow(
      expect.objectContaining({ code: 'EBADF', message: 'recvmsg: EBADF' }),
    );
  });
});

describe('a descriptor that is watched', () => {
  const watch = (fd: number, ready: (failed: boolean) => void): Poll => {
    const poll = sysPoll(fd, ready);
    cleanup.push(() => poll.close());
    return poll;
  };

  it('is reported as long as something is left to read, and not after', async () => {
    const { fd, port } = receiver(address('127.0.0.1'), true);
    const reader = new DatagramReader(64);
    const got: (Datagram | undefined)[] = [];
    const poll = watch(fd, (failed) => {
      expect(failed).toBe(false);
      got.push(reader.read(fd));
    });
    const out = sysSocket(2, SOCK_DGRAM, 0);
    cleanup.push(() => sysClose(out));
    for (const n of [1, 2, 3])
      expect(sysSendto(out, Uint8Array.of(n), sockaddr(address('127.0.0.1'), port, 0))).toBe(1);
    await expect.poll(() => got.length).toBe(3);
    // Once around the event loop, in which a report would come.
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got.map((datagram) => datagram?.hopLimit)).toEqual([64, 64, 64]);
    poll.close();
    sysSendto(out, Uint8Array.of(4), sockaddr(address('127.0.0.1'), port, 0));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got.length).toBe(3);
    expect(reader.read(fd)?.bytes).toEqual(Uint8Array.of(4));
  });

  it('is not reported any more once closed, not even in the same turn, and may be closed twice', async () => {
    const { fd, port } = receiver(address('127.0.0.1'), true);
    let reports = 0;
    const poll = watch(fd, () => {
      reports++;
      poll.close();
      poll.close();
    });
    const out = sysSocket(2, SOCK_DGRAM, 0);
    cleanup.push(() => sysClose(out));
    sysSendto(out, Uint8Array.of(1), sockaddr(address('127.0.0.1'), port, 0));
    await expect.poll(() => reports).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reports).toBe(1);
  });

  it('tells of an error that hangs on the socket, which the next call gives', async () => {
    const { fd } = receiver(address('127.0.0.1'), true);
    // Nothing listens on port 9 of this address: the kernel answers with an ICMP error, and IP_RECVERR passes it on.
    sysSetsockopt(fd, 0, 11, int(1));
    const failed = new Promise<boolean>((resolve) => watch(fd, resolve));
    sysSendto(fd, Uint8Array.of(1), sockaddr(address('127.0.0.99'), 9, 0));
    expect(await failed).toBe(true);
    expect(new DatagramReader(64).read.bind(new DatagramReader(64), fd)).toThrow('ECONNREFUSED');
    expect(sysGetsockopt(fd, 1, 4, 4)).toEqual(int(0));
  });
});
