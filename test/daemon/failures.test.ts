import { expect, it } from 'vitest';
import { Failures } from '../../src/daemon/failures.ts';

it('resolves with the first error, and every one is logged with what no longer works', async () => {
  const lines: unknown[] = [];
  const failures = new Failures({ fatal: (...line: unknown[]) => void lines.push(line) });
  const [one, other] = [failures.of('layer 2 has ended'), failures.of('BFD has ended')];
  const first = new Error('thread gone');
  other(first);
  one(new Error('no socket'));
  expect(await failures.first).toBe(first);
  expect(lines).toEqual([
    [{ reason: 'thread gone' }, 'BFD has ended'],
    [{ reason: 'no socket' }, 'layer 2 has ended'],
  ]);
});
