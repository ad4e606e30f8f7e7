/** A drain that is under way when the daemon ends. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Drainer } from '../../src/daemon/drain.ts';
import type { Engine } from '../../src/daemon/engine.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HOUR_MS = 3_600_000;

test('keeps neither whoever asked for it nor the process', async () => {
  const engine: Pick<Engine, 'drain' | 'idle'> = { drain: () => {}, idle: async () => {} };
  const drainer = new Drainer(engine as Engine, () => ({
    waitMs: HOUR_MS,
    onShutdown: false,
    keepSoleLocal: true,
    terminating: 'keep',
  }));
  const asked = drainer.begin('operator');
  expect(vi.getTimerCount()).toBe(1);
  drainer.stop();
  expect(vi.getTimerCount()).toBe(0);
  await asked;
  expect(drainer.stage).toBe('lowered');
});
