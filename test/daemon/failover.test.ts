import { expect, it } from 'vitest';
import { Failover } from '../../src/daemon/failover.ts';

it('counts what changed the kernel, from the end of the session on, each session by itself', () => {
  const failover = new Failover();
  failover.begin(1000, 5);
  failover.begin(1015, 5);
  failover.end(1020, 9);
  // Nothing came of this one.
  failover.begin(2000, 9);
  failover.end(9000, 9);
  failover.begin(10_000, 9);
  failover.end(99_000, 10);
  expect([...failover.counts]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
  expect(failover.sumSec).toBeCloseTo(0.02 + 0.005 + 89);
});
