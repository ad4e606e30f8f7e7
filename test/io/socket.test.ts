import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { nativeProblem, SystemError, sysClose, sysGetsockopt } from '../../src/io/native.ts';
import { bindSource, type Md5Key, openListener, openSocket, setMd5Key, setOptions } from '../../src/io/socket.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';

const int = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
const read = (fd: number, level: number, name: number): number => int(sysGetsockopt(fd, level, name, 4));
const open: (Server | Socket)[] = [];
afterEach(() => {
  for (const s of open.splice(0)) s instanceof Socket ? s.destroy() : s.close();
});

/** A listener with these keys; resolves to its port. */
function listen(fd: number): Promise<number> {
  const server = createServer((socket) => {
    open.push(socket);
    socket.write('hello');
  });
  open.push(server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Whether a connection comes to be, and says hello, within this time. */
function connects(fd: number, host: string, port: number, ms = 600): Promise<boolean> {
  const socket = new Socket({ fd });
  open.push(socket);
  return new Promise((resolve) => {
    socket.once('data', (d) => resolve(d.toString() === 'hello'));
    socket.once('error', () => resolve(false));
    setTimeout(() => resolve(false), ms);
    socket.connect({ host, port });
  });
}

const v4 = address('127.0.0.1');
const v6 = address('::1');

describe('sockets with options', () => {
  it('are to be had here', () => {
    expect(nativeProblem()).toBeUndefined();
  });

  it('carry what was asked, as the kernel tells (IPv4)', () => {
    const fd = openSocket(4, { ttl: 255, minTtl: 254, dscp: 48 });
    expect(read(fd, 0, 2)).toBe(255);
    expect(read(fd, 0, 21)).toBe(254);
    expect(read(fd, 0, 1)).toBe(48 << 2);
    sysClose(fd);
  });

  it('carry what was asked, as the kernel tells (IPv6)', () => {
    const fd = openSocket(6, { ttl: 1, minTtl: 255, dscp: 48 });
    expect(read(fd, 41, 16)).toBe(1);
    expect(read(fd, 41, 73)).toBe(255);
    expect(read(fd, 41, 67)).toBe(48 << 2);
    sysClose(fd);
  });

  it('leave alone what was not asked', () => {
    const fd = openSocket(4, {});
    expect(read(fd, 0, 21)).toBe(0);
    expect(read(fd, 0, 1)).toBe(0);
    sysClose(fd);
  });

  it('say which call failed, and how', () => {
    const failed = (make: () => unknown): unknown => {
      try {
        make();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const device = failed(() => openSocket(4, { device: 'no-such-device' }));
    expect(device).toBeInstanceOf(SystemError);
    expect(device).toMatchObject({ code: 'ENODEV' });
    const fd = openSocket(4, {});
    expect(failed(() => bindSource(fd, address('192.0.2.77')))).toMatchObject({ code: 'EADDRNOTAVAIL' });
    sysClose(fd);
    expect(failed(() => setOptions(fd, 4, { ttl: 5 }))).toMatchObject({ code: 'EBADF' });
  });

  it('bind to a source address and connect through node:net', async () => {
    const port = await listen(openListener(v4, 0, false, { ttl: 255 }));
    const fd = openSocket(4, { ttl: 255, minTtl: 255, device: 'lo' });
    bindSource(fd, address('127.0.0.9'));
    expect(await connects(fd, '127.0.0.1', port)).toBe(true);
    expect((open.at(-1) as Socket).remoteAddress).toBe('127.0.0.9');
  });

  it('drop what comes from farther than the minimum TTL allows', async () => {
    const port = await listen(openListener(v4, 0, false, { ttl: 64 }));
    expect(await connects(openSocket(4, { minTtl: 255 }), '127.0.0.1', port)).toBe(false);
    expect(await connects(openSocket(4, { minTtl: 64 }), '127.0.0.1', port)).toBe(true);
  });
});

describe('TCP-MD5', () => {
  const keyed = (fd: number, peer: Md5Key['peer'], password: string, mapped = false): number => {
    setMd5Key(fd, { peer, password }, mapped);
    return fd;
  };

  it.each([
    ['IPv4', v4, '127.0.0.1', 4],
    ['IPv6', v6, '::1', 6],
  ] as const)('connects with the same password, and with no other (%s)', async (_, own, host, family) => {
    const port = await listen(keyed(openListener(own, 0, false, {}), own, 'secret'));
    expect(await connects(keyed(openSocket(family, {}), own, 'secret'), host, port)).toBe(true);
    expect(await connects(keyed(openSocket(family, {}), own, 'wrong'), host, port)).toBe(false);
    expect(await connects(openSocket(family, {}), host, port)).toBe(false);
  });

  it('keeps a key per peer on one dual-stack listener, changes and removes them while it listens', async () => {
    const listener = openListener(address('::'), 0, true, {});
    const port = await listen(listener);
    keyed(listener, v6, 'six', true);
    keyed(listener, v4, 'four', true);
    expect(await connects(keyed(openSocket(6, {}), v6, 'six'), '::1', port)).toBe(true);
    expect(await connects(keyed(openSocket(4, {}), v4, 'four'), '127.0.0.1', port)).toBe(true);
    keyed(listener, v4, 'other', true);
    expect(await connects(keyed(openSocket(4, {}), v4, 'four'), '127.0.0.1', port)).toBe(false);
    expect(await connects(keyed(openSocket(4, {}), v4, 'other'), '127.0.0.1', port)).toBe(true);
    keyed(listener, v4, '', true);
    expect(await connects(openSocket(4, {}), '127.0.0.1', port)).toBe(true);
    keyed(listener, v4, '', true);
  });

  it('takes a key for a prefix of peers', async () => {
    const port = await listen(keyed(openListener(v4, 0, false, {}), prefix('127.0.0.0/8'), 'all'));
    const fd = keyed(openSocket(4, {}), v4, 'all');
    bindSource(fd, address('127.3.4.5'));
    expect(await connects(fd, '127.0.0.1', port)).toBe(true);
  });

  it('refuses a password that the kernel has no room for', () => {
    const fd = openSocket(4, {});
    expect(() => keyed(fd, v4, 'x'.repeat(81))).toThrow(RangeError);
    sysClose(fd);
  });
});
