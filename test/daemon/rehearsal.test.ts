import { expect, it } from 'vitest';
import { Rehearsal } from '../../src/daemon/rehearsal.ts';

it('a rehearsal takes its routes all the way', () => {
  const rehearsal = new Rehearsal();
  let steps = 1;
  while (rehearsal.step()) steps++;
  expect(steps).toBe(80);
  expect(rehearsal.installed).toBe(8000);
});
