/** Where a speaker can be called, when it stops while it waits for the first of several places. */
import { expect, test } from 'vitest';
import { Reception } from '../../src/daemon/reception.ts';
import type { ListenPlace } from '../../src/io/listener.ts';
import type { Tcp } from '../../src/io/tcp.ts';
import { address, formatAddress } from '../../src/lib/address.ts';

test('nothing is listened on after the end', async () => {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const tcp = {
    listen: ({ address: at }: ListenPlace) => {
      asked.push(formatAddress(at));
      return new Promise<number>((resolve) => waiting.push(() => resolve(179)));
    },
    unlisten: () => {},
  } as unknown as Tcp;
  const reception = new Reception(tcp, () => {});
  const places = ['127.0.0.1', '127.0.0.2'].map((text) => ({ address: address(text), port: 179 }));
  const done = reception.setListeners(places);
  await Promise.resolve();
  expect(asked).toEqual(['127.0.0.1']);
  reception.stop();
  for (const go of waiting.splice(0)) go();
  await done;
  await reception.setListeners(places);
  expect(asked).toEqual(['127.0.0.1']);
});
