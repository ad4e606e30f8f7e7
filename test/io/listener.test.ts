/** Listening sockets that cannot have the keys they are to have. */
import { readdirSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Listeners } from '../../src/io/listener.ts';
import { MAX_MD5_KEY_OCTETS } from '../../src/io/socket.ts';
import { address } from '../../src/lib/address.ts';

/** Sockets of this process, by their inodes. */
function sockets(): Set<string> {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return []; // The one that the folder was read by.
    }
  });
  return new Set(links.filter((link) => link.startsWith('socket:')));
}

test('one that is refused leaves no descriptor, and may be had once its keys can be', async () => {
  const listeners = new Listeners(() => {});
  const place = { address: address('127.0.0.1'), port: 0 };
  const key = (octets: number) => [{ peer: address('127.0.0.2'), password: 'x'.repeat(octets) }];
  listeners.setKeys(key(MAX_MD5_KEY_OCTETS + 1));
  const before = sockets();
  for (let n = 0; n < 5; n++)
    await expect(listeners.open(place)).rejects.toThrow('TCP-MD5 for 127.0.0.2 on 127.0.0.1:0');
  expect([...sockets()].filter((socket) => !before.has(socket))).toEqual([]);
  listeners.setKeys(key(MAX_MD5_KEY_OCTETS));
  expect(await listeners.open(place)).toBeGreaterThan(0);
  listeners.closeAll();
});
