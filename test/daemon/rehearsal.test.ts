import { expect, it } from 'vitest';
import { Rehearsal } from '../../src/daemon/rehearsal/rehearsal.ts';

it('takes routes all the way: they come, half of them come otherwise, and all go', () => {
  const rehearsal = new Rehearsal({ multipath: {}, announces: () => false });
  let steps = 0;
  while (rehearsal.step()) steps++;
  expect(steps).toBe(3 * 3 * 60);
  expect(rehearsal.changes).toBe(3 * 2 * 6_000);
});
