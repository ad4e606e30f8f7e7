import { expect, test } from 'vitest';
import { onDemand } from '../../src/daemon/ondemand.ts';

test('is loaded once, and again by whoever asks after it could not be', async () => {
  let loads = 0;
  const get = onDemand(async () => {
    if (++loads === 1) throw new Error('EMFILE');
    return loads;
  });
  await expect(get()).rejects.toThrow('EMFILE');
  expect(await Promise.all([get(), get()])).toEqual([2, 2]);
  expect(await get()).toBe(2);
});
