import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isBefore, type Ranked, RankedList } from '../../src/lib/ranked.ts';

it('keeps items in the order of their ranks, whatever comes and goes', () => {
  const rank = fc.oneof(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.constantFrom(0, 7, 2 ** 47, 2 ** 48 - 1));
  fc.assert(
    fc.property(fc.array(fc.tuple(rank, fc.nat(3)), { maxLength: 400 }), (operations) => {
      const list = new RankedList<Ranked>();
      const model: Ranked[] = [];
      for (const [i, [rank, what]] of operations.entries()) {
        const victim = model[rank % Math.max(1, model.length)];
        if (what === 0 && victim !== undefined) {
          list.delete(victim);
          model.splice(model.indexOf(victim), 1);
        } else {
          const item = { rank, key: `k${i % 7}-${i}` };
          list.add(item);
          model.push(item);
        }
      }
      model.sort((a, b) => (isBefore(a, b) ? -1 : 1));
      expect([...list.values()]).toEqual(model);
      expect([...list.backwards()]).toEqual(model.toReversed());
      expect(list.size).toBe(model.length);
    }),
  );
});
