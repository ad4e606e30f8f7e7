import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { IdQueue } from '../../src/lib/queue.ts';

it('IdQueue follows an array without repetitions', () => {
  const id = fc.oneof(fc.nat(5), fc.constantFrom(63, 64, 65, 500));
  fc.assert(
    fc.property(fc.array(fc.option(id, { nil: undefined })), (steps) => {
      const queue = new IdQueue();
      const model: number[] = [];
      for (const step of steps) {
        if (step === undefined) expect(queue.shift()).toBe(model.shift() ?? -1);
        else {
          queue.push(step);
          if (!model.includes(step)) model.push(step);
        }
        expect(queue.size).toBe(model.length);
        for (const i of [0, 5, 63, 64, 500, 10_000]) expect(queue.has(i)).toBe(model.includes(i));
      }
    }),
  );
});
