/** Netlink sockets as far as they need no privileges; what changes something is in test/netns/netlink.test.ts. */
import { readdirSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { sysGetsockopt } from '../../src/io/native.ts';
import { EventSocket, RequestSocket } from '../../src/io/netlink.ts';
import { Client } from '../../src/netlink/client.ts';
import { Group } from '../../src/netlink/const.ts';
import { LinkFlag } from '../../src/netlink/link.ts';

const open: { close(): void }[] = [];
function keep<T extends { close(): void }>(socket: T): T {
  open.push(socket);
  return socket;
}
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

/** Descriptors of sockets that this process has. */
const sockets = (): number[] =>
  readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false; // readdir's own
      }
    });
const option = (fd: number, level: number, name: number) =>
  new Int32Array(sysGetsockopt(fd, level, name, 4).slice().buffer)[0]!;

describe('request sockets', () => {
  it('are set up as the kernel tells', () => {
    const before = new Set(sockets());
    keep(new RequestSocket());
    const [fd] = sockets().filter((n) => !before.has(n));
    for (const name of [10, 11, 12]) expect(option(fd!, 270, name)).toBe(1);
    // Twice what was asked, or the system's limit.
    expect(option(fd!, 1, 8)).toBeGreaterThanOrEqual(128 * 1024);
  });

  it('have ports of their own', () => {
    const [a, b] = [keep(new RequestSocket()), keep(new RequestSocket())];
    expect(a.portId).not.toBe(b.portId);
    expect(a.portId * b.portId).toBeGreaterThan(0);
  });

  it('get answers at once', () => {
    const client = new Client(keep(new RequestSocket()));
    const loopback = client.get('link', { name: 'lo' });
    expect(loopback).toMatchObject({ index: 1, name: 'lo', type: 772 });
    expect(loopback.flags & LinkFlag.loopback).toBe(LinkFlag.loopback);
    expect(client.dump('link', {}).map(({ name }) => name)).toContain('lo');
    expect(() => client.get('link', { name: 'nosuchlink' })).toThrow(/^ENODEV/);
  });

  it('have nothing to say unasked', () => {
    expect(keep(new RequestSocket()).receive()).toBeUndefined();
  });

  it('say what the kernel thinks of nonsense', () => {
    const socket = keep(new RequestSocket());
    const nonsense = new Uint8Array(32).fill(0xff);
    nonsense.set([32, 0, 0, 0]);
    socket.send(nonsense);
    const answer = socket.receive();
    expect(answer).toBeInstanceOf(Uint8Array);
    expect(new DataView((answer as Uint8Array).slice().buffer).getUint16(4, true)).toBe(2);
  });

  it('can be closed twice, and used no more', () => {
    const socket = new RequestSocket();
    socket.close();
    socket.close();
    expect(() => socket.send(new Uint8Array(16))).toThrow(/EBADF/);
    expect(() => socket.receive()).toThrow(/EBADF/);
  });
});

describe('event sockets', () => {
  it('wait without being called', async () => {
    let calls = 0;
    const socket = keep(new EventSocket({ groups: Object.values(Group), readable: () => calls++ }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const events = [];
    for (let bytes = socket.receive(); bytes !== undefined; bytes = socket.receive()) events.push(bytes);
    // On a machine where something happens meanwhile, a call for it is no mistake.
    if (events.length === 0) expect(calls).toBe(0);
  });

  it('refuse groups that do not exist', () => {
    const before = sockets().length;
    expect(() => new EventSocket({ groups: [1 << 20], readable: () => {} })).toThrow(/EINVAL/);
    expect(sockets().length).toBe(before);
  });

  it('leave nothing behind', async () => {
    const before = sockets().length;
    for (let n = 0; n < 100; n++) {
      const event = new EventSocket({ groups: [Group.link], readable: () => {} });
      const request = new RequestSocket();
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      event.close();
      event.close();
      request.close();
    }
    expect(sockets().length).toBe(before);
  });
});
