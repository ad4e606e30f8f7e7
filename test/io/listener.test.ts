/** Listening sockets that cannot have the keys they are to have. */
import { expect, test } from 'vitest';
import { Listeners } from '../../src/io/listener.ts';
import { MAX_MD5_KEY_OCTETS } from '../../src/io/socket.ts';
import { address } from '../../src/lib/address.ts';

test('one that lacks a key listens, and lets nobody in who was to sign with it', async () => {
  const told: string[] = [];
  const listeners = new Listeners(
    () => {},
    (reason) => told.push(reason),
  );
  const place = { address: address('127.0.0.1'), port: 0 };
  const [signer, other] = [address('127.0.0.2'), address('127.0.0.3')];
  const keys = (octets: number) => [
    { peer: signer, password: 'x'.repeat(octets) },
    { peer: other, password: 'y' },
  ];
  listeners.setKeys(keys(MAX_MD5_KEY_OCTETS + 1));
  expect(told).toEqual([]);
  expect(await listeners.open(place)).toBeGreaterThan(0);
  expect(told).toEqual([expect.stringMatching(/^TCP-MD5 for 127\.0\.0\.2 on 127\.0\.0\.1:0: .* is not let in$/)]);
  const lacking = () => [signer, other, address('127.0.0.4')].map((caller) => listeners.lacksKey(place, caller));
  expect(lacking()).toEqual([true, false, false]);
  listeners.setKeys(keys(MAX_MD5_KEY_OCTETS));
  expect(lacking()).toEqual([false, false, false]);
  expect(told).toHaveLength(1);
  listeners.closeAll();
});
