import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  clash,
  holderOf,
  openSockets,
  programsHere,
  SocketState,
  socketsOf,
  unixInode,
} from '../../src/io/programs.ts';
import { address, formatAddress } from '../../src/lib/address.ts';

const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:00B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0A0200C0:C350 010200C0:00B3 01 00000000:00000000 02:00000A2B 00000000   101        0 4712 2 0000000000000000 20 4 30 10 -1
   2: nonsense`;
const tcp6 = `   0: 00000000000000000000000000000000:00B3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 4714 1 0`;

describe('tables of sockets', () => {
  const shown = (text: string) =>
    socketsOf(text).map(
      ({ local, remote, state, inode }) =>
        `${formatAddress(local.address)} ${local.port} ${formatAddress(remote.address)} ${remote.port} ${state} ${inode}`,
    );

  it('have addresses in the order of the machine', () => {
    expect(shown(tcp)).toEqual([
      `127.0.0.1 179 0.0.0.0 0 ${SocketState.listen} 4711`,
      `192.0.2.10 50000 192.0.2.1 179 ${SocketState.established} 4712`,
    ]);
  });

  it('have IPv4 inside IPv6 as what it is', () => {
    expect(shown(tcp6)).toEqual([
      `:: 179 :: 0 ${SocketState.listen} 4713`,
      `127.0.0.1 8080 127.0.0.2 80 ${SocketState.established} 4714`,
    ]);
  });
});

it.each([
  ['0.0.0.0', '127.0.0.1', true],
  ['::', '127.0.0.1', true],
  ['::', '0.0.0.0', true],
  ['0.0.0.0', '::1', false],
  ['127.0.0.1', '127.0.0.1', true],
  ['127.0.0.1', '127.0.0.2', false],
  ['::1', '127.0.0.1', false],
])('who listens on %s is in the way of whoever would on %s: %s', (a, b, expected) => {
  expect(clash(address(a), address(b))).toBe(expected);
  expect(clash(address(b), address(a))).toBe(expected);
});

it('finds who listens on a port', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const found = openSockets('tcp').find(({ local, state }) => local.port === port && state === SocketState.listen);
  expect(formatAddress(found!.local.address)).toBe('127.0.0.1');
  expect(holderOf(found!.inode)?.pid).toBe(process.pid);
  server.close();
});

it('finds who listens at a path, and nobody at another', async () => {
  const path = `/tmp/waypost-programs-${process.pid}.sock`;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  expect(holderOf(unixInode(path)!)?.pid).toBe(process.pid);
  expect(unixInode(`${path}x`)).toBeUndefined();
  server.close();
});

it('leaves out this process', () => {
  expect(programsHere().map(({ pid }) => pid)).not.toContain(process.pid);
});
