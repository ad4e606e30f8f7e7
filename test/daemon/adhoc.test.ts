/** One session without documents. */
import { expect, test } from 'vitest';
import { AdHocSession } from '../../src/daemon/adhoc.ts';
import { address } from '../../src/lib/address.ts';

test('a password that the listener cannot have ends it: nobody is let in without', async () => {
  const session = new AdHocSession(
    {
      name: 'router',
      address: address('127.0.0.1'),
      port: 1,
      localAsn: 64512,
      peerAsn: 64512,
      routerId: 1,
      holdTimeSec: 90,
      families: ['ipv4'],
      passive: true,
      multihop: false,
      password: 'x'.repeat(81),
    },
    () => {},
  );
  await expect(session.start({ address: address('127.0.0.1'), port: 0 })).rejects.toThrow(/TCP-MD5 for 127\.0\.0\.1 /);
  await session.stop();
});
