/** BFD beside a main thread that parses tables without a pause, for seconds; `npm run soak` does it for an hour. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../support/process.ts';

const soak = fileURLToPath(new URL('../../bench/soak.mjs', import.meta.url));

it('a busy main thread stops no BFD packet', async () => {
  // What a machine of two busy processors bears; the hour runs at 3 × 50 ms.
  const options = [
    '--seconds',
    '8',
    '--sessions',
    '16',
    '--interval',
    '50',
    '--multiplier',
    '20',
    '--routes',
    '100000',
  ];
  const result = JSON.parse(await run(['node', soak, ...options], { timeoutMs: 110_000 }));
  expect(result.busy.flaps + result.idle.flaps).toBe(0);
  expect(result.busy.tables).toBeGreaterThan(0);
  // Some hundred packets of each session: one that waited for the main thread would have left far fewer.
  expect(result.busy.packets).toBeGreaterThan(16 * 40);
});
